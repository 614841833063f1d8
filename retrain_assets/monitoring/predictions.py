"""Scoring a period's rows with the version that served it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from retrain_assets.errors import DataError
from retrain_assets.feature_function.made_columns import MadeColumns
from retrain_assets.model import Model, PeriodAccess
from retrain_assets.registry.registry import Version
from retrain_assets.scoring.scorer import Scorer, score_columns


@dataclass(frozen=True)
class Predicted:
    """The scores of one period and the version that gave them; None before the first model.

    `remark` says where the rows' features were made otherwise than those that the version was trained on.
    """

    version: Version | None
    table: pa.Table | None
    remark: str = ""


def predict_period(model: Model, at: PeriodAccess) -> Predicted:
    """Score `raw_data` of a period with the version that served it, and write `predictions` of that period.

    A feature that the period was stored without is missing in all of its rows; a period without rows has no scores.

    Raises:
        DataError: The version gave a score that is no finite number.
    """
    period, key, time = at.period, model.key, model.time
    version = at.registry.served_in(period)
    if version is None:
        return Predicted(None, None)
    scorer = Scorer.from_files(at.registry.read(version.digest), version.name, version.digest)
    rows = at.store.read_table("raw_data", [period], [key, time, *scorer.contract.names])
    if rows is None:
        return Predicted(version, None)
    scores = scorer.scores(rows)
    bad = int(scores.size - np.isfinite(scores).sum())
    if bad:
        raise DataError(
            f"{period}: {version.name} gave {bad} non-finite scores for {rows.num_rows:,} rows. Roll it back."
        )
    columns = {name: pa.array(values) for name, values in score_columns(scores).items()}
    labels = pa.array([version.name] * rows.num_rows).dictionary_encode()
    table = pa.table({key: rows[key], time: rows[time], "version": labels, **columns})
    at.store.write_table("predictions", period, table)
    return Predicted(version, table, _otherwise_made(scorer, at))


def _otherwise_made(scorer: Scorer, at: PeriodAccess) -> str:
    """Say that the function which made the period's features is another, or its source, than in training."""
    trained = scorer.contract.made
    stored = MadeColumns.of_metadata(pq.read_schema(at.store.path("raw_data", at.period)).metadata)
    if trained is None or (stored is not None and stored.sha256 == MadeColumns.from_dict(trained).sha256):
        return ""
    made = MadeColumns.from_dict(trained)
    by = f"{stored.function} with another source ({stored.sha256[:12]})" if stored else "no function"
    return (
        f"The features of {at.period} were made by {by}, those that {scorer.version} was trained on by {made.function} "
        f"({made.sha256[:12]}): they may mean something else. Bring that source back, or retrain."
    )
