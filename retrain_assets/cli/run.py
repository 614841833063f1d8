"""Commands that run something: the replay, the UI, the check of specs and sources, one retrain or monitoring run."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from retrain_assets.cli.shared import END_AS_JSON, ended_period, finish, guarded, opened, runner_of, spec_of, waiting

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
        from retrain_assets.cli.scenarios.bad_deploy import bad_deploy
        from retrain_assets.store import retrain_home

        bad_deploy(retrain_home())
        return
    from retrain_assets.cli.replay import replay

    spec = spec_of(model)
    replay(spec, until=ended_period(spec, until) if until else None)


@click.command(name="replay")
@click.argument("name")
@click.option("--from", "first", help="First period, where none is monitored yet; the spec's first without it.")
@click.option("--until", help="Last period, like 2019-06; the last that has rows without it.")
@guarded
def replay_command(name: str, first: str | None, until: str | None) -> None:
    """Replay a model's own history: bootstrap, monitor, trigger, retrain, promote or keep, roll back.

    Each period is monitored as of its end, and what the triggers ask for is run, so that the table shows what would
    have happened. Goes on after the last period that is monitored already; all of it is then there in the UI.

    Example: retrain replay churn --until 2025-03
    """
    from retrain_assets.cli.replay import replay

    spec = spec_of(name)
    replay(spec, *(ended_period(spec, period) if period else None for period in (first, until)))


@click.command()
@click.option("--port", default=3000, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="The UI has no login: keep it local.")
@guarded
def dev(port: int, host: str) -> None:
    """Serve the Dagster UI with sensors on.

    Example: retrain dev --port 3001
    """
    from retrain_assets.cli.runner import prepare_instance
    from retrain_assets.store import retrain_home

    os.environ["RETRAIN_HOME"] = str(retrain_home())
    prepare_instance(retrain_home()).dispose()
    dagster = str(Path(sys.executable).parent / "dagster")
    os.execv(dagster, [dagster, "dev", "-m", "retrain_assets.definitions", "-h", host, "-p", str(port)])


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
    decided = [event for event in opened(name).registry.history() if event.period == period and event.gate]
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
    with waiting(f"{job} of {name}, {known}"):
        return runner_of(spec).run(job, known)


RUN_COMMANDS = (demo, replay_command, dev, run, monitor)
