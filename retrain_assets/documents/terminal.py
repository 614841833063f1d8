"""How text reaches a person: wrapped by words to the width that is there, coloured only on a terminal.

The width is that of `COLUMNS` or of the terminal. What goes to a file or another program keeps its lines whole, so that
they can be searched.
"""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from retrain_assets.documents.plain_text import plain, plain_lines

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

GAP = "  "
NARROWEST, UNBROKEN = 40, 100_000


def width() -> int | None:
    """Tell the characters of a line; None where lines are not wrapped."""
    declared = os.environ.get("COLUMNS", "")
    if declared.isdigit() and int(declared):
        return max(int(declared), NARROWEST)
    try:
        return max(os.get_terminal_size(sys.stdout.fileno()).columns, NARROWEST) if sys.stdout.isatty() else None
    except (OSError, ValueError):
        return None


def wrapped(text: str, limit: int | None, hanging: int = 2) -> str:
    """Break lines between words; what follows a break stands `hanging` further to the right than its line began.

    >>> print(wrapped("  [pass] fairness: no group is worse off", 24, hanging=7))
      [pass] fairness: no
             group is worse
             off
    """
    return "\n".join(_broken(line, limit, hanging) for line in plain_lines(text).removesuffix("\n").split("\n"))


def _broken(line: str, limit: int | None, hanging: int) -> str:
    if limit is None or len(line) <= limit:
        return line
    lead = len(line) - len(line.lstrip())
    return textwrap.fill(
        line.lstrip(),
        limit,
        initial_indent=" " * lead,
        subsequent_indent=" " * (lead + hanging),
        break_long_words=False,
        break_on_hyphens=False,
    )


def console() -> Console:
    """Open a console that breaks lines as `say` does, and shows every sign, for what has colours or moves."""
    from rich.console import Console

    class PlainConsole(Console):
        def render_str(self, text: str, **options: Any) -> Text:
            return super().render_str(plain_lines(text), **options)

    return PlainConsole(width=width() or UNBROKEN, highlight=False)


def say(text: str | Iterable[str], *, hanging: int = 2, err: bool = False) -> None:
    """Print text for a person, in which only signs that show are left.

    Args:
        text: Lines of our own below one another, or single lines, of which none becomes two whatever it quotes.
        hanging: How much further to the right a line goes on that does not fit.
        err: To standard error.
    """
    lines = text if isinstance(text, str) else "\n".join(map(plain, text))
    click.echo(wrapped(lines, width(), hanging), err=err)


def table(rows: Sequence[Sequence[str]], limit: int | None) -> list[str]:
    r"""Lay rows out in columns; the last column ends with an ellipsis where it does not fit.

    >>> print("\n".join(table([("model", "next"), ("taxi", "waits for March 2019")], 18)))
    model  next
    taxi   waits for…
    """
    rows = [[plain(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[:-1]]
    left = None if limit is None else limit - sum(widths) - len(GAP) * len(widths)
    return [
        GAP.join(
            [*(f"{cell:<{size}}" for cell, size in zip(row, widths, strict=False)), clipped(row[-1], left)]
        ).rstrip()
        for row in rows
    ]


def clipped(text: str, limit: int | None) -> str:
    """Cut text so that it ends with an ellipsis after the last word that fits.

    >>> clipped("waits for March", 10), clipped("waits", 10)
    ('waits for…', 'waits')
    """
    if limit is None or len(text) <= limit:
        return text
    words = text[:limit].rsplit(" ", 1)[0] if " " in text[:limit] else text[: limit - 1]
    return f"{words[: limit - 1]}…"


def labelled(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Lay out a name and its value a line, the values below one another, and wrapped there."""
    lines, limit = [(name, plain(value)) for name, value in pairs], width()
    size = max((len(name) for name, _ in lines), default=0)
    return [_broken(f"  {name:<{size}}{GAP}{value}", limit, size + len(GAP)) for name, value in lines]
