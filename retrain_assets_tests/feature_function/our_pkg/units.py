"""What a module of the same package adds to a function's source."""

MINUTES = 60.0
