"""Hold a promoted version against its predecessor."""
