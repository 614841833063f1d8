"""Documents for people: Markdown made of plain values, and the same as one HTML file that needs nothing else.

A document is written once, as Markdown. Whatever a spec or a data file says is escaped on its way in (`text`), and the
HTML comes from a renderer that takes no raw HTML, loads nothing, and puts pictures into the page itself. What a
document says stands with its subject: `validation.page`, `production.card`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from retrain_assets.documents.plain_text import plain

PICTURE = "picture:"
"""Scheme of a picture's address inside a document; `html_page` puts the picture itself there."""

PNG = "data:image/png;base64,"
"""How the address of a picture that stands in the document itself begins."""

ALLOWED = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""What a page may load: nothing; its style and its pictures stand in it."""

STYLE = """
:root { color: #22262b; background: #fff; font: 15px/1.5 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
body { max-width: 84rem; margin: 2rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.6rem; margin-bottom: .4rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
blockquote { margin: .8rem 0; padding: .6rem 1rem; border-left: 5px solid #667; background: #f3f5f7; }
blockquote p { margin: .2rem 0; font-size: 1.05rem; }
table { border-collapse: collapse; margin: .4rem 0 1rem; font-size: .84rem; }
th, td { border: 1px solid #d4d8dd; padding: .22rem .5rem; text-align: left; vertical-align: top; }
th { background: #f3f5f7; } td { overflow-wrap: break-word; max-width: 30rem; font-variant-numeric: tabular-nums; }
.number { white-space: nowrap; text-align: right; } .word { white-space: nowrap; } .words { min-width: 12rem; }
.pass { color: #1f6b3f; white-space: nowrap; } .fail { color: #a3271d; white-space: nowrap; font-weight: 600; }
.insufficient { color: #84600a; white-space: nowrap; font-weight: 600; }
code { font-size: .85em; overflow-wrap: anywhere; } figure { margin: 1rem 0; }
svg, img { max-width: 100%; height: auto; }
@page { size: A4 landscape; margin: 12mm; }
@media print { body { max-width: none; margin: 0; padding: 0; font-size: 11px; } h2, h3 { break-after: avoid; }
  tr, figure, blockquote { break-inside: avoid; } thead { display: table-header-group; }
  table { font-size: 9.5px; } svg, img { max-height: 180mm; } }
"""

_MARKUP = re.compile(r"[\\`*\[\]|~$]|^[>#]|(?<!\w)_|_(?!\w)|<(?=[\w/!?])|&(?=[#\w])|:(?=//)|(?<=www)\.")
"""What Markdown, or a renderer that knows more than it, would not take as it stands."""

_WORD = 16
"""Characters of a date or a short name, which no line is broken in."""

MARKS = {"pass": "✔", "fail": "✖", "insufficient": "?", "watched": "?", "not asked": "–"}
"""A sign for each outcome, so that no reader depends on colour."""

_NUMBER = r"-?\d[\d,]*(\.\d+)?(e[-+]\d+)?"
NUMBER = re.compile(f"{_NUMBER}( (to|→) {_NUMBER})?")
"""A cell that holds a number, or two."""


def marked(outcome: str) -> str:
    """An outcome with its sign.

    >>> marked("fail")
    '✖ fail'
    """
    return f"{MARKS[outcome]} {outcome}"


def text(value: object) -> str:
    r"""A value as Markdown text: on one line, and nothing in it is read as markup.

    >>> text("a|b <b>*x*</b>\n[y](z) log_loss -> &lt;")
    'a\\|b \\<b>\\*x\\*\\</b> \\[y\\](z) log_loss -> \\&lt;'
    """
    return _MARKUP.sub(r"\\\g<0>", plain(value).strip())


def filled(template: str, *values: object) -> str:
    r"""A template of our own Markdown with values put in for its `{}`, every one escaped.

    >>> filled("**{}** goes to the gate. {}", "recent", "best on *every* period")
    '**recent** goes to the gate. best on \\*every\\* period'
    """
    return template.format(*map(text, values)).rstrip()


def figure(value: float | None) -> str:
    """Four significant digits, thousands separated; nothing where there is no number.

    >>> figure(0.0219444), figure(12345.6), figure(None), figure(-0.00001234)
    ('0.02194', '12,346', '', '-1.234e-05')
    """
    if value is None or not math.isfinite(value):
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def table(records: Sequence[Mapping[str, object]]) -> str:
    """Records of the same keys as a Markdown table, every cell escaped; a sentence when there are none.

    >>> print(table([{"check": "fairness", "rows": 9545}]))
    | check | rows |
    |---|---|
    | fairness | 9,545 |
    """
    if not records:
        return "None."
    head = " | ".join(text(name) for name in records[0])
    rows = [" | ".join(_cell(value) for value in record.values()) for record in records]
    return "\n".join([f"| {head} |", "|" + "---|" * len(records[0]), *(f"| {row} |" for row in rows)])


def html_page(title: str, markdown: str, pictures: Mapping[str, str] | None = None) -> bytes:
    """The document as one HTML file: no script, no address that is fetched, everything escaped.

    Args:
        title: Of the browser's tab.
        markdown: The document.
        pictures: SVG by name, each put where the document says `![what it shows](picture:name)`. A PNG needs no
            entry: it stands in the document, as `pictures.markdown` writes it.

    >>> page = html_page("Report", "# A <script> & more")
    >>> b"<h1>A &lt;script&gt; &amp; more</h1>" in page
    True
    """
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    svg = dict(pictures or {})

    def image(self: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
        alt, address = escape(tokens[index].content), str(tokens[index].attrs["src"])
        if address.startswith(PNG):
            return f'<figure><img src="{escape(address)}" alt="{alt}"></figure>'
        drawn = svg.get(address.removeprefix(PICTURE))
        return f'<figure role="img" aria-label="{alt}">{drawn}</figure>' if drawn else alt

    def cell(self: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
        said = tokens[index + 1].content
        kind = next((name for name in MARKS if said == marked(name)), _kind(said))
        return f'<td class="{kind}">' if kind else "<td>"

    reader.add_render_rule("image", image)
    reader.add_render_rule("td_open", cell)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{ALLOWED}">'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>\n<body>\n'
        f"{reader.render(markdown)}</body></html>\n"
    ).encode()


def _kind(said: str) -> str:
    """How a cell's text is to be set: a number, a word that stays on its line, or words that need width."""
    if NUMBER.fullmatch(said):
        return "number"
    return "word" if len(said) <= _WORD and " " not in said else "words" if len(said) > 2 * _WORD else ""


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return figure(value) if isinstance(value, float) else text(value)
