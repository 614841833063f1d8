"""What the code location shows: a committed list of names, what every asset says of itself, how little it imports."""

import os
import re
import subprocess
import sys
from datetime import datetime
from functools import cache
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
import pytest

from benchmarks.worlds.parcels import SPEC
from retrain_assets.dagster_glue.resources import Clock, Home
from retrain_assets.definitions import bound
from retrain_assets.errors import SpecError
from retrain_assets.pipeline import build_model_defs
from retrain_assets.spec.loading import SHIPPED, load_specs
from retrain_assets.validation.checks import QUESTIONS
from retrain_assets.validation.suite.cases import load_suite
from retrain_assets_tests.specs import written

NAMES = Path(__file__).with_name("definition_names.txt")
HEAVY = (
    "lightgbm", "sklearn", "fairlearn", "matplotlib", "pandas", "scipy", "pyarrow", "apprise", "dagster_webserver",
)  # fmt: skip
SPECS = load_specs([SHIPPED])


@pytest.fixture(scope="module")
def defs():
    """The shipped models' definitions, whatever the environment names besides."""
    resources = {"home": Home(path="unused"), "clock": Clock()}
    return dg.Definitions.merge(*(build_model_defs(spec, resources) for spec in SPECS.values()))


def names(defs):
    """Every name a person or a program may have written down, in one sorted list."""
    graph = defs.resolve_asset_graph()
    repository = defs.get_repository_def()
    listed = [f"asset {key.to_user_string()}" for key in graph.get_all_asset_keys()]
    listed += [f"check {key.asset_key.to_user_string()} {key.name}" for key in graph.asset_check_keys]
    listed += [f"job {job.name}" for job in repository.get_all_jobs() if not job.name.startswith("__")]
    listed += [f"sensor {sensor.name}" for sensor in repository.sensor_defs]
    listed += [f"schedule {schedule.name}" for schedule in repository.schedule_defs]
    return sorted(listed)


def test_every_name_is_the_one_that_is_written_down(defs):
    assert names(defs) == NAMES.read_text().splitlines()


def test_the_definitions_can_be_loaded(defs):
    dg.Definitions.validate_loadable(defs)


def test_every_asset_says_what_it_is_who_owns_it_and_what_it_is_made_with(defs):
    graph = defs.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node, (model, _) = graph.get(key), key.path
        assert len(node.description) > 60, key
        assert list(node.owners) == list(SPECS[model].owners), key
        assert node.kinds, key
        assert node.group_name == model, key
        assert node.partitions_def.get_partition_keys(current_time=datetime(2030, 1, 1))[0] == SPECS[model].period.first


def test_every_check_and_job_and_sensor_says_what_it_does(defs):
    repository = defs.get_repository_def()
    graph = defs.resolve_asset_graph()
    specs = [graph.get_check_spec(key) for key in graph.asset_check_keys]
    assert len(specs) == 3 * (6 + 4)
    assert all(spec.description for spec in specs)
    blocking = {spec.name for spec in specs if spec.blocking}  # a contract break is a fault, a refusal is none
    assert {spec.name for spec in specs if not spec.blocking} == set(QUESTIONS)
    assert not blocking & set(QUESTIONS)
    jobs = [job for job in repository.get_all_jobs() if not job.name.startswith("__")]
    assert all(job.description for job in jobs)
    assert all("dagster/max_runtime_seconds" in job.tags for job in jobs)
    assert all(sensor.description for sensor in repository.sensor_defs)


def test_every_sensor_runs_by_default(defs):
    sensors = defs.get_repository_def().sensor_defs
    assert {sensor.default_status for sensor in sensors} == {dg.DefaultSensorStatus.RUNNING}


def test_loading_imports_nothing_that_only_a_run_needs():
    code = (
        "import sys, retrain_assets.definitions\n"
        f"print(*sorted({{name.split('.')[0] for name in sys.modules}} & set({HEAVY!r})))"
    )
    environment = {name: value for name, value in os.environ.items() if name not in ("RETRAIN_MODELS", "PYTHONPATH")}
    root = str(Path(__file__).parent.parent)
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, env=environment, check=True
    )
    assert loaded.stdout.split() == []


# ---- the shipped suites


@cache
def known(name):
    """Every shipped row with its outcome, by its key as text."""
    source = SPECS[name].source
    rows = pq.read_table(source.features.path).to_pandas()
    if source.outcomes:
        outcomes = pq.read_table(source.outcomes.path).to_pandas()
        columns = [column for column in outcomes if column == source.key or column not in rows]
        rows = rows.merge(outcomes[columns], on=source.key, how="left")
    return rows.set_index(rows[source.key].astype(str))


def night(row):
    return not 6 * 60 <= row.minute_of_day < 20 * 60


def surcharged(row):
    """The state's congestion surcharge is in force since 2 February 2019."""
    return row.pickup_at >= datetime(2019, 2, 2)


