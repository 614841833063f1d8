"""A retrain's training steps, from stored rows to a version in the registry.

Each strategy rehearses the past on rolling origins and is then trained on everything up to the gate; the best of them,
or their average, gets the reference profile that monitoring will compare with, and a probe that proves later that it
still loads and scores the same.
"""

from __future__ import annotations

import hashlib
import json
import time as clock
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from statistics import fmean
from typing import Any

import pyarrow as pa

from retrain_assets.candidates.coverage import Coverage, coverage, gate_levels
from retrain_assets.candidates.policy import AVERAGE, TrainingPolicy
from retrain_assets.candidates.rare_types import load_kept
from retrain_assets.candidates.rolling_origins import choose, widest
from retrain_assets.candidates.strategies import HeldRows, Recipe, TrainingRows, train_strategy, training_table
from retrain_assets.candidates.strategy_choice import (
    average_origins,
    averaged,
    chosen,
    common_losses,
    comparison,
    eligible,
    merged,
    reason_of,
    selection_scores,
)
from retrain_assets.errors import NotEnoughData
from retrain_assets.monitoring.profiles.column_reader import stored_rows
from retrain_assets.monitoring.profiles.files import reference_files
from retrain_assets.monitoring.profiles.profile import reference_profiles
from retrain_assets.periods import Calendar
from retrain_assets.raw.policy import Columns
from retrain_assets.registry.registry import Registry
from retrain_assets.scoring.booster import importance, predict
from retrain_assets.scoring.features import FeatureContract, encode
from retrain_assets.store import PeriodStore
from retrain_assets.windows.cut import Span, Windows
from retrain_assets.windows.manifest import read_manifest
from retrain_assets.windows.policy import WindowsPolicy
from retrain_assets.windows.rows import load_window

PROBE_ROWS = 20
OPTIONAL = ("parts", "refit_of")
"""What only some versions record: the two models of an average, the candidate that was refitted."""


