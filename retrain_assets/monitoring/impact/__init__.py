"""Estimate what drift costs the model."""
