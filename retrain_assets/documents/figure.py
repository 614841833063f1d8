"""Figures for people: as Markdown that the Dagster UI shows, a PNG small enough for the event log, and as SVG."""

from __future__ import annotations

import base64
import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from retrain_assets.documents.page import Drawing
from retrain_assets.documents.page import text as escaped
from retrain_assets.documents.plain_text import plain
from retrain_assets.documents.units import amount, is_money

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LIMIT_BYTES = 100_000
COLORS = 255
GOOD, BAD, UNKNOWN, INK = "#00805f", "#c4420f", "#66748c", "#30343b"
"""Told apart by readers who see no red or no green; marks and words say the same again."""

NARROW = 4.7
"""Inches of a picture on a phone, whose letters then have their size."""

LETTER_INCHES = 0.0088
"""Width of a letter for each point of its size."""


def new_figure(width: float, height: float, *, laid_out: bool = True) -> Figure:
    """An empty figure in inches, drawn without any window system; `laid_out` fits its parts, which draws twice."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=100, layout="constrained" if laid_out else None)
    FigureCanvasAgg(figure)
    return figure


def literal(text: str, longest: int | None = None) -> str:
    r"""A text that matplotlib draws as it stands, on one line and cut where it is too long: a dollar begins no formula.

    >>> print(literal("US$"), literal("miles driven", longest=8))
    US\$ miles d…
    """
    line = plain(text)
    cut = line if longest is None or len(line) <= longest else f"{line[: longest - 1]}…"
    return cut.replace("$", r"\$")


def period_ticks(axes: Axes, periods: Sequence[str], inches: float, size: float = 7) -> None:
    """As many periods below the axes as have room there, the last one among them."""
    room = max(1, int(inches / (LETTER_INCHES * size * max(len(period) for period in periods) + 0.15)))
    step = -(-len(periods) // room)
    ticks = range((len(periods) - 1) % step, len(periods), step)
    axes.set_xticks(ticks, [periods[at] for at in ticks], fontsize=size)


def amount_ticks(axes: Axes, label: str, unit: str, size: float = 9) -> None:
    """Ticks of the vertical axis as amounts with their unit, which stands in the label where it is no sign.

    >>> axes = new_figure(2, 2).subplots()
    >>> amount_ticks(axes, "excess", "minutes")
    >>> print(axes.get_ylabel().replace(chr(10), ", "), axes.yaxis.get_major_formatter()(20000.0))
    excess, minutes 20,000
    """
    sign = unit if is_money(unit) else ""

    def written(value: float, _: float = 0.0) -> str:
        return literal(amount(value, sign))

    axes.yaxis.set_major_formatter(written)
    axes.set_ylabel("\n".join(literal(part) for part in (label, "" if sign else unit) if part), fontsize=size)


def bare(axes: Axes, *sides: str) -> None:
    """Take some of the frame's sides away."""
    for side in sides:
        axes.spines[side].set_visible(False)


def markdown(figure: Figure, alt: str) -> str:
    """The figure as a Markdown image.

    Args:
        figure: What is shown.
        alt: The same in words.

    >>> markdown(new_figure(1, 1), "nothing").startswith("![nothing](data:image/png;base64,iVBOR")
    True
    """
    return f"![{escaped(alt)}]({png(figure)})"


def drawing(figure_of: Callable[[bool], Figure]) -> Drawing:
    """A figure as it stands in an HTML page, for a desk and for a phone.

    Args:
        figure_of: Draws it, narrow or not.
    """
    return Drawing(_drawn(figure_of, False), _drawn(figure_of, True))


def _drawn(figure_of: Callable[[bool], Figure], narrow: bool) -> str:
    return png(figure_of(narrow))


def png(figure: Figure) -> str:
    """The figure as the address of a PNG that stands in it; of few colours, and drawn coarser until under 100 kB.

    >>> png(new_figure(1, 1)).startswith("data:image/png;base64,iVBOR")
    True
    """
    data = b""
    for dpi in (100, 75, 50):
        data = _png(figure, dpi)
        if len(data) * 4 / 3 < LIMIT_BYTES:
            break
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def svg(figure: Figure) -> str:
    """The figure as SVG to stand inside an HTML page: text stays text, and the same figure gives the same bytes.

    >>> svg(new_figure(1, 1)).startswith("<svg ")
    True
    """
    from matplotlib import rc_context

    buffer = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "retrain"}), _any_script():
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    drawn = buffer.getvalue()
    return re.sub(r"\s*<metadata>.*?</metadata>", "", drawn[drawn.index("<svg ") :], flags=re.DOTALL)


def _png(figure: Figure, dpi: int) -> bytes:
    from PIL import Image

    buffer, fewer = io.BytesIO(), io.BytesIO()
    with _any_script():
        figure.savefig(buffer, format="png", dpi=dpi)
    Image.open(buffer).convert("RGB").quantize(COLORS).save(fewer, format="PNG")
    return fewer.getvalue()


@contextmanager
def _any_script() -> Iterator[None]:
    """Names in a script that the font lacks are drawn as boxes, without a warning for each letter."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
        yield
