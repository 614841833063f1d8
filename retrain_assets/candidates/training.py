"""A retrain's training steps, from stored rows to a version in the registry.

Each strategy rehearses the past on rolling origins and is then trained on everything up to the gate; the better one
gets the reference profile that monitoring will compare with, and a probe that proves later that it still loads and
scores the same.
"""

from __future__ import annotations

import hashlib
import json
import time as clock
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from statistics import fmean
from typing import Any

import pyarrow as pa

from retrain_assets.candidates.choice import choose, prefer, widest
from retrain_assets.candidates.policy import TrainingPolicy
from retrain_assets.candidates.strategies import HeldRows, Recipe, train_strategy
from retrain_assets.errors import NotEnoughData
from retrain_assets.monitoring.profile import profile, reference_edges
from retrain_assets.raw.policy import Columns
from retrain_assets.registry.registry import Registry
from retrain_assets.scoring.booster import importance, predict
from retrain_assets.scoring.features import FeatureContract, encode
from retrain_assets.store import PeriodStore
from retrain_assets.windows.cut import Windows
from retrain_assets.windows.manifest import read_manifest
from retrain_assets.windows.periods import Calendar
from retrain_assets.windows.policy import WindowsPolicy
from retrain_assets.windows.rows import load_window

PROBE_ROWS = 20


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

        Every row is read once, and only the rows of this strategy's own windows.
        """
        began = clock.process_time()
        windows = only(read_manifest(store, period), strategy)
        recipe = self.recipe(strategy)
        names = list(self.columns.features)
        span = widest(windows)
        rows = load_window(store, span, names, self.key, self.time, period, exclude_keys=self.held_out())
        held = HeldRows(rows, recipe)
        del rows
        choice = choose(held, windows, recipe, incumbent=strategy)
        trained = train_strategy(held, windows.history, strategy, choice.rounds, recipe)
        origins = [asdict(origin) for origin in choice.origins if origin.strategy == strategy]
        store.write_bytes(_asset(strategy), period, "bst", trained.model)
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
            "window": {"start": windows.history.start.isoformat(), "end": windows.history.end.isoformat()},
            "periods": list(windows.history.periods),
        }
        store.write_json(_asset(strategy), period, record)
        return record

    def choose(self, store: PeriodStore, registry: Registry, period: str) -> dict[str, Any]:
        """Choose the better strategy, put its model into the registry as a candidate, and write the record."""
        records: dict[str, dict[str, Any]] = {}
        for name in self.policy.strategies:
            record = store.read_json(_asset(name), period)
            if record is None:
                raise NotEnoughData(f"{self.model} {period}: materialize {_asset(name)} of {period} first")
            records[name] = record
        losses = common_losses(records)
        incumbent = self._incumbent(registry)
        strategy = prefer(losses, incumbent) if losses else incumbent
        files = self._files(store, records[strategy], strategy, period)
        record = {
            "strategy": strategy,
            "rounds": records[strategy]["rounds"],
            "digest": registry.add(files),
            "losses": losses,
            "comparison": _comparison(records),
            "reason": _reason(strategy, losses, incumbent, self.loss),
            "windows": records[strategy]["window"],
        }
        store.write_json("candidate_model", period, record)
        return record

    def _incumbent(self, registry: Registry) -> str:
        live = registry.live()
        if live is None:
            return "history"
        strategy: str = json.loads(registry.read(live.digest)["training.json"])["strategy"]
        return strategy

    def _files(self, store: PeriodStore, record: Mapping[str, Any], strategy: str, period: str) -> dict[str, bytes]:
        model = store.read_bytes(_asset(strategy), period, "bst")
        contract = FeatureContract.from_dict(record["contract"])
        reference = self._reference(store, period)
        probe = encode(next(iter(reference.values())).slice(0, PROBE_ROWS), contract).table
        rows = pa.concat_tables(reference.values(), promote_options="permissive").unify_dictionaries()
        edges = reference_edges(rows, list(self.columns.numeric), list(self.columns.categorical))
        profiles = {name: profile(table, edges).to_dict() for name, table in reference.items()}
        names = ("strategy", "rounds", "rows", "effective_rows", "baseline", "periods", "selection_loss")
        training = {name: record[name] for name in names}
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
            "profile.json": _json({"edges": edges.to_dict(), "profiles": profiles}),
            "probe.json": _json(
                {"rows": [list(row.values()) for row in probe.to_pylist()], "scores": predict(model, probe).tolist()}
            ),
        }

    def _reference(self, store: PeriodStore, period: str) -> dict[str, pa.Table]:
        """The features of the last periods up to this one, by period: what the model's world looks like."""
        stored = [known for known in store.periods("raw_data") if known <= period][-self.reference_periods :]
        tables = {known: store.read_table("raw_data", [known], list(self.columns.features)) for known in stored}
        return {known: table for known, table in tables.items() if table is not None}


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


def common_losses(records: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Mean loss per strategy over the origins that every strategy could be rehearsed at.

    >>> common_losses({"recent": {"origins": [{"origin": "a", "loss": 1.0}, {"origin": "b", "loss": 9.0}]},
    ...                "history": {"origins": [{"origin": "a", "loss": 2.0}]}})
    {'recent': 1.0, 'history': 2.0}
    """
    by_origin = {
        name: {origin["origin"]: origin["loss"] for origin in record["origins"]} for name, record in records.items()
    }
    shared = set.intersection(*(set(losses) for losses in by_origin.values()))
    return {name: fmean(losses[origin] for origin in sorted(shared)) for name, losses in by_origin.items() if shared}


def _asset(strategy: str) -> str:
    return f"candidate_{strategy}"


def _comparison(records: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "origin": origin["origin"],
            "strategy": name,
            "loss": origin["loss"],
            "rounds": origin["rounds"],
            "train_rows": origin["train_rows"],
            "selection_rows": origin["selection_rows"],
        }
        for name, record in records.items()
        for origin in record["origins"]
    ]


def _reason(strategy: str, losses: Mapping[str, float], incumbent: str, loss: str) -> str:
    if not losses:
        return f"No earlier period to compare the strategies on: {strategy} stays."
    shown = ", ".join(f"{name} {value:.4g}" for name, value in losses.items())
    tie = " A tie within 0.1 % stays with the live strategy." if min(losses.values()) < losses[strategy] else ""
    return f"Mean {loss} on the selection periods: {shown}.{tie}"


def _json(record: Any) -> bytes:
    return json.dumps(record, sort_keys=True).encode()
