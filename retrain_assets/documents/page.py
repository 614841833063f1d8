"""Documents for people: the answer first, then pictures and tables, as Markdown and as one HTML file.

A document is written once, as `Document`. Whatever a spec or a data file says is escaped on its way in (`text`), and
the HTML comes from a renderer that takes no raw HTML, loads nothing, and puts pictures into the page itself. What a
document says stands with its subject: `validation.pages`, `monitoring.pages`, `production.card`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from retrain_assets.documents.glossary import explained

if TYPE_CHECKING:
    from markdown_it.token import Token

from retrain_assets.documents.plain_text import plain
from retrain_assets.documents.units import called

PICTURE = "picture:"
"""Scheme of a picture's address inside a document; `html_page` puts the picture itself there."""

PNG = "data:image/png;base64,"
"""How the address of a picture that stands in the document itself begins."""

ALLOWED = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""What a page may load: nothing; its style and its pictures stand in it."""

STYLE = Path(__file__).with_name("page.css").read_text()

_MARKUP = re.compile(r"[\\`*\[\]|~$]|^[>#]|(?<!\w)_|_(?!\w)|<(?=[\w/!?])|&(?=[#\w])|:(?=//)|(?<=www)\.")
"""What Markdown, or a renderer that knows more than it, would not take as it stands."""

_COMMAND = re.compile(r"`(retrain(?: [\w.:=/@-]+)+)`")
"""A command of ours in a sentence, as it is typed; anything else between backticks is no code."""

_QUESTION = re.compile(r"^([A-Z][a-z ]{5,30}\?)(?= )")
"""A question of ours that a sentence answers."""

_PLACE = re.compile(rf"!\[[^\n]*\]\({PICTURE}\w+\)")
"""Where a picture stands in a document."""

_LEAD = 80
"""Characters of a first sentence that stand out as a whole."""

_CLAUSE = re.compile(r"^(.{12,}?)([.?!;:]) (?=\S)(.+)$", re.DOTALL)
"""The first clause of a sentence, its end, and the rest."""

_NAME = re.compile(r"v\d|`|[a-z]+_")
"""How a clause begins that starts with a name, which no capital may change."""

_WORD = 16
"""Characters of a date or a short name, which no line is broken in."""

MARKS = {"pass": "✔", "fail": "✖", "insufficient": "?", "watched": "□", "not asked": "–"}
"""A sign for each outcome, so that no reader depends on colour."""

_KINDS = {"pass": "pass", "fail": "fail"}
"""How a cell with an outcome is set; every other one like what is not known."""

_NUMBER = r"-?\d[\d,]*(\.\d+)?(e[-+]\d+)?"
FACTS = ["what", "value"]
"""The columns of a table of facts: on a phone each stands below its name, which needs no label."""

NUMBER = re.compile(f"{_NUMBER}( (to|→) {_NUMBER})?")
"""A cell that holds a number, or two."""


def marked(outcome: str) -> str:
    """An outcome with its sign.

    >>> marked("fail")
    '✖ fail'
    """
    return f"{MARKS[outcome]} {outcome}"


def text(value: object) -> str:
    r"""A value as Markdown text: on one line, and nothing in it is read as markup but a command of ours as code.

    >>> text("a|b <b>*x*</b>\n[y](z) log_loss -> &lt;")
    'a\\|b \\<b>\\*x\\*\\</b> \\[y\\](z) log_loss -> \\&lt;'
    >>> text("no case yet, `retrain suite harvest` proposes `some`")
    'no case yet, `retrain suite harvest` proposes \\`some\\`'
    """
    parts = _COMMAND.split(plain(value).strip())  # every second one is a command
    return "".join(f"`{part}`" if at % 2 else _MARKUP.sub(r"\\\g<0>", part) for at, part in enumerate(parts))


def unmarked(value: object) -> str:
    """A value where no Markdown is read, the commands of ours in it between quotation marks.

    >>> unmarked("no case yet, `retrain suite harvest` proposes some")
    'no case yet, “retrain suite harvest” proposes some'
    """
    return _COMMAND.sub(r"“\1”", str(value))


def _escaped(sentence: str) -> str:
    """A sentence as HTML: a question at its beginning is set apart from its answer, a command of ours is code."""
    said = _COMMAND.sub(r"<code>\1</code>", escape(plain(sentence)))
    return _QUESTION.sub(r"<strong>\1</strong>", said, count=1)


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


def fact_rows(facts: Mapping[str, object]) -> list[dict[str, object]]:
    """Facts by name as the records of a table."""
    return [dict(zip(FACTS, fact, strict=True)) for fact in facts.items()]


def table(records: Sequence[Mapping[str, object]], row: str = "row") -> str:
    """Records of the same keys as a Markdown table, every cell escaped; a sentence when there are none.

    Args:
        records: What stands in it, by the names of the columns.
        row: What the model's spec calls a row; the names of the columns call it so.

    >>> print(table([{"check": "fairness", "rows": 9545}], "ride"))
    | check | rides |
    |---|---|
    | fairness | 9,545 |
    """
    if not records:
        return "None."
    head = " | ".join(text(called(name, row)) for name in records[0])
    lines = [" | ".join(_cell(value) for value in record.values()) for record in records]
    return "\n".join([f"| {head} |", "|" + "---|" * len(records[0]), *(f"| {line} |" for line in lines)])


Tone = Literal["well", "broken", "unknown", "note"]
"""How the box with the answer looks: all is well, something is broken or lost, not known, or neither."""

_SIGNS: Mapping[Tone, str] = {"well": MARKS["pass"], "broken": MARKS["fail"], "unknown": "?", "note": "→"}


@dataclass(frozen=True)
class Drawing:
    """A figure as it stands in an HTML page: SVG, or the address of a PNG; `narrow` is drawn for a phone."""

    wide: str
    narrow: str = ""


@dataclass(frozen=True)
class Part:
    """One part of a document.

    Attributes:
        title: Its heading.
        body: Markdown.
        terms: Names in the glossary that the part uses; each is explained under the first part that does.
        reading: How it is to be read, as Markdown, where the terms do not say it.
        folded: Whether a reader opens it first: what is long and answers no first question.
    """

    title: str
    body: str
    terms: tuple[str, ...] = ()
    reading: str = ""
    folded: bool = False


@dataclass(frozen=True)
class Document:
    """A document about one thing: its answer in one box, then its parts.

    Attributes:
        title: What it is about, as plain text.
        answer: Sentences of plain text, the first of which is the answer.
        parts: In the order in which a reader needs them.
        tone: How the box with the answer looks.
        row: What the model's spec calls a row; titles and explanations call it so.
        dated: As of which period it is, and when it was written; empty where its answer says so.
    """

    title: str
    answer: tuple[str, ...]
    parts: tuple[Part, ...] = ()
    tone: Tone = "note"
    row: str = "row"
    dated: str = ""

    @property
    def markdown(self) -> str:
        r"""The document where only Markdown is shown, nothing folded.

        >>> Document("Report", ("It is well.",), (Part("Rows", "None.", ("margin",)),)).markdown.split("\n\n")[:4]
        ['# Report', '> **It is well.**', '## Rows', 'None.']
        """
        first, *others = self.answer
        lines = [f"# {text(self.title)}", f"> **{text(first)}**", *(f"> {text(sentence)}" for sentence in others)]
        if self.dated:
            lines.append(text(self.dated))
        for part, reading in self._read():
            body = _PLACE.sub("(The picture stands apart.)", part.body)
            lines += [
                line for line in (f"## {text(part.title)}", body, reading and f"How to read this:\n\n{reading}") if line
            ]
        return "\n\n".join(lines) + "\n"

    def _read(self) -> list[tuple[Part, str]]:
        """Each part with how it is to be read, every term explained once, rows called what the spec calls them."""
        known: set[str] = set()
        read = []
        for part in self.parts:
            new = [term for term in part.terms if term not in known]
            known.update(new)
            told = (called(part.reading, self.row), explained(*new, row=self.row))
            named = replace(part, title=called(part.title, self.row))
            read.append((named, "\n\n".join(said for said in told if said)))
        return read

    def html(self, render: Renderer) -> str:
        """The document as the inside of an HTML page."""
        sentences = "".join(f"<p>{_escaped(sentence)}</p>" for sentence in self.answer)
        sign = f'<div class="sign" aria-hidden="true">{_SIGNS[self.tone]}</div>'
        parts = [
            f"<h1>{escape(plain(self.title))}</h1>",
            f'<div class="answer {self.tone}">{sign}<div>{sentences}</div></div>',
            *([f'<p class="dated">{escape(plain(self.dated))}</p>'] if self.dated else []),
        ]
        for part, reading in self._read():
            heading = f"<h2>{escape(plain(part.title))}</h2>"
            explanation = f'<div class="reading"><p>How to read this</p>{render(reading)}</div>' if reading else ""
            body = f"{render(part.body)}{explanation}"
            parts.append(
                f"<details><summary>{heading}</summary>{body}</details>" if part.folded else f"{heading}{body}"
            )
        return f"<main>{''.join(parts)}</main>"


def led(answer: Sequence[str]) -> tuple[str, ...]:
    """The sentences of an answer, a long first one without what follows its first clause, which stands by itself.

    >>> led(("Well: v2.", "It is."))
    ('Well: v2.', 'It is.')
    >>> led(("v2 has been worse than expected since the week of 29 January 2024: off by 51.4 minutes a parcel.",))
    ('v2 has been worse than expected since the week of 29 January 2024.', 'Off by 51.4 minutes a parcel.')
    >>> len(led(("v2 was off by $1.73 a ride on average in April 2019, which is as expected ($1.74; up to $1.84).",)))
    1
    """
    if not answer or len(answer[0]) <= _LEAD:
        return tuple(answer)
    clause, end, rest = next(iter(_CLAUSE.findall(answer[0])), (answer[0], "", ""))
    if not end or clause.count("(") > clause.count(")"):
        return tuple(answer)
    beginning = rest if _NAME.match(rest) else f"{rest[0].upper()}{rest[1:]}"
    return (f"{clause}{end if end in '.?!' else '.'}", beginning, *answer[1:])


class Renderer:
    """Markdown to HTML: no raw HTML, tables whose cells know their column, pictures put into the page.

    Args:
        pictures: By name, each put where the document says `![what it shows](picture:name)`.
    """

    def __init__(self, pictures: Mapping[str, Drawing]) -> None:
        from markdown_it import MarkdownIt

        self._drawings = pictures
        self._reader = MarkdownIt("commonmark", {"html": False}).enable("table")

        def image(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
            return self._image(tokens[index])

        self._reader.add_render_rule("image", image)

    def __call__(self, markdown: str) -> str:
        """The HTML of a piece of Markdown."""
        env: dict[str, Any] = {}
        tokens = self._reader.parse(markdown, env)
        _label_cells(tokens)
        return str(self._reader.renderer.render(tokens, self._reader.options, env))

    def _image(self, token: Token) -> str:
        alt, address = escape(token.content), str(token.attrs["src"])
        drawn = self._drawings.get(address.removeprefix(PICTURE))
        if drawn is None:
            return _figure(Drawing(address), alt) if address.startswith(PNG) else alt
        return _figure(drawn, alt)


def _figure(drawn: Drawing, alt: str) -> str:
    """A drawing in the page; of two the style shows the one that the screen has room for."""
    shapes = {"wide": drawn.wide, "narrow": drawn.narrow}
    return "".join(
        f'<figure class="{shape}"><img src="{escape(picture)}" alt="{alt}"></figure>'
        if picture.startswith(PNG)
        else f'<figure class="{shape}" role="img" aria-label="{alt}">{picture}</figure>'
        for shape, picture in shapes.items()
        if picture
    )


def _label_cells(tokens: Sequence[Token]) -> None:
    """Tell each cell of a table its column's name, which a phone shows before its value, and how it is set."""
    columns: list[str] = []
    at = 0
    for token, inside in zip(tokens, tokens[1:], strict=False):
        if token.type == "table_open":
            columns = []
        elif token.type == "tr_open":
            at = 0
        elif token.type == "th_open":
            columns.append("".join(child.content for child in inside.children or ()))
        elif token.type == "td_open":
            fact = columns == FACTS
            outcome = next((name for name in MARKS if inside.content.split(", ")[0] == marked(name)), None)
            kind = _KINDS.get(outcome, "insufficient") if outcome else _kind(inside.content)
            kind = "fact" if fact and not at else kind
            if kind:
                token.attrSet("class", kind)
            if not fact:
                token.attrSet("data-label", columns[at])
            at += 1


def html_page(title: str, *documents: Document, pictures: Mapping[str, Drawing] | None = None) -> bytes:
    """Documents as one HTML file: no script, no address that is fetched, everything escaped.

    Args:
        title: Of the browser's tab.
        documents: Shown one below the other.
        pictures: By name, each put where a document says `![what it shows](picture:name)`. A PNG may also stand in
            the document itself, as `documents.figure.markdown` writes it.

    >>> page = html_page("Report", Document("A <script> & more", ("It is well.",)))
    >>> b"<h1>A &lt;script&gt; &amp; more</h1>" in page
    True
    """
    render = Renderer(pictures or {})
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{ALLOWED}">'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>\n<body>\n'
        f"{''.join(document.html(render) for document in documents)}</body></html>\n"
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
