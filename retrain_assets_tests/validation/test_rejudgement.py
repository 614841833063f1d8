"""Verdicts are reached again from what is stored; one that nobody reached does not come out, and is named."""

import re
from dataclasses import replace
from datetime import datetime, timedelta

import pyarrow as pa
import pytest
import yaml

from benchmarks.worlds.parcels import SPEC, open_world
from retrain_assets.pipeline import gate_then, promotion, window_then
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.rules import PromotionRules
from retrain_assets.store import OUTCOME
from retrain_assets.validation.comparison.comparison import Comparison
from retrain_assets.validation.gate import RULES
from retrain_assets.validation.rejudgement import rejudge
from retrain_assets.verdict import CHECKS, Decision, Finding, Outcome


def again(world):
    registry = world.registry
    return rejudge(
        registry,
        world.store,
        lambda verdict: gate_then(world.spec, registry, verdict),
        lambda verdict: window_then(registry, verdict),
    )


@pytest.fixture
def judged_twice(world_after):
    """A model with two judged candidates, the second refused."""
    return world_after(7, retrained=(5, 7))


def test_every_verdict_of_an_honest_history_comes_out_to_the_last_digit(judged_twice):
    attempts = [event for event in judged_twice.registry.history() if event.gate]
    before = sorted(path.name for path in judged_twice.registry.folder.rglob("*"))

    found = again(judged_twice)

    assert (found.same, found.other, found.unknown) == (len(attempts), (), ())
    assert len(attempts) == 2
    assert sorted(path.name for path in judged_twice.registry.folder.rglob("*")) == before, "nothing is written"


def test_rules_that_are_no_longer_in_force_are_read_from_what_is_stored_with_the_verdict(judged_twice):
    changed = SPEC | {"validation": SPEC["validation"] | {"alpha": 0.01}}
    (judged_twice.folder / "delivery.yaml").write_text(yaml.safe_dump(changed))
    world = open_world(judged_twice.folder, judged_twice.instance)
    assert world.spec.policy_sha256 != judged_twice.spec.policy_sha256

    found = again(world)

    assert (found.same, found.other, found.unknown) == (2, (), ())


def test_a_verdict_of_before_procedures_were_named_comes_out_too(judged_twice, monkeypatch):
    from retrain_assets.validation import rejudgement

    reach = rejudgement._difference

    def unnamed(recorded, reached):
        kept = {key: value for key, value in recorded.evidence.items() if key != "procedure"}
        return reach(replace(recorded, evidence=kept), reached)

    monkeypatch.setattr(rejudgement, "_difference", unnamed)
    found = again(judged_twice)
    assert (found.same, found.other) == (2, ())


def test_other_words_for_the_same_numbers_are_no_other_verdict(judged_twice, monkeypatch):
    monkeypatch.setattr(Comparison, "base", property(lambda self: "so many days"))
    found = again(judged_twice)
    assert (found.same, found.other, found.unknown) == (2, (), ())


@pytest.mark.parametrize("kept", [True, False])
def test_a_verdict_under_rules_that_nobody_has_is_no_pass(judged_twice, kept):
    registry, live = judged_twice.registry, judged_twice.registry.live()
    honest = registry.evidence([event for event in registry.history() if event.gate][-1])
    evidence = {key: value for key, value in honest.evidence.items() if kept or key != RULES}
    forged = replace(
        honest,
        period="2024-02-19",
        policy_sha256="0" * 64,
        evidence=evidence,
        findings=tuple(Finding(check, Outcome.PASS, "much better") for check in CHECKS),
        gate=replace(honest.gate, start="2024-02-18T00:00:00", end="2024-02-25T00:00:00"),
    )
    at = datetime(2024, 2, 26)
    registry.record(forged, at=at, actor="run 1")
    rules = PromotionRules("0" * 64, lambda files: None, promotion(judged_twice.spec).rest)
    registry.promote(forged, live.digest, rules, at=at, actor="run 1")
    assert registry.verify() == []

    found = again(judged_twice)

    assert found.same == 2
    assert found.other[0].startswith("event 4 (passed, 2024-02-19) ")


def test_a_verdict_that_code_made_up_and_promoted_is_named(judged_twice):
    world = judged_twice
    registry, live = world.registry, world.registry.live()
    last = [event for event in registry.history() if event.gate][-1]
    honest = registry.evidence(last)
    assert honest.decision is not Decision.PROMOTE
    forged = replace(
        honest,
        period="2024-02-19",
        findings=tuple(Finding(check, Outcome.PASS, "much better") for check in CHECKS),
        gate=replace(honest.gate, start="2024-02-18T00:00:00", end="2024-02-25T00:00:00"),
    )
    at = datetime(2024, 2, 26)
    registry.record(forged, at=at, actor="run 1")
    rules = promotion(world.spec)
    registry.promote(
        forged,
        live.digest,
        PromotionRules(world.spec.policy_sha256, lambda files: None, rules.rest),
        at=at,
        actor="run 1",
    )
    assert registry.verify() == [], "the registry holds no sign of it"

    found = again(world)

    assert found.same == 2
    (sentence,) = found.other
    assert sentence.startswith(
        "event 4 (passed, 2024-02-19) does not come out of the stored rows, versions and rules: "
    )


