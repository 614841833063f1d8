"""The `retrain` command. Exit code 0: done; 1: the answer is no; 2: bad input, with a sentence that says what to do."""

from __future__ import annotations

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

from retrain_assets.errors import DataError, NotFound, RetrainError, SpecError
from retrain_assets.spec import ModelSpec, load_specs

if TYPE_CHECKING:
    from retrain_assets.runner import RunEnd, Runner

DEFAULT_MODEL = "taxi_charge"
NO, BAD_INPUT = 1, 2


def _guarded(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn the project's errors into a sentence on standard error and exit code 2."""

    @wraps(command)
    def run(*args: Any, **options: Any) -> Any:
        try:
            return command(*args, **options)
        except (RetrainError, ValueError, OSError) as error:
            click.echo(f"retrain: {error}", err=True)
            sys.exit(BAD_INPUT)

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
    os.environ.setdefault("MALLOC_ARENA_MAX", "1")  # else each of Arrow's threads keeps memory of its own in every run
    os.execv(dagster, [dagster, "dev", "-m", "retrain_assets.definitions", "-h", host, "-p", str(port)])


@main.command()
@click.argument("name", required=False)
@_guarded
def check(name: str | None) -> None:
    """Check specs, and that each source answers with the declared columns for its first period.

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
    decided = [event for event in _registry(_spec(name)).history() if event.period == period]
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
        status_of(spec.name, _store(spec), _registry(spec), _watch(spec), spec.period)
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
    """Every decision about a model, oldest first.

    Example: retrain history taxi_charge --json
    """
    from retrain_assets.story import history_of

    records = history_of(_registry(_spec(name)))
    if as_json:
        click.echo(json.dumps(records, indent=1))
        return
    if not records:
        click.echo(f"{name}: no decision yet. Run `retrain demo --model {name}` or `retrain run {name} --period P`.")
    for record in records:
        move = f"{record['from_version'] or '-'} -> {record['to_version'] or '-'}"
        click.echo(f"{record['period']:<10} {record['action']:<12} {move:<12} {record['reason']}")


@main.command()
@click.argument("name")
@click.argument("which", required=False)
@_guarded
def explain(name: str, which: str | None) -> None:
    """One decision in words with its evidence: the live version's, a version's (v3), or a period's attempt (2019-03).

    Example: retrain explain taxi_charge v2
    """
    from retrain_assets.story import explain_decision

    click.echo(explain_decision(_spec(name).name, _registry(_spec(name)), which))


@main.command()
@click.argument("name")
@click.option("--reason", required=True, help="Why; kept in the history for good.")
@click.option("--json", "as_json", is_flag=True, help="Print the end of the run as JSON.")
@_guarded
def rollback(name: str, reason: str, as_json: bool) -> None:
    """Put the version served before back in place, after checking that it loads and scores.

    Example: retrain rollback taxi_charge --reason "complaints about airport rides"
    """
    from retrain_assets.production.jobs import rollback_config
    from retrain_assets.registry.history import History

    past = History(_registry(_spec(name)).history())
    live = past.live
    if live is None:
        raise NotFound(f"{name}: no version is live, so there is nothing to roll back. Run `retrain status {name}`.")
    _registry(_spec(name)).rollback_target()
    runner = _runner(_spec(name))
    ops = rollback_config(name, reason, live.digest)["ops"]
    _finish(runner.run("rollback", None, at=datetime.now().replace(microsecond=0), ops=ops), as_json)


@main.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the problems of each model as JSON.")
@_guarded
def verify(name: str | None, as_json: bool) -> None:
    """Check the registry: digests of every version, the journal's chain, the live pointer.

    Example: retrain verify taxi_charge
    """
    problems = {spec.name: _registry(spec).verify() for spec in ([_spec(name)] if name else load_specs().values())}
    if as_json:
        click.echo(json.dumps(problems, indent=1))
    else:
        for model, found in problems.items():
            for problem in found or ["every digest and the journal's chain hold"]:
                click.echo(f"{model}: {problem}")
    sys.exit(NO if any(problems.values()) else 0)


def _contract_holds(spec: ModelSpec) -> bool:
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
