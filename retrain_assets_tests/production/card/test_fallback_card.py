"""The card of the constant: what it was measured by, and what nobody knows of it."""

from dataclasses import replace

from benchmarks.worlds.verdicts import candidate, fresh, verdict
from retrain_assets.production.card import fallback_card
from retrain_assets.verdict import Finding, Outcome


def first(tmp_path):
    """The first model's verdict: it had to beat the constant, which lost 27.7."""
    beaten = Finding(
        "significance", Outcome.PASS, "better", metric="mae", role="primary", champion_value=27.7, candidate_value=7.5
    )
    registry = fresh(tmp_path)
    held = {"baseline": {"mean": 7.25, "rows": 500, "low": 7.0, "high": 7.5, "source": "rehearsal"}}
    passing = verdict(registry, 0, candidate(registry, "a"))
    return replace(passing, findings=(beaten, *passing.findings[1:]), evidence=held)


def test_its_quality_is_what_the_first_model_was_measured_against(tmp_path):
    said = fallback_card.quality(first(tmp_path))
    assert "27.7" in said
    assert "No gate has judged it." in said
    dollars = fallback_card.quality(first(tmp_path / "again"), label_unit="USD")
    assert "Expected MAE in service, as of the first version: $7.25." in dollars
    assert "Expected MAE in service, as of the first version: 7.25." in said


def test_it_calls_a_row_what_the_spec_calls_it(tmp_path):
    measured = fallback_card.measured_on(first(tmp_path), "ride")
    for said in (fallback_card.groups("ride"), fallback_card.limits("ride"), measured):
        assert "ride" in said
        assert " row" not in said


def test_it_claims_no_rows_of_its_own(tmp_path):
    assert fallback_card.measured_on(first(tmp_path)).startswith(
        "nothing of its own; measured beside the first version"
    )
