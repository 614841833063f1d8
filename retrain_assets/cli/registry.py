"""Commands that read the registry and keep it in order: status, history, explain, verify, prune."""

from __future__ import annotations

import json
import sys

import click

from retrain_assets.cli.shared import NO, guarded, now, registry_of, spec_of, store_of
from retrain_assets.spec import load_specs


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print a list of records, one per model.")
@guarded
def status(name: str | None, as_json: bool) -> None:
    """Live version, age, last drift and quality, and how close the next retrain is.

    Example: retrain status taxi_charge
    """
    from retrain_assets.audit.status import status_of
    from retrain_assets.pipeline import watch

    records = [
        status_of(spec.name, store_of(spec), registry_of(spec), watch(spec), spec.period, now())
        for spec in ([spec_of(name)] if name else load_specs().values())
    ]
    if as_json:
        click.echo(json.dumps(records, indent=1))
        return
    for record in records:
        click.echo(record.pop("model"))
        for key, value in record.items():
            click.echo(f"  {key.replace('_', ' '):<18} {value if value is not None else '-'}")


@click.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print a list of records, one per decision.")
@guarded
def history(name: str, as_json: bool) -> None:
    """Every decision about a model, oldest first, with the number under which `explain` knows it.

    Example: retrain history taxi_charge --json
    """
    from retrain_assets.audit.status import decisions, history_of

    registry = registry_of(spec_of(name))
    records = history_of(registry)
    if as_json:
        click.echo(json.dumps(records, indent=1))
        return
    if not records:
        click.echo(f"{name}: no decision yet. Run `retrain demo --model {name}` or `retrain run {name} --period P`.")
    for event, record in zip(decisions(registry), records, strict=True):
        move = f"{record['from_version'] or '-'} -> {record['to_version'] or '-'}"
        place = f"e{event.seq:<4} {record['period']:<10} {record['action']:<12} {move:<12}"
        click.echo(f"{place} {record['reason']} ({record['actor']}, {record['at'][:16].replace('T', ' ')})")


@click.command()
@click.argument("name")
@click.argument("which", required=False)
@click.option("--at", help="A day, time or period: explain what was live then.")
@click.option("--json", "as_json", is_flag=True, help="Print the record as JSON.")
@guarded
def explain(name: str, which: str | None, at: str | None, as_json: bool) -> None:
    """One decision with its evidence: the last move, or that of a version (v3), period (2019-03) or event (e7).

    Example: retrain explain taxi_charge --at 2019-05-03
    """
    from retrain_assets.audit.explanation import explained
    from retrain_assets.audit.explanation_text import in_words

    spec = spec_of(name)
    found = explained(spec.name, registry_of(spec), store_of(spec), spec.period, which, at)
    click.echo(json.dumps(found.to_dict(), indent=1) if as_json else in_words(found))


@click.command()
@click.argument("name", required=False)
@click.option("--repair", is_flag=True, help="Mend what an interrupted write left, or what a hash proves.")
@click.option("--expect", help="An event that NAME's journal must hold, as deployment_history shows it: SEQ:HASH.")
@click.option("--json", "as_json", is_flag=True, help="Print the problems of each model as JSON.")
@guarded
def verify(name: str | None, repair: bool, expect: str | None, as_json: bool) -> None:
    """Check the registry: digests of every version, the journal's chain, the live pointer.

    With --repair, what can be mended without guessing is mended first; what is left says what to restore. With
    --expect, a journal that was cut off or rewritten as a whole is found too; it also lets --repair write lost heads.

    Example: retrain verify taxi_charge --repair
    """
    from retrain_assets.registry.journal.heads import Head

    if expect is not None and name is None:
        raise ValueError("--expect is about the journal of one model: name the model too")
    expected = Head.parse(expect) if expect is not None else None
    registries = {spec.name: registry_of(spec) for spec in ([spec_of(name)] if name else load_specs().values())}
    mended = {model: registry.repair(expected) for model, registry in registries.items() if repair}
    problems = {model: registry.verify(expected) for model, registry in registries.items()}
    for model, done in mended.items():
        for sentence in done:
            click.echo(f"{model}: {sentence}", err=as_json)
    if as_json:
        click.echo(json.dumps(problems, indent=1))
    else:
        for model, found in problems.items():
            for problem in found or [f"every digest and the journal's chain hold{_pruned(model)}"]:
                click.echo(f"{model}: {problem}")
    sys.exit(NO if any(problems.values()) else 0)


@click.command()
@click.argument("name")
@click.option("--preview", is_flag=True, help="Only say what would be deleted.")
@click.option("--json", "as_json", is_flag=True, help="Print the digests as JSON.")
@guarded
def prune(name: str, preview: bool, as_json: bool) -> None:
    """Delete the files of models out of service that the spec's `retention` does not keep; runs do so by themselves.

    The live version, the one a rollback returns to, and whatever is held are kept whatever the spec says.

    Example: retrain prune taxi_charge --preview
    """
    from retrain_assets.cli.runner import actor
    from retrain_assets.registry.journal.history import History
    from retrain_assets.registry.retention import disposable

    spec = spec_of(name)
    registry = registry_of(spec)
    if preview:
        gone = registry.deleted()
        digests = [d for d in disposable(History(registry.history()), spec.retention, now()) if d not in gone]
    else:
        event = registry.prune(spec.retention, at=now(), actor=actor())
        digests = list(event.deleted) if event else []
    if as_json:
        click.echo(json.dumps({"deleted": [] if preview else digests, "would_delete": digests if preview else []}))
        return
    verb = "would delete" if preview else "deleted"
    click.echo(f"{verb} the files of {len(digests)} model(s); {spec.retention.sentence}")
    for digest in digests:
        click.echo(f"  {digest}")


def _pruned(model: str) -> str:
    gone = len(registry_of(spec_of(model)).deleted())
    return f"; retention deleted the files of {gone} model(s)" if gone else ""


REGISTRY_COMMANDS = (status, history, explain, verify, prune)
