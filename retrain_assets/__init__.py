"""Keeps a deployed tabular model good while the world changes, as Dagster assets."""

import ctypes
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retrain_assets.serving.live import load_live, predict

__all__ = ["load_live", "predict"]
__version__ = "0.1.0"


def _return_freed_memory() -> None:
    """Have the C library give freed tables back to the system at once, where it is glibc.

    glibc raises its limit for doing so to the largest block freed so far, and a retrain then keeps up to five times its
    training window, or less, as the threads happen to meet. What is smaller than a mebibyte, such as a column of a
    period, is kept: to get it from the system again costs more than to compute with it.
    """
    limit_bytes, trim_threshold, mmap_threshold = 1024 * 1024, -1, -3
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is not None:
        mallopt(mmap_threshold, limit_bytes)
        mallopt(trim_threshold, limit_bytes)


# Arrow's default pool keeps what it once took, too. Must be set before Arrow loads.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
_return_freed_memory()


def __getattr__(name: str) -> Any:
    """Load `predict` and `load_live` when they are asked for, and Arrow and LightGBM with them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from retrain_assets.serving import live

    return getattr(live, name)
