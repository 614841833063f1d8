from dataclasses import replace

import dagster as dg
import pytest

from benchmarks.worlds.parcels import SPEC, failure_of
from retrain_assets.backtest.matrix.evaluation_matrix import MatrixBuild
from retrain_assets.backtest.record import read_backtest, write_backtest
from retrain_assets.monitoring.records.forgone_record import read_forgone
from retrain_assets.pipeline import watch
from retrain_assets_tests.monitoring.test_sensors import tick

WINDOWS = {
    "recent": "2w",
    "half_life": "4w",
    "gate": "1w",
    "min_train": "2w",
    "selection": "1w",
    "selection_origins": 1,
}
TRAINING = SPEC["training"] | {"max_rounds": 10, "num_leaves": 7, "early_stopping_rounds": 3}


@pytest.fixture
def monitored(world_after, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0})  # no process is started for a second of work
    model = world_after(6, retrained=(), weeks=8, slower_from=4, windows=WINDOWS, training=TRAINING)
    return model, model.weeks(8)


def page_of(model):
    """What the asset's page shows."""
    event = model.instance.get_latest_materialization_event(dg.AssetKey([model.spec.name, "policy_backtest"]))
    return event.asset_materialization.metadata if event else None


def test_it_is_off_until_the_first_backtest_and_then_kept_up_by_the_fits_of_one_week(monitored):
    model, weeks = monitored
    assert page_of(model) is None
    result = model.run("backtest", weeks[5])
    assert result.success, failure_of(result)
    first = read_backtest(model.store)
    assert (first.period, first.fits) == (weeks[5], 6)
    page = page_of(model)
    assert page["summary"].value.startswith("**")
    assert "data:image/png" in page["trade_off"].value
    assert "data:image/png" in page["over_time"].value
    model.monitor(weeks[6:7])
    second = read_backtest(model.store)
    assert (second.period, second.fits, second.known_fits) == (weeks[6], 2, 6)


def test_a_backfill_shares_the_work(monitored):
    model, weeks = monitored
    for week in weeks[1:5]:
        assert model.run("backtest", week).success
    assert read_backtest(model.store) is None
    assert model.run("backtest", weeks[5]).success
    record = read_backtest(model.store)
    assert record.fits == 0
    assert record.known_fits == 6


def test_what_is_forgone_is_measured_against_the_live_model_and_asks(world, monkeypatch):
    """The world changes after the fifth week; the live model keeps a loose promise, fresh ones learn the new world."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0})
    triggers = SPEC["triggers"] | {"on_excess_loss": False, "on_forgone_gain": 0.8, "min_new_rows": 1}
    model = world(10, 5, windows=WINDOWS, training=TRAINING, triggers=triggers)
    weeks = model.weeks(10)
    model.monitor(weeks[:4])
    assert model.run("retrain", weeks[3]).success
    model.monitor(weeks[4:9])
    watch_ = watch(model.spec)
    assert "begins to measure it" in watch_.decide(model.store, model.registry, weeks[8]).reason
    seen = tick(model, "retrain_trigger").cursor
    built, build = [], MatrixBuild.build
    monkeypatch.setattr(MatrixBuild, "build", lambda own: built.append(1) or build(own))
    assert tick(model, "retrain_trigger", cursor=seen).skip_message == "no new performance report"
    assert model.run("backtest", weeks[8]).success
    assert built == [1], "one matrix serves the record and the trigger"
    known = read_forgone(model.store, weeks[8])
    assert known.version == model.registry.live().name
    assert known.total > known.low > 1000
    decision = watch_.decide(model.store, model.registry, weeks[8])
    assert decision.kind == "forgone_gain"
    (asked,) = tick(model, "retrain_trigger", cursor=seen).run_requests
    assert (asked.partition_key, asked.tags["retrain/trigger"]) == (weeks[8], "forgone_gain")
    assert decision.reason.startswith("models aged ")


def test_a_history_that_is_too_short_ends_the_job_with_the_reason(world):
    model = world(3, windows=WINDOWS, training=TRAINING)
    model.monitor(model.weeks(2))
    result = model.run("backtest", model.weeks(2)[-1])
    assert not result.success
    assert "is too short to replay" in failure_of(result)


def test_a_period_that_the_backtest_knows_already_is_not_replayed_again(monitored):
    model, weeks = monitored
    assert model.run("backtest", weeks[5]).success
    record = read_backtest(model.store)
    write_backtest(model.store, replace(record, period=weeks[7]))
    model.monitor(weeks[6:7])
    assert model.store.periods("policy_backtest", "json") == [weeks[5], weeks[7]]
