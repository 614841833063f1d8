"""Which trigger is the best default? Every policy on six tables, ranked by its worst regret.

    python -m benchmarks.backtest.defaults [--table NAME ...] [--streams DIR] [--results DIR]

The specs are those of `benchmarks.decisions`: written by the rules of `retrain new`, once, before any result was looked
at. A retrain costs what it costs by default, a tenth of a period's loss. A policy's regret on a table is its cost
beyond that of the best path in hindsight, as a share of the latter's; a policy is as good as on the table where it does
worst.
Results are kept, so that tables can be played one by one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from benchmarks.decisions.streams import STREAMS, prepare
from retrain_assets.backtest.record import BacktestRecord
from retrain_assets.raw.ingest import ingest, ingest_outcomes
from retrain_assets.spec.loading import load_spec
from retrain_assets.spec.model_spec import ModelSpec
from retrain_assets.store import PeriodStore

PROJECT = Path(__file__).parents[2]


def played(name: str, streams: Path, results: Path) -> BacktestRecord | None:
    """The backtest of one table; None where its file is not there.

    Every model and every loss is kept when it is made, so that a run that was broken off goes on where it stood, and a
    replay by newer code trains nothing.
    """
    store = PeriodStore(results / name)
    if not STREAMS[name].path(streams).exists():
        return None
    spec = prepared(name, streams, results / f"{name}_spec")
    for period in spec.period.ended_by(datetime.now()):
        if not store.path("raw_data", period).exists():
            ingest(spec.intake, store, period, late=True)
            ingest_outcomes(spec.intake, store, period)
    return spec.backtest.run(store, store)


def prepared(name: str, streams: Path, work: Path) -> ModelSpec:
    """The spec of a table, written once."""
    path = work / f"{name}.yaml"
    return load_spec(path) if path.exists() else prepare(name, streams, work, shuffled=False)


def regrets(record: BacktestRecord) -> dict[str, float]:
    """Regret of each policy whose name means the same on every table, as a share of hindsight's cost."""
    best = next(one.cost for one in record.policies if one.hindsight)
    found = {}
    for one in record.policies:
        name = one.name
        if one.family.startswith("excess loss") and "excess" in one.parameters:
            times = float(one.parameters["excess"]) / record.retrain_cost
            name = f"{times:g} x the cost more error than expected, by {record.unit}"
        elif one.family.startswith("excess loss"):
            times = float(one.parameters["on_excess_loss"]) / record.retrain_cost
            name = f"{times:g} x the cost more error than expected"
        elif one.family.startswith("forgone gain, by"):
            name = f"the cost forgone, {100 * float(one.parameters['certainty']):g} % certain, by decision"
        elif one.family == "budget":
            name = f"the cost more error than expected, at most {one.parameters['per_year']} a year"
        found[name.replace(f", by {record.unit}", ", by decision")] = one.cost / best - 1
    return found


def table(found: Mapping[str, Mapping[str, float]]) -> list[str]:
    """A line per policy that every table has, the one with the best worst regret first."""
    names = set.intersection(*(set(of) for of in found.values()))
    ranked = sorted(names, key=lambda name: max(of[name] for of in found.values()))
    width = max(len(name) for name in ranked)
    lines = [f"{'policy':<{width}}" + "".join(f"{each:>15}" for each in found) + f"{'worst':>9}"]
    for name in ranked:
        shares = [of[name] for of in found.values()]
        lines.append(f"{name:<{width}}" + "".join(f"{share:>15.1%}" for share in shares) + f"{max(shares):>9.1%}")
    return lines


def main() -> int:
    """Play the tables that are there, and print the ranking."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="append", choices=tuple(STREAMS), help="only this one; may stand again")
    parser.add_argument("--streams", type=Path, default=PROJECT.parent / "shared" / "data" / "streams")
    parser.add_argument("--results", type=Path, default=PROJECT / ".benchmarks" / "backtest")
    said = parser.parse_args()
    found = {}
    for name in said.table or STREAMS:
        record = played(name, said.streams, said.results)
        if record is None:
            print(f"{name}: skipped, its file is not in {said.streams}")
            continue
        found[name] = regrets(record)
        print(f"{name}: {len(record.timeline.starts)} {record.unit}s; {record.recommendation.sentence}", flush=True)
    if found:
        print("\n".join(table(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
