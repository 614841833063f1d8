from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest

from retrain_assets.backtest.matrix.encoded_history import EncodedHistory
from retrain_assets.backtest.matrix.origins import origin_at
from retrain_assets.errors import NotEnoughData
from retrain_assets.store import KNOWN_AT, PeriodStore
from retrain_assets_tests.backtest.worlds import matrix_recipe


@pytest.fixture(scope="module")
def history(built):
    spec, rows, _, _ = built
    return spec, EncodedHistory.load(rows, matrix_recipe(spec).recipe, dated=False)


def test_a_mapped_file_holds_the_same_rows(history, tmp_path):
    _, loaded = history
    loaded.write(tmp_path / "rows.arrow")
    mapped = EncodedHistory.mapped(tmp_path / "rows.arrow")
    assert mapped.contract == loaded.contract
    assert mapped.rows.features.equals(loaded.rows.features)
    assert mapped.rows.label.equals(loaded.rows.label)
    assert len(mapped.days) == 63 - 1  # the outcomes of the last day are still out


def test_training_rows_end_a_label_delay_before_the_origin(history):
    spec, loaded = history
    origin = origin_at(spec.model, spec.windows, datetime(2024, 2, 5))
    rows = loaded.training(origin, "history", matrix_recipe(spec).recipe)
    assert max(rows.time.to_pylist()) < datetime(2024, 2, 4)
    recent = loaded.training(origin, "recent", matrix_recipe(spec).recipe)
    assert datetime(2024, 1, 21) <= min(recent.time.to_pylist())


def test_an_outcome_that_became_known_later_does_not_train(history, own_build):
    spec, _ = history
    _, rows, _ = own_build
    outcomes = rows.read_table("outcomes", ["2024-01-15"])
    late = pa.array([datetime(2024, 3, 1)] * outcomes.num_rows, pa.timestamp("us"))
    at = outcomes.column_names.index(KNOWN_AT)
    rows.write_table("outcomes", "2024-01-15", outcomes.set_column(at, KNOWN_AT, late))
    recipe = matrix_recipe(spec).recipe
    loaded = EncodedHistory.load(rows, recipe, dated=True)
    origin = origin_at(spec.model, spec.windows, datetime(2024, 2, 5))
    days = np.unique(loaded.training(origin, "history", recipe).time.to_numpy().astype("datetime64[D]"))
    assert np.datetime64("2024-01-16") not in days
    assert np.datetime64("2024-01-10") in days
    known = dict(zip(loaded.days, loaded.known_days, strict=True))
    assert known[datetime(2024, 1, 16)] == np.datetime64("2024-03-01"), "a day of which nothing is known"
    assert known[datetime(2024, 1, 10)] <= np.datetime64("2024-01-15")


def test_a_history_without_outcomes_says_so(history, tmp_path):
    spec, _ = history
    with pytest.raises(NotEnoughData, match="no period with rows is stored"):
        EncodedHistory.load(PeriodStore(tmp_path), matrix_recipe(spec).recipe, dated=False)


def test_an_origin_without_known_rows_says_so(history):
    spec, loaded = history
    origin = origin_at(spec.model, spec.windows, datetime(2024, 1, 1))
    with pytest.raises(NotEnoughData, match="no row of .* had an outcome by 2024-01-01"):
        loaded.training(origin, "recent", matrix_recipe(spec).recipe)


def test_outcomes_of_other_rows_alone_leave_nothing_to_replay(own_build):
    spec, rows, _ = own_build
    for week in rows.periods("outcomes"):
        known = rows.require_table("outcomes", week)
        others = pa.array([-1 - n for n in range(known.num_rows)], known["id"].type)
        rows.write_table("outcomes", week, known.set_column(known.column_names.index("id"), "id", others))
    with pytest.raises(NotEnoughData, match=r"none of the rows of 2024-01-01 to .* has an outcome. Check `source.outc"):
        EncodedHistory.load(rows, matrix_recipe(spec).recipe, dated=False)
