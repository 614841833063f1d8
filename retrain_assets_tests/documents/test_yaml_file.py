"""A file that a person wrote costs no more than a look, whatever is in it, and is refused in one sentence."""

import os

import pytest

from retrain_assets.documents.yaml_file import MOST_BYTES, MOST_DEPTH, text_of, tree_of
from retrain_assets.errors import SpecError

DOUBLED = "a0: &a0 [1, 2]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 18))
BOMBS = {
    "aliases that multiply": (DOUBLED, r"odd.yaml:\d+: [\d,]+ keys and values, at most 20,000 are read"),
    "a chain of aliases": (DOUBLED.replace("*a0, *a0", "*a0"), "keys and values|deep"),
    "5,000 nested lists": ("a: " + "[" * 5000 + "]" * 5000, f"odd.yaml:1: nested more than {MOST_DEPTH} deep"),
    "an alias in itself": ("a: &a\n  b: *a\n", "odd.yaml:1: an alias stands in what it repeats"),
    "a Python object": ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
    "a list as a key": ("? [a, b]\n: 1\n", "unhashable key"),
    "a number of 5,000 digits": ("a: " + "9" * 5000, "Correct the date or the number"),
    "a date that no calendar has": ("a: 2024-02-31", "Correct the date or the number"),
    "no YAML": ("a: [1", "not valid YAML"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_in_one_sentence(tmp_path, bomb):
    text, sentence = BOMBS[bomb]
    with pytest.raises(SpecError, match=sentence) as refused:
        tree_of(text, tmp_path / "odd.yaml")
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 600


def test_a_file_that_is_larger_than_any_spec_is_not_read_to_its_end(tmp_path):
    path = tmp_path / "large.yaml"
    path.write_bytes(b"#" * MOST_BYTES)
    assert len(text_of(path)) == MOST_BYTES
    path.write_bytes(b"#" * (MOST_BYTES + 1))
    with pytest.raises(SpecError, match="larger than 256 kB"):
        text_of(path)


def test_a_device_a_pipe_and_a_folder_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(SpecError, match="no ordinary file"):
            text_of(path)


def test_aliases_within_bounds_are_read_as_what_they_repeat(tmp_path):
    tree, values = tree_of("a: &a {x: 1}\nb: *a\n", tmp_path / "spec.yaml")
    assert values == {"a": {"x": 1}, "b": {"x": 1}}
    assert tree.value[1][0].start_mark.line == 1
