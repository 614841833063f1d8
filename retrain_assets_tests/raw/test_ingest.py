"""What reaches the store, what stays out of it, and what changes are told."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pytest

from retrain_assets.errors import SourceError
from retrain_assets.feature_function.feature_function import DeclaredFunction
from retrain_assets.raw.ingest import ingest, ingest_outcomes, peek
from retrain_assets.raw.policy import Column
from retrain_assets.store import PeriodStore
from retrain_assets_tests.raw.rides import BOUNDS, COLUMNS, MONTHS, blocking, findings, intake, rides, source, written


@pytest.fixture
def store(tmp_path):
    return PeriodStore(tmp_path / "store")


def taken_in(store, declared, period="2019-02"):
    return ingest(intake(declared), store, period)


def outcomes_in(store, declared, period="2019-02"):
    return ingest_outcomes(intake(declared), store, period)


def test_accepted_and_rejected_rows_are_stored_apart(store, tmp_path):
    columns = rides()
    columns["riders"][4] = 99
    checked = taken_in(store, source(written(tmp_path / "r.parquet", columns)))
    stored = store.read_table("raw_data", ["2019-02"])
    assert stored.equals(checked.table)
    assert stored.num_rows == 99
    assert stored.column_names == ["id", "at", "miles", "riders", "zone", "borough"]
    assert store.read_table("rejected_rows", ["2019-02"])["id"].to_pylist() == [5]


def test_a_refused_period_leaves_the_earlier_file_as_it_was(store, tmp_path):
    good, bad = rides(), rides()
    bad["id"][1] = bad["id"][0]
    path = tmp_path / "r.parquet"
    taken_in(store, source(written(path, good)))
    before = store.path("raw_data", "2019-02").read_bytes()
    checked = taken_in(store, source(written(path, bad)))
    assert blocking(checked) == [("keys", "id", 1)]
    assert store.path("raw_data", "2019-02").read_bytes() == before


def test_ingesting_again_replaces_the_period_and_the_same_rows_give_the_same_file(store, tmp_path):
    path = tmp_path / "r.parquet"
    first = taken_in(store, source(written(path, rides())))
    before = store.path("raw_data", "2019-02").read_bytes()
    assert taken_in(store, source(path)).sha256 == first.sha256
    assert store.path("raw_data", "2019-02").read_bytes() == before
    again = taken_in(store, source(written(path, rides(50))))
    assert again.sha256 != first.sha256
    assert store.read_table("raw_data", ["2019-02"]).num_rows == 50


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_a_period_without_rows_is_refused_while_no_later_row_has_come(store, tmp_path, suffix):
    path = written(tmp_path / "r.parquet", rides())
    if suffix == "csv":
        path = tmp_path / "r.csv"
        pa.table(rides()).to_pandas().to_csv(path, index=False)
    checked = taken_in(store, source(path), "2019-06")
    assert blocking(checked) == [("volume", None, 0)]
    assert store.periods("raw_data") == []


def test_peeking_finds_what_ingesting_finds_and_stores_nothing(store, tmp_path):
    columns = rides()
    columns["riders"][4] = 99
    declared = source(written(tmp_path / "r.parquet", columns))
    peeked = peek(intake(declared), "2019-02")
    assert store.periods("raw_data") == []
    ingested = taken_in(store, declared)
    assert (peeked.sha256, peeked.problems) == (ingested.sha256, ingested.problems)


def test_a_missing_source_raises_and_leaves_the_earlier_file(store, tmp_path):
    path = written(tmp_path / "r.parquet", rides())
    taken_in(store, source(path))
    path.unlink()
    with pytest.raises(SourceError, match="no such file"):
        taken_in(store, source(path))
    assert store.periods("raw_data") == ["2019-02"]


def test_new_categories_and_a_jump_of_missing_values_are_findings(store, tmp_path):
    january, february = rides(start=MONTHS.start), rides(first_id=1_000)
    february["zone"][3:5] = ["Newark", "Newark"]
    february["miles"][10:20] = [None] * 10
    both = {name: january[name] + february[name] for name in january}
    declared = source(written(tmp_path / "r.parquet", both))
    assert taken_in(store, declared, "2019-01").problems == ()
    checked = taken_in(store, declared)
    assert not checked.blocked
    assert findings(checked.problems) == [("nulls", "miles", 10), ("schema", "zone", 2)]
    assert "zone: 1 not seen since 2019-01 (Newark), in 2 of 100 rows" in checked.problems[1].sentence
    assert "10.0 % missing, 0.0 % in 2019-01" in checked.problems[0].sentence


def test_later_periods_are_no_measure_of_what_is_new(store, tmp_path):
    january, february = rides(start=MONTHS.start), rides(first_id=1_000)
    january["zone"][3] = "Newark"
    declared = source(written(tmp_path / "r.parquet", {name: january[name] + february[name] for name in january}))
    taken_in(store, declared, "2019-02")
    assert taken_in(store, declared, "2019-01").problems == ()


def test_a_column_added_to_the_spec_does_not_stop_the_next_period(store, tmp_path):
    january, february = rides(start=MONTHS.start), rides(first_id=1_000)
    declared = source(written(tmp_path / "r.parquet", {name: january[name] + february[name] for name in january}))
    fewer = COLUMNS.model_copy(update={"groups": ()})
    ingest(intake(declared, fewer), store, "2019-01")
    assert [problem.sentence for problem in taken_in(store, declared).problems] == [
        "borough: known from 2019-02 on; in the periods before it counts as missing."
    ]
    assert store.read_table("raw_data", ["2019-01", "2019-02"], ["borough"])["borough"].null_count == 100


def test_a_period_without_rows_before_one_with_rows_is_a_gap(store, tmp_path):
    declared = source(written(tmp_path / "r.parquet", rides()))
    checked = taken_in(store, declared, "2019-01")
    assert (blocking(checked), findings(checked.problems)) == ([], [("volume", None, 0)])
    assert store.periods("raw_data") == []
    overdue = ingest(intake(declared), store, "2019-06", late=True)
    assert findings(overdue.problems) == [("volume", None, 0)]


@pytest.mark.parametrize("late", [False, True])
def test_a_stored_period_whose_rows_have_gone_is_refused_and_what_is_stored_stays(store, tmp_path, late):
    path = tmp_path / "r.parquet"
    taken_in(store, source(written(path, rides())))
    kept = {name: store.path(name, "2019-02").read_bytes() for name in ("raw_data", "rejected_rows")}
    declared = source(written(path, rides(start=BOUNDS[1], first_id=1_000)))
    (gone,) = ingest(intake(declared), store, "2019-02", late=late).problems
    assert (gone.blocking, gone.sentence) == (True, f"{path}: no rows of 2019-02, of which some are stored.")
    assert {name: store.path(name, "2019-02").read_bytes() for name in kept} == kept


def test_a_column_that_is_gone_for_a_period_counts_as_missing(store, tmp_path):
    path = tmp_path / "r.parquet"
    taken_in(store, source(written(path, rides())))
    march = rides(start=BOUNDS[1], first_id=1_000)
    del march["borough"]
    checked = taken_in(store, source(written(path, march)), "2019-03")
    assert findings(checked.problems) == [("schema", "borough", 100), ("nulls", "borough", 100)]
    assert store.require_table("raw_data", "2019-03", ["borough"])["borough"].null_count == 100


def test_a_feature_that_the_spec_dropped_is_kept_for_the_version_that_reads_it(store, tmp_path):
    declared = source(written(tmp_path / "r.parquet", rides()))
    fewer = COLUMNS.model_copy(update={"categorical": {}})
    ingest(intake(declared, fewer), store, "2019-02", {"zone": "categorical", "gone": "numeric"})
    assert store.require_table("raw_data", "2019-02", ["zone"])["zone"].to_pylist() == rides()["zone"]


@pytest.mark.parametrize(
    ("first", "later"),
    [(["Y", "N"], ["True", "False"]), (["11", "12"], ["11.0", ""]), (["1.0", "1.5"], ["1.0", "1.0"])],
)
def test_levels_are_written_as_earlier_periods_wrote_them(store, tmp_path, first, later):
    for number, (moment, levels) in enumerate(((MONTHS.start, first), (BOUNDS[0], later))):
        columns = {**rides(start=moment, first_id=1 + 1_000 * number), "zone": levels * 50}
        pa.table(columns).to_pandas().to_csv(tmp_path / f"r{number}.csv", index=False)
    declared = source(tmp_path / "r*.csv")
    for period in ("2019-01", "2019-02"):
        taken_in(store, declared, period)
    levels = [
        set(store.require_table("raw_data", period, ["zone"])["zone"].drop_null().to_pylist())
        for period in ("2019-01", "2019-02")
    ]
    assert levels[1] <= levels[0] == set(first)


@pytest.mark.parametrize(
    ("delay", "apart"), [("0d", False), ("1d", True), ("20d", False), ("45d", False), ("45d", True)]
)
def test_every_outcome_arrives_in_exactly_one_period_the_one_in_which_it_is_known(store, tmp_path, delay, apart):
    columns = rides(200, MONTHS.start, 12 * 60)
    rows = written(tmp_path / "r.parquet", columns)
    outcomes = written(tmp_path / "o.parquet", {"id": columns["id"], "late": columns["late"]}) if apart else None
    declared = source(rows, outcomes, delay)
    known = {}
    for period in MONTHS.between("2019-01", "2019-06"):
        taken_in(store, declared, period)
        typed, problems = outcomes_in(store, declared, period)
        assert not any(problem.blocking for problem in problems)
        for row in typed.to_pylist():
            assert MONTHS.key(row["time"] + declared.label_delay) == period
            assert row["known_at"] == row["time"] + declared.label_delay
            assert row["id"] not in known
            known[row["id"]] = row["label"]
    assert known == dict(zip(columns["id"], columns["late"], strict=True))


def test_outcomes_that_cannot_be_used_leave_the_earlier_file(store, tmp_path):
    path = tmp_path / "r.parquet"
    outcomes_in(store, source(written(path, rides())))
    before = store.path("outcomes", "2019-02").read_bytes()
    _, problems = outcomes_in(store, source(written(path, {**rides(), "late": [7] * 100})))
    assert any(problem.blocking for problem in problems)
    assert store.path("outcomes", "2019-02").read_bytes() == before


def test_rows_whose_outcome_is_overdue_are_counted_and_an_empty_feed_blocks(store, tmp_path):
    columns = rides()
    rows = written(tmp_path / "r.parquet", columns)
    path = tmp_path / "o.parquet"
    declared = source(rows, written(path, {"id": columns["id"][:90], "late": columns["late"][:90]}))
    taken_in(store, declared)
    typed, problems = outcomes_in(store, declared)
    assert typed.num_rows == 90
    assert [(p.check, p.blocking, p.count) for p in problems] == [("volume", False, 10)]
    written(path, {"id": [-1, -2], "late": [0, 1]})
    _, problems = outcomes_in(store, declared)
    assert [(p.check, p.blocking, p.count) for p in problems] == [("volume", True, 100)]
    assert store.read_table("outcomes", ["2019-02"]).num_rows == 90


def test_no_outcome_is_due_before_the_first_delay_has_passed(store, tmp_path):
    columns = rides()
    rows = written(tmp_path / "r.parquet", columns)
    declared = source(rows, written(tmp_path / "o.parquet", {"id": columns["id"], "late": columns["late"]}), "40d")
    taken_in(store, declared)
    typed, problems = outcomes_in(store, declared)
    assert (typed.num_rows, problems) == (0, ())


def test_an_outcome_of_a_rejected_row_joins_nothing(store, tmp_path):
    columns = rides()
    columns["riders"][0] = 99
    rows = written(tmp_path / "r.parquet", columns)
    declared = source(rows, written(tmp_path / "o.parquet", {"id": columns["id"], "late": columns["late"]}))
    taken_in(store, declared)
    typed, _ = outcomes_in(store, declared)
    assert not pc.any(pc.equal(typed["id"], 1)).as_py()


def test_outcomes_booked_before_and_after_their_period_end_are_told_apart(store, tmp_path):
    columns = rides()
    booked = [moment + timedelta(days=30 * (row % 2)) for row, moment in enumerate(columns["at"])]
    rows = written(tmp_path / "r.parquet", columns)
    outcomes = written(tmp_path / "o.parquet", {"id": columns["id"], "late": columns["late"], "booked": booked})
    declared = source(rows, outcomes, known_at="booked")
    taken_in(store, declared)
    february, _ = outcomes_in(store, declared)
    march, _ = outcomes_in(store, declared, "2019-03")
    assert sorted(february["id"].to_pylist()) == columns["id"][::2]
    assert sorted(march["id"].to_pylist()) == columns["id"][1::2]
    assert all(moment < BOUNDS[1] for moment in march["time"].to_pylist())


def test_outcomes_of_a_period_that_was_refused_come_with_the_next_and_are_filed_once(store, tmp_path):
    columns = rides(200, MONTHS.start, 12 * 60)
    rows = written(tmp_path / "r.parquet", columns)
    outcomes = written(tmp_path / "o.parquet", {"id": columns["id"], "late": columns["late"]})
    declared = source(rows, outcomes, "20d")
    for period in ("2019-01", "2019-03"):
        taken_in(store, declared, period)
        typed, problems = outcomes_in(store, declared, period)
    belated = [row for row in typed.to_pylist() if row["known_at"] < datetime(2019, 3, 1)]
    assert {row["time"].month for row in belated} == {1}
    said = f"{len(belated)} outcomes became known before, in periods that were refused, and are taken in now."
    assert [one.sentence for one in problems if "before" in one.sentence] == [f"{outcomes}, 2019-03: {said}"]
    taken_in(store, declared, "2019-02")
    outcomes_in(store, declared, "2019-02")
    filed = store.read_table("outcomes", store.periods("outcomes"), ["id"])["id"].to_pylist()
    assert len(filed) == len(set(filed))


def test_outcomes_that_stay_refused_hold_up_no_later_period(store, tmp_path):
    columns = rides(200, MONTHS.start, 12 * 60)
    torn = [7 if moment.month == 2 else late for moment, late in zip(columns["at"], columns["late"], strict=True)]
    rows = written(tmp_path / "r.parquet", columns)
    declared = source(rows, written(tmp_path / "o.parquet", {"id": columns["id"], "late": torn}), "0d")
    for period in ("2019-01", "2019-02", "2019-03"):
        taken_in(store, declared, period)
        _, problems = outcomes_in(store, declared, period)
    assert store.periods("outcomes") == ["2019-01", "2019-03"]
    assert problems[-1].sentence.startswith(
        "What became known in the periods before, which were refused, is still left"
    )


def test_a_file_that_cannot_be_read_costs_the_next_period_only_its_own_outcomes(store, tmp_path):
    for month in (1, 2, 3):
        rows = rides(60, datetime(2019, month, 1), 8 * 60, first_id=100 * month)
        pa.csv.write_csv(pa.table(rows), tmp_path / f"r_2019-0{month}.csv")
    (tmp_path / "r_2019-02.csv").write_text("id,at\n1,2,3\n")
    declared = source(tmp_path / "r_*.csv", delay="20d")
    for period in ("2019-01", "2019-03"):
        taken_in(store, declared, period)
        typed, problems = outcomes_in(store, declared, period)
    assert {row["time"].month for row in typed.to_pylist()} == {1, 3}
    assert any("Its outcomes are left out: once it is mended" in problem.sentence for problem in problems)


def test_a_column_whose_unit_changes_is_refused_with_both(store, tmp_path):
    fares = {"2019-01": "EUR {}", "2019-02": "€ {}", "2019-03": "$ {}"}
    for number, (period, form) in enumerate(fares.items(), 1):
        rows = rides(60, datetime(2019, number, 1), 8 * 60, first_id=100 * number)
        rows["miles"] = [form.format(miles) for miles in rows["miles"]]
        pa.csv.write_csv(pa.table(rows), tmp_path / f"r_{period}.csv")
    declared = source(tmp_path / "r_*.csv")
    first, second, third = (taken_in(store, declared, period) for period in fares)
    assert not first.blocked
    assert not second.blocked
    assert [one.sentence for one in third.problems if one.blocking] == [
        "miles: its numbers are in USD, in 2019-02 in EUR. Write them in one unit, or rename it."
    ]


def test_outcomes_in_a_file_that_cannot_be_read_cost_the_next_period_only_those(store, tmp_path):
    columns = rides(200, MONTHS.start, 12 * 60)
    rows = written(tmp_path / "r.parquet", columns)
    for month in (1, 2, 3):
        inside = [n for n, moment in enumerate(columns["at"]) if moment.month == month]
        outcomes = {name: [columns[name][n] for n in inside] for name in ("id", "at", "late")}
        pa.csv.write_csv(pa.table(outcomes), tmp_path / f"o_2019-0{month}.csv")
    (tmp_path / "o_2019-02.csv").write_text("")
    declared = source(rows, tmp_path / "o_*.csv", "0d")
    for period in ("2019-01", "2019-03"):
        taken_in(store, declared, period)
        typed, problems = outcomes_in(store, declared, period)
    assert {moment.month for moment in typed["time"].to_pylist()} == {3}
    (said,) = [problem.sentence for problem in problems if "still left out" in problem.sentence]
    assert said.startswith("What became known in the periods before, which were refused, is still left out: ")
    assert "o_2019-02.csv: cannot be read: it is empty" in said
    taken_in(store, declared)
    with pytest.raises(SourceError, match=r"o_2019-02.csv: cannot be read: it is empty"):
        outcomes_in(store, declared)


@pytest.fixture
def with_weekday(tmp_path):
    """Rides of January with a borough and of February without, whose weekday a function makes."""
    for month in (1, 2):
        columns = rides(60, datetime(2019, month, 1), 8 * 60, first_id=100 * month)
        table = pa.table(columns) if month == 1 else pa.table(columns).drop_columns(["borough"])
        written(tmp_path / f"r_2019-0{month}.parquet", table)
    columns = COLUMNS.model_copy(update={"categorical": {**COLUMNS.categorical, "weekday": Column()}})
    maker = DeclaredFunction("retrain_assets_tests.feature_function.our_pkg.features:weekday")
    return replace(intake(source(tmp_path / "r_*.parquet"), columns), maker=maker)


def test_a_column_that_only_other_files_have_is_missing_and_the_functions_are_made(store, with_weekday):
    ingest(with_weekday, store, "2019-01")
    checked = ingest(with_weekday, store, "2019-02")
    assert not checked.blocked
    assert set(checked.table["weekday"].to_pylist()) == set("0123456")
    assert checked.table["borough"].null_count == checked.table.num_rows == 60
    assert any("no column borough, its 60 values count as missing" in one.sentence for one in checked.problems)


def test_of_a_period_without_rows_the_function_is_not_asked(store, with_weekday):
    assert blocking(ingest(with_weekday, store, "2019-06")) == [("volume", None, 0)]
