"""The glossary: one meaning a term, on every page and in the documentation."""

import re

import pytest

from retrain_assets.documents.glossary import PUBLISHED, TERMS, explained, glossary, publish


def test_the_documentation_has_the_same_sentences():
    again = "python -c 'from retrain_assets.documents.glossary import publish; publish()'"
    assert PUBLISHED.read_text() == glossary(), f"run: {again}"


def test_a_term_stands_under_one_subject_and_has_a_whole_sentence():
    names = [term for terms in TERMS.values() for term in terms]
    assert len(names) == len(set(names))
    for terms in TERMS.values():
        for term, meaning in terms.items():
            assert meaning.endswith("."), term
            assert len(meaning) < 260, term


def test_a_term_that_is_not_there_is_a_fault():
    assert explained() == ""
    with pytest.raises(KeyError, match="vibes"):
        explained("vibes")


def test_no_explanation_of_a_model_whose_rows_have_a_name_speaks_of_rows():
    every = explained(*(term for terms in TERMS.values() for term in terms), row="ride")
    assert not re.search(r"\brows?\b", every, re.IGNORECASE)
    assert "- **rides needed**: About how many rides like these would give an answer" in every


def test_the_page_of_the_documentation_is_written_as_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("retrain_assets.documents.glossary.PUBLISHED", tmp_path / "glossary.md")
    publish()
    assert (tmp_path / "glossary.md").read_text() == glossary()
