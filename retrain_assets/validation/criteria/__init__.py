"""What a candidate must satisfy, one criterion a module."""
