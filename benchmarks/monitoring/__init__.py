"""How often the drift verdict is wrong, what it finds, what it costs."""
