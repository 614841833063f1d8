"""Commands that tell where models stand and why: status, history, explain."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from retrain_assets.cli.shared import NO_MODEL, guarded, naming_monitored, now, opened, spec_of
from retrain_assets.documents.plain_text import plain
from retrain_assets.documents.terminal import labelled, say, table, width, wrapped
from retrain_assets.errors import IntegrityError, RetrainError
from retrain_assets.spec.loading import read_specs
from retrain_assets.store import retrain_home

if TYPE_CHECKING:
    from retrain_assets.audit.model_status import ModelStatus

COLOURS = {
    "as expected": "green", "worse than expected": "red", "its last run failed": "red",
    "its data broke": "red", "damaged": "red", "a constant answers": "red", "its data drift": "yellow",
}  # fmt: skip


@click.command()
@click.argument("name", required=False)
@click.option("--details", is_flag=True, help="Everything that is known of every model.")
@click.option("--json", "as_json", is_flag=True, help="Print a list of records, one per model.")
@guarded
def status(name: str | None, details: bool, as_json: bool) -> None:
    """Tell how each model does, what is live, and what the next retrain waits for: a line a model, or five about NAME.

    A spec that is wrong, or a journal that is damaged, is named after the models that can be told, and the exit code
    is 2.

    Example: retrain status taxi_charge
    """
    specs, wrong = ({name: spec_of(name)}, {}) if name else read_specs()
    faults = list(wrong.values())
    found: list[ModelStatus] = []
    for model in specs:
        try:
            found.append(_status(model))
        except IntegrityError as damage:
            if name:
                raise
            found.append(_damaged(model))
            faults.append(f"{model}: {damage}")
    if as_json:
        click.echo(json.dumps([one.to_dict() for one in found], indent=1))
    elif name or details:
        for one in found:
            told = one.details if details else one.answers
            click.secho(f"{one.model}{f' ({one.as_of})' if one.as_of else ''}", bold=True)
            for line in labelled((title, str(value)) for title, value in told.items() if value is not None):
                click.echo(line)
    else:
        _overview(found)
    if found and not as_json and not any(one.ran for one in found):
        say(_unused(retrain_home()))
    if faults:
        raise RetrainError("\n".join(faults))


def _status(name: str) -> ModelStatus:
    from retrain_assets.audit.model_status import ModelStatus
    from retrain_assets.audit.status import last_fault, last_period, status_of, with_fault
    from retrain_assets.model import PeriodAccess
    from retrain_assets.monitoring.first_run import how_to_start
    from retrain_assets.pipeline import watch

    spec, store, registry = opened(name)
    period = last_period(store, registry)
    if not period:
        return ModelStatus(name, next_retrain=how_to_start(name, spec.period))
    found = status_of(PeriodAccess(store, registry, period), watch(spec), now())
    return with_fault(replace(found, owners=spec.owners), last_fault(store, period))


def _damaged(name: str) -> ModelStatus:
    """What is told of a model whose journal cannot be read."""
    from retrain_assets.audit.model_status import DAMAGED, ModelStatus

    return ModelStatus(name, health=DAMAGED, damaged="its journal cannot be read")


def _unused(home: Path) -> str:
    """Which folder was looked at, so that a wrong one does not pass for a fresh start."""
    there = "is where nothing ran yet" if home.is_dir() else "does not exist yet"
    return f"Looked at {home}, which {there}. RETRAIN_HOME names another folder."


def _overview(found: list[ModelStatus]) -> None:
    if not found:
        say(f"No model: {NO_MODEL}.")
    from retrain_assets.audit.model_status import OVERVIEW

    if not found:
        return
    head, *lines = table([OVERVIEW, *(one.cells for one in found)], None)
    if fits := max(map(len, [head, *lines])) <= (width() or sys.maxsize):
        click.secho(head, bold=True)
    for one, line in zip(found, lines, strict=True):
        told = line if fits else wrapped(one.in_a_sentence, width())
        click.secho(told, fg="yellow" if one.unwatched else COLOURS.get(one.health), dim=not one.ran)


@click.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print a list of records, one per decision.")
@guarded
def history(name: str, as_json: bool) -> None:
    """Tell every decision about a model, oldest first, with the number under which `explain` knows it.

    Example: retrain history taxi_charge --json
    """
    from retrain_assets.audit.status import decision_record, decisions
    from retrain_assets.registry.journal.events import in_short

    _, _, registry = opened(name)
    events = decisions(registry)
    if as_json:
        click.echo(json.dumps([decision_record(event) for event in events], indent=1))
        return
    if not events:
        say(f"{name}: no decision yet. Run `retrain replay {name}` or `retrain run {name} --period P`.")
    for event in events:
        place = f"e{event.seq:<4} {event.period:<10} {in_short(event):<16}"
        why = plain(f"{event.reason} ({event.actor}, {event.at:%Y-%m-%d %H:%M})")  # older journals hold line breaks
        say(f"{place} {why}", hanging=6)


@click.command()
@click.argument("name")
@click.argument("which", required=False)
@click.option("--at", help="A day, time or period: explain what was live then.")
@click.option("--json", "as_json", is_flag=True, help="Print the record as JSON.")
@guarded
def explain(name: str, which: str | None, at: str | None, as_json: bool) -> None:
    """Explain one decision by its evidence: the last, or that of a version (v3), a period (2019-03) or an event (e7).

    Example: retrain explain taxi_charge --at 2019-05-03
    """
    from retrain_assets.audit.explanation import explained
    from retrain_assets.audit.pages.explanation_text import in_words

    spec, store, registry = model = opened(name)
    with naming_monitored(model, which):
        found = explained(spec.name, registry, store, spec.period, which, at)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=1))
    else:
        say(in_words(found, spec.model.units))


STATUS_COMMANDS = (status, history, explain)
