"""What of a text is left when it is shown: one line, every sign of which can be seen."""

import unicodedata

import pytest
import yaml

from retrain_assets.documents.plain_text import plain, plain_lines, written_out

STEERING = [chr(number) for number in range(0x3000) if unicodedata.category(chr(number)) in ("Cc", "Cf", "Zl", "Zp")]


def test_no_sign_that_steers_a_terminal_breaks_a_line_or_turns_the_direction_is_left():
    said = plain("a" + "b".join(STEERING) + "c\ud800")
    assert said.isprintable()
    assert len(said.splitlines()) == 1
    assert len(STEERING) > 80


@pytest.mark.parametrize("text", ["Zürich, 東京, عربى, 🚕", "", "a  b", "c:\\\\new"])
def test_what_can_be_seen_stays_as_it_is(text):
    assert plain(text) == text


def test_our_own_lines_stay_lines():
    assert plain_lines("a\n  b\r\n\nc\u2028d") == "a\n  b \n\nc d"


@pytest.mark.parametrize("sign", ["\x1b", "\x07", "\u202e", "\U000e0001", "\x85"])
def test_yaml_reads_what_is_written_out_as_the_sign_again(sign):
    assert yaml.safe_load(f'"{written_out(sign)}"') == sign
