"""Compare a period's columns with the reference periods."""
