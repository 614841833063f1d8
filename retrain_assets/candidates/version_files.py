"""The files of a version: the model's text, its contract, what trained it, the reference profile, and a probe.

The reference profile is what monitoring compares with; the probe proves later that the version still loads and scores
the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pyarrow.parquet as pq

from retrain_assets.candidates import origin_losses
from retrain_assets.candidates.origin_losses import OriginLosses
from retrain_assets.candidates.strategies import Trained
from retrain_assets.feature_function.made_columns import MadeColumns, made_alike
from retrain_assets.monitoring.profiles.column_reader import stored_rows
from retrain_assets.monitoring.profiles.files import reference_files
from retrain_assets.monitoring.profiles.profile import reference_profiles
from retrain_assets.raw.policy import Columns
from retrain_assets.registry import training_record
from retrain_assets.registry.training_record import TrainingRecord
from retrain_assets.scoring.booster import predict
from retrain_assets.scoring.features import encode
from retrain_assets.store import PeriodStore

PROBE_ROWS = 20


def version_files(
    store: PeriodStore,
    columns: Columns,
    reference: Sequence[str],
    trained: Trained,
    record: TrainingRecord,
    origins: OriginLosses,
) -> dict[str, bytes]:
    """Build the files of a version.

    Args:
        store: The model's files.
        columns: The model's features.
        reference: The stored periods whose rows are the reference, the newest last.
        trained: The model.
        record: What trained it.
        origins: Daily losses at its rolling origins.
    """
    made = made_columns(store, dict.fromkeys((*trained.window.periods, *reference)), record.model)
    used = made is not None and not set(made.columns).isdisjoint(trained.contract.names)
    contract = replace(trained.contract, made=made.to_dict() if made and used else None)
    first = store.require_table("raw_data", reference[0], list(columns.features))
    probe = encode(first.slice(0, PROBE_ROWS), contract).table
    parts = {period: stored_rows(store, "raw_data", [period]) for period in reference}
    edges, profiles = reference_profiles(parts, list(columns.numeric), list(columns.categorical))
    scores = predict(trained.model, probe).tolist()
    return {
        "model.bst": trained.model,
        "features.json": _json(contract.to_dict()),
        training_record.FILE: record.to_bytes(),
        origin_losses.FILE: origins.to_bytes(),
        **reference_files(edges, profiles),
        "probe.json": _json({"rows": [list(row.values()) for row in probe.to_pylist()], "scores": scores}),
    }


def made_columns(store: PeriodStore, periods: Iterable[str], model: str) -> MadeColumns | None:
    """How the team's own function made columns of some stored periods; None where it made none.

    Raises:
        DataError: Not all of them were made alike.
    """
    paths = {period: store.path("raw_data", period) for period in sorted(periods)}
    schemas = {period: pq.read_schema(path) for period, path in paths.items() if path.exists()}
    return made_alike({period: MadeColumns.of_metadata(schema.metadata) for period, schema in schemas.items()}, model)


def _json(record: Any) -> bytes:
    return json.dumps(record, sort_keys=True).encode()
