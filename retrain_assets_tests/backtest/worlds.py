"""Small histories for the backtest: matrices written by hand, and the parcels of a few weeks, taken in."""

from datetime import datetime, timedelta

import numpy as np
import yaml

from benchmarks.worlds.parcels import SPEC, rows_of
from retrain_assets.backtest.matrix.loss_matrix import LossMatrix
from retrain_assets.raw.ingest import ingest, ingest_outcomes
from retrain_assets.spec.loading import load_spec
from retrain_assets.spec.model_spec import ModelSpec
from retrain_assets.store import PeriodStore

FIRST = np.datetime64("2024-01-01", "us")
WEEK = np.timedelta64(7, "D")


def matrix_of(means, rows=10.0, delay=timedelta(0), doubts=None):
    """A matrix of weekly origins: `means[i][j]` is the mean loss of model i in the week after origin j."""
    means = np.asarray(means, dtype=float)
    origins = len(means)
    moments = FIRST + WEEK * np.arange(origins)
    days = (FIRST.astype("datetime64[D]") + np.arange(7 * origins)).astype("datetime64[D]")
    losses = np.repeat(means, 7, axis=1) * rows
    week = np.repeat(np.arange(origins), 7)
    losses[week[None, :] < np.arange(origins)[:, None]] = np.nan
    return LossMatrix(
        moments,
        moments - np.timedelta64(delay),
        days,
        np.full(days.size, rows),
        losses,
        delay,
        moments - np.timedelta64(delay) - 2 * WEEK,
        np.full(origins, np.nan),
        None if doubts is None else np.repeat(np.asarray(doubts, dtype=float), 7, axis=1) * rows,
        ("history",) * origins,
    )


def ageing(origins, slope=1.0, base=1.0):
    """Mean losses that grow by `slope` with every week of a model's age."""
    age = np.arange(origins)[None, :] - np.arange(origins)[:, None]
    return base + slope * np.maximum(age, 0)


def parcels(folder, weeks=9, slower_from=5, rows=None, **changes) -> tuple[ModelSpec, PeriodStore]:
    """The spec and the stored periods of parcels that take half an hour longer from one week on."""
    folder.mkdir(parents=True, exist_ok=True)
    (rows if rows is not None else rows_of(weeks, slower_from)).to_parquet(folder / "rows.parquet")
    (folder / "delivery.suite.yaml").write_text("cases: []\n")
    windows = {"recent": "2w", "half_life": "4w", "gate": "1w", "min_train": "2w", "selection": "1w"}
    training = SPEC["training"] | {"max_rounds": 12, "num_leaves": 7, "early_stopping_rounds": 3}
    record = SPEC | {"windows": windows | {"selection_origins": 1}, "training": training} | changes
    (folder / "delivery.yaml").write_text(yaml.safe_dump(record))
    spec = load_spec(folder / "delivery.yaml")
    store = PeriodStore(folder / "stored")
    take_in(spec, store, weeks)
    return spec, store


def take_in(spec, store, weeks):
    """Take so many weeks in, those that are stored left alone."""
    for period in spec.period.ended_by(datetime(2024, 7, 1))[:weeks]:
        if not store.path("raw_data", period).exists():
            ingest(spec.intake, store, period, late=True)
            ingest_outcomes(spec.intake, store, period)


def matrix_recipe(spec):
    """How the models of the matrix are trained."""
    return spec.backtest.recipe
