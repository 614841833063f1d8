"""Keeps a deployed tabular model good while the world changes, as Dagster assets."""

__version__ = "0.1.0"
