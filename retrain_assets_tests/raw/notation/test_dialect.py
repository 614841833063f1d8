"""How a CSV file is written: what has one reading is told, what has two is refused with both."""

import re
from io import BytesIO

import pytest

from retrain_assets.errors import TwoReadings
from retrain_assets.raw.notation.dialect import (
    COMMA,
    POINT,
    Dialect,
    Notation,
    NotationCounts,
    dialect_of,
    encoding_of,
    evidence,
    notation_of,
    place_of,
    title_lines,
    ungrouped,
)

TEXT = "id;région;prix\n1;Île-de-France;2,50\n2;Côte d'Azur;3,75\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_a_file_is_decoded_as_it_was_encoded(encoding):
    found = dialect_of(TEXT.encode(encoding))
    assert found == Dialect(encoding, ";")
    assert TEXT.encode(encoding).decode(found.encoding) == TEXT


def test_bytes_that_windows_does_not_know_are_latin_1():
    assert dialect_of(b"id,name\n1,\x81\xe9\n").encoding == "latin-1"


def test_a_head_that_ends_within_a_character_is_still_utf_8():
    head = TEXT.encode()[: TEXT.encode().index("é".encode()) + 1]
    assert dialect_of(head, whole=False).encoding == "utf-8"


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_the_one_that_divides_every_line_alike(separator):
    rows = [["id", "at", "x"], ["1", "2023-01-01", "0.5"], ["2", "2023-01-02", '"a,;|b"']]
    assert dialect_of("\n".join(separator.join(row) for row in rows).encode()).separator == separator


def test_two_separators_that_divide_alike_are_refused_with_both_unless_the_names_decide():
    text = b"a;b,c\n1;2,3\n"
    with pytest.raises(TwoReadings, match=re.escape("',' (2 columns) or ';' (2 columns)")):
        dialect_of(text)
    assert dialect_of(text, ["a"]).separator == ";"


@pytest.mark.parametrize(
    ("texts", "notation"),
    [
        (["1,234.50", "7"], POINT),
        (["1,234", "0.5"], POINT),
        (["1,234,567"], POINT),
        (["1.234,50", "1.234"], COMMA),
        (["1,5", "1.234"], COMMA),
        (["1.234.567"], COMMA),
        (["1 234,5"], COMMA),
        (["1.234", "5.678"], POINT),
        (["1", "12"], None),
    ],
)
def test_a_column_is_read_in_the_notation_that_its_own_numbers_show(texts, notation):
    assert notation_of(evidence(texts), NotationCounts()) == notation


def test_the_other_numbers_of_the_file_decide_where_the_column_does_not():
    assert notation_of(evidence(["1,234"]), evidence(["0.5"])) == POINT
    assert notation_of(evidence(["1,234"]), evidence(["0,5"])) == COMMA


@pytest.mark.parametrize("texts", [["1,234", "999"], ["0.5", "0,5", "1,234"], ["1.234", "1,234"]])
def test_a_number_that_nothing_decides_is_refused_with_both_readings(texts):
    with pytest.raises(TwoReadings, match=re.escape("'1,234' is 1234 or 1.234")):
        notation_of(evidence(texts), evidence(texts))


@pytest.mark.parametrize(
    ("text", "plain"),
    [("1'234.5", None), ("-1.234,5", "-1234.5"), ("12.34,5", None), ("+3,5e2", "3.5e2"), (",", None), ("", None)],
)
def test_a_notation_reads_its_own_numbers_alone(text, plain):
    assert Notation(",", ".").plain(text) == plain


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("Export of 3 May\n\nid,x\n1,2\n2,3\n", 2),
        ("Export,,\n,,\nid,x,y\n1,2,3\n2,3,4\n", 2),
        ("sep=,\nid,x\n1,2\n", 1),
        (",x\n0,5\n1,6\n", 0),
        ("id\n1\n2\n", 0),
        ("id,x\n1,\n2,\n", 0),
    ],
)
def test_lines_above_the_names_of_the_columns_are_told_from_the_number_of_fields(text, lines):
    assert title_lines(text, ",") == lines


def test_utf_16_without_a_mark_is_told_by_its_zeros():
    text = "kunde;plan\n" * 30
    assert encoding_of(text.encode("utf-16-le")) == "utf-16-le"
    assert encoding_of(text.encode("utf-16-be")) == "utf-16-be"


def test_bytes_that_no_text_has_are_damage_with_their_line():
    with pytest.raises(UnicodeError, match=r"^line 2 holds what no text does \(byte 7 of the file\): damaged"):
        encoding_of(b"id;n\n1\x001;2\n3;4\n")


def test_other_control_characters_are_text_which_pages_and_terminals_escape():
    assert encoding_of(b"id;n\n1;\x1b[2J\x07\n") == "utf-8"


def test_letters_of_two_encodings_in_one_file_are_refused():
    with pytest.raises(TwoReadings, match="some of its letters are UTF-8 and others are not: write encoding"):
        encoding_of("id;région\n1;".encode() + "Île\n".encode("latin-1"))


def test_a_row_is_found_by_its_line_and_beside_a_field_that_is_too_long_by_its_number():
    lines = b"Export of 3 May\nid,x\n1,2\n\n2,3,4\n"
    assert place_of(BytesIO(lines), Dialect("utf-8", ",", 1), 4) == "line 5"
    assert place_of(BytesIO(lines.replace(b"1,2", b"1," + b"2" * 200_000)), Dialect("utf-8", ",", 1), 4) == "row 4"


@pytest.mark.parametrize(
    ("text", "plain"),
    [("- 7.5", "-7.5"), ("\u22127", "-7"), ("$ 1 234,50", "1234,50"), ("(7 kr)", "-7"), ("a - b", "a - b")],
)
def test_a_sign_apart_and_a_unit_do_not_hide_a_number(text, plain):
    assert ungrouped(text) == plain
