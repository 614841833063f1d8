"""A decision in a sentence of its own; the whole text of a past is tested with `explanation`."""

from dataclasses import replace

import pytest

from retrain_assets.audit.pages.explanation_text import headline
from retrain_assets.registry.journal.events import Terms
from retrain_assets_tests.audit.journals import journal


def test_a_return_where_nothing_was_live_rolls_no_version_back():
    back = journal(("2019-01", "bootstrap"), ("2019-02", "rolled_back", "v1"))[1]
    assert headline(replace(back, from_version=None)).startswith("v1 is live again (at ")


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("approved", "candidate 0123456789ab was approved, what the evidence left open notwithstanding"),
        ("held", "candidate 0123456789ab was held (at 2019-03-01 00:00"),
        ("released", "candidate 0123456789ab was released"),
        ("retired", "v1 was retired"),
        ("transferred", "transferred (at 2019-03-01 00:00"),
    ],
)
def test_a_person_s_decision_has_words_of_its_own(action, words):
    held = journal(("2019-01", "bootstrap"), ("2019-02", "held"))[1]
    terms = Terms("0123456789abcdef", None)
    text = headline(replace(held, action=action, actor="ann", from_version="v1", to_version="v1", terms=terms))
    assert words in text
    assert "by ann, e2" in text
