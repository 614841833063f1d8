"""How a CSV file is written: its encoding, its separator, and the notation of its numbers, told from its own bytes.

Pure functions of bytes and text, without a file and without a spec. What has one reading is told; what has two is
refused with both, and with the key that decides it. How times are written stands in `times`, yes and no in `values`.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from io import TextIOWrapper
from typing import BinaryIO

from retrain_assets.errors import TwoReadings

SEPARATORS = (",", ";", "\t", "|")
"""What may stand between two fields, the usual one first."""

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UTF8_LETTER = re.compile(rb"[\xc3-\xdf][\x80-\xbf]|[\xe1-\xef][\x80-\xbf]{2}")
_NUL = b"\x00"
_SHOWN_LINES = 50
_SHOWN_BYTES = 2_000
_LAST_LINES = 10
_SPACES = r" \u00a0\u2009\u202f'\u2019_"
_CURRENCIES = r"[$€£¥₹]|(?:USD|EUR|GBP|CHF|JPY|INR|CAD|AUD|SEK|NOK|DKK|PLN|kr|Fr)(?![A-Za-z])\.?"
_UNIT = re.compile(f"%|{_CURRENCIES}", re.IGNORECASE)
_MEASURE = re.compile(r"\s*[+-]?\d[\d.,']*\s+([A-Za-zµ°²³/]{1,12})\s*", re.ASCII)
_SPACED = re.compile(rf"[+-]?\d{{1,3}}(?:[{_SPACES}]\d{{3}})+(?:[.,]\d*)?")


@dataclass(frozen=True)
class Notation:
    """How numbers are written: the decimal sign, and the sign between groups of three digits, empty without one."""

    decimal: str = "."
    thousands: str = ""

    def plain(self, text: str) -> str | None:
        """A number in this notation as Python writes it; None when it is none.

        >>> Notation(",", ".").plain("1.234,50"), Notation().plain("1,5")
        ('1234.50', None)
        """
        text = text.strip()
        if not _form(self.decimal, self.thousands).fullmatch(text):
            return None
        without = text.replace(self.thousands, "") if self.thousands else text
        return without.replace(self.decimal, ".").lstrip("+")


@cache
def _form(decimal: str, thousands: str) -> re.Pattern[str]:
    """Numbers in a notation, with a digit before the exponent."""
    group = rf"\d{{1,3}}(?:{re.escape(thousands)}\d{{3}})+|" if thousands else ""
    mark = re.escape(decimal)
    return re.compile(rf"[+-]?(?={mark}?\d)(?:{group}\d*)(?:{mark}\d*)?(?:[eE][+-]?\d+)?")


POINT, COMMA = Notation(".", ","), Notation(",", ".")
"""The two families: 1,234.50 and 1.234,50; either also without a sign between the groups."""


@dataclass(frozen=True)
class Dialect:
    """How one CSV file is written; `title` are the lines above the one that names its columns."""

    encoding: str = "utf-8"
    separator: str = ","
    title: int = 0


def dialect_of(
    head: bytes,
    known: Collection[str] = (),
    whole: bool = True,
    encoding: str | None = None,
    separator: str | None = None,
) -> Dialect:
    r"""The encoding and the separator of a file from its first bytes.

    Args:
        head: The file, or its beginning.
        known: Names of columns that the file should have; they decide between two separators.
        whole: Whether `head` is the whole file; a part may end within a character or a line.
        encoding: As declared; None leaves it to the bytes.
        separator: As declared; None leaves it to the lines.

    Raises:
        TwoReadings: Two separators divide the lines equally well.
        UnicodeError: The bytes are not in the declared encoding.

    >>> dialect_of("id;plan;région\n7;a,b;Alsace\n".encode("latin-1"))
    Dialect(encoding='cp1252', separator=';', title=0)
    """
    encoding = encoding or encoding_of(head, whole)
    text = head.decode(encoding, errors="replace" if whole else "ignore")
    text = text if whole else text.rpartition("\n")[0] or text
    separator = separator or separator_of(text, known)
    return Dialect(encoding, separator, title_lines(text, separator))


def encoding_of(data: bytes, whole: bool = True) -> str:
    """The encoding of some bytes: told by a byte-order mark, UTF-8 where they are that, else Western European.

    UTF-16 without a mark is told by its zeros.

    Raises:
        UnicodeError: They are no text.
        TwoReadings: Some letters are UTF-8 and others are not.

    >>> encoding_of("Île".encode()), encoding_of("Île".encode("latin-1")), encoding_of("Île".encode("utf-8-sig"))
    ('utf-8', 'cp1252', 'utf-8-sig')
    """
    for mark, name in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return name
    if wide := _two_bytes(data):
        return wide
    if (at := data.find(_NUL)) >= 0:
        line = data.count(b"\n", 0, at) + 1
        raise UnicodeError(f"line {line:,} holds what no text does (byte {at + 1:,} of the file): damaged")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data, final=whole)
    except UnicodeDecodeError:
        if _UTF8_LETTER.search(data):
            raise TwoReadings(
                "some of its letters are UTF-8 and others are not: write encoding beside the path"
            ) from None
        return _eight_bits(data)
    return "utf-8"


def _two_bytes(data: bytes) -> str:
    """UTF-16 where most letters have a zero before or behind them; empty where they have none."""
    for name, zeros in (("utf-16-le", data[1:_SHOWN_BYTES:2]), ("utf-16-be", data[0:_SHOWN_BYTES:2])):
        if zeros.count(0) > len(zeros) / 2:
            return name
    return ""


def _eight_bits(data: bytes) -> str:
    try:
        data.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252"


def separator_of(text: str, known: Collection[str] = ()) -> str:
    r"""What stands between the fields of some lines of CSV, the first of which names the columns.

    A separator is one that gives every line as many fields as the header, at least two of them; the header of a file of
    one column has none of them, and any will do.

    Raises:
        TwoReadings: Two separators do so, and the known names do not decide it.

    >>> separator_of("id;price\n1;2,5\n2;3,5\n"), separator_of("id\n1\n")
    (';', ',')
    """
    lines = text.splitlines(keepends=True)[:_SHOWN_LINES]
    tables = {mark: [row for row in csv.reader(lines, delimiter=mark) if row] for mark in SEPARATORS}
    if not any(_divides(rows) for rows in tables.values()):
        tables = {mark: rows[_above(rows) :] for mark, rows in tables.items()}
    named = {mark: len({name.strip() for name in rows[0]} & set(known)) for mark, rows in tables.items() if rows}
    most = max(named.values(), default=0)
    likely = [mark for mark in SEPARATORS if most and named.get(mark) == most]
    if len(likely) == 1:
        return likely[0]
    even = [mark for mark in likely or SEPARATORS if _divides(tables[mark])]
    if len(even) > 1:
        readings = " or ".join(f"{mark!r} ({len(tables[mark][0])} columns)" for mark in even)
        raise TwoReadings(f"its fields may be separated by {readings}: write source.features.separator")
    uneven = [mark for mark in SEPARATORS if tables[mark] and len(tables[mark][0]) > 1]
    return (even or likely or uneven or [","])[0]


def title_lines(text: str, separator: str) -> int:
    r"""How many lines stand above the one that names the columns: those with one field where the others have more.

    >>> title_lines("Export of 3 May\n\nid,plan\n1,A\n2,B\n", ","), title_lines("id,plan\n1,A\n", ",")
    (2, 0)
    """
    lines = text.splitlines(keepends=True)[:_SHOWN_LINES]
    reader = csv.reader(lines, delimiter=separator)
    rows = [(reader.line_num, row) for row in reader]
    above = _above([row for _, row in rows])
    return rows[above - 1][0] if above else 0


def place_of(stream: BinaryIO, dialect: Dialect, row: int) -> str:
    r"""Where a row stands, counted from the first line without those that are empty, as an editor numbers the lines.

    >>> from io import BytesIO
    >>> place_of(BytesIO(b'id,plan\n1,A\n\n2,"B\nC"\n3,A,B\n'), Dialect("utf-8", ","), 4)
    'line 6'
    """
    with TextIOWrapper(stream, dialect.encoding, errors="replace", newline="") as text:
        above = [line for _, line in zip(range(dialect.title), text, strict=False)]
        reader, seen = csv.reader(text, delimiter=dialect.separator), len(above)
        try:
            for fields in reader:
                seen += bool(fields)
                if seen == row:
                    return f"line {len(above) + reader.line_num:,}"
        except csv.Error:  # a field longer than that reader takes
            pass
    return f"row {row:,}"


def _above(rows: Sequence[Sequence[str]]) -> int:
    """How many rows at the top have at most one field while two or more below agree on more.

    The first of two columns may have no name.
    """
    usual = max((len(row) for row in rows[-_LAST_LINES:]), default=0)
    filled = [0 if row and row[0].startswith("sep=") else sum(bool(field.strip()) for field in row) for row in rows]
    first = next((at for at, row in enumerate(rows) if filled[at] > 1 or (filled[at] and len(row) == usual == 2)), 0)
    below = [len(row) for row in rows[first:] if row]
    return first if usual > 1 and len(below) > 1 and below[0] == usual else 0


def _divides(rows: Sequence[Sequence[str]]) -> bool:
    return bool(rows) and len(rows[0]) > 1 and all(len(row) == len(rows[0]) for row in rows)


@dataclass(frozen=True)
class NotationCounts:
    """What the texts of a column say of their notation: how many fit only one of the two families, and one of each."""

    point: int = 0
    comma: int = 0
    either: int = 0
    example: str = ""

    def __add__(self, other: NotationCounts) -> NotationCounts:
        counts = (self.point + other.point, self.comma + other.comma, self.either + other.either)
        first, second = self.example, other.example
        return NotationCounts(*counts, second if "," in second and "," not in first else first or second)


def evidence(texts: Iterable[str]) -> NotationCounts:
    """How many of a column's different texts can only be read with a decimal point, only with a comma, or with either.

    A text with either reading differs between the two: `1,234` is 1234 or 1.234. Whole numbers say nothing.

    >>> evidence(["1,234.50", "12", "7,5", "1,234"])
    NotationCounts(point=1, comma=1, either=1, example='1,234')
    """
    point = comma = either = 0
    example = ""
    for text in map(ungrouped, texts):
        readings = (POINT.plain(text), COMMA.plain(text))
        if readings[0] == readings[1]:
            continue
        if None not in readings:
            either += 1
            example = example if "," in example else text if "," in text else example or text
        elif readings[1] is None:
            point += 1
        else:
            comma += 1
    return NotationCounts(point, comma, either, example)


def notation_of(column: NotationCounts, file: NotationCounts) -> Notation | None:
    """The notation in which a column is to be read; None when nothing in it depends on the notation.

    The column's own numbers decide, and where they do not, the other numbers of its file.

    Raises:
        TwoReadings: A number has two readings, and nothing decides between them.

    >>> notation_of(evidence(["1,234"]), evidence(["1,234", "0.5"]))
    Notation(decimal='.', thousands=',')
    >>> notation_of(evidence(["1,234"]), evidence(["1,234"]))
    Traceback (most recent call last):
    ...
    retrain_assets.errors.TwoReadings: '1,234' is 1234 or 1.234: write thousands or decimal beside the path
    """
    for found in (column, file):
        if found.point and not found.comma:
            return POINT
        if found.comma and not found.point:
            return COMMA
    if not column.either:
        return None
    if "," not in column.example:
        return POINT
    readings = " or ".join(str(one.plain(column.example)) for one in (POINT, COMMA))
    raise TwoReadings(f"{column.example!r} is {readings}: write thousands or decimal beside the path")


def unit_of(text: str) -> str:
    """The sign of a currency, or per cent, beside a number; empty without one.

    >>> unit_of("1.234,50 €"), unit_of("USD 7"), unit_of("7e5")
    ('€', 'USD', '')
    """
    found = _UNIT.search(text)
    return found[0].upper() if found else ""


def measure_of(text: str) -> str:
    """The unit that stands behind a number and a blank, in the singular; empty without one.

    >>> measure_of("1.340,5 kg"), measure_of("12 months"), measure_of("12"), measure_of("3 or more"), measure_of("4 pm")
    ('kg', 'month', '', '', '')
    """
    found = _MEASURE.fullmatch(text)
    unit = found[1] if found else ""
    return "" if unit.lower() in ("am", "pm") else unit.removesuffix("s") or unit


def ungrouped(text: str) -> str:
    """The same number without what has no other reading: groups by spaces, a unit, brackets or a sign behind for minus.

    >>> ungrouped("1 234,50"), ungrouped("12 34"), ungrouped("$1,234.50"), ungrouped("(7.5)"), ungrouped("7-")
    ('1234,50', '12 34', '1,234.50', '-7.5', '-7')
    """
    text = _UNIT.sub("", text, count=1).strip().replace("\u2212", "-") if not text.isdecimal() else text
    if (text.startswith("(") and text.endswith(")")) or (text.endswith("-") and text[:1].isdecimal()):
        text = f"-{text.strip('()-').strip()}"
    if text.startswith("- "):
        text = f"-{text[2:]}"
    return re.sub(f"[{_SPACES}]", "", text) if _SPACED.fullmatch(text) else text
