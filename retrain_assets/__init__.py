"""Keeps a deployed tabular model good while the world changes, as Dagster assets."""

import os

__version__ = "0.1.0"

# Arrow's default pool keeps what it once took; a retrain then needs twice its window. Must be set before Arrow loads.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
