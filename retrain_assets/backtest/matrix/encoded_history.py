"""Every labelled row of a model's history as numbers, in one file that several processes map into memory.

The rows are encoded once: a level of a category that a model was not trained on is, to LightGBM, the same as a missing
one, so that no origin needs a contract of its own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from retrain_assets.backtest.matrix.origins import MatrixOrigin
from retrain_assets.backtest.matrix.stored_digests import upto
from retrain_assets.candidates.strategies import HeldRows, Recipe, TrainingRows
from retrain_assets.errors import NotEnoughData
from retrain_assets.raw.labels import latest_per_key
from retrain_assets.raw.notation.keys import comparable_keys
from retrain_assets.scoring.feature_contract import FeatureContract
from retrain_assets.scoring.features import contract_of
from retrain_assets.store import KNOWN_AT, LABEL, PeriodStore, own, write_atomically
from retrain_assets.windows.cut import Span
from retrain_assets.windows.rows import load_window

_RARE, _KNOWN = own("rare"), own("known_at")
_CONTRACT = b"retrain:contract"

_MOSTLY = 0.95
"""Share of a day's outcomes with which it counts as known."""

Times = NDArray[np.datetime64]


@dataclass(frozen=True)
class EncodedHistory:
    """The rows, sorted by time, with their contract; `known` says when each outcome was, None where the delay does.

    Rows whose key is excluded, such as the cases of the regression suite, are not among them.
    """

    rows: TrainingRows
    contract: FeatureContract
    known: pa.ChunkedArray | None

    @classmethod
    def load(
        cls,
        store: PeriodStore,
        recipe: Recipe,
        dated: bool,
        excluded: frozenset[str] = frozenset(),
        until: str | None = None,
    ) -> EncodedHistory:
        """Read all stored rows that have an outcome.

        Args:
            store: The model's files.
            recipe: The model, its columns, and the rare types that training keeps.
            dated: Whether the outcomes say when they became known.
            excluded: Keys that never train and never count.
            until: The last period that is read; None for the newest.

        Raises:
            NotEnoughData: No stored row has an outcome.
        """
        model = recipe.model
        periods, arrived = (upto(store.periods(asset), until) for asset in ("raw_data", "outcomes"))
        if not periods or not arrived:
            raise NotEnoughData(
                f"{model.name}: no period with {'rows' if not periods else 'outcomes'} is stored, so there is nothing "
                "to replay. Check the source with `retrain check`."
            )
        names = list(dict.fromkeys((*recipe.columns.features, *recipe.training.coverage.columns)))
        span = Span(tuple(periods), datetime.min, datetime.max)
        table = load_window(store, model, span, names, max(periods[-1], arrived[-1]), excluded)
        if not table.num_rows:
            raise NotEnoughData(
                f"{model.name}: none of the rows of {periods[0]} to {periods[-1]} has an outcome. Check "
                "`source.outcomes` and `source.label_delay`."
            )
        known = _known(store, model.key, arrived, table) if dated else None
        if known is not None:
            table = table.append_column(_KNOWN, known)
        held = HeldRows(table, recipe)(span)
        contract = contract_of(held, recipe.columns)
        rows = TrainingRows.of(held, contract, recipe)
        return cls(rows, contract, held[_KNOWN] if dated else None)

    def write(self, path: Path) -> None:
        """Put the rows into a file that `mapped` reads."""
        rows = self.rows
        columns = {
            **{name: rows.features[name] for name in rows.features.column_names},
            LABEL: rows.label,
            own("time"): rows.time,
            own("key"): rows.key,
            _RARE: rows.rare,
            **({_KNOWN: self.known} if self.known is not None else {}),
        }
        table = pa.table(columns).combine_chunks()
        table = table.replace_schema_metadata({_CONTRACT: json.dumps(self.contract.to_dict()).encode()})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        write_atomically(path, sink.getvalue())

    @classmethod
    def mapped(cls, path: Path) -> EncodedHistory:
        """The rows of a file, in memory that all processes share."""
        table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        contract = FeatureContract.from_dict(json.loads(table.schema.metadata[_CONTRACT]))
        known = table[_KNOWN] if _KNOWN in table.column_names else None
        return cls(
            TrainingRows(
                table.select(list(contract.names)), table[LABEL], table[own("time")], table[own("key")], table[_RARE]
            ),
            contract,
            known,
        )

    @property
    def days(self) -> list[datetime]:
        """The days that have rows, in order."""
        return [day.astype(datetime) for day in np.unique(self.time.astype("datetime64[D]")).astype("datetime64[us]")]

    @property
    def known_days(self) -> Times | None:
        """When the outcomes of each day were known, nineteen in twenty of them, in the order of `days`.

        A row whose outcome came months late does not hold up its day. None where outcomes do not say it.
        """
        if self.known is None:
            return None
        known = np.asarray(self.known.to_numpy(), dtype="datetime64[us]")
        day = self.time.astype("datetime64[D]")
        order = np.lexsort((known, day))
        _, first, count = np.unique(day, return_index=True, return_counts=True)
        return np.asarray(known[order][first + np.ceil(_MOSTLY * count).astype(int) - 1])

    @property
    def time(self) -> Times:
        """When each row happened, shape (n,)."""
        return np.asarray(self.rows.time.to_numpy(), dtype="datetime64[us]")

    def training(self, origin: MatrixOrigin, strategy: str, recipe: Recipe) -> TrainingRows:
        """The rows that train a strategy at an origin: those of its window whose outcome was known then.

        Raises:
            NotEnoughData: There is none.
        """
        span, rows = origin.span(strategy), self.rows
        if self.known is not None:
            known = pc.less_equal(self.known, pa.scalar(origin.moment, self.known.type))
            rows = rows.where(np.asarray(known.to_numpy(), dtype=bool))
        rows = rows.training(span, strategy, recipe)
        if not len(rows):
            raise NotEnoughData(f"no row of {span} had an outcome by {origin.key}")
        return rows


def _known(store: PeriodStore, key: str, arrived: list[str], table: pa.Table) -> pa.ChunkedArray:
    """When the outcome of each row became known."""
    outcomes = store.read_table("outcomes", arrived, [key, KNOWN_AT])
    assert outcomes is not None
    last = latest_per_key(outcomes, key)
    wanted, among = comparable_keys(table[key], last[key])
    return last[KNOWN_AT].take(pc.index_in(wanted, value_set=among))
