"""The bad deploy is made of real rides: nothing in a row is changed but its date, and no row stands twice."""

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from benchmarks.worlds.verdicts import fresh, promoted, rolled_back
from retrain_assets.cli.scenarios.bad_deploy import (
    FIRST,
    LAST,
    MODEL,
    SHIFT,
    TURN,
    bad_deploy,
    is_finished,
    left,
    prepare,
    scenario_home,
)
from retrain_assets.errors import RetrainError
from retrain_assets.registry.registry import Registry
from retrain_assets.spec.loading import SHIPPED, load_spec, load_specs
from retrain_assets.store import PeriodStore
from retrain_assets.validation.suite.cases import load_suite

SPEC = load_spec(SHIPPED / f"{MODEL}.yaml")


@pytest.fixture
def environment(monkeypatch):
    for name in ("RETRAIN_HOME", "RETRAIN_MODELS", "RETRAIN_SHIPPED", "DAGSTER_HOME"):
        monkeypatch.setenv(name, "")  # so that what the scenario sets is taken back


@pytest.fixture
def prepared(tmp_path, environment):
    folder = scenario_home(tmp_path, "bad-deploy")
    return folder, prepare(folder), load_specs()[MODEL]


def test_every_turned_row_is_a_real_ride_of_the_same_weekday_and_minute_52_weeks_before(prepared):
    _, turned, spec = prepared
    rows = pq.read_table(spec.source.features.path)
    shipped = pq.read_table(SPEC.source.features.path)
    at = pc.index_in(rows["trip_id"], value_set=shipped["trip_id"].combine_chunks())
    real = shipped.take(at)
    assert rows.drop_columns(["pickup_at"]).equals(real.drop_columns(["pickup_at"]))
    distance = pc.subtract(rows["pickup_at"], real["pickup_at"])
    assert set(pc.unique(distance).to_pylist()) == {timedelta(0), SHIFT}
    turn = spec.period.bounds(TURN)[0]
    assert pc.equal(
        pc.greater_equal(rows["pickup_at"], pa.scalar(turn)), pc.equal(distance, pa.scalar(SHIFT))
    ).to_pylist()
    assert (turned.real + turned.moved, turned.moved) == (rows.num_rows, pc.sum(pc.equal(distance, SHIFT)).as_py())


def test_no_ride_stands_in_both_worlds(prepared):
    rows = pq.read_table(prepared[2].source.features.path)
    assert pc.count_distinct(rows["trip_id"]).as_py() == rows.num_rows


def test_the_turned_rides_are_from_before_the_surcharge_and_fill_every_period(prepared):
    _, turned, spec = prepared
    assert turned.last < SPEC.period.bounds("2019-02")[0]
    rows = pq.read_table(spec.source.features.path)
    months = set(pc.unique(pc.strftime(rows["pickup_at"], "%Y-%m")).to_pylist())
    assert months == set(spec.period.between(FIRST, LAST))


def test_only_the_calendar_the_data_and_the_suite_differ_from_the_shipped_spec(prepared):
    spec = prepared[2]
    differ = {name for name in type(spec).model_fields if getattr(spec, name) != getattr(SPEC, name)}
    assert differ == {"period", "source", "validation"}
    rules = [s.validation.model_dump(exclude={"regression_suite": {"path"}}) for s in (spec, SPEC)]
    assert rules[0] == rules[1]
    suites = [load_suite(Path(s.validation.regression_suite.path)) for s in (spec, SPEC)]
    assert set(suites[0]) < set(suites[1])


def test_a_finished_scenario_is_not_played_again_and_nothing_of_it_is_touched(tmp_path):
    folder = scenario_home(tmp_path, "bad-deploy")
    finished = fresh(folder / "registry")
    promoted(finished, [0, 1])
    rolled_back(finished, 2)
    (folder / "registry" / finished.model).rename(folder / "registry" / MODEL)
    with pytest.raises(RetrainError, match=f"holds a finished scenario.*RETRAIN_HOME={folder} .* retrain dev"):
        bad_deploy(tmp_path)
    assert [path.name for path in folder.iterdir()] == ["registry"]


def test_a_scenario_that_was_interrupted_is_not_finished_and_goes_on_where_it_was(prepared):
    folder, _, spec = prepared
    store, registry = PeriodStore(folder / "data" / MODEL), Registry(folder / "registry", MODEL)
    assert left(spec, store) == spec.period.between(FIRST, LAST)
    registry.add({"model.bst": b"a candidate"})
    for period in ("2018-09", "2018-10", "2018-11", "2018-12"):
        store.write_json("performance_report", period, {})
    assert not is_finished(registry)
    assert left(spec, store) == spec.period.between("2018-12", LAST)


@pytest.mark.usefixtures("environment", "pictures")
def test_the_bad_deploy_is_promoted_on_evidence_and_withdrawn_by_probation(tmp_path, capsys):
    bad_deploy(tmp_path)
    events = Registry(scenario_home(tmp_path, "bad-deploy") / "registry", MODEL).history()
    deployed, withdrawn = events[-2:]
    assert (deployed.action, withdrawn.action) == ("promoted", "rolled_back")
    assert withdrawn.actor.startswith("probation")
    assert (deployed.period, withdrawn.period) == (SPEC.period.shift(TURN, -1), TURN)
    assert f"{MODEL}: {withdrawn.from_version} was rolled back to {withdrawn.to_version}" in capsys.readouterr().out
