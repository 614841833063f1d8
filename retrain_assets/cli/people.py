"""Commands by which a person decides: adopt, rollback, approve, promote, hold, release, retire."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from retrain_assets.cli.shared import (
    AS_JSON,
    END_AS_JSON,
    Opened,
    Statement,
    ended_period,
    finish,
    guarded,
    now,
    opened,
    runner_of,
    spec_of,
    stated,
    waiting,
)
from retrain_assets.documents.terminal import say
from retrain_assets.documents.units import counted, percent, plural
from retrain_assets.errors import NotFound

if TYPE_CHECKING:
    from retrain_assets.adoption.adoption import Adopted, Adoption, GivenModel
    from retrain_assets.registry.journal.events import Event
    from retrain_assets.registry.registry import Registry


@click.command()
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--trained-until",
    required=True,
    type=click.DateTime(["%Y-%m-%d"]),
    help="The last day of which the model may have seen rows; later rows alone measure it.",
)
@click.option("--period", help="As of the end of which period it is measured, like 2024-08; the newest without it.")
@stated
@AS_JSON
@guarded
def adopt(
    name: str, file: Path, trained_until: datetime, period: str | None, statement: Statement, as_json: bool
) -> None:
    """Make a LightGBM text model that was trained elsewhere the first live version.

    FILE is what booster.save_model wrote. Its features are matched with the spec's columns by name and kind, its
    categories by value. It is measured on the gate rows of the period, and monitored, held to its loss and compared
    with from then on like any version. Whatever is measured, it is your decision.

    Example: retrain adopt churn model.txt --trained-until 2024-06-30 --reason "in use since July"
    """
    from retrain_assets.pipeline import adoption
    from retrain_assets.registry.journal.history import History
    from retrain_assets.registry.rules import refuse_in_service

    model, person = opened(name), statement.person
    refuse_in_service(name, History(model.registry.history()))
    how: Adoption = adoption(model.spec)
    given = _given(file, trained_until.date(), how)
    measured = ended_period(model.spec, period) if period else _newest(model)
    done = _adopted(how, model, given, (person, statement.reason, measured))
    if as_json:
        from retrain_assets.cli.ruling_arguments import record_of

        click.echo(json.dumps(record_of(done.event), indent=1))
        return
    for line in _adoption_words(model, given, done):
        say([line])


def _given(file: Path, until: date, how: Adoption) -> GivenModel:
    """The file, probed, and matched with the spec as far as that needs no rows."""
    from retrain_assets.adoption.adoption import GivenModel

    with waiting(f"trying {file} in a process of its own"):
        given = GivenModel.of(file.read_bytes(), file.name, until)
    how.matched(given, {})
    return given


def _newest(model: Opened) -> str:
    """The newest ended period that the source has rows of."""
    from retrain_assets.onboarding.survey import last_period

    period = last_period(model.spec)
    if period is None:
        raise NotFound(f"{model.spec.name}: the source has no rows of a period that has ended. Check source.path.")
    return period


def _adopted(how: Adoption, model: Opened, given: GivenModel, decision: tuple[str, str, str]) -> Adopted:
    """Take in what is not stored up to the period, adopt the model, and tell of it."""
    from retrain_assets.alerts import publish
    from retrain_assets.model import PeriodAccess
    from retrain_assets.pipeline import renew_pages
    from retrain_assets.production.announcements import notice
    from retrain_assets.registry.journal.history import History
    from retrain_assets.registry.rulings import Signature
    from retrain_assets.store import retrain_home

    spec, store, registry = model
    person, reason, period = decision
    stored = set(store.periods("raw_data")) & set(store.periods("outcomes"))
    runner = runner_of(spec)
    for lacking in (known for known in spec.period.between(spec.period.first, period) if known not in stored):
        with waiting(f"taking in {spec.name} {lacking}"):
            end = runner.run("monitor", lacking, assets=["raw_data", "outcomes"])
        if not end.success:
            say(f"{lacking} was not taken in: {end.cause}", err=True)
    with waiting(f"measuring {given.name}"):
        done = how.adopt(PeriodAccess(store, registry, period), given, Signature(person, reason, now(), period))
    publish(notice(spec.name, History(registry.history()), done.event), retrain_home())
    renew_pages(spec, store, registry)
    return done


def _adoption_words(model: Opened, given: GivenModel, done: Adopted) -> list[str]:
    from retrain_assets.verdict import Decision

    name, event, verdict = model.spec.name, done.event, done.verdict
    passed = "passes" if verdict.decision is Decision.PROMOTE else "does not pass"
    gate, rows = verdict.gate, plural(model.spec.row_name)
    lines = [
        f"adopted: {given.name} is {event.to_version} of {name}, as of {event.period} ({event.actor})",
        f"Measured on {counted(gate.rows, model.spec.row_name)} of {gate.start[:10]} to {gate.end[:10]}, it {passed} "
        "what a first model must: "
        f"{verdict.reason}",
    ]
    for column, share in done.match.unknown.items():
        unknown = f"{percent(share, 1)} of the stored {rows} have a value that it does not know"
        lines.append(f"{column}: {unknown}, scored as missing.")
    if done.match.unused:
        lines.append(f"It does not read {', '.join(done.match.unused)}.")
    following = model.spec.period.shift(event.period, 1)
    return [*lines, f"It serves from {following} on: retrain monitor {name} --period {following}"]


@click.command()
@click.argument("name")
@stated
@click.option("--to", help="An earlier version to return to, like v2; without it the one served before.")
@END_AS_JSON
@guarded
def rollback(name: str, statement: Statement, to: str | None, as_json: bool) -> None:
    """Put the version served before, or that of --to, back in place, after checking that it loads and scores.

    It is your decision: no run rolls back from it again until another version is promoted or you release it. Where
    nothing but v0 is left, a constant, --to v0 says that you want it.

    Example: retrain rollback taxi_charge --reason "complaints about airport rides" --to v2
    """
    from retrain_assets.production.jobs import rollback_config
    from retrain_assets.production.rollback import refuse_unnamed_fallback
    from retrain_assets.registry.journal.events import in_short
    from retrain_assets.registry.journal.history import History
    from retrain_assets.registry.registry import NOTHING
    from retrain_assets.registry.rules import refuse_retired

    spec, _, registry = opened(name)
    past = History(registry.history())
    refuse_retired(name, past)
    if not past.moves:
        raise NotFound(f"{name}: no version is live, so there is nothing to roll back. Run `retrain status {name}`.")
    refuse_unnamed_fallback(registry, to)
    target = registry.rollback_target(to).name
    left = past.live.digest if past.live else NOTHING
    config = rollback_config(name, statement.reason, left, person=statement.person, **({"to": target} if to else {}))
    with waiting(f"rolling {name} back to {target}"):
        end = runner_of(spec).run("rollback", None, at=now(), config=config)
    said = ""
    if end.agreed:
        made = History(registry.history()).moves[-1]
        said = f"{in_short(made)}: {made.to_version} is live" if made.withdraws else in_short(made)
    finish(end, as_json, said)


@click.command()
@click.argument("name")
@click.option("--period", help="The attempt to approve: the period of its verdict, like 2019-03.")
@click.option("--until", "end", help="Last day or period on which it may be promoted, or a time.")
@click.option("--anchor", help="A version, like v4, that later ones may not be worse than; no candidate is approved.")
@stated
@AS_JSON
@guarded
def approve(
    name: str, period: str | None, end: str | None, anchor: str | None, statement: Statement, as_json: bool
) -> None:
    """Let a candidate be promoted although a check was insufficient; a failed check is never approved.

    Only where the spec says `validation.insufficient: human`, and bound to this candidate, its verdict and the live
    version it was compared with. `retrain promote` then promotes it.

    With --anchor you approve a version as it is: guardrails and groups of every later candidate are also judged
    against it, so that ten promotions cannot each take a little.

    Example: retrain approve taxi_charge --period 2019-03 --until 2026-12-31 --reason "JFK has too few rides to test"
    """
    from retrain_assets.cli import ruling_arguments
    from retrain_assets.pipeline import promotion
    from retrain_assets.registry.rulings import Signature

    spec, store, registry = opened(name)
    if anchor is not None:
        event = ruling_arguments.anchor(registry, anchor, by=statement.person, reason=statement.reason, at=now())
        _ruled(event, as_json, "It binds every later candidate, until another version is the anchor or it is released.")
        _show(Opened(spec, store, registry))
        return
    if period is None or end is None:
        raise click.UsageError("give --period and --until of the attempt, or --anchor and a version")
    until, attempt = ruling_arguments.end_of_ruling(end, spec.period), ended_period(spec, period)
    signature = Signature(statement.person, statement.reason, now(), attempt)
    event = ruling_arguments.approve(promotion(spec), registry, store, signature, until)
    _ruled(event, as_json, f"Promote it with: retrain promote {name} --period {period}")
    _show(Opened(spec, store, registry))


@click.command()
@click.argument("name")
@click.option("--period", required=True, help="The period of the verdict, like 2019-03.")
@END_AS_JSON
@guarded
def promote(name: str, period: str, as_json: bool) -> None:
    """Promote the candidate of a period's verdict now, if the registry allows it: approved, or released from a hold.

    Example: retrain promote taxi_charge --period 2019-03
    """
    spec = spec_of(name)
    known = ended_period(spec, period)
    runner = runner_of(spec)
    steps = ["production_model"] if runner.shows_checks(known) else ["validation_report", "production_model"]
    with waiting(f"promoting the candidate of {known}"):
        end = runner.run("retrain", known, at=now(), assets=steps)
    finish(end, as_json)


@click.command()
@click.argument("name")
@click.argument("which", required=False)
@click.option("--until", "end", help="Last day or period of the hold, or a time; without it until it is released.")
@stated
@AS_JSON
@guarded
def hold(name: str, which: str | None, end: str | None, statement: Statement, as_json: bool) -> None:
    """Stop every promotion and automatic rollback of a model, or of WHICH.

    WHICH is one candidate or version: v3, the period of an attempt, or the first digits of a digest. It is not
    promoted or moved, and its files are kept.

    Example: retrain hold taxi_charge --until 2026-12-31 --reason "tariffs change on the 15th"
    """
    from retrain_assets.cli import ruling_arguments
    from retrain_assets.registry.rulings import Hold

    spec, store, registry = opened(name)
    signed = ruling_arguments.signed(statement.person, statement.reason, now(), store, spec.period)
    until = ruling_arguments.end_of_ruling(end, spec.period) if end else None
    event = registry.rule(Hold(signed, ruling_arguments.digest_of(which, registry, store), until))
    _ruled(event, as_json, f"End it with: retrain release {name}{f' {which}' if which else ''} --reason TEXT")
    _show(Opened(spec, store, registry))


@click.command()
@click.argument("name")
@click.argument("which", required=False)
@stated
@AS_JSON
@guarded
def release(name: str, which: str | None, statement: Statement, as_json: bool) -> None:
    """End what people decided: holds on a model and its retirement, or holds and approvals of WHICH.

    WHICH is one candidate or version: v3, the period of an attempt, or the first digits of a digest.

    Where a model's registry was lost as a whole, and its home or run history says that there was one, this begins its
    history anew.

    Example: retrain release taxi_charge --reason "the new tariffs are in"
    """
    from retrain_assets.cli import ruling_arguments
    from retrain_assets.registry.rulings import BeginAnew

    spec, store, registry = opened(name)
    signed = ruling_arguments.signed(statement.person, statement.reason, now(), store, spec.period)
    if which is None and _is_forgotten(registry):
        _ruled(
            registry.rule(BeginAnew(signed)),
            as_json,
            "Its history begins anew: the next retrain asks for a first model.",
        )
    else:
        event = ruling_arguments.release(registry, signed, ruling_arguments.digest_of(which, registry, store))
        still = (ruling_arguments.standing(registry, signed.at), _nothing_live(Opened(spec, store, registry)))
        _ruled(event, as_json, " ".join(filter(None, still)))
    _show(Opened(spec, store, registry))


def _nothing_live(model: Opened) -> str:
    """What puts a version in service where none is live and nothing bars it; empty where one is, or none ever was."""
    from retrain_assets.registry.journal.history import History

    spec, _, registry = model
    history = History(registry.history())
    if history.live or history.retired or not history.moves:
        return ""
    rollback, calendar = history.last_rollback, spec.period
    rested = spec.rollback.cooldown.first_after(calendar, rollback.failure_period) if rollback else ""
    first = max(calendar.shift(history.moves[-1].period, 1), rested)
    goes_on = calendar.end is None or calendar.bounds(first)[1] <= calendar.end
    anew = f"`retrain run {spec.name} --period {first}`, or of a later period, trains anew" if goes_on else ""
    return f"Nothing is live: {', or '.join(filter(None, (registry.way_back(), anew))) or 'see `retrain status`'}."


def _is_forgotten(registry: Registry) -> bool:
    """Whether a history is lost as a whole, by what the home or the run history says."""
    if registry.head() is not None:
        return False
    from retrain_assets.cli.runner import prepare_instance
    from retrain_assets.dagster_glue.run_history import decided_in_runs
    from retrain_assets.store import retrain_home

    return bool(registry.forgotten() or decided_in_runs(prepare_instance(retrain_home()), registry.model))


@click.command()
@click.argument("name")
@stated
@AS_JSON
@guarded
def retire(name: str, statement: Statement, as_json: bool) -> None:
    """Take a whole model out of service: no version is live, and none is promoted before somebody releases it.

    Example: retrain retire taxi_charge --reason "fares are fixed by law from January on"
    """
    from retrain_assets.cli import ruling_arguments
    from retrain_assets.pipeline import renew_pages
    from retrain_assets.registry.rulings import Retire

    spec, store, registry = opened(name)
    event = registry.rule(
        Retire(ruling_arguments.signed(statement.person, statement.reason, now(), store, spec.period))
    )
    renew_pages(spec, store, registry)
    back = registry.way_back()
    _ruled(event, as_json, f"To take that back: {back}." if back else "")
    _show(Opened(spec, store, registry))


def _show(model: Opened) -> None:
    """Write the page that is opened first anew; what cannot be written is said, for the decision stands."""
    from retrain_assets.audit.assets import report_decided
    from retrain_assets.cli.runner import prepare_instance
    from retrain_assets.pipeline import frame_of, watch
    from retrain_assets.store import retrain_home

    spec, store, registry = model
    try:
        with waiting("writing the status page anew"), prepare_instance(retrain_home()) as instance:
            report_decided(frame_of(spec), store, registry, watch(spec), instance)
    except Exception as fault:  # a full disk, a damaged record
        said = f"The status page could not be written anew: {type(fault).__name__}: {str(fault).rstrip('.')}"
        say(f"{said}. The decision stands; the next run writes the page.", err=True)


def _ruled(event: Event, as_json: bool, next_step: str) -> None:
    from retrain_assets.cli.ruling_arguments import record_of, sentence_of

    if as_json:
        click.echo(json.dumps(record_of(event), indent=1))
        return
    say(f"{sentence_of(event)} ({event.actor})")
    if next_step:
        say(next_step)


PEOPLE_COMMANDS = (adopt, rollback, approve, promote, hold, release, retire)
