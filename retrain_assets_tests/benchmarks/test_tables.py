"""The shares that benchmarks print: when they keep their limits, and what is said when they do not."""

from __future__ import annotations

import pytest

from benchmarks.tables import Case, ask_often, print_parts, shares


def half_of_the_time(rng):
    return rng.random() < 0.5


def test_a_share_beyond_its_limit_is_missed_and_the_exit_code_says_so(capsys):
    cases = [
        Case("kept", half_of_the_time, reps=400, fast=100, high=0.8),
        Case("beyond", half_of_the_time, reps=400, fast=100, high=0.2),
        Case("only in full", half_of_the_time, reps=400, fast=0),
    ]
    assert print_parts("made up", [lambda fast: shares("share", cases, fast)], fast=True) == 1
    said = capsys.readouterr().out
    assert "only in full" not in said
    assert [line.split("  ")[0] for line in said.splitlines() if line.endswith("MISSED")] == ["beyond"]
    assert said.splitlines()[-1].startswith("made up: 2 figures in ")
    assert said.splitlines()[-1].endswith("missed: beyond")
    assert print_parts("made up", [lambda fast: shares("share", cases[:1], fast)], fast=False) == 0


def test_the_same_case_gives_the_same_share_every_time():
    case = Case("kept", half_of_the_time, reps=400, fast=100, high=0.8)
    found = ask_often(case, 400)
    assert found.share == ask_often(case, 400).share
    assert found.error == pytest.approx((found.share * (1 - found.share) / 400) ** 0.5)
