"""Play `retrain demo --scenario bad-deploy`: a model that was right to promote, a world that turns, and the way back.

The turned world is made of real rows: New York cab rides from before the state's congestion surcharge of 2 February
2019, dated 52 weeks later, as if the surcharge had been repealed the day after the promotion. Nothing in a row is
changed but its date, so that weekday and hour stay what they were.

The scenario lives in a home of its own, `<RETRAIN_HOME>/scenarios/bad-deploy`, with its own spec and data; nothing of
the other models is read or written.
"""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml
from rich.console import Console

from retrain_assets.audit.explanation import explained
from retrain_assets.audit.pages.explanation_text import in_words
from retrain_assets.cli.replay import INDENT, heading, retrain_left, shown, step
from retrain_assets.cli.runner import Runner, prepare_instance
from retrain_assets.documents.terminal import console, say, width, wrapped
from retrain_assets.errors import RetrainError
from retrain_assets.monitoring.performance.scored_rows import time_span
from retrain_assets.production.probation.record import stored_record
from retrain_assets.registry.registry import Registry
from retrain_assets.spec.loading import SHIPPED, load_specs
from retrain_assets.spec.model_spec import ModelSpec
from retrain_assets.store import PeriodStore, write_atomically
from retrain_assets.validation.suite.cases import load_suite

MODEL = "taxi_charge"
FIRST, TURN, LAST = "2018-09", "2019-04", "2019-06"
"""The first month is the first whose rides do not come again in the turned one."""

SHIFT = timedelta(weeks=52)


@dataclass(frozen=True)
class Turned:
    """The scenario's rows: how many are as they happened, how many are of the other regime, and from when."""

    rows: pa.Table
    real: int
    moved: int
    first: datetime
    last: datetime


def scenario_home(home: Path, name: str) -> Path:
    """Name the folder of a scenario's data, registry and run history."""
    return home / "scenarios" / name


def turned_world(rows: pa.Table, time: str, begin: datetime, turn: datetime, end: datetime) -> Turned:
    """Rows from `begin` as they happened, and from `turn` on the rows of 52 weeks before in their place.

    Args:
        rows: Everything that happened, with unique keys.
        time: Name of the time column.
        begin: First moment of the scenario.
        turn: When the world turns.
        end: End of the scenario, excluded.
    """
    happened = _between(rows, time, begin, turn)
    other = _between(rows, time, turn - SHIFT, end - SHIFT)
    at = other.column_names.index(time)
    moved = other.set_column(
        at, rows.schema.field(at), pc.add(other[time], pa.scalar(SHIFT)).cast(rows.schema.field(at).type)
    )
    joined = pa.concat_tables([happened, moved])
    return Turned(joined, happened.num_rows, moved.num_rows, *time_span(other[time]))


def _between(rows: pa.Table, time: str, start: datetime, end: datetime) -> pa.Table:
    moment = pa.scalar(start, rows[time].type), pa.scalar(end, rows[time].type)
    return rows.filter(pc.and_(pc.greater_equal(rows[time], moment[0]), pc.less(rows[time], moment[1])))


def prepare(folder: Path) -> Turned:
    """Write the scenario's data, suite and spec under `folder`, and point this process at them."""
    shipped = yaml.safe_load((SHIPPED / f"{MODEL}.yaml").read_text())
    spec = load_specs([SHIPPED])[MODEL]
    begin, turn = (spec.period.bounds(period)[0] for period in (FIRST, TURN))
    end = spec.period.bounds(LAST)[1]
    turned = turned_world(pq.read_table(spec.source.features.path), spec.source.time, begin, turn, end)
    sink = pa.BufferOutputStream()
    pq.write_table(turned.rows, sink)
    models = folder / "models"
    write_atomically(models / "rides.parquet", sink.getvalue().to_pybytes())
    shipped["source"]["path"] = "rides.parquet"
    shipped["period"] |= {"start": begin.date(), "end": end.date()}
    suite = Path(spec.validation.regression_suite.path)
    write_atomically(models / suite.name, _suite(suite, turned.rows, spec))
    write_atomically(models / f"{MODEL}.yaml", yaml.safe_dump(shipped, sort_keys=False).encode())
    os.environ |= {"RETRAIN_HOME": str(folder), "RETRAIN_MODELS": str(models), "RETRAIN_SHIPPED": "0"}
    return turned


