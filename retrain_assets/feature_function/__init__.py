"""A team's own function that adds columns to the raw rows."""
