"""Verify a registry, and repair what can be repaired."""