@dataclass(frozen=True)
class Training:
    """What training one model needs besides its store and registry.

    `held_out` gives the keys that never train a model: the cases of the regression suite.
    """

    model: str
    task: str
    classes: int
    key: str
    time: str
    columns: Columns
    policy: TrainingPolicy
    windows: WindowsPolicy
    calendar: Calendar
    reference_periods: int
    loss: str
    held_out: Callable[[], frozenset[str]]

    def recipe(self, strategy: str) -> Recipe:
        """How one strategy is trained."""
        return Recipe(
            self.columns,
            self.key,
            self.time,
            self.task,
            self.classes,
            self.policy.model_copy(update={"strategies": (strategy,)}),
            self.windows.half_life_periods,
            self.calendar,
            self.loss,
        )

    def train(self, store: PeriodStore, strategy: str, period: str) -> dict[str, Any]:
        """Rehearse one strategy on the rolling origins, train it up to the gate, and write model and record.

        Every row is read once, and only the rows of this strategy's own windows. A strategy whose window does not
        cover what it must is not trained; its record says what is lacking.
        """
        began = clock.process_time()
        manifest = read_manifest(store, period)
        windows = only(manifest, strategy)
        recipe = self.recipe(strategy)
        held = self.held(store, strategy, widest(windows), period)
        covered = self._coverage(store, held, manifest, strategy)
        known: dict[str, Any] = {
            "coverage": covered.to_dict(),
            "window": {"start": windows.history.start.isoformat(), "end": windows.history.end.isoformat()},
            "periods": list(windows.history.periods),
        }
        if not covered.eligible:
            record = {"strategy": strategy, "origins": [], "selection_loss": None, **known}
            store.write_json(_asset(strategy), period, record)
            return record
        scores: list[pa.Table] = []

        def observe(origin: str, _: str, rows: TrainingRows, raw: Any) -> None:
            scores.append(selection_scores(origin, rows, raw))

        choice = choose(held, windows, recipe, strategy, observe if self.policy.averages else None)
        trained = train_strategy(held, windows.history, strategy, choice.rounds, recipe)
        origins = [asdict(origin) for origin in choice.origins if origin.strategy == strategy]
        store.write_bytes(_asset(strategy), period, "bst", trained.model)
        if scores:
            store.write_table(_asset(strategy), period, pa.concat_tables(scores))
        record = {
            **trained.to_dict(),
            "digest": hashlib.sha256(trained.model).hexdigest(),
            "contract": trained.contract.to_dict(),
            "origins": origins,
            "selection_loss": fmean(origin["loss"] for origin in origins) if origins else None,
            "skipped": list(choice.skipped),
            "reason": choice.reason,
            "importance": dict(list(importance(trained.model).items())[:20]),
            "seconds": round(clock.process_time() - began, 3),
            **known,
        }
        store.write_json(_asset(strategy), period, record)
        return record

    def held(self, store: PeriodStore, strategy: str, span: Span, period: str) -> HeldRows:
        """The labelled rows of a span as of a period, and for `recent` the older ones of the rare types it keeps."""
        recipe, excluded = self.recipe(strategy), self.held_out()
        names = list(dict.fromkeys((*self.columns.features, *self.policy.coverage.columns)))
        rows = load_window(store, span, names, self.key, self.time, period, exclude_keys=excluded)
        if strategy == "recent" and recipe.kept:
            first = self.calendar.key(span.start)
            older = Span(tuple(p for p in store.periods("raw_data") if p <= first), datetime.min, span.start)
            kept = load_kept(store, older, names, self.key, self.time, period, recipe.kept, excluded)
            if kept is not None:
                rows = pa.concat_tables([kept, rows], promote_options="permissive").unify_dictionaries()
        return HeldRows(rows, recipe)

    def _coverage(self, store: PeriodStore, held: HeldRows, windows: Windows, strategy: str) -> Coverage:
        span = windows.recent if strategy == "recent" else windows.history
        shown = gate_levels(store, windows.gate, list(self.columns.categorical), self.time)
        table = training_table(held, span, strategy, self.recipe(strategy))
        return coverage(self.policy.coverage, self.task, table, span.periods, shown)

    def choose(self, store: PeriodStore, registry: Registry, period: str) -> dict[str, Any]:
        """Choose the best eligible strategy, put its model into the registry as a candidate, and write the record.

        Raises:
            NotCovered: No strategy is eligible.
        """
        records: dict[str, dict[str, Any]] = {}
        for name in self.policy.trained:
            record = store.read_json(_asset(name), period)
            if record is None:
                raise NotEnoughData(f"{self.model} {period}: materialize {_asset(name)} of {period} first")
            records[name] = record
        names = eligible(records, f"{self.model} {period}")
        compared: dict[str, dict[str, Any]] = {name: records[name] for name in names}
        if averaged(names, self.policy):
            compared[AVERAGE] = {"origins": self._average_origins(store, compared, period)}
        losses, incumbent = common_losses(compared), self._incumbent(registry)
        strategy = chosen(losses, incumbent, names, self.policy)
        model, trained = self._chosen(store, records, strategy, losses.get(strategy), period)
        record = {
            "strategy": strategy,
            "rounds": trained["rounds"],
            "digest": registry.add(self.version_files(store, trained, model, period)),
            "losses": losses,
            "comparison": comparison(compared),
            "reason": reason_of(strategy, losses, incumbent, self.loss, self.policy.switch_gain, records),
            "windows": trained["window"],
            "eligible": names,
        }
        store.write_json("candidate_model", period, record)
        return record

    def _average_origins(
        self, store: PeriodStore, records: Mapping[str, Mapping[str, Any]], period: str
    ) -> list[dict[str, Any]]:
        """The average's loss at every shared origin; none where a strategy could not be rehearsed."""
        tables = {name: store.read_table(_asset(name), [period]) for name in records if records[name]["origins"]}
        if missing := [_asset(name) for name, table in tables.items() if table is None]:
            raise NotEnoughData(
                f"{self.model} {period}: no rehearsal scores of {', '.join(missing)}, which the average needs. "
                f"Materialize it of {period} again."
            )
        scores = [table for table in tables.values() if table is not None]
        return average_origins(scores, self.policy.objective, self.loss) if len(scores) == len(records) else []

    def _chosen(
        self,
        store: PeriodStore,
        records: Mapping[str, dict[str, Any]],
        strategy: str,
        selection_loss: float | None,
        period: str,
    ) -> tuple[bytes, dict[str, Any]]:
        """The model that meets the gate, and its record."""
        if strategy != AVERAGE:
            return store.read_bytes(_asset(strategy), period, "bst"), records[strategy]
        return merged(
            {name: (store.read_bytes(_asset(name), period, "bst"), records[name]) for name in self.policy.trained},
            selection_loss,
        )

    def _incumbent(self, registry: Registry) -> str:
        live = registry.live()
        if live is None:
            return "history"
        strategy: str = json.loads(registry.read(live.digest)["training.json"])["strategy"]
        return strategy

    def version_files(
        self, store: PeriodStore, record: Mapping[str, Any], model: bytes, period: str
    ) -> dict[str, bytes]:
        """Everything that makes a version of a model: its text, contract, training record, profile and probe."""
        contract = FeatureContract.from_dict(record["contract"])
        reference = [known for known in store.periods("raw_data") if known <= period][-self.reference_periods :]
        first = store.require_table("raw_data", reference[0], list(self.columns.features))
        probe = encode(first.slice(0, PROBE_ROWS), contract).table
        parts = {known: stored_rows(store, "raw_data", [known]) for known in reference}
        edges, profiles = reference_profiles(parts, list(self.columns.numeric), list(self.columns.categorical))
        names = ("strategy", "rounds", "rows", "effective_rows", "baseline", "periods", "selection_loss")
        training = {name: record[name] for name in (*names, *(name for name in OPTIONAL if name in record))}
        return {
            "model.bst": model,
            "features.json": _json(contract.to_dict()),
            "training.json": _json(
                training
                | {
                    "model": self.model,
                    "task": self.task,
                    "as_of": period,
                    "trained_from": record["window"]["start"],
                    "trained_until": record["window"]["end"],
                    "parameters": self.policy.model_dump(mode="json"),
                    "importance": record["importance"],
                }
            ),
            **reference_files(edges, profiles),
            "probe.json": _json(
                {"rows": [list(row.values()) for row in probe.to_pylist()], "scores": predict(model, probe).tolist()}
            ),
        }


def only(windows: Windows, strategy: str) -> Windows:
    """The windows as one strategy sees them, so that it loads no row of the other."""
    if strategy == "history":
        return replace(
            windows,
            recent=windows.history,
            origins=tuple(replace(origin, train_recent=origin.train_history) for origin in windows.origins),
        )
    return replace(
        windows,
        history=windows.recent,
        origins=tuple(replace(origin, train_history=origin.train_recent) for origin in windows.origins),
    )


def _asset(strategy: str) -> str:
    return f"candidate_{strategy}"


def _json(record: Any) -> bytes:
    return json.dumps(record, sort_keys=True).encode()
