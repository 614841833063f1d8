"""Harvesting hard cases from real versions: which rows are proposed, and which never are."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml

from benchmarks.worlds.parcels import SPEC, make_world, rows_of
from retrain_assets.errors import NotFound
from retrain_assets.pipeline import harvest
from retrain_assets.scoring.scorer import Scorer
from retrain_assets.validation.suite.proposals import Mistakes, Proposal, answer_words, forget, keep, proposals
from retrain_assets_tests.validation.suite.mistakes import mistakes

RATES = {
    "primary": "log_loss",
    "guardrails": [{"metric": "auc", "margin": 0.1}],
    "floors": [{"metric": "auc", "at_least": 0.6}],
    "fairness": {
        "groups": ["district"],
        "metrics": ["tpr"],
        "margin": 0.2,
        "floors": [{"metric": "tpr", "at_least": 0.2}],
    },
}
LATE = {
    "task": "binary",
    "training": SPEC["training"] | {"objective": "binary"},
    "validation": SPEC["validation"] | RATES | {"regression_suite": {"path": "delivery.suite.yaml"}},
}


def test_the_largest_errors_of_the_served_weeks_are_proposed_worst_first(slow):
    found = harvest(slow.spec).harvest(slow.store, slow.registry, limit=5)
    known = mistakes(slow, "v1", slow.weeks(7)[5:])
    arrived = set(slow.store.read_table("outcomes", slow.weeks(7)).to_pandas().id.astype(str))
    expected = known[known.id.isin(arrived)].head(5)
    assert [proposal.id for proposal in found] == list(expected.id)
    assert [proposal.loss for proposal in found] == pytest.approx(list(expected.error))
    assert {proposal.version for proposal in found} == {"v1"}
    assert {proposal.reason for proposal in found} == {"one of the worst mistakes of v1"}
    assert proposals(slow.store) == sorted(found, key=lambda proposal: proposal.period)


def strict(world, tolerance):
    """The world's rules with another tolerance."""
    suite = world.spec.validation.regression_suite.model_copy(update={"tolerance": tolerance})
    return world.spec.validation.model_copy(update={"regression_suite": suite})


def test_only_rows_beyond_the_tolerance_are_mistakes(slow):
    patient = replace(harvest(slow.spec), policy=strict(slow, 1000.0))
    assert patient.harvest(slow.store, slow.registry, limit=5) == []
    assert proposals(slow.store) == []


def test_rows_that_trained_the_version_or_stand_in_the_suite_are_not_proposed(slow):
    weeks = slow.weeks(7)
    digest = slow.registry.live().digest
    worst = harvest(slow.spec).propose(slow.store, slow.registry, Mistakes(digest, weeks, "all"), 1000)
    assert {proposal.period for proposal in worst} <= set(weeks[4:])  # trained on the four weeks before its gate week
    first = worst[0]
    case = {"id": first.id, "period": first.period, "owner": "team:tests", "severity": "normal", "reason": "known"}
    path = slow.folder / "delivery.suite.yaml"
    entries = yaml.safe_load(path.read_text())["cases"]
    path.write_text(yaml.safe_dump({"cases": [*entries, case | {"added": pd.Timestamp("2024-02-12").date()}]}))
    again = harvest(slow.spec).propose(slow.store, slow.registry, Mistakes(digest, weeks, "all"), 1000)
    assert [proposal.id for proposal in again] == [proposal.id for proposal in worst[1:]]


def test_a_live_version_that_has_served_nothing_yet_is_asked_about_its_gate_rows(slow):
    decided = slow.registry.live().period
    for week in slow.weeks(7)[5:]:
        slow.store.path("outcomes", week).unlink()
    found = replace(harvest(slow.spec), policy=strict(slow, 5.0)).harvest(slow.store, slow.registry, limit=3)
    assert {proposal.period for proposal in found} == {decided}
    assert len(found) == 3


