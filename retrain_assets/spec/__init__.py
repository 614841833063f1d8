"""A model's YAML: its file, the defaults that it leaves open, what it may say, and where specs are found."""
