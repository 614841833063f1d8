"""The `retrain` command. Exit code 0: done; 1: the answer is no; 2: bad input, with a sentence that says what to do."""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retrain_assets.errors import DataError, NotApprovable, NotFound, NotPromotable, RetrainError, SpecError
from retrain_assets.report_commands import report_commands
from retrain_assets.spec import ModelSpec, load_specs
from retrain_assets.suite_commands import suite_group

if TYPE_CHECKING:
    from retrain_assets.runner import RunEnd, Runner

DEFAULT_MODEL = "taxi_charge"
NO, BAD_INPUT = 1, 2


def _guarded(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn the project's errors into a sentence on standard error, and exit code 1 for a refusal, 2 for the others."""

    @wraps(command)
    def run(*args: Any, **options: Any) -> Any:
        try:
            return command(*args, **options)
        except (RetrainError, ValueError, OSError) as error:
            click.echo(f"retrain: {error}", err=True)
            sys.exit(NO if isinstance(error, NotPromotable | NotApprovable) else BAD_INPUT)

    return run


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Keep a deployed tabular model good: monitor, retrain, judge, promote, roll back.

    Data, registry and run history live under RETRAIN_HOME (default: .retrain in the current folder).
    """


@main.command()
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="Which model to replay.")
@click.option("--until", help="Last period to replay, like 2019-06.")
@click.option("--scenario", type=click.Choice(["bad-deploy"]), help="A story of its own in a home of its own instead.")
@_guarded
def demo(model: str, until: str | None, scenario: str | None) -> None:
    """Replay the shipped data period by period through the real pipeline.

    Goes on after the last period that is monitored already. The scenario bad-deploy promotes a model, turns the world
    with real rides of another regime, and shows how probation withdraws the model; it lives in
    RETRAIN_HOME/scenarios/bad-deploy.

    Example: retrain demo --model employment, or retrain demo --scenario bad-deploy
    """
    if scenario is not None:
        from retrain_assets.runner import retrain_home
        from retrain_assets.scenario import bad_deploy

        bad_deploy(retrain_home())
        return
    from retrain_assets.demo import replay

    replay(_spec(model), until)


@main.command()
@click.option("--port", default=3000, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="The UI has no login: keep it local.")
@_guarded
def dev(port: int, host: str) -> None:
    """Serve the Dagster UI with sensors on.

    Example: retrain dev --port 3001
    """
    from retrain_assets.runner import prepare_instance, retrain_home

    os.environ["RETRAIN_HOME"] = str(retrain_home())
    prepare_instance(retrain_home()).dispose()
    dagster = str(Path(sys.executable).parent / "dagster")
    os.execv(dagster, [dagster, "dev", "-m", "retrain_assets.definitions", "-h", host, "-p", str(port)])


@main.command()
@click.argument("name", required=False)
@_guarded
def check(name: str | None) -> None:
    """Check specs, and that each source answers with the declared columns and usable labels for its first period.

    Warns of cases of the regression suite whose row the source does not have, and of a probation that is too short.

    Example: retrain check flight_delays
    """
    held = [_contract_holds(spec) for spec in ([_spec(name)] if name else load_specs().values())]
    sys.exit(0 if all(held) else NO)


@main.command()
@click.argument("name")
@click.option("--period", required=True, help="Which period, like 2019-03.")
@click.option("--json", "as_json", is_flag=True, help="Print the end of the run as JSON.")
@_guarded
def run(name: str, period: str, as_json: bool) -> None:
    """Retrain as of one period: train both strategies, judge the better, promote it if it passes.

    Example: retrain run taxi_charge --period 2019-03
    """
    end = _launch(name, "retrain", period)
    decided = [event for event in _registry(_spec(name)).history() if event.period == period and event.gate]
    if decided and end.outcome == decided[-1].action:
        end = replace(end, cause="" if end.success else decided[-1].reason)
    _finish(end, as_json)


@main.command()
@click.argument("name")
@click.option("--period", required=True, help="Which period, like 2019-03.")
@click.option("--json", "as_json", is_flag=True, help="Print the end of the run as JSON.")
@_guarded
def monitor(name: str, period: str, as_json: bool) -> None:
    """Take one period in, score it, and report drift and quality.

    Example: retrain monitor taxi_charge --period 2019-03
    """
    _finish(_launch(name, "monitor", period), as_json)


@main.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print a list of records, one per model.")
@_guarded
def status(name: str | None, as_json: bool) -> None:
    """Live version, age, last drift and quality, and how close the next retrain is.

    Example: retrain status taxi_charge
    """
    from retrain_assets.story import status_of

    records = [
        status_of(spec.name, _store(spec), _registry(spec), _watch(spec), spec.period, _now())
        for spec in ([_spec(name)] if name else load_specs().values())
    ]
    if as_json:
        click.echo(json.dumps(records, indent=1))
        return
    for record in records:
        click.echo(record.pop("model"))
        for key, value in record.items():
            click.echo(f"  {key.replace('_', ' '):<18} {value if value is not None else '-'}")


@main.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print a list of records, one per decision.")
@_guarded
def history(name: str, as_json: bool) -> None:
    """Every decision about a model, oldest first, with the number under which `explain` knows it.

    Example: retrain history taxi_charge --json
    """
    from retrain_assets.story import decisions, history_of

    registry = _registry(_spec(name))
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


@main.command()
@click.argument("name")
@click.argument("which", required=False)
@click.option("--at", help="A day, time or period: explain what was live then.")
@click.option("--json", "as_json", is_flag=True, help="Print the record as JSON.")
@_guarded
def explain(name: str, which: str | None, at: str | None, as_json: bool) -> None:
    """One decision with its evidence: the last move, or that of a version (v3), period (2019-03) or event (e7).

    Example: retrain explain taxi_charge --at 2019-05-03
    """
    from retrain_assets.explain import explained
    from retrain_assets.wording import in_words

    spec = _spec(name)
    record = explained(spec.name, _registry(spec), _store(spec), spec.period, which, at)
    click.echo(json.dumps(record, indent=1) if as_json else in_words(record))


@main.command()
@click.argument("name")
@click.option("--reason", required=True, help="Why; kept in the history for good.")
@click.option("--by", help="Who decides; your login name without it.")
@click.option("--json", "as_json", is_flag=True, help="Print the end of the run as JSON.")
@_guarded
def rollback(name: str, reason: str, by: str | None, as_json: bool) -> None:
    """Put the version served before back in place, after checking that it loads and scores.

    It is your decision: no run rolls back from it again until another version is promoted or you release it.

    Example: retrain rollback taxi_charge --reason "complaints about airport rides"
    """
    from retrain_assets.production.jobs import rollback_config
    from retrain_assets.registry.history import History
    from retrain_assets.registry.registry import NOTHING
    from retrain_assets.registry.rules import refuse_retired

    past = History(_registry(_spec(name)).history())
    refuse_retired(name, past)
    live = past.live
    if not past.moves:
        raise NotFound(f"{name}: no version is live, so there is nothing to roll back. Run `retrain status {name}`.")
    _registry(_spec(name)).rollback_target()
    runner = _runner(_spec(name))
    ops = rollback_config(name, reason, live.digest if live else NOTHING, person=_person(by))["ops"]
    _finish(runner.run("rollback", None, at=_now(), ops=ops), as_json)


BY = click.option("--by", help="Who decides; your login name without it.")
REASON = click.option("--reason", required=True, help="Why; kept in the history for good.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print the decision as JSON.")


@main.command()
@click.argument("name")
@click.option("--period", required=True, help="The attempt to approve: the period of its verdict, like 2019-03.")
@click.option("--until", "end", required=True, help="Last day or period on which it may be promoted, or a time.")
@REASON
@BY
@AS_JSON
@_guarded
def approve(name: str, period: str, end: str, reason: str, by: str | None, as_json: bool) -> None:
    """Let a candidate be promoted although a check was insufficient; a failed check is never approved.

    Only where the spec says `validation.insufficient: human`, and bound to this candidate, its verdict and the live
    version it was compared with. `retrain promote` then promotes it.

    Example: retrain approve taxi_charge --period 2019-03 --until 2026-12-31 --reason "JFK has too few rides to test"
    """
    from retrain_assets import decisions

    spec = _spec(name)
    until = decisions.moment_of(end, spec.period)
    event = decisions.approve(
        _promotion(spec), _registry(spec), _store(spec), period, until, by=_person(by), reason=reason, at=_now()
    )
    _ruled(event, as_json, f"Promote it with: retrain promote {name} --period {period}")


@main.command()
@click.argument("name")
@click.option("--period", required=True, help="The period of the verdict, like 2019-03.")
@click.option("--json", "as_json", is_flag=True, help="Print the end of the run as JSON.")
@_guarded
def promote(name: str, period: str, as_json: bool) -> None:
    """Promote the candidate of a period's verdict now, if the registry allows it: approved, or released from a hold.

    Example: retrain promote taxi_charge --period 2019-03
    """
    _finish(_runner(_spec(name)).run("retrain", period, at=_now(), assets=["production_model"]), as_json)


@main.command()
@click.argument("name")
@click.argument("which", required=False)
@click.option("--until", "end", help="Last day or period of the hold, or a time; without it until it is released.")
@REASON
@BY
@AS_JSON
@_guarded
def hold(name: str, which: str | None, end: str | None, reason: str, by: str | None, as_json: bool) -> None:
    """Stop every promotion and automatic rollback of a model, or of WHICH.

    WHICH is one candidate or version: v3, the period of an attempt, or the first digits of a digest. It is not
    promoted or moved, and its files are kept.

    Example: retrain hold taxi_charge --until 2026-12-31 --reason "tariffs change on the 15th"
    """
    from retrain_assets import decisions
    from retrain_assets.registry.people import Hold

    spec = _spec(name)
    store, registry = _store(spec), _registry(spec)
    signed = decisions.signed(_person(by), reason, _now(), store, spec.period)
    until = decisions.moment_of(end, spec.period) if end else None
    event = registry.rule(Hold(signed, decisions.digest_of(which, registry, store), until))
    _ruled(event, as_json, f"End it with: retrain release {name}{f' {which}' if which else ''} --reason TEXT")


@main.command()
@click.argument("name")
@click.argument("which", required=False)
@REASON
@BY
@AS_JSON
@_guarded
def release(name: str, which: str | None, reason: str, by: str | None, as_json: bool) -> None:
    """End what people decided: holds on a model and its retirement, or holds and approvals of WHICH.

    WHICH is one candidate or version: v3, the period of an attempt, or the first digits of a digest.

    Example: retrain release taxi_charge --reason "the new tariffs are in"
    """
    from retrain_assets import decisions
    from retrain_assets.registry.people import Release

    spec = _spec(name)
    store, registry = _store(spec), _registry(spec)
    signed = decisions.signed(_person(by), reason, _now(), store, spec.period)
    _ruled(registry.rule(Release(signed, decisions.digest_of(which, registry, store))), as_json, "")


@main.command()
@click.argument("name")
@REASON
@BY
@AS_JSON
@_guarded
def retire(name: str, reason: str, by: str | None, as_json: bool) -> None:
    """Take a whole model out of service: no version is live, and none is promoted before somebody releases it.

    Example: retrain retire taxi_charge --reason "fares are fixed by law from January on"
    """
    from retrain_assets import decisions
    from retrain_assets.registry.people import Retire

    spec = _spec(name)
    event = _registry(spec).rule(Retire(decisions.signed(_person(by), reason, _now(), _store(spec), spec.period)))
    _ruled(event, as_json, f"Let it back with: retrain release {name} --reason TEXT")


@main.command()
@click.argument("name")
@click.option("--preview", is_flag=True, help="Only say what would be deleted.")
@click.option("--json", "as_json", is_flag=True, help="Print the digests as JSON.")
@_guarded
def prune(name: str, preview: bool, as_json: bool) -> None:
    """Delete the files of models out of service that the spec's `retention` does not keep; runs do so by themselves.

    The live version, the one a rollback returns to, and whatever is held are kept whatever the spec says.

    Example: retrain prune taxi_charge --preview
    """
    from retrain_assets.registry.history import History
    from retrain_assets.registry.retention import disposable
    from retrain_assets.runner import actor

    spec = _spec(name)
    registry = _registry(spec)
    if preview:
        gone = registry.deleted()
        digests = [d for d in disposable(History(registry.history()), spec.retention, _now()) if d not in gone]
    else:
        event = registry.prune(spec.retention, at=_now(), actor=actor())
        digests = list(event.deleted) if event else []
    if as_json:
        click.echo(json.dumps({"deleted": [] if preview else digests, "would_delete": digests if preview else []}))
        return
    verb = "would delete" if preview else "deleted"
    click.echo(f"{verb} the files of {len(digests)} model(s); {spec.retention.sentence}")
    for digest in digests:
        click.echo(f"  {digest}")


@main.command()
@click.argument("name", required=False)
@click.option("--repair", is_flag=True, help="Mend what an interrupted write left, or what a hash proves.")
@click.option("--expect", help="An event that NAME's journal must hold, as deployment_history shows it: SEQ:HASH.")
@click.option("--json", "as_json", is_flag=True, help="Print the problems of each model as JSON.")
@_guarded
def verify(name: str | None, repair: bool, expect: str | None, as_json: bool) -> None:
    """Check the registry: digests of every version, the journal's chain, the live pointer.

    With --repair, what can be mended without guessing is mended first; what is left says what to restore. With
    --expect, a journal that was cut off or rewritten as a whole is found too; it also lets --repair write lost heads.

    Example: retrain verify taxi_charge --repair
    """
    from retrain_assets.registry.heads import Head

    if expect is not None and name is None:
        raise ValueError("--expect is about the journal of one model: name the model too")
    expected = Head.parse(expect) if expect is not None else None
    registries = {spec.name: _registry(spec) for spec in ([_spec(name)] if name else load_specs().values())}
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


def _now() -> datetime:
    return datetime.now().replace(microsecond=0)


def _person(by: str | None) -> str:
    from retrain_assets.registry.people import refuse_run_name

    name = _login() if by is None else by
    refuse_run_name(name)
    return name


def _login() -> str:
    try:
        return os.environ.get("USER") or os.environ.get("LOGNAME") or getpass.getuser()
    except (KeyError, OSError):
        raise ValueError("there is no login name here: say who decides with --by NAME") from None


def _promotion(spec: ModelSpec) -> Any:
    from retrain_assets.pipeline import promotion

    return promotion(spec)


def _pruned(model: str) -> str:
    gone = len(_registry(_spec(model)).deleted())
    return f"; retention deleted the files of {gone} model(s)" if gone else ""


def _ruled(event: Any, as_json: bool, next_step: str) -> None:
    from retrain_assets.decisions import record_of, sentence_of

    if as_json:
        click.echo(json.dumps(record_of(event), indent=1))
        return
    click.echo(f"{sentence_of(event)} ({event.actor})")
    if next_step:
        click.echo(next_step)


def _opened(name: str) -> tuple[ModelSpec, Any, Any]:
    spec = _spec(name)
    return spec, _store(spec), _registry(spec)


for command in report_commands(_guarded, _opened):
    main.add_command(command)
main.add_command(suite_group(_guarded, _opened))


def _contract_holds(spec: ModelSpec) -> bool:
    from retrain_assets.inspection import absent_cases, label_problems, short_probation
    from retrain_assets.raw.ingest import peek
    from retrain_assets.validation.report import live_cases

    try:
        checked = peek(spec.period, spec.source, spec.columns, spec.contract, spec.period.first)
    except DataError as error:
        click.echo(f"{spec.name}: {error}")
        return False
    for problem in checked.problems:
        click.echo(f"{spec.name}: {problem.sentence}")
    if checked.blocked:
        return False
    live_cases(Path(spec.validation.regression_suite.path), spec.period.first, spec.period)
    sentences, useless = label_problems(spec, checked)
    for sentence in (*sentences, *absent_cases(spec), *short_probation(spec, checked)):
        click.echo(f"{spec.name}: {sentence}")
    if useless:
        return False
    click.echo(f"{spec.name}: spec and data contract hold ({checked.table.num_rows:,} rows in {spec.period.first})")
    return True


def _spec(name: str) -> ModelSpec:
    specs = load_specs()
    if name not in specs:
        raise SpecError(f"no model {name!r}; known: {', '.join(sorted(specs))}. RETRAIN_MODELS names further folders.")
    return specs[name]


def _store(spec: ModelSpec) -> Any:
    from retrain_assets.runner import retrain_home
    from retrain_assets.store import PeriodStore

    return PeriodStore(retrain_home() / "data" / spec.name)


def _registry(spec: ModelSpec) -> Any:
    from retrain_assets.registry.registry import Registry
    from retrain_assets.runner import retrain_home

    return Registry(retrain_home() / "registry", spec.name)


def _watch(spec: ModelSpec) -> Any:
    from retrain_assets.pipeline import watch

    return watch(spec)


def _runner(spec: ModelSpec) -> Runner:
    from retrain_assets.runner import Runner, prepare_instance, retrain_home

    os.environ["RETRAIN_HOME"] = str(retrain_home())
    return Runner(spec, prepare_instance(retrain_home()))


def _launch(name: str, job: str, period: str) -> RunEnd:
    spec = _spec(name)
    end = spec.period.bounds(period)[1]
    if period not in spec.period.ended_by(datetime.now()):
        raise ValueError(f"{name} has no period {period} that has ended (it ends {end}). Choose an earlier one.")
    return _runner(spec).run(job, period)


def _finish(end: RunEnd, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"run_id": end.run_id, "outcome": end.outcome, "cause": end.cause}))
    else:
        click.echo(f"{end.outcome}{f': {end.cause}' if end.cause else ''} (run {end.run_id[:8]})")
    sys.exit(0 if end.success else NO)
