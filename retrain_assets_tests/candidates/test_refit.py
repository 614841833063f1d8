"""A candidate that passed may be promoted refitted: only by the verdict that names it, only while it agrees."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import dagster as dg
import numpy as np
import pytest
import yaml

from benchmarks.worlds.parcels import SPEC, World, failure_of, make_world, open_world, rows_of
from retrain_assets.candidates.boosting.model_average import average_models
from retrain_assets.candidates.origin_losses import OriginLosses
from retrain_assets.candidates.refit import refit
from retrain_assets.candidates.strategies import HeldRows, train_strategy
from retrain_assets.candidates.strategy_choice import average_of
from retrain_assets.candidates.strategy_record import read_strategy
from retrain_assets.errors import DataError, NotEnoughData
from retrain_assets.model import PeriodAccess
from retrain_assets.monitoring.triggers.evidence import trained_until
from retrain_assets.pipeline import training
from retrain_assets.registry.training_record import TrainingRecord
from retrain_assets.scoring.trained_scorer import TrainedScorer
from retrain_assets.store import LABEL
from retrain_assets.verdict import Verdict
from retrain_assets.windows.cut import Span, Windows
from retrain_assets.windows.manifest import read_manifest
from retrain_assets.windows.rows import load_window
from retrain_assets_tests.past_worlds import undrawn

THREE = ["recent", "history", "average"]


def knobs(tolerance: float) -> dict[str, object]:
    return SPEC["training"] | {"strategies": THREE, "refit": True, "agreement": {"tolerance": tolerance}}


@pytest.fixture(scope="module")
def monitored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose first five weeks are monitored, with no model yet."""
    folder = tmp_path_factory.mktemp("monitored") / "world"
    with dg.DagsterInstance.ephemeral() as instance, undrawn():
        world = make_world(folder, rows_of(5), instance, training=knobs(5.0))
        world.monitor(world.weeks(5))
    return folder


def bootstrapped(monitored: Path, folder: Path, tolerance: float) -> World:
    """A copy of that folder after its first retrain, under another tolerance."""
    shutil.copytree(monitored, folder)
    spec = yaml.safe_load((folder / "delivery.yaml").read_text())
    (folder / "delivery.yaml").write_text(yaml.safe_dump(spec | {"training": knobs(tolerance)}))
    with dg.DagsterInstance.ephemeral() as instance, undrawn():
        world = open_world(folder, instance)
        result = world.run("retrain", world.weeks(5)[-1])
        assert result.success, failure_of(result)
    return world


