"""What an attempt is judged on: its gate rows, both versions' scores, and what stays where one cannot be scored."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from retrain_assets.candidates.candidate_record import CandidateRecord, write_candidate
from retrain_assets.errors import NotEnoughData
from retrain_assets.model import PeriodAccess
from retrain_assets.periods import Calendar
from retrain_assets.registry.training_span import TrainingSpan
from retrain_assets.statistics.daily_differences import GATES
from retrain_assets.store import PeriodStore
from retrain_assets.validation.attempt import candidate_of, load_attempt
from retrain_assets.windows.cut import Span, Windows
from retrain_assets.windows.manifest import write_manifest
from retrain_assets_tests.monitoring.facts import constant_files, delivery
from retrain_assets_tests.validation.worlds import policy

MODEL = delivery(Calendar(every="month", start="2024-01-01"), loss="brier")
GATE = Span(("2024-02",), datetime(2024, 2, 1), datetime(2024, 2, 15))
ROWS = 28


class Journal:
    """A registry with a candidate, and whatever is live and approved."""

    def __init__(self, live=None):
        self.files = {"d2": constant_files(0.5), "d1": constant_files(0.25), "d0": constant_files(0.0)}
        self.version = SimpleNamespace(name="v1", digest=live) if live else None

    def live(self):
        return self.version

    def read(self, digest):
        return self.files[digest]

    def history(self):
        return []

    def deleted(self):
        return frozenset()


@pytest.fixture
def access(tmp_path):
    """January's rows and February's, four a day of which every second was late, and the windows cut of them."""
    access = PeriodAccess(PeriodStore(tmp_path), Journal("d1"), "2024-02")
    for period in ("2024-01", "2024-02"):
        write_rows(access.store, period)
    history = Span(("2024-01",), datetime(2024, 1, 1), GATE.start)
    write_manifest(access.store, Windows("2024-02", GATE, history, history, (), Span((), GATE.end, GATE.end)), MODEL)
    write_candidate(access.store, "2024-02", CandidateRecord("d2"))
    return access


def write_rows(store, period, feature="miles"):
    start = datetime.fromisoformat(f"{period}-01")
    time = pa.array([start + timedelta(days=n // 2) for n in range(ROWS)], pa.timestamp("us"))
    key = [f"{period}-{n:02}" for n in range(ROWS)]
    rows = {"id": key, "time": time, feature: np.ones(ROWS), "sex": ["F", None] * (ROWS // 2), "fare": [2] * ROWS}
    store.write_table("raw_data", period, pa.table(rows))
    outcomes = {"id": key, "label": np.tile([1.0, 0.0], ROWS // 2), "time": time, "known_at": time}
    store.write_table("outcomes", period, pa.table(outcomes))


def loaded(access, **rules):
    return load_attempt(MODEL, policy(**rules), ("sex",), access)


def test_the_gate_rows_are_those_of_the_window_with_an_outcome(access):
    attempt = loaded(access)
    assert (attempt.window.rows, attempt.window.periods) == (ROWS, ("2024-02",))
    assert set(attempt.rows["id"].to_pylist()) == {f"2024-02-{n:02}" for n in range(ROWS)}
    assert (attempt.candidate.digest, attempt.champion.digest, attempt.anchor) == ("d2", "d1", None)
    assert (attempt.use.candidate, attempt.use.champion, attempt.use.outcome) == ("d2", "d1", "begun")


def test_each_version_scores_the_rows_and_their_difference_is_kept_day_by_day(access):
    scored = loaded(access).scored()
    assert scored.candidate == pytest.approx(np.full(ROWS, 0.5))
    assert scored.champion == pytest.approx(np.full(ROWS, 0.25))
    scored.keep_differences()
    (kept,) = json.loads(access.store.path(GATES, "2024-02", "json").read_text())["differences"]
    a_day = (0.75**2 + 0.25**2) - 2 * 0.25  # one late parcel and one in time
    assert kept["sums"] == pytest.approx([a_day] * 14)


def test_a_champion_that_cannot_be_scored_is_a_fault_and_no_comparison(access):
    access.registry.files["d1"] = constant_files(0.25, feature="weight")
    scored = loaded(access).scored()
    assert scored.champion is None
    assert "feature 'weight' is missing" in scored.fault
    assert "neither gate rows nor an attempt are spent" in scored.fault
    scored.keep_differences()
    assert not access.store.path(GATES, "2024-02", "json").exists()


def test_an_anchor_that_cannot_be_scored_leaves_the_comparison_with_the_champion(access):
    attempt = loaded(access)
    lost = replace(attempt.champion.scorer, contract=replace(attempt.champion.scorer.contract, names=("weight",)))
    scored = replace(attempt, anchor=replace(attempt.champion, scorer=lost)).scored()
    assert scored.champion is not None
    assert (scored.fault, scored.anchor) == ("", None)
    assert "weight" in scored.anchor_fault


def test_a_first_model_is_compared_with_nothing(access):
    attempt = loaded(replace(access, registry=Journal()))
    scored = attempt.scored()
    assert (scored.champion, scored.fault, attempt.use.champion) == (None, "", None)


def test_the_judges_rows_carry_groups_amounts_and_clusters_as_the_policy_names_them(access):
    cost = {"lost": {"unit": "USD", "cost": {"column": "fare", "false_positive": 1, "false_negative": 2}}}
    rules = policy(metrics=cost, unit="sex")
    rows = load_attempt(MODEL, rules, ("sex",), access).gate_rows(rules, ("sex",))
    assert list(rows.groups) == ["sex"]
    assert rows.groups["sex"][:2].tolist() == ["F", None]
    assert rows.amounts["fare"].tolist() == [2.0] * ROWS
    assert rows.cluster[:2].tolist() == ["F", None]
    assert loaded(access).gate_rows(policy(), ("sex",)).cluster is None


def test_another_candidate_champion_row_or_rule_is_another_question(access):
    attempt = loaded(access)
    asked = [
        attempt.question("rules"),
        attempt.question("others"),
        replace(attempt, champion=None).question("rules"),
        replace(attempt, candidate=replace(attempt.candidate, digest="d0")).question("rules"),
        replace(attempt, window=replace(attempt.window, rowset_sha256="0" * 64)).question("rules"),
    ]
    assert len(set(asked)) == len(asked)
    assert loaded(access).question("rules") == asked[0]


def test_what_trained_each_compared_version_is_told_by_its_record(access):
    record = loaded(access).candidate.scorer.training
    span = TrainingSpan.of(record.trained_from, record.trained_until)
    assert loaded(access).training_spans == {"the candidate": span, "the live version": span}


def test_without_a_candidate_or_a_known_outcome_there_is_no_attempt(access):
    access.store.path("outcomes", "2024-02").unlink()
    with pytest.raises(NotEnoughData, match="no row of 2024-02-01 00:00:00 to 2024-02-15 00:00:00 has an outcome yet"):
        loaded(access)
    with pytest.raises(NotEnoughData, match="delivery 2024-01: no candidate. Materialize candidate_model of 2024-01"):
        candidate_of(MODEL, access.of("2024-01"))
