"""Compare candidate and champion on the same rows."""
