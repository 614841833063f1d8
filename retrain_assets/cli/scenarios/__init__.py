"""Stories that `retrain demo --scenario` plays, each in a home of its own."""
