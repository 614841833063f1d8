"""What choosing a strategy on rolling origins costs against knowing the better one in advance.

    python -m benchmarks.selection [--fast] [--home HOME --model NAME]

Simulated worlds first: each strategy's mean loss in the month after the choice, as a ratio to the better of `recent`
and `history`. With `--home` and `--model` also the retrains of a finished replay (`retrain demo`), whose three models
are trained again and scored on the gate rows that followed; the home is copied, not changed.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.worlds.changes import RECIPE, abrupt_change, rare_cases, seasons, windows
from retrain_assets.candidates.policy import AVERAGE
from retrain_assets.candidates.rolling_origins import rehearse
from retrain_assets.candidates.strategies import HeldRows, Recipe, TrainingRows
from retrain_assets.candidates.strategy_choice import (
    average_of,
    average_origins,
    chosen,
    common_losses,
    selection_scores,
)
from retrain_assets.metrics.metric import metric
from retrain_assets.model import PeriodAccess
from retrain_assets.pipeline import training
from retrain_assets.registry.registry import Registry
from retrain_assets.scoring.booster import predict
from retrain_assets.scoring.features import encode
from retrain_assets.spec.loading import load_specs
from retrain_assets.store import LABEL, PeriodStore
from retrain_assets.windows.manifest import read_manifest
from retrain_assets.windows.rows import load_window

BASES = ("recent", "history")
THREE = (*BASES, AVERAGE)
LIMIT, MONTHS = 1.11, 12


def rehearsed(rows: pa.Table, months: int, origins: int, recipe: Recipe) -> dict[str, float]:
    """Mean loss of each strategy and of their average over the origins before the gate month, as a retrain has it."""
    held, cut = HeldRows(rows, recipe), windows(months, origins=origins)
    scores, found = list[pa.Table](), {}
    for name in BASES:
        tables: list[pa.Table] = []

        def observe(origin: str, rows: TrainingRows, raw: np.ndarray, tables: list[pa.Table] = tables) -> None:
            tables.append(selection_scores(origin, rows, raw))

        found[name] = rehearse(held, cut, name, recipe, observe).origins
        scores.append(pa.concat_tables(tables))
    return common_losses({**found, AVERAGE: average_origins(scores, recipe.training.objective, recipe.model.loss)})


def after_choosing(world: pa.Table, recipe: Recipe) -> tuple[str, dict[str, float]]:
    """The strategy chosen before the gate month, and every strategy's loss at an origin that stands for the gate."""
    before = rehearsed(world, MONTHS, 3, recipe)
    return chosen(before, "history", BASES, recipe.training), rehearsed(world, MONTHS + 1, 1, recipe)


def simulated(seeds: int) -> dict[str, dict[str, float]]:
    """Loss ratios by world: of each strategy alone, and of the one chosen."""
    policy = RECIPE.training.model_copy(update={"strategies": THREE, "threads": 1})
    recipe, table = replace(RECIPE, training=policy), {}
    for world in (abrupt_change, rare_cases, seasons):
        found = []
        for seed in range(seeds):
            choice, after = after_choosing(world(MONTHS + 1, seed), recipe)
            found.append([*(after[name] for name in THREE), after[choice]])
        mean = np.mean(found, axis=0)
        table[world.__name__] = dict(zip((*THREE, "chosen"), mean / mean[:2].min(), strict=True))
    return table


def replayed(home: Path, model: str) -> dict[str, float]:
    """Mean loss on the gate rows of every retrain: each strategy alone, and the choice among two and among three."""
    spec = load_specs()[model]
    spec = spec.model_copy(update={"training": spec.training.model_copy(update={"strategies": THREE})})
    work, loss = training(spec), metric(spec.model.loss)
    totals, rows_in_all = dict.fromkeys((*THREE, "chosen of two", "chosen of three"), 0.0), 0
    incumbents = {"chosen of two": "history", "chosen of three": "history"}
    with tempfile.TemporaryDirectory() as folder:
        store = PeriodStore(Path(shutil.copytree(home / "data" / model, Path(folder) / model)))
        for period in store.periods("feature_windows", "json"):
            access = PeriodAccess(store, Registry(home / "registry", model), period)
            records = {name: work.train(access, name) for name in BASES}
            origins = {name: record.origins for name, record in records.items()}
            losses = common_losses(origins | {AVERAGE: work.average_origins(access, origins)})
            models = {name: record.trained for name, record in records.items() if record.trained}
            gate = read_manifest(store, period).windows.gate
            rows = load_window(store, spec.model, gate, list(spec.columns.features), period)
            sums: dict[str, float] = {}
            for name, trained in {**models, AVERAGE: average_of(models)}.items():
                scores = predict(trained.model, encode(rows, trained.contract).table)
                sums[name] = float(loss.row_losses(rows[LABEL].to_numpy(), scores).sum())
            for choice, names in (("chosen of two", BASES), ("chosen of three", THREE)):
                compared = {name: losses[name] for name in names if name in losses}
                incumbents[choice] = chosen(compared, incumbents[choice], BASES, spec.training)
                totals[choice] += sums[incumbents[choice]]
            for name in THREE:
                totals[name] += sums[name]
            rows_in_all += rows.num_rows
    return {name: total / rows_in_all for name, total in totals.items()}


def main() -> int:
    """Measure, print, and say whether a chosen strategy stays within 11 % of the better one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fast", action="store_true", help="few repetitions")
    parser.add_argument("--home", type=Path, help="a finished replay's RETRAIN_HOME")
    parser.add_argument("--model", help="the model replayed there")
    options = parser.parse_args()
    table = simulated(3 if options.fast else 20)
    for world, ratios in table.items():
        print(f"{world:<16}" + "".join(f"{name} {ratio:<10.3f}" for name, ratio in ratios.items()))
    if options.home and options.model:
        for name, value in replayed(options.home, options.model).items():
            print(f"{options.model}  {name:<16}{value:.5g}")
    missed = [world for world, ratios in table.items() if not ratios["chosen"] <= LIMIT]
    print(
        f"selection: {len(table)} worlds, missed: {', '.join(missed) or 'none'} (chosen at most {LIMIT} of the better)"
    )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
