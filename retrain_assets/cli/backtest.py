"""`retrain backtest`: replay other retraining policies on a model's own history, and say which to take."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from retrain_assets.cli.shared import guarded, spec_of
from retrain_assets.documents.terminal import say, table, width
from retrain_assets.errors import SpecError

if TYPE_CHECKING:
    from retrain_assets.backtest.matrix.progress import Progress
    from retrain_assets.backtest.record import BacktestRecord
    from retrain_assets.documents.units import LossUnits
    from retrain_assets.spec.model_spec import ModelSpec

STAGES = {"read": "reading", "fit": "training", "score": "scoring", "replay": "replaying policies"}


@click.command()
@click.argument("name")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write the page to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--all", "every", is_flag=True, help="Show every policy, not only the chosen one of each family.")
@click.option("--write", is_flag=True, help="Show the change to the spec, ask, and write it.")
@click.option("--again", is_flag=True, help="Read the source again, as a database or a remote file must be.")
@guarded
def backtest(name: str, html: Path | None, as_json: bool, every: bool, write: bool, again: bool) -> None:
    """Replay when the model could have been retrained, and say which policy to take.

    A model of every week is trained on what was known then, and scored on every day after; each policy is a path
    through these losses. What was computed is kept: a new period costs the models of its own weeks. Nothing here
    changes the live model.

    Example: retrain backtest taxi_charge --html backtest.html
    """
    from retrain_assets.onboarding.replayed_history import replayed_history
    from retrain_assets.store import PeriodStore, retrain_home

    spec, home = spec_of(name), retrain_home()
    os.environ["RETRAIN_HOME"] = str(home)
    with _progress() as tell:
        read = itertools.count(1)
        history = replayed_history(spec, home, again=again, tell=lambda _: tell("read", next(read), 0))
        results = PeriodStore(home / "data" / spec.name)
        record = spec.backtest.run(history.store, results, progress=tell, stops=history.stops)
    units = spec.model.units
    if html:
        from retrain_assets.backtest.pages.page import backtest_html
        from retrain_assets.store import write_atomically

        page = backtest_html(record, units)
        write_atomically(html, page)
        say(f"wrote {html} ({len(page):,} bytes)", err=True)
    if as_json:
        click.echo(json.dumps(record.to_dict(), indent=1))
    elif not html:
        _print(record, units, every=every)
    if write:
        _write(spec, record)


def _print(record: BacktestRecord, units: LossUnits, *, every: bool) -> None:
    from retrain_assets.backtest.pages.text import (
        best_words,
        cost_words,
        gate_words,
        procedure_words,
        rows_of,
        shown_policies,
        span_words,
    )

    click.secho(record.model, bold=True)
    say(record.recommendation.sentence)
    click.echo()
    say(" ".join([f"{span_words(record, units)}. {cost_words(record, units)}.", *procedure_words(record)]))
    click.echo()
    for line in table(rows_of(record, units, shown_policies(record, every=every)), width()):
        click.echo(line)
    lines = best_words(record, units)
    if lines:
        click.echo()
        say("Best with all of history in sight, by the cost of a retrain:")
        for line in lines:
            say(f"  {line}", hanging=4)
    gated = gate_words(record, units)
    if gated:
        click.echo()
        say("With your gate, as far as the primary loss goes:")
        for line in gated:
            say(f"  {line}", hanging=4)
    for problem in record.problems:
        say(f"! {problem}")
    if record.recommendation.triggers:
        click.echo()
        keys = ", ".join(f"{key}: {json.dumps(value)}" for key, value in record.recommendation.triggers.items())
        say(f"In the spec: triggers: {{{keys}}}, or `retrain backtest {record.model} --write`.")


def _write(spec: ModelSpec, record: BacktestRecord) -> None:
    from retrain_assets.backtest.spec_change import changed_spec, difference
    from retrain_assets.documents.yaml_file import text_of
    from retrain_assets.spec.loading import load_spec
    from retrain_assets.store import write_atomically

    if not record.recommendation.triggers:
        say("Nothing to write: your triggers stay as they are.")
        return
    path = spec.path
    if path is None:
        raise SpecError(f"{spec.name} was not read from a file. Change its triggers where it is made.")
    before = text_of(path)
    after = changed_spec(before, record.recommendation.triggers)
    click.echo(difference(before, after, path.name), nl=False)
    if not click.confirm(f"Write this to {path}?"):
        say("Nothing was written.")
        return
    write_atomically(path, after.encode())
    try:
        load_spec(path)
    except Exception:
        write_atomically(path, before.encode())
        raise
    say(f"wrote {path}")


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on a terminal; elsewhere nothing."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(
        *columns, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal
    ) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(STAGES[stage], total=total or None)
            bars.update(tasks[stage], completed=done, total=total or None)

        yield tell
