"""A model that was trained elsewhere becomes a version."""
