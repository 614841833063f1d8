"""Metrics as a mean of one value per row, and what their names mean."""