def test_after_a_rollback_the_rows_that_only_the_withdrawn_version_got_wrong_are_proposed(tmp_path, instance):
    rows = rows_of(10, slower_from=5)
    rows.loc[rows["at"] >= pd.Timestamp("2024-02-26"), "minutes"] -= 30  # from the ninth week on as in the beginning
    tight = SPEC["validation"] | {"regression_suite": {"path": "delivery.suite.yaml", "tolerance": 25}}
    built = make_world(tmp_path, rows, instance, validation=tight)
    built.bootstrapped()
    weeks = built.weeks(10)
    built.monitor(weeks[5:8])
    assert built.run("retrain", weeks[7]).success
    built.monitor(weeks[8:])
    ops = {"delivery__roll_back": {"config": {"reason": "too slow", "expected_live": "v2"}}}
    assert built.run("rollback", None, run_config={"ops": ops}).success
    withdrawn, restored = built.registry.versions()[1], built.registry.live()

    found = harvest(built.spec).harvest(built.store, built.registry, limit=6)

    rollback = built.registry.history()[-1]
    alone = harvest(built.spec).after_rollback(built.store, built.registry, rollback, limit=6)
    with pytest.raises(NotFound, match=r"event 1 \(passed\) withdrew no version"):
        harvest(built.spec).after_rollback(built.store, built.registry, built.registry.history()[0], limit=6)
    mine = [proposal for proposal in found if proposal.version == withdrawn.name]
    assert {proposal.reason for proposal in mine} == {f"wrong under v2, rolled back in {weeks[9]}"}
    assert (len(mine), alone) == (6, mine)
    features = rows.set_index(rows.id.astype(str))
    before = Scorer.from_files(built.registry.read(restored.digest))
    after = Scorer.from_files(built.registry.read(withdrawn.digest))
    served = built.store.read_table("raw_data", weeks[8:])
    outcomes = set(built.store.read_table("outcomes", weeks).to_pandas().id.astype(str))
    ids = served["id"].cast("string").to_pylist()
    errors = pd.DataFrame(
        {name: np.abs(scorer.scores(served) - features.minutes[ids].to_numpy()) for name, scorer in
         (("before", before), ("after", after))}, ids
    )  # fmt: skip
    errors = errors[errors.index.isin(outcomes) & (errors.after > 20) & (errors.before <= 20)]
    lost = (errors.after - errors.before).sort_values(ascending=False)
    assert [proposal.id for proposal in mine] == list(lost.index[:6])
    assert [proposal.id for proposal in mine] != list(errors.after.sort_values(ascending=False).index[:6])


def test_a_limit_below_one_is_refused(slow):
    with pytest.raises(ValueError, match="limit is 0: ask for 1 proposal or more"):
        harvest(slow.spec).propose(slow.store, slow.registry, Mistakes(slow.registry.live().digest, [], "x"), 0)


def test_a_period_that_is_not_stored_gives_nothing(slow):
    digest = slow.registry.live().digest
    assert harvest(slow.spec).propose(slow.store, slow.registry, Mistakes(digest, ["2024-06-10"], "x"), 5) == []


def test_of_a_classifier_the_surest_wrong_answers_come_first(tmp_path, instance):
    rows = rows_of(7)
    rows["minutes"] = (rows.minutes > 60).astype(float)
    flipped = rows.iloc[1:].sample(300, random_state=3).index
    rows.loc[flipped, "minutes"] = 1 - rows.loc[flipped, "minutes"]
    built = make_world(tmp_path, rows, instance, **LATE)
    built.bootstrapped()
    week = built.weeks(6)[-1]
    built.monitor(built.weeks(7)[5:])
    found = harvest(built.spec).harvest(built.store, built.registry, limit=8, period=week)
    scored = built.store.read_table("predictions", [week]).to_pandas().set_index("id").score
    label = rows.set_index("id").minutes.loc[scored.index]
    sure = np.where(label == 1, scored, 1 - scored)  # the probability of what happened
    wrong = pd.Series(sure, scored.index)[(scored >= 0.5) != (label == 1)]
    expected = wrong.sort_values().head(8)
    assert [wrong[int(proposal.id)] for proposal in found] == list(expected)  # rows of one leaf tie
    assert [proposal.loss for proposal in found] == pytest.approx(list(-np.log(expected)))
    assert all(proposal.said.startswith(f"{1 - int(proposal.label)} (probability 0.") for proposal in found)


# ---- what waits


def proposal(row, period="2024-02-05", **changes):
    return Proposal(**{"id": row, "period": period, "version": "v1", "label": "1", "said": "0", "loss": 2.5,
                       "reason": "x"} | changes)  # fmt: skip


def test_proposals_wait_until_one_is_taken_and_a_newer_one_of_a_row_replaces_it(world):
    store = world().store
    keep(store, [proposal("a"), proposal("b", "2024-02-12", loss=None)])
    keep(store, [proposal("a", reason="again"), proposal("c")])
    assert [(each.id, each.reason) for each in proposals(store)] == [("a", "again"), ("c", "x"), ("b", "x")]
    forget(store, "a")
    forget(store, "never proposed")
    assert [each.id for each in proposals(store)] == ["c", "b"]


def test_what_a_model_of_several_classes_said_names_the_class():
    assert answer_words("multiclass", 0.5, np.array([0.2, 0.7, 0.1])) == "1 (probability 0.7)"
    assert answer_words("binary", 0.3, 0.31) == "1 (probability 0.31)"
    assert answer_words("binary", 0.3, 0.2) == "0 (probability 0.8)"