def _suite(path: Path, rows: pa.Table, spec: ModelSpec) -> bytes:
    """The shipped cases whose row the scenario has in the period where it happened."""
    found = dict(
        zip(rows[spec.source.key].cast(pa.string()).to_pylist(), rows[spec.source.time].to_pylist(), strict=True)
    )
    kept = [case for case in load_suite(path) if case.id in found and spec.period.key(found[case.id]) == case.period]
    entries = [{name: value for name, value in asdict(case).items() if value is not None} for case in kept]
    return yaml.safe_dump({"cases": entries}, sort_keys=False).encode()


def bad_deploy(home: Path) -> None:
    """Promote a model on honest evidence, turn the world, and let probation and its sensor withdraw it.

    A scenario that was interrupted goes on with the period in which it was.

    Raises:
        RetrainError: It was played to its end before, or ended without a rollback.
    """
    out, began = console(), time.monotonic()
    folder = scenario_home(home, "bad-deploy")
    if is_finished(Registry(folder / "registry", MODEL)):
        raise RetrainError(
            f"{folder} holds a finished scenario. Look at it with `{_look_at(folder)}`, or delete the folder to "
            "play it again."
        )
    turned = prepare(folder)
    spec = load_specs()[MODEL]
    out.print(
        f"[bold]bad-deploy[/bold]: {turned.real:,} rides of {FIRST} to {spec.period.shift(TURN, -1)} as they happened, "
        f"then {turned.moved:,} real rides of {turned.first:%Y-%m-%d} to {turned.last:%Y-%m-%d}, before the congestion "
        f"surcharge of 2019-02-02, each dated {SHIFT.days} days later: as if the surcharge had been repealed on "
        f"{spec.period.bounds(TURN)[0]:%Y-%m-%d}.",
    )
    runner = Runner(spec, prepare_instance(folder))
    store, registry = PeriodStore(folder / "data" / MODEL), Registry(folder / "registry", MODEL)
    periods = left(spec, store)
    if periods[0] != FIRST:
        out.print(f"It was interrupted, and goes on with {periods[0]}.")
    _play(out, runner, store, registry, periods)
    out.print(f"\n[bold]retrain explain {MODEL}[/bold]")
    say(in_words(explained(MODEL, registry, store, runner.spec.period), runner.spec.model.units))
    out.print(
        f"\n{time.monotonic() - began:.0f} s. To look at it in the Dagster UI:\n  {_look_at(folder)}",
        soft_wrap=True,
    )


def is_finished(registry: Registry) -> bool:
    """Whether a scenario came to its end, which is the rollback."""
    return any(event.action == "rolled_back" for event in registry.history())


def left(spec: ModelSpec, store: PeriodStore) -> list[str]:
    """The periods to play: all, or those from the last one that was monitored, whose retrain may be undone."""
    done = store.periods("performance_report", "json")
    return spec.period.between(done[-1] if done else FIRST, LAST)


def _look_at(folder: Path) -> str:
    return f"RETRAIN_HOME={folder} RETRAIN_MODELS={folder / 'models'} RETRAIN_SHIPPED=0 retrain dev"


def _play(out: Console, runner: Runner, store: PeriodStore, registry: Registry, periods: list[str]) -> None:
    """Play period by period until the rollback: what the daemon does, with the clock at each period's end."""
    spec = runner.spec
    out.print(heading(spec), style="bold", markup=False, soft_wrap=True)
    monitored = periods[0] in store.periods("performance_report", "json")
    undone = retrain_left(runner, registry, periods[0]) if monitored else None
    for period in periods:
        line = (period == periods[0] and undone) or step(spec, runner, store, registry, period)
        out.print(shown(line), style=line.color, markup=False, soft_wrap=True)
        record = stored_record(store, period)
        if record is not None and record.comparison is not None:
            said = f"{INDENT}probation: {record.sentence}"
            out.print(wrapped(said, width()), style="dim", markup=False, soft_wrap=True)
        if is_finished(registry):
            return
    raise RetrainError(f"the scenario ended without a rollback; {MODEL} stands in {store.root}. Report this, please.")
