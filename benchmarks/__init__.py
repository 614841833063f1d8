"""Measurements against a baseline in the same run; each module prints a table and a summary line.

`python -m benchmarks.NAME [--fast]` ends with exit code 1 when a stated number is missed.
"""
