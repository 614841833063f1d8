"""The drift record of a stored period: what is broken in it is one named finding each, and the report goes on."""

import json
from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from retrain_assets.model import PeriodAccess
from retrain_assets.monitoring.drift.domain_classifier import JOINT
from retrain_assets.monitoring.drift_step import drift_step
from retrain_assets.monitoring.pages.page import monitoring_words as words
from retrain_assets.monitoring.policy import DriftPolicy
from retrain_assets.monitoring.profiles.files import reference_files
from retrain_assets.monitoring.profiles.profile import reference_profiles
from retrain_assets.monitoring.records.drift_record import read_drift
from retrain_assets.periods import Calendar
from retrain_assets.raw.ingest import ingest
from retrain_assets.raw.policy import Columns, Contract
from retrain_assets.scoring.feature_contract import FeatureContract
from retrain_assets.store import PeriodStore
from retrain_assets_tests.monitoring.facts import delivery, trained
from retrain_assets_tests.raw.rides import intake, source, written

NUMERIC, NAMES = ["miles", "day", "paid"], ["carrier", "tail", "order"]
MONTHS = Calendar(every="month", start="1997-01-01")


def rows(seed, count=1500):
    """Flights of a month; `order` never repeats."""
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "miles": pa.array(rng.lognormal(6, 0.8, count), mask=rng.random(count) < 0.1),
            "day": rng.integers(1, 8, count),
            "paid": rng.integers(0, 2, count),
            "carrier": rng.choice(["AA", "B6", "DL"], count),
            "tail": [f"N{number:03}" for number in rng.integers(0, 300, count)],
            "order": [f"{seed:03}-{number:05}" for number in range(count)],
        }
    )


class Live:
    """A store and a live version that was trained on some periods of it."""

    def __init__(self, folder, calendar, parts, numeric=NUMERIC, names=NAMES):
        self.store, self.calendar = PeriodStore(folder), calendar
        self.columns = Columns(numeric=numeric, categorical=names)
        for period, table in parts.items():
            self.store.write_table("raw_data", period, table)
        contract = FeatureContract(tuple(numeric), dict.fromkeys(numeric, "numeric"), {})
        self.files = {
            **reference_files(*reference_profiles(parts, numeric, names)),
            "features.json": json.dumps(contract.to_dict()).encode(),
            "model.bst": trained([*numeric, *names]),
        }
        self.version = SimpleNamespace(name="v1", number=1, digest="d1", period=max(parts))

    def report(self, period, table=None, **policy):
        if table is not None:
            self.store.write_table("raw_data", period, table)
        registry = SimpleNamespace(served_in=lambda _: self.version, read=lambda _: self.files)
        access = PeriodAccess(self.store, registry, period)
        record = drift_step(delivery(self.calendar, time="at"), access, self.columns, DriftPolicy(**policy))
        assert read_drift(self.store, period) == record
        return record


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    parts = {f"1997-{month:02}": rows(month) for month in range(1, 9)}
    return Live(tmp_path_factory.mktemp("live"), MONTHS, parts)


@pytest.fixture(scope="module")
def healthy(live):
    return live.report("1997-09", rows(9)).features


def by_name(report):
    return {column.column: column for column in report.columns}


def replaced(name, values, table=None):
    table = rows(9) if table is None else table
    return table.set_column(table.column_names.index(name), name, values)


