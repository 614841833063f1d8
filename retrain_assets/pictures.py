"""Figures as Markdown that the Dagster UI shows: a PNG inside a data URL, small enough for the event log."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LIMIT_BYTES = 100_000
GOOD, BAD, UNKNOWN, INK = "#2f7d4f", "#b3362b", "#b07d12", "#30343b"


def new_figure(width: float, height: float, *, laid_out: bool = True) -> Figure:
    """An empty figure in inches, drawn without any window system; `laid_out` fits its parts, which draws twice."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=100, layout="constrained" if laid_out else None)
    FigureCanvasAgg(figure)
    return figure


def markdown(figure: Figure, alt: str) -> str:
    """The figure as a Markdown image; drawn coarser until it stays under 100 kB.

    >>> markdown(new_figure(1, 1), "nothing").startswith("![nothing](data:image/png;base64,iVBOR")
    True
    """
    data = b""
    for dpi in (100, 75, 50):
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=dpi)
        data = buffer.getvalue()
        if len(data) * 4 / 3 < LIMIT_BYTES:
            break
    return f"![{alt}](data:image/png;base64,{base64.b64encode(data).decode()})"
