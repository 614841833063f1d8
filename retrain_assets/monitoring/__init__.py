"""Watching the live model: profiles, drift, uncertainty, quality, and the evidence that asks for a retrain."""