def half(values, others):
    return pa.array([*values[: len(values) // 2], *others[len(values) // 2 :]])


COUNT = 1500
MILES = rows(9)["miles"].to_pylist()
BROKEN = {
    "constant": ("miles", replaced("miles", pa.array([7.5] * COUNT)), "constant", "all 1,500 values are the same, 7.5"),
    "constant name": ("carrier", replaced("carrier", pa.array(["AA"] * COUNT)), "constant", "the same, one known"),
    "all null": ("miles", replaced("miles", pa.nulls(COUNT)), "emptied", "all 1,500 values are missing"),
    "all null names": ("tail", replaced("tail", pa.nulls(COUNT, pa.string())), "emptied", "all 1,500 values"),
    "infinite": ("miles", replaced("miles", half([np.inf] * COUNT, MILES)), "infinite", "750 of 1,500 values are inf"),
    "mixed": ("day", replaced("day", half(["soon"] * COUNT, ["3"] * COUNT)), "wrong_type", "no numbers, like 'soon'"),
    "dates": ("day", replaced("day", pa.array([date(2024, 1, 1)] * COUNT)), "wrong_type", "like a date32"),
    "vanished": ("tail", rows(9).drop_columns(["tail"]), "vanished", "the table has no such column"),
    "turned identifier": ("tail", replaced("tail", rows(9)["order"]), "identifier", "where the reference has values"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_column_is_one_named_finding_and_the_others_are_judged_as_ever(live, healthy, case):
    name, table, problem, sentence = BROKEN[case]
    record = live.report("1997-09", table)
    found, others = by_name(record.features), by_name(healthy)
    assert record.warned == [name]
    assert (found[name].problem, found[name].outcome) == (problem, "warn")
    assert sentence in found[name].sentence
    assert {key for key, column in found.items() if column.problem} == {name, "order"}
    assert not record.triggers
    for other in set(others) - {name}:
        adjusted = {name: getattr(others[other], name) for name in ("sentence", "p_value", "confirmed")}
        assert replace(found[other], **adjusted) == others[other]  # p-values are adjusted for the number of tests


def test_a_healthy_period_is_quiet(healthy):
    assert {column.outcome for column in healthy.columns} == {"quiet"}


def test_an_identifier_is_named_in_every_report_and_never_warns_of_its_new_values(live, healthy):
    for period, report in (("1997-09", healthy), ("1997-10", live.report("1997-10", rows(10)).features)):
        order = by_name(report)["order"]
        assert (report.period, order.problem, order.outcome) == (period, "identifier", "quiet")
        assert "nearly all of 1,500 values stand once and were never there before: take an" in order.sentence
        assert (order.psi, order.new_share, order.signals) == (None, 0.0, ())
        assert any("quiet        order" in line and "nearly all of" in line for line in words(live.store, period))


def test_missing_values_of_an_identifier_still_warn(live):
    values = pa.array([None if at % 5 == 0 else f"new-{at}" for at in range(COUNT)])
    record = live.report("1997-09", replaced("order", values))
    assert record.warned == ["order"]
    assert "missing share: 0.0 -> 20.0 %" in by_name(record.features)["order"].sentence


def test_an_identifier_of_more_names_than_are_listed_is_named(tmp_path):
    orders = [pa.table({"order": [f"{n:02}-{at:05}" for at in range(3000)]}) for n in range(6)]
    parts = {f"1997-0{n + 1}": table for n, table in enumerate(orders[:5])}
    [order] = Live(tmp_path, MONTHS, parts, [], ["order"]).report("1997-06", orders[5]).features.columns
    assert (order.problem, order.outcome) == ("identifier", "quiet")


@pytest.mark.parametrize(("levels", "rows_a_month"), [(1_000, 1_000), (10_000, 10_000), (12_000, 20_000)])
def test_a_column_of_ten_thousand_names_that_come_again_is_no_identifier_and_quiet(tmp_path, levels, rows_a_month):
    rng = np.random.default_rng(3)
    drawn = [pa.table({"shop": [f"s{n:05}" for n in rng.integers(0, levels, rows_a_month)]}) for _ in range(6)]
    parts = {f"1997-0{n + 1}": table for n, table in enumerate(drawn[:5])}
    report = Live(tmp_path, MONTHS, parts, [], ["shop"]).report("1997-06", drawn[5]).features
    assert [(column.problem, column.outcome) for column in report.columns] == [("", "quiet")]


def test_a_column_that_the_reference_does_not_have_is_named(tmp_path):
    parts = {f"1997-{month:02}": rows(month).drop_columns(["paid"]) for month in range(1, 7)}
    record = Live(tmp_path, MONTHS, parts).report("1997-07", rows(7))
    paid = by_name(record.features)["paid"]
    assert (record.warned, paid.problem, record.triggers) == (["paid"], "appeared", False)
    assert "1,500 values, where the reference has none: the live model learnt nothing of it" in paid.sentence


def test_a_column_that_the_spec_does_not_name_changes_nothing(live, healthy):
    assert live.report("1997-09", rows(9).append_column("note", pa.nulls(COUNT))).features == healthy


AS_STORED = {
    "boolean": ("paid", pa.bool_()),
    "large string": ("tail", pa.large_string()),
    "dictionary": ("tail", pa.dictionary(pa.int16(), pa.string())),
    "dictionary of large strings": ("tail", pa.dictionary(pa.int32(), pa.large_string())),
    "string view": ("tail", pa.string_view()),
}


@pytest.mark.parametrize("case", AS_STORED)
def test_the_storage_type_of_the_same_values_changes_nothing(live, healthy, case):
    name, kind = AS_STORED[case]
    table = rows(9)
    column = table[name]
    try:
        stored = column.dictionary_encode().cast(kind) if pa.types.is_dictionary(kind) else column.cast(kind)
    except pa.ArrowNotImplementedError:
        pytest.skip(f"this pyarrow makes no {kind}")
    assert live.report("1997-09", replaced(name, stored)).features == healthy


def test_true_and_false_in_place_of_numbers_is_one_finding(live):
    record = live.report("1997-09", replaced("miles", pa.array([True, False] * (COUNT // 2))))
    assert record.warned == ["miles"]


def test_one_row_is_reported_and_does_not_warn(live):
    record = live.report("1997-09", rows(9, 1))
    assert (record.features.rows, record.warned, record.triggers) == (1, [], False)
    assert {column.problem for column in record.features.columns} == {""}


def test_no_rows_are_insufficient(live):
    record = live.report("1997-09", rows(9).slice(0, 0))
    assert {column.outcome for column in record.features.columns} == {"insufficient"}
    assert "drift cannot be told, no column has values to compare" in record.sentence
    assert (record.warned, record.triggers) == ([], False)


# ---- days of 23 and 25 hours

WEEKS = Calendar(every="week", start="2024-03-04")
RIDE_COLUMNS = Columns(numeric=["miles"], categorical=["zone"])


def rides_in_berlin(last_day):
    """Four rides every hour of the four weeks until a day, with their moments as Berlin tells them."""
    end = pd.Timestamp(last_day, tz="Europe/Berlin") + pd.DateOffset(days=1)
    moments = pd.date_range(end - pd.DateOffset(weeks=4), end, freq="15min", inclusive="left")
    rng = np.random.default_rng(11)
    return pd.DataFrame(
        {
            "id": np.arange(len(moments)),
            "at": moments.as_unit("us"),
            "miles": rng.uniform(0.5, 20, len(moments)),
            "zone": rng.choice(["JFK", "LGA"], len(moments)),
        }
    )


def taken_in(folder, rides, last_day):
    """The drift record of the last week, after the four weeks came in through the contract; and that week's rows."""
    folder.mkdir(exist_ok=True)
    declared = source(written(folder / "rides.parquet", pa.Table.from_pandas(rides, preserve_index=False)))
    store = PeriodStore(folder / "store")
    last = WEEKS.key(pd.Timestamp(last_day).to_pydatetime())
    weeks = WEEKS.between(WEEKS.shift(last, -3), last)
    contract = Contract(min_rows=10, max_rejected_share=0.1, max_outside_share=0.1)
    checked = [ingest(intake(declared, RIDE_COLUMNS, contract, calendar=WEEKS), store, week) for week in weeks]
    assert not any(one.blocked for one in checked)
    parts = {week: store.require_table("raw_data", week, ["miles", "zone", "at"]) for week in weeks[:-1]}
    living = Live(folder / "live", WEEKS, parts, ["miles"], ["zone"])
    return living.report(last, store.require_table("raw_data", last, ["miles", "zone", "at"])), checked[-1].table


@pytest.mark.parametrize(("last_day", "hours"), [("2024-03-31", 23), ("2024-10-27", 25)])
def test_a_day_of_23_or_25_hours_by_the_wall_clock_is_no_drift(tmp_path, last_day, hours):
    rides = rides_in_berlin(last_day)
    record, week = taken_in(tmp_path, rides.assign(at=rides["at"].dt.tz_localize(None)), last_day)
    of_the_day = sum(moment.date().isoformat() == last_day for moment in week["at"].to_pylist())
    assert (of_the_day, week.num_rows) == (4 * hours, 4 * (6 * 24 + hours))
    assert "no drift in 2 columns" in record.sentence
    assert "tests of shuffled days" in record.sentence
    assert record.warned == []


@pytest.mark.parametrize("last_day", ["2024-03-31", "2024-10-27"])
def test_times_with_a_zone_give_the_record_of_the_same_moments_in_utc(tmp_path, last_day):
    rides = rides_in_berlin(last_day)
    told, week = taken_in(tmp_path / "zone", rides, last_day)
    same, _ = taken_in(
        tmp_path / "utc", rides.assign(at=rides["at"].dt.tz_convert("UTC").dt.tz_localize(None)), last_day
    )
    assert told == same
    moments = week["at"].to_pylist()
    assert len(set(moments)) == week.num_rows
    assert max(moments) - min(moments) < timedelta(weeks=1)


# ---- joint drift, and the same season


def together(seed, correlation, count=1200):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(3, count))
    values[1] = correlation * values[0] + np.sqrt(1 - correlation**2) * values[1]
    return pa.table(dict(zip(("a", "b", "c"), values, strict=True)))


def test_joint_drift_stands_in_the_record_and_remembers_the_reference(tmp_path, monkeypatch):
    parts = {f"1997-{month:02}": together(month, 0.0) for month in range(1, 7)}
    joint = Live(tmp_path, MONTHS, parts, ["a", "b", "c"], [])
    joint.store.write_table("predictions", "1997-07", pa.table({"score": np.random.default_rng(7).random(1200)}))
    quiet = joint.report("1997-07", together(7, 0.0), joint=True)
    assert quiet.warned == []
    assert by_name(quiet.features)[JOINT].outcome == "quiet"
    assert set(quiet.joint_aucs) == set(parts)
    for month in parts:
        joint.store.write_table("raw_data", month, together(99, 0.9))  # must not be asked again
    moved = joint.report("1997-08", together(8, 0.7), joint=True)
    assert moved.joint_aucs == quiet.joint_aucs
    assert JOINT not in by_name(joint.report("1997-08", joint=False).features)


def test_a_changed_correlation_warns_in_the_record_as_joint_drift_alone(tmp_path):
    parts = {f"1997-{month:02}": together(month, 0.0) for month in range(1, 9)}
    record = Live(tmp_path, MONTHS, parts, ["a", "b", "c"], []).report("1997-09", together(9, 0.7), joint=True)
    assert record.warned == [JOINT]
    assert "AUC of telling its rows from the reference" in record.sentence
    assert "mostly by a" in record.sentence or "mostly by b" in record.sentence


def season(month, seed):
    """Winter is four times as cold as summer."""
    level = {12: 4.0, 1: 4.0, 11: 4.0, 5: 0.0, 6: 0.0, 7: 0.0}.get(month, 2.0)
    return pa.table({"cold": np.random.default_rng(seed).normal(level, 1, 1000)})


def test_the_same_season_finds_a_june_like_december_and_leaves_a_december_alone(tmp_path):
    keys = MONTHS.between("1997-01", "1999-05")
    parts = {key: season(int(key[-2:]), n) for n, key in enumerate(keys)}
    found = {}
    for reference in ("recent", "same_season"):
        living = Live(tmp_path / reference, MONTHS, parts, ["cold"], [])
        for period, like in (("1999-06", 12), ("1999-12", 12)):
            record = living.report(period, season(like, 77), reference=reference)
            found[reference, period] = record.warned, record.features.reference_periods
    assert found["recent", "1999-06"] == ([], 12)
    assert found["same_season", "1999-06"] == (["cold"], 6)
    assert found["same_season", "1999-12"] == ([], 7)
