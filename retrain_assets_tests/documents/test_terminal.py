"""Every answer fits the terminal that it is given, and keeps its lines whole in a file."""

from io import StringIO

import pytest

from retrain_assets.documents.terminal import clipped, table, width, wrapped
from retrain_assets_tests.commanded import retrain

ANSWERS = [
    ("status",),
    ("status", "delivery"),
    ("history", "delivery"),
    ("explain", "delivery"),
    ("report", "delivery"),
    ("report", "delivery", "--monitoring"),
    ("verify",),
    ("suite", "list", "delivery"),
    ("prune", "delivery", "--preview"),
    ("demo", "--model", "delivery"),
]


@pytest.mark.usefixtures("at_home")
@pytest.mark.parametrize("width", [80, 200])
def test_no_line_of_more_than_one_word_is_longer_than_the_terminal_is_wide(monkeypatch, width):
    whole = {words: retrain(*words).output.split() for words in ANSWERS}
    monkeypatch.setenv("COLUMNS", str(width))
    for words in ANSWERS:
        printed = retrain(*words).output
        too_long = [line for line in printed.splitlines() if len(line) > width]
        assert all(len(line.split()) == 1 for line in too_long), words
        assert "\x1b" not in printed, "colours are for terminals"
        if words not in (("status",), ("demo", "--model", "delivery")):
            assert printed.split() == whole[words], "lines break between words, and nothing is lost"


@pytest.mark.usefixtures("at_home")
def test_what_goes_to_a_file_is_not_broken():
    assert max(map(len, retrain("status", "delivery").output.splitlines())) > 120


def test_what_follows_a_break_stands_under_the_beginning_of_its_text():
    assert wrapped("  a: one two", 8, hanging=3) == "  a: one\n     two"
    assert wrapped("one two", None) == "one two"


def test_only_the_last_column_of_a_table_gives_way():
    lines = table([("model", "next"), ("taxi_charge", "waits for the outcomes of March")], 30)
    assert lines == ["model        next", "taxi_charge  waits for the…"]


@pytest.mark.parametrize("limit", [1, 5, 9, 15])
def test_clipped_text_never_is_longer_than_its_limit(limit):
    assert len(clipped("waits for March", limit)) <= limit


def test_lines_of_an_output_that_is_closed_are_not_wrapped(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    closed = StringIO()
    closed.close()
    monkeypatch.setattr("sys.stdout", closed)
    assert width() is None
