"""A stranger's table: reading it, telling what its columns are, and writing the spec of a first model."""
