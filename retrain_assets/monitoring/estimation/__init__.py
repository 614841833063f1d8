"""Estimate the loss of rows without outcomes."""
