"""Loading windows against pandas, and the weights and digests of their rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.errors import DataError
from retrain_assets.periods import Calendar, Length
from retrain_assets.store import LABEL, PeriodStore
from retrain_assets.windows.cut import Span
from retrain_assets.windows.rows import effective_rows, load_window, require_disjoint, rowset_sha256, weights

MONTHS = Calendar(every="month", start="2019-01-01")
PERIODS = MONTHS.between("2019-01", "2019-04")
WHOLE = Span(tuple(PERIODS), datetime(2019, 1, 1), datetime(2019, 5, 1))
STAMP = pa.timestamp("us")


def raw(period, keys, **columns):
    start = MONTHS.bounds(period)[0]
    rows = len(keys)
    return pa.table(
        {
            "id": keys,
            "at": pa.array([start + timedelta(hours=number) for number in range(rows)], STAMP),
            "miles": columns.get("miles", [float(number) for number in range(rows)]),
            "zone": pa.array(columns.get("zone", ["JFK", None] * (rows // 2)), pa.string()).dictionary_encode(),
        }
    )


def outcomes(rows, labels, known_at):
    return pa.table(
        {
            "id": rows["id"],
            "label": pa.array(labels, pa.float64()),
            "time": rows["at"],
            "known_at": pa.array([known_at] * rows.num_rows, STAMP),
        }
    )


@pytest.fixture
def store(tmp_path):
    """Four months of ten rides; the outcomes of every third ride arrive a month late."""
    store = PeriodStore(tmp_path)
    tables = {period: raw(period, list(range(10 * number, 10 * number + 10))) for number, period in enumerate(PERIODS)}
    arrived = {period: [] for period in [*PERIODS, "2019-05"]}
    for period, rows in tables.items():
        store.write_table("raw_data", period, rows)
        late = np.arange(10) % 3 == 0
        for mask, when in ((~late, period), (late, MONTHS.shift(period, 1))):
            part = rows.filter(pa.array(mask))
            labels = [float(key % 2) for key in part["id"].to_pylist()]
            arrived[when].append(outcomes(part, labels, MONTHS.bounds(when)[1] - timedelta(hours=1)))
    for period, parts in arrived.items():
        store.write_table("outcomes", period, pa.concat_tables(parts))
    return store


RIDES = SimpleNamespace(key="id", time="at")


def loaded(store, span=WHOLE, as_of="2019-04", columns=("miles", "zone"), **options):
    return load_window(store, RIDES, span, columns, as_of, **options)


def by_hand(store, span, as_of):
    """The same window through pandas: all rows, all outcomes known, merged."""
    rows = store.read_table("raw_data", [p for p in span.periods if p <= as_of]).to_pandas()
    rows = rows[(rows["at"] >= span.start) & (rows["at"] < span.end)]
    known = store.read_table("outcomes", [p for p in store.periods("outcomes") if p <= as_of]).to_pandas()
    known = known.sort_values("known_at", kind="stable").drop_duplicates("id", keep="last")
    merged = rows.merge(known[["id", "label"]], on="id").sort_values(["at", "id"], ignore_index=True)
    return merged.astype({"zone": object}).rename(columns={"label": LABEL})


@pytest.mark.parametrize("as_of", ["2019-01", "2019-04"])
@pytest.mark.parametrize(
    "span",
    [
        WHOLE,
        Span(("2019-02",), datetime(2019, 2, 1), datetime(2019, 3, 1)),
        Span(("2019-01", "2019-02"), datetime(2019, 1, 1, 4), datetime(2019, 2, 1, 6)),
        Span(tuple(PERIODS), datetime.min, datetime.max),
    ],
    ids=str,
)
def test_a_window_is_what_pandas_merges_by_hand(store, span, as_of):
    ours = loaded(store, span, as_of)
    if not ours.num_rows:
        assert min(span.periods) > as_of
        return
    theirs = by_hand(store, span, as_of)
    pd.testing.assert_frame_equal(ours.to_pandas().astype({"zone": object}), theirs, check_dtype=False)


def test_late_outcomes_come_in_as_time_goes_by(store):
    span = Span(("2019-01",), datetime(2019, 1, 1), datetime(2019, 2, 1))
    assert [loaded(store, span, as_of).num_rows for as_of in PERIODS] == [6, 10, 10, 10]


def test_only_the_columns_asked_for_and_the_label_are_loaded(store):
    assert loaded(store, columns=["zone", "id"]).column_names == ["id", "at", "zone", LABEL]


def test_labels_are_never_null_and_a_category_has_one_dictionary(store):
    table = loaded(store)
    assert table[LABEL].null_count == 0
    assert len({tuple(chunk.dictionary.to_pylist()) for chunk in table["zone"].chunks}) == 1


def test_the_latest_outcome_known_as_of_the_period_wins(store):
    rows = store.read_table("raw_data", ["2019-01"]).slice(1, 1)
    store.write_table("outcomes", "2019-03", outcomes(rows, [0.25], datetime(2019, 3, 9)))
    labels = {as_of: loaded(store, as_of=as_of)[LABEL].to_pylist()[1] for as_of in ("2019-02", "2019-03", "2019-04")}
    assert labels == {"2019-02": 1.0, "2019-03": 0.25, "2019-04": 0.25}


def test_the_later_arrival_wins_even_when_its_own_date_is_older_within_a_file(store):
    rows = store.read_table("raw_data", ["2019-01"]).slice(1, 1)
    both = pa.concat_tables(
        [outcomes(rows, [0.75], datetime(2019, 3, 20)), outcomes(rows, [0.25], datetime(2019, 3, 9))]
    )
    store.write_table("outcomes", "2019-03", both)
    assert loaded(store)[LABEL].to_pylist()[1] == 0.75


def test_excluded_keys_are_left_out(store):
    keys = loaded(store, exclude_keys={"3", "17", "absent"})["id"].to_pylist()
    assert len(keys) == loaded(store).num_rows - 2
    assert not {3, 17} & set(keys)


def test_a_row_whose_time_was_corrected_into_another_period_stands_in_one_window_only(tmp_path):
    store = PeriodStore(tmp_path)
    january, february = raw("2019-01", list(range(200))), raw("2019-02", [199, *range(200, 399)])
    store.write_table("raw_data", "2019-01", january)
    store.write_table("raw_data", "2019-02", february)
    known = pa.concat_tables([january.slice(0, 199), february])
    store.write_table("outcomes", "2019-02", outcomes(known, [1.0] * known.num_rows, datetime(2019, 2, 20)))
    train = loaded(store, Span(("2019-01",), datetime(2019, 1, 1), datetime(2019, 2, 1)), "2019-02")
    gate = loaded(store, Span(("2019-02",), datetime(2019, 2, 1), datetime(2019, 3, 1)), "2019-02")
    assert 199 not in train["id"].to_pylist()
    assert 199 in gate["id"].to_pylist()
    require_disjoint({"training": train["id"], "gate": gate["id"]})


def test_keys_that_are_used_again_for_other_rows_are_refused(tmp_path):
    store = PeriodStore(tmp_path)
    for period in PERIODS:
        rows = raw(period, list(range(10)))
        store.write_table("raw_data", period, rows)
        store.write_table("outcomes", period, outcomes(rows, [1.0] * 10, MONTHS.bounds(period)[0]))
    with pytest.raises(DataError, match=r"disagree on at for 30 of 40 keys \(id 0: .*a key must name one row for good"):
        loaded(store)


def test_keys_of_different_types_are_compared_as_text(store):
    text = store.read_table("outcomes", ["2019-01"])
    store.write_table("outcomes", "2019-01", text.set_column(0, "id", text["id"].cast(pa.string())))
    span = Span(("2019-01",), datetime(2019, 1, 1), datetime(2019, 2, 1))
    assert loaded(store, span, "2019-01").num_rows == 6


@pytest.mark.parametrize("periods", [(), ("2018-07",), ("2019-05",)])
def test_a_window_of_which_nothing_is_stored_is_empty(store, periods):
    table = loaded(store, Span(periods, datetime.min, datetime.max))
    assert table.num_rows == 0
    assert table.column_names == ["id", "at", "miles", "zone", LABEL]
    assert table[LABEL].type == pa.float64()


def test_a_missing_period_inside_a_window_is_skipped(store):
    store.path("raw_data", "2019-02").unlink()
    assert {MONTHS.key(moment) for moment in loaded(store)["at"].to_pylist()} == {"2019-01", "2019-03", "2019-04"}


def test_without_outcomes_nothing_is_loaded(tmp_path):
    store = PeriodStore(tmp_path)
    store.write_table("raw_data", "2019-01", raw("2019-01", [1, 2]))
    assert loaded(store).num_rows == 0


def test_a_column_that_a_stored_period_lacks_is_missing_in_its_rows(store):
    whole = loaded(store)
    store.write_table("raw_data", "2019-02", store.read_table("raw_data", ["2019-02"]).drop_columns(["miles", "zone"]))
    without = loaded(store)
    february = pc.equal(pc.month(whole["at"]), 2)
    for name in ("miles", "zone"):
        assert without[name].filter(february).null_count == pc.sum(february).as_py() > 0
        kept = [column[name].filter(pc.invert(february)).to_pylist() for column in (without, whole)]
        assert kept[0] == kept[1]


@pytest.mark.parametrize("asset", ["raw_data", "outcomes"])
def test_keys_that_are_text_in_one_period_and_numbers_in_another_find_their_outcomes(store, asset):
    whole = loaded(store)
    period = store.periods(asset)[-1]
    table = store.require_table(asset, period)
    store.write_table(asset, period, table.set_column(0, "id", table["id"].cast(pa.string())))
    again = loaded(store)
    assert [str(key) for key in again["id"].to_pylist()] == [str(key) for key in whole["id"].to_pylist()]
    assert again[LABEL].equals(whole[LABEL])


def test_windows_that_share_a_key_are_refused():
    windows = {"training": pa.chunked_array([[1, 2], [3]]), "early stop": pa.array([4]), "gate": pa.array(["9", "3"])}
    with pytest.raises(DataError, match=r"the training and the gate window share 1 key, first 3"):
        require_disjoint(windows)


@given(st.lists(st.text(max_size=5), unique=True, max_size=20), st.randoms(use_true_random=False))
def test_the_digest_of_a_row_set_ignores_order_and_chunks_and_sees_every_key(keys, random):
    digest = rowset_sha256(pa.array(keys, pa.string()))
    shuffled = random.sample(keys, len(keys))
    middle = len(keys) // 2
    parts = pa.chunked_array([shuffled[:middle], shuffled[middle:]], pa.string())
    assert rowset_sha256(parts) == digest
    assert rowset_sha256(pa.array([*keys, "another key"], pa.string())) != digest
    if keys:
        assert rowset_sha256(pa.array(keys[1:], pa.string())) != digest


def test_the_digest_does_not_run_keys_together_and_does_not_see_a_slice_apart():
    assert rowset_sha256(pa.array(["1", "23"])) != rowset_sha256(pa.array(["12", "3"]))
    assert rowset_sha256(pa.array([9, 1, 2, 9])[1:3]) == rowset_sha256(pa.array([1, 2]))


@given(st.integers(1, 40), st.floats(0.5, 20))
def test_weights_halve_every_half_life_and_have_mean_one(rows, half_life):
    days = Calendar(every="day", start="2019-01-01")
    mean_day = timedelta(days=365.25 / 365)
    start = datetime(2019, 6, 1)
    times = np.array([start - number * half_life * mean_day for number in range(rows)], "M8[us]")
    weight = weights(times, days, start, Length(periods=half_life))
    assert weight.mean() == pytest.approx(1)
    assert weight[1:] / weight[:-1] == pytest.approx(np.full(rows - 1, 0.5), rel=1e-6)


def test_weights_do_not_vanish_or_overflow_however_old_all_rows_are():
    weight = weights(np.full(5, "1900-01-01", "M8[us]"), MONTHS, datetime(2019, 1, 1), Length(periods=0.1))
    assert weight.tolist() == [1.0] * 5
    assert weights([], MONTHS, datetime(2019, 1, 1), Length(periods=4)).tolist() == []


def test_rows_after_the_reference_weigh_as_much_as_those_at_it():
    weight = weights(np.array(["2019-02-01", "2019-03-01"], "M8[us]"), MONTHS, datetime(2019, 2, 1), Length(periods=4))
    assert weight.tolist() == [1.0, 1.0]


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=50))
def test_effective_rows_lie_between_one_and_all_and_do_not_depend_on_scale(weight):
    assert 1 - 1e-9 <= effective_rows(weight) <= len(weight) * (1 + 1e-9)
    assert effective_rows(np.array(weight) * 7) == pytest.approx(effective_rows(weight))


def test_effective_rows_of_no_weight_are_none():
    assert effective_rows([]) == effective_rows([0.0, 0.0]) == 0.0