IN_WORDS = {
    "taxi_charge": {
        "Kennedy flat fare": lambda row: row.rate_code == 2 and row.dropoff_zone == 132 and row.charge_usd > 52,
        "tunnel toll": lambda row: row.charge_usd > 52 + 5.76,
        "to LaGuardia": lambda row: row.dropoff_zone == 138 and row.pickup_borough == "Manhattan",
        "Shortest ordinary": lambda row: row.distance_mi < 1 and row.charge_usd < 10,
        "by the meter": lambda row: row.rate_code == 1,
        "Kennedy to": lambda row: row.pickup_zone == 132,
        "to Newark": lambda row: row.rate_code == 3 and row.charge_usd > 100,
        "LaGuardia to": lambda row: row.pickup_zone == 138,
        "to Brooklyn": lambda row: row.dropoff_borough == "Brooklyn",
        "to the Bronx": lambda row: row.dropoff_borough == "Bronx",
        "Manhattan to": lambda row: row.pickup_borough == "Manhattan",
        "at night": night,
        "Night surcharge": night,
        "by day": lambda row: not night(row),
        "at noon": lambda row: row.minute_of_day // 60 == 12,
        "before dawn": lambda row: row.minute_of_day < 7 * 60,
        "New Year's Day": lambda row: (row.pickup_at.month, row.pickup_at.day) == (1, 1),
        "rush hour": lambda row: 16 <= row.minute_of_day // 60 < 20 and row.dow <= 5,
        "no surcharge": lambda row: not surcharged(row),
        "congestion surcharge": surcharged,
        "with the surcharge": surcharged,
        "both surcharges": lambda row: surcharged(row) and night(row),
    },
    "flight_delays": {
        "clear weather": lambda row: row.late == 0 and row.wx_visib_mi == 10,
        "First": lambda row: row.dep_minute == 6 * 60,
        "Early": lambda row: row.dep_minute < 7 * 60,
        "Fog": lambda row: row.late == 1 and row.wx_visib_mi < 0.5,
        "three and a half hours late": lambda row: 200 <= row.arr_delay_min <= 225,
        "four and a half hours late": lambda row: 260 <= row.arr_delay_min <= 285,
        "cancelled": lambda row: row.status == "cancelled",
        "Kennedy": lambda row: row.origin == "JFK",
        "Newark": lambda row: row.origin == "EWR",
        "to Detroit": lambda row: row.dest == "DTW",
        "to Washington": lambda row: row.dest == "DCA",
    },
    "employment": {
        "with a degree": lambda row: row.schooling >= 21 and row.employed == 1,
        "at work": lambda row: row.employed == 1,
        "a disability": lambda row: row.disability == "yes",
        "in an institution": lambda row: row.relationship == 16 and row.employed == 0,
        "at school": lambda row: row.employed == 0 and row.schooling < 16,
        "black": lambda row: row.race == "black",
        "householder's spouse": lambda row: row.relationship == 1,
        "Aged 8": lambda row: row.employed == 0,
    },
}
"""What the reasons of the suites claim, in terms of the data (codes of the data card and of TLC's and ACS's lists)."""

CASES = [
    (name, case) for name, spec in SPECS.items() for case in load_suite(Path(spec.validation.regression_suite.path))
]


@pytest.mark.parametrize("name", SPECS)
def test_every_shipped_case_is_a_row_of_its_period_added_after_its_outcome_was_known(name):
    spec, rows = SPECS[name], known(name)
    for case in (case for of, case in CASES if of == name):
        row = rows.loc[case.id]
        happened = row[spec.source.time].to_pydatetime().replace(tzinfo=None)
        start, end = spec.period.bounds(case.period)
        assert start <= happened < end, case.id
        arrived = row[spec.source.known_at] if spec.source.known_at else happened + spec.source.label_delay
        assert arrived <= datetime.combine(case.added, datetime.min.time()), case.id
        assert case.expires is None or case.expires > case.added, case.id


@pytest.mark.parametrize("name", SPECS)
def test_the_row_of_every_shipped_case_is_what_its_reason_says(name):
    for case in (case for of, case in CASES if of == name):
        claims = {words: holds for words, holds in IN_WORDS[name].items() if words in case.reason}
        if age := re.search(r"Aged (\d+)", case.reason):
            claims["age"] = lambda row, age=int(age[1]): row.age == age
        assert claims, f"nothing in {case.reason!r} is checked: add its words to IN_WORDS"
        row = known(name).loc[case.id]
        assert [words for words, holds in claims.items() if not holds(row)] == [], case.id


def test_every_shipped_suite_has_critical_cases_in_force_in_every_period():
    for name, spec in SPECS.items():
        cases = [case for known_name, case in CASES if known_name == name]
        first = max(case.added for case in cases if case.period == min(case.period for case in cases))
        for period in spec.period.ended_by(spec.period.end):
            day = spec.period.bounds(period)[1].date()
            alive = [case for case in cases if case.added <= day and not case.expired(day)]
            assert day < first or any(case.severity == "critical" for case in alive), (name, period)


def test_a_broken_spec_is_an_asset_that_says_what_to_mend_and_the_other_models_stay(spec_folder, monkeypatch):
    written(spec_folder, SPEC)
    (spec_folder / "other.yaml").write_text("name: other\nwindows: {gate_period: 2}\n")
    monkeypatch.setenv("RETRAIN_MODELS", str(spec_folder))
    monkeypatch.setenv("RETRAIN_SHIPPED", "0")
    graph = bound().resolve_asset_graph()
    assert {key.path[0] for key in graph.get_all_asset_keys()} == {"delivery", "other"}
    broken = graph.get(dg.AssetKey(["other", "broken_spec"]))
    assert "other.yaml:2: windows.gate_period: unknown key" in broken.description
    assert not broken.is_materializable


def test_nothing_is_loaded_where_every_spec_is_broken(spec_folder, monkeypatch):
    (spec_folder / "other.yaml").write_text("name: 7\n")
    monkeypatch.setenv("RETRAIN_MODELS", str(spec_folder))
    monkeypatch.setenv("RETRAIN_SHIPPED", "0")
    with pytest.raises(SpecError, match="other.yaml:1: name: 7 is not a text"):
        bound()


def test_a_replay_has_its_own_clock(monkeypatch, tmp_path):
    monkeypatch.setenv("RETRAIN_HOME", str(tmp_path))
    defs = bound("2024-03-01T12:00:00")
    assert defs.resources["clock"].now() == datetime(2024, 3, 1, 12)