@pytest.mark.parametrize("days", [10, 4])
def test_a_window_that_was_chosen_is_named_before_anything_is_scored(judged_twice, days):
    """Rows on which the candidate happens to shine."""
    registry = judged_twice.registry
    last = registry.evidence([event for event in registry.history() if event.gate][-1])
    start, end = (datetime.fromisoformat(moment) + timedelta(days) for moment in (last.gate.start, last.gate.end))
    chosen = replace(last.gate, start=start.isoformat(), end=end.isoformat())
    registry.record(replace(last, period="2024-02-19", gate=chosen), at=datetime(2024, 2, 26), actor="run 1")

    found = again(judged_twice)

    assert found.same == 2
    (told,) = found.other
    assert f"it was judged on {start} to {end}, its rules ask for" in told


def test_rows_that_had_decided_another_attempt_are_named(judged_twice):
    registry = judged_twice.registry
    last = registry.evidence([event for event in registry.history() if event.gate][-1])
    forged = replace(last, findings=tuple(Finding(check, Outcome.PASS, "better") for check in CHECKS))
    registry.record(forged, at=datetime(2024, 2, 26), actor="run 1")

    found = again(judged_twice)

    assert found.same == 2
    assert "had decided the attempt of 2024-02-12 already" in found.other[0]


def test_changed_outcomes_show_in_the_verdict_that_they_decided(judged_twice):
    store = judged_twice.store
    week = judged_twice.weeks(7)[-1]
    outcomes = store.require_table("outcomes", week)
    at = outcomes.column_names.index(OUTCOME)
    store.write_table("outcomes", week, outcomes.set_column(at, OUTCOME, pa.array([1.0] * outcomes.num_rows)))

    found = again(judged_twice)

    assert found.same == 1
    (sentence,) = found.other
    assert "what comes out is" in sentence


class Forged(Registry):
    """The registry with another verdict where the last attempt's was."""

    def __init__(self, honest, change):
        super().__init__(honest.folder.parent, honest.model)
        self.last = [event for event in honest.history() if event.gate][-1]
        self.forged = change(honest.evidence(self.last))

    def evidence(self, event):
        return self.forged if event == self.last else super().evidence(event)


def in_evidence(recorded, **changes):
    return replace(recorded, evidence=recorded.evidence | changes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda one: replace(one, gate=replace(one.gate, rows=1)), r"it names 1 gate rows .* stored are [\d,]+ with"),
        (lambda one: replace(one, champion_digest="0" * 64), "it compares with 000000000000, live was "),
        (lambda one: replace(one, champion_digest=None), "it compares with no version, live was "),
        (
            lambda one: replace(one, findings=tuple(Finding(check, Outcome.PASS, "better") for check in CHECKS)),
            r"it says promote \(.*\), what comes out is reject \(",
        ),
        (
            lambda one: replace(one, findings=(replace(one.findings[0], rows=1), *one.findings[1:])),
            r"it says of \w+ '.*', what comes out is '",
        ),
        (lambda one: in_evidence(one, baseline={}), "its baseline differs. Either"),
        (lambda one: in_evidence(one, baseline={}, trained_until="2020-01-01"), "its baseline, trained_until differ."),
    ],
)
def test_what_a_forged_verdict_says_otherwise_than_the_rows_is_named(judged_twice, change, said):
    registry = Forged(judged_twice.registry, change)
    found = rejudge(
        registry, judged_twice.store, lambda verdict: gate_then(judged_twice.spec, registry, verdict), lambda _: None
    )
    assert found.same == 1
    (sentence,) = found.other
    assert re.search(said, sentence)


def test_rows_that_are_gone_are_the_reason(judged_twice):
    for asset in ("raw_data", "outcomes"):
        for path in (judged_twice.store.root / asset).glob(f"{judged_twice.weeks(7)[-1]}*"):
            path.unlink()
    found = again(judged_twice)
    assert found.same == 1
    (sentence,) = found.other
    assert "no row of 2024-02-12 00:00:00 to 2024-02-18 00:00:00 has an outcome yet. Either what is stored" in sentence


def test_a_verdict_of_the_live_version_that_cannot_be_reached_again_is_no_pass(judged_twice):
    registry = judged_twice.registry
    candidate = registry.verdict(registry.live()).candidate_digest
    for path in (registry.folder / "versions" / candidate).iterdir():
        path.unlink()
    found = again(judged_twice)
    assert found.other[0].startswith("event 1 (")
    assert "It put the live version in charge, which nothing stored vouches for then." in found.other[0]


def test_what_cannot_be_judged_again_says_why(judged_twice, monkeypatch):
    registry = judged_twice.registry
    candidate = [event for event in registry.history() if event.gate][-1].gate.candidate
    for path in (registry.folder / "versions" / candidate).iterdir():
        path.unlink()

    found = again(judged_twice)

    assert (found.same, found.other) == (1, ())
    assert found.unknown[0].startswith("event 3 (")
    assert "cannot be judged again: " in found.unknown[0]
