"""The numbered, hash-chained events of a model."""
