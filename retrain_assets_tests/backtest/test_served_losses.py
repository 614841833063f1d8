from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest

from retrain_assets.backtest.served_losses import served_losses
from retrain_assets.store import OUTCOME


def served(store, weeks, version, key, left_out=0):
    """Write that a version answered 3 to every row of some weeks but the last few."""
    for week in weeks:
        rows = store.require_table("raw_data", week)
        rows = rows.slice(0, rows.num_rows - left_out)
        scores = {"version": pa.array([version] * rows.num_rows), "score": np.full(rows.num_rows, 3.0)}
        store.write_table("predictions", week, pa.table({key: rows[key], "at": rows["at"], **scores}))


def test_a_version_answers_for_the_days_on_which_it_scored_every_row(own_build, built):
    spec, store, _ = own_build
    matrix, weeks = built[3].matrix, own_build[1].periods("raw_data")
    served(store, weeks[4:6], "v1", spec.model.key)
    served(store, weeks[6:7], "v1", spec.model.key, left_out=1)
    served(store, weeks[7:8], "v2", spec.model.key)
    since = spec.period.bounds(weeks[4])[0]
    lost = served_losses(spec.model, store, matrix, "v1", since, frozenset())
    own = (matrix.days >= np.datetime64(weeks[4])) & (matrix.days < np.datetime64(weeks[6]))
    assert np.isfinite(lost[own]).all()
    assert np.isnan(lost[matrix.days < np.datetime64(weeks[4])]).all()
    assert np.isnan(lost[matrix.days >= np.datetime64(weeks[7])]).all(), "another version served there"
    partly = (matrix.days >= np.datetime64(weeks[6])) & (matrix.days < np.datetime64(weeks[7]))
    assert np.isnan(lost[partly]).sum() == 1, "a row that it did not score leaves its day out"
    known = [store.require_table("outcomes", week) for week in weeks]
    label = {
        key: value for one in known for key, value in zip(one["id"].to_pylist(), one[OUTCOME].to_pylist(), strict=True)
    }
    keys = [key for week in weeks[4:6] for key in store.require_table("raw_data", week)["id"].to_pylist()]
    assert lost[own].sum() == pytest.approx(sum(abs(label[key] - 3.0) for key in keys if key in label))
    assert np.isnan(served_losses(spec.model, store, matrix, "v9", since, frozenset())).all()
    assert np.isnan(served_losses(spec.model, store, matrix, "v1", datetime(2030, 1, 1), frozenset())).all()


def test_a_version_that_scored_none_of_these_rows_answers_for_no_day(own_build, built):
    spec, store, _ = own_build
    weeks = store.periods("raw_data")
    served(store, weeks[4:5], "v1", spec.model.key)
    scored = store.require_table("predictions", weeks[4])
    others = pa.array([f"other {n}" for n in range(scored.num_rows)])
    store.write_table("predictions", weeks[4], scored.set_column(0, spec.model.key, others))
    since = spec.period.bounds(weeks[4])[0]
    assert np.isnan(served_losses(spec.model, store, built[3].matrix, "v1", since, frozenset())).all()
