"""Rows and outcomes as they arrive: where they come from, the contract they must keep, and their assets."""
