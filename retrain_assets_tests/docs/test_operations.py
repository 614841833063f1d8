"""The page for the engineer on call names everything that it may be asked about."""

import re
from pathlib import Path
from typing import get_args

from retrain_assets.alerts import Kind
from retrain_assets.cli.main import main

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()
REGISTRY = "".join(path.read_text() for path in sorted((ROOT / "retrain_assets" / "registry").rglob("*.py")))
VERIFIED = (
    "is missing; its digest should be", "recorded was", "is no version folder", "is not in the manifest",
    "is no file of the registry", "is no claim of gate rows", "is not the verdict of that digest", "is missing, event",
    "is no event", "was edited", "follows an event with hash", "holds event", "the journal holds no event",
    "a write was interrupted", "is missing or differs", "starts from", "moved the pointer to",
    "which is another version's name", "has no folder", "its verdict promotes", "its verdict about", "its verdict says",
    "left by an interrupted write, is removed", "Its writer was interrupted", "is restored from its checkpoint",
    "is written anew", "is quoted by no event", "no event made it so", "speaks of event", "It was expected with hash",
    "is not signed", "is signed by the key", "has a signature that", "which is none of the trusted ones",
    "was written when there was one", "is an answer of a version in service", "tells of one",
    "expected was", "rests on a verdict that no attempt before it wrote down", "name event",
)  # fmt: skip
"""How the sentences of `retrain verify` and `retrain verify --repair` are told apart."""


def test_every_sentence_of_verify_stands_in_the_table_as_the_registry_says_it():
    page = " ".join(PAGE.split())
    assert [fragment for fragment in VERIFIED if fragment not in REGISTRY] == []
    assert [fragment for fragment in VERIFIED if fragment not in page] == []


def test_every_sentence_that_verify_can_make_is_among_them():
    """Whatever the modules that look for problems may yield; a new sentence has to be explained too."""
    found = re.findall(r'(?:yield|append\(|return \[) *f"([^"]*)"', REGISTRY)
    assert len(found) >= 12
    explained = (
        *VERIFIED,
        "names event",
        "{disagrees}",
        "{first} is missing.",
        "{problem} {self._advice",
        "{folder}/",
        "{names[0]} {wrong}",
    )
    assert [sentence for sentence in found if not any(fragment in sentence for fragment in explained)] == []


def test_every_kind_of_alert_has_its_row():
    assert set(get_args(Kind)) - set(re.findall(r"(?m)^\| `(\w+)` \|", PAGE)) == set()


def test_every_command_that_the_page_names_is_one():
    named = set(re.findall(r"`?retrain ([a-z]+) NAME", PAGE)) | set(re.findall(r"`retrain ([a-z]+)", PAGE))
    assert named - set(main.commands) - {"verify"} == set()
    assert {"rollback", "release", "verify", "explain", "suite"} <= named
