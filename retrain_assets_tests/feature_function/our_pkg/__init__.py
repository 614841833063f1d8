"""A team's own package, whose functions add columns as the tests need them."""