@pytest.fixture(scope="module")
def agreed(monitored: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    return bootstrapped(monitored, tmp_path_factory.mktemp("agreed") / "world", 5.0)


@pytest.fixture(scope="module")
def disagreed(monitored: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    return bootstrapped(monitored, tmp_path_factory.mktemp("disagreed") / "world", 1e-9)


def verdict_of(world: World) -> Verdict:
    return Verdict.from_dict(world.store.read_json("validation_report", world.weeks(5)[-1]))


def record_of(world: World, digest: str) -> TrainingRecord:
    return TrainingRecord.from_files(world.registry.read(digest))


def access_of(world: World) -> PeriodAccess:
    return PeriodAccess(world.store, world.registry, world.weeks(5)[-1])


def windows_of(world: World) -> Windows:
    return read_manifest(world.store, world.weeks(5)[-1]).windows


def test_the_refitted_model_is_live_and_both_digests_are_in_the_journal(agreed: World) -> None:
    verdict, event = verdict_of(agreed), agreed.registry.history()[-1]
    assert verdict.refit.allowed
    assert event.to_digest == agreed.registry.live().digest == verdict.refit.digest
    attempt = agreed.registry.history()[-2]
    assert attempt.action == "passed"
    assert attempt.gate.candidate == verdict.candidate_digest != verdict.refit.digest
    assert f"refitted on all before {verdict.refit.trained_until[:10]}" in event.reason
    assert agreed.registry.evidence(event) == verdict
    assert record_of(agreed, verdict.refit.digest).refit_of == verdict.candidate_digest
    assert agreed.registry.verify() == []


def test_the_refitted_model_saw_the_gate_and_the_next_gate_must_begin_after_it(agreed: World) -> None:
    gate, verdict = windows_of(agreed).gate, verdict_of(agreed)
    assert trained_until(agreed.registry) == gate.end
    assert record_of(agreed, verdict.candidate_digest).end == gate.start
    assert record_of(agreed, verdict.refit.digest).end == gate.end
    assert gate.periods[-1] in record_of(agreed, verdict.refit.digest).periods


def test_the_refitted_model_is_the_same_strategy_on_the_same_window_and_the_gates_rows(agreed: World) -> None:
    """Trained here by hand, from rows read without the pipeline's own loading of a retrain."""
    week = agreed.weeks(5)[-1]
    windows, verdict = windows_of(agreed), verdict_of(agreed)
    work, tested = training(agreed.spec), record_of(agreed, verdict.candidate_digest)
    first, by_hand = str(rows_of(5).iloc[0].id), {}
    for strategy, part in (tested.parts or {tested.strategy: tested}).items():
        span = Span(tuple(agreed.store.periods("raw_data")), getattr(windows, strategy).start, windows.gate.end)
        rows = load_window(agreed.store, work.model, span, ["distance", "weight", "vehicle"], week, [first])
        recipe = work.recipe
        made = train_strategy(HeldRows(rows, recipe), span, strategy, part.rounds, recipe)
        by_hand[strategy] = (made.model, made.contract)
    models = list(by_hand.values())
    expected = average_models(*models[0], *models[1])[0] if len(models) > 1 else models[0][0]
    assert agreed.registry.read(verdict.refit.digest)["model.bst"] == expected
    assert refit(work, access_of(agreed), verdict.candidate_digest) == verdict.refit.digest
    assert record_of(agreed, verdict.refit.digest).rounds == tested.rounds


def test_a_model_that_disagrees_is_refused_and_the_tested_candidate_is_promoted(disagreed: World) -> None:
    verdict, event = verdict_of(disagreed), disagreed.registry.history()[-1]
    assert not verdict.refit.allowed
    assert event.to_digest == verdict.candidate_digest == disagreed.registry.live().digest
    assert "not refitted, the tested candidate itself stands (agreement: scores of" in event.reason
    assert verdict.refit.digest != verdict.candidate_digest
    assert trained_until(disagreed.registry) == windows_of(disagreed).gate.start
    assert disagreed.registry.verify() == []


def test_the_average_is_refitted_in_both_parts(agreed: World) -> None:
    week, work = agreed.weeks(5)[-1], training(agreed.spec)
    recent, history = (read_strategy(agreed.store, name, week).trained for name in ("recent", "history"))
    merger = average_of({"recent": recent, "history": history})
    record = work.training_record(merger, week, 1.0)
    tested = agreed.registry.add(work.version_files(access_of(agreed), merger, record, OriginLosses("mae", ())))
    again = refit(work, access_of(agreed), tested)
    gate = windows_of(agreed).gate
    rows = load_window(agreed.store, work.model, gate, ["distance", "weight", "vehicle"], week)
    one, other = (TrainedScorer.from_files(agreed.registry.read(digest)) for digest in (tested, again))
    assert {part.trained_until for part in other.training.parts.values()} == {gate.end.isoformat()}
    assert other.training.rounds == one.training.rounds == one.booster.num_trees() == other.booster.num_trees()
    assert 0 < np.abs(one.scores(rows) - other.scores(rows)).mean() < 5
    label = rows[LABEL].to_numpy()
    assert np.abs(other.scores(rows) - label).mean() < np.abs(one.scores(rows) - label).mean()


def test_an_average_whose_rehearsals_were_not_kept_is_asked_for_again(agreed: World) -> None:
    """As after `average` was declared between a strategy's training and the choice."""
    week, work = agreed.weeks(5)[-1], training(agreed.spec)
    path = agreed.store.path("candidate_recent", week)
    scores = path.read_bytes()
    path.unlink()
    try:
        with pytest.raises(NotEnoughData, match="no rehearsal scores of candidate_recent, which the average needs"):
            work.choose(access_of(agreed))
    finally:
        path.write_bytes(scores)


def test_a_candidate_trained_by_other_rules_is_not_refitted(agreed: World) -> None:
    work = training(agreed.spec)
    other = replace(work, policy=work.policy.model_copy(update={"num_leaves": 3}))
    with pytest.raises(DataError, match="was trained by other rules than the spec's present training"):
        refit(other, access_of(agreed), verdict_of(agreed).candidate_digest)


def test_a_verdict_survives_its_record_with_and_without_a_refit(agreed: World) -> None:
    verdict = verdict_of(agreed)
    assert Verdict.from_json(verdict.to_json()) == verdict
    plain = replace(verdict, refit=None)
    assert "refit" not in plain.to_dict()
    assert Verdict.from_json(plain.to_json()) == plain
    assert plain.promotes == plain.candidate_digest
