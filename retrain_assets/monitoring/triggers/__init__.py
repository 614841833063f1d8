"""Decide from the evidence whether to retrain."""
