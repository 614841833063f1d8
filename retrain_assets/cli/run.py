"""Commands that run something: the replay, the UI, the check of specs and sources, one retrain or monitoring run."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from retrain_assets.cli.shared import END_AS_JSON, NO, ended_period, finish, guarded, registry_of, runner_of, spec_of
from retrain_assets.errors import DataError
from retrain_assets.spec import ModelSpec, load_specs

if TYPE_CHECKING:
    from retrain_assets.cli.runner import RunEnd

DEFAULT_MODEL = "taxi_charge"


@click.command()
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="Which model to replay.")
@click.option("--until", help="Last period to replay, like 2019-06.")
@click.option("--scenario", type=click.Choice(["bad-deploy"]), help="A story of its own in a home of its own instead.")
@guarded
def demo(model: str, until: str | None, scenario: str | None) -> None:
    """Replay the shipped data period by period through the real pipeline.

    Goes on after the last period that is monitored already. The scenario bad-deploy promotes a model, turns the world
    with real rides of another regime, and shows how probation withdraws the model; it lives in
    RETRAIN_HOME/scenarios/bad-deploy.

    Example: retrain demo --model employment, or retrain demo --scenario bad-deploy
    """
    if scenario is not None:
        from retrain_assets.cli.bad_deploy import bad_deploy
        from retrain_assets.cli.runner import retrain_home

        bad_deploy(retrain_home())
        return
    from retrain_assets.cli.demo import replay

    spec = spec_of(model)
    replay(spec, ended_period(spec, until) if until else None)


@click.command()
@click.option("--port", default=3000, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="The UI has no login: keep it local.")
@guarded
def dev(port: int, host: str) -> None:
    """Serve the Dagster UI with sensors on.

    Example: retrain dev --port 3001
    """
    from retrain_assets.cli.runner import prepare_instance, retrain_home

    os.environ["RETRAIN_HOME"] = str(retrain_home())
    prepare_instance(retrain_home()).dispose()
    dagster = str(Path(sys.executable).parent / "dagster")
    os.execv(dagster, [dagster, "dev", "-m", "retrain_assets.definitions", "-h", host, "-p", str(port)])


@click.command()
@click.argument("name", required=False)
@guarded
def check(name: str | None) -> None:
    """Check specs, and that each source answers with the declared columns and usable labels for its first period.

    Warns of cases of the regression suite whose row the source does not have, and of a probation that is too short.

    Example: retrain check flight_delays
    """
    held = [_contract_holds(spec) for spec in ([spec_of(name)] if name else load_specs().values())]
    sys.exit(0 if all(held) else NO)


@click.command()
@click.argument("name")
@click.option("--period", required=True, help="Which period, like 2019-03.")
@END_AS_JSON
@guarded
def run(name: str, period: str, as_json: bool) -> None:
    """Retrain as of one period: train both strategies, judge the better, promote it if it passes.

    Example: retrain run taxi_charge --period 2019-03
    """
    end = _launch(name, "retrain", period)
    decided = [event for event in registry_of(spec_of(name)).history() if event.period == period and event.gate]
    if decided and end.outcome == decided[-1].action:
        end = replace(end, cause="" if end.agreed else decided[-1].reason)
    finish(end, as_json)


@click.command()
@click.argument("name")
@click.option("--period", required=True, help="Which period, like 2019-03.")
@END_AS_JSON
@guarded
def monitor(name: str, period: str, as_json: bool) -> None:
    """Take one period in, score it, and report drift and quality.

    Example: retrain monitor taxi_charge --period 2019-03
    """
    finish(_launch(name, "monitor", period), as_json)


def _launch(name: str, job: str, period: str) -> RunEnd:
    spec = spec_of(name)
    known = ended_period(spec, period)
    return runner_of(spec).run(job, known)


def _contract_holds(spec: ModelSpec) -> bool:
    from retrain_assets.cli.preflight import absent_cases, label_problems, short_probation
    from retrain_assets.raw.ingest import peek
    from retrain_assets.validation.suite.rows import live_cases

    try:
        checked = peek(spec.intake, spec.period.first)
    except DataError as error:
        click.echo(f"{spec.name}: {error}")
        return False
    for problem in checked.problems:
        click.echo(f"{spec.name}: {problem.sentence}")
    if checked.blocked:
        return False
    suite = spec.validation.regression_suite
    live_cases(Path(suite.path), spec.period.first, spec.period, suite.optional)
    sentences, useless = label_problems(spec, checked)
    for sentence in (*sentences, *absent_cases(spec), *short_probation(spec, checked)):
        click.echo(f"{spec.name}: {sentence}")
    if useless:
        return False
    click.echo(f"{spec.name}: spec and data contract hold ({checked.table.num_rows:,} rows in {spec.period.first})")
    return True


RUN_COMMANDS = (demo, dev, check, run, monitor)
