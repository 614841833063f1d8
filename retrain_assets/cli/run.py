"""Commands that run something: the replay, the UI, the check of specs and sources, one retrain or monitoring run."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
import warnings
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import urlopen

import click

from retrain_assets.cli.shared import (
    END_AS_JSON,
    NO_MODEL,
    PERIOD,
    Opened,
    ended_period,
    finish,
    guarded,
    now,
    opened,
    runner_of,
    spec_of,
    waiting,
)
from retrain_assets.documents.terminal import labelled, say
from retrain_assets.documents.units import plural
from retrain_assets.errors import NotFound, SourceError, SpecError, require_extra
from retrain_assets.spec.loading import SHIPPED_DATA, load_specs

if TYPE_CHECKING:
    from retrain_assets.audit.monitored import MonitoredPeriod
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
    if not SHIPPED_DATA.is_dir() and (scenario is not None or model not in load_specs()):
        raise SpecError(
            f"no data of {scenario or model} here: the demo's data are in the project's repository, not in the "
            "installed package. Clone it and run `make demo` there; `retrain replay NAME` replays a model of your own."
        )
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
    """Serve the Dagster UI with sensors on; they go on with every model that was started, and start none.

    Example: retrain dev --port 3005
    """
    from retrain_assets.cli.runner import prepare_instance
    from retrain_assets.dagster_glue.crashed_runs import fail_crashed
    from retrain_assets.store import retrain_home

    require_extra("dagster_webserver", "ui", "`retrain dev`")
    if os.environ.get("RETRAIN_ALERT_URLS"):
        require_extra("apprise", "alerts", "RETRAIN_ALERT_URLS")
    _require_free(host, port)
    os.environ["RETRAIN_HOME"] = str(retrain_home())
    page = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"
    told = opening(page)
    with prepare_instance(retrain_home()) as instance:
        fail_crashed(instance)
    told = f"{told}\n{serving_reports(retrain_home(), port)}"
    say("Starting the Dagster UI and its daemon, which takes some 20 seconds ...")
    Thread(target=_say_once_served, args=(page, told), daemon=True).start()
    _serve(host, port)


def serving_reports(home: Path, taken: int) -> str:
    """Serve the reports to which the pages in the UI link, beside the UI's port, and say where."""
    from retrain_assets.documents.server import (
        LOCAL_NAMES,
        REPORTS_URL,
        SERVED_AT,
        declared_url,
        serve_beside,
        serve_reports,
    )

    if os.environ.get(REPORTS_URL) and not declared_url():
        return f"{REPORTS_URL} is no address like http://127.0.0.1:3001 without a login: reports are not served."
    address = declared_url()
    if not address:
        try:
            _, address = serve_beside(home, taken)
        except OSError as error:
            return f"Links to reports do not open: {error}."
        if address == SERVED_AT:
            return f"Reports are served under {address}."
        return (
            f"Reports are served under {address}, where the pages link that are made from now on; those made before "
            f"may link {SERVED_AT}, where another program answers."
        )
    named = urlsplit(address)
    if named.port == taken and named.hostname in LOCAL_NAMES:
        return f"{REPORTS_URL} names the port of the UI: reports are not served. Name another port."
    try:
        server = serve_reports(home, address)
    except OSError as error:
        return (
            f"Links to reports do not open: {address}: {error.strerror}. Another `retrain dev` may serve its own "
            f"there; name an address that is free in {REPORTS_URL}."
        )
    return f"Reports are served under {address}." if server else f"Links to reports lead to {address} ({REPORTS_URL})."


def _require_free(host: str, port: int) -> None:
    """Refuse a port that another program listens on.

    Raises:
        ValueError: One does.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise ValueError(f"{host}:{port}: {error.strerror}. Choose another port with --port.") from None


def opening(page: str) -> str:
    """What to open for each model that was started, and how to start the others."""
    from retrain_assets.audit.status_record import ASSET
    from retrain_assets.monitoring.first_run import started

    begun = {name: started(*opened(name)[1:]) for name in load_specs()}
    if not begun:
        return f"Open {page} (Ctrl-C stops it). No model: {NO_MODEL}."
    lines = [f"Open {page} (Ctrl-C stops it). What the sensors do stands under {page}/automation."]
    lines += [f"  {name}: {page}/assets/{name}/{ASSET}" for name in begun if begun[name]]
    if waiting_ones := [name for name in begun if not begun[name]]:
        lines.append(
            f"Nothing runs for {', '.join(waiting_ones)} until you start it: `retrain replay {waiting_ones[0]}`, or "
            f"run {waiting_ones[0]}__monitor in the UI."
        )
    return "\n".join(lines)


def _say_once_served(page: str, opening: str) -> None:
    """Print what to open as soon as the UI answers."""
    while True:
        try:
            urlopen(f"{page}/server_info", timeout=5).close()
        except OSError:
            time.sleep(0.5)
        else:
            say(opening)
            return


def _serve(host: str, port: int) -> None:
    """Run Dagster's own `dagster dev` in this process until it is stopped.

    Its log is kept to errors: what the daemon does is in the UI. That a newer command exists, in a package of its own,
    is no concern of whoever reads it. SIGINT and SIGTERM end it, also where a script began it in the background, which
    leaves SIGINT ignored; Dagster gives SIGTERM the handler of SIGINT, and its services inherit them.
    """
    from retrain_assets.documents.run_log import PLAIN_LOG

    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ[PLAIN_LOG] = "1"
    warnings.filterwarnings("ignore", message="Function `dev_command` is superseded")
    (command,) = entry_points(group="console_scripts", name="dagster")
    sys.argv = ["dagster", "dev", "-m", "retrain_assets.definitions", "-h", host, "-p", str(port)]
    sys.argv += ["--log-level", "error"]
    command.load()()


@click.command()
@click.argument("name")
@PERIOD
@END_AS_JSON
@guarded
def run(name: str, period: str, as_json: bool) -> None:
    """Retrain as of one period: train both strategies, judge the better, promote it if it passes.

    Example: retrain run taxi_charge --period 2019-03
    """
    from retrain_assets.registry.journal.events import ATTEMPTS, PROMOTIONS, in_short

    end, said = _launch(name, "retrain", period), ""
    attempts = [event for event in opened(name).registry.history() if event.action in ATTEMPTS]
    decided = [event for event in attempts if event.period == period]
    if decided and end.outcome == ("promoted" if decided[-1].action in PROMOTIONS else decided[-1].action):
        end = replace(end, cause="" if end.agreed else decided[-1].reason)
        said = f"{in_short(decided[-1])}: {decided[-1].reason}"
    finish(end, as_json, said)


@click.command()
@click.argument("name")
@PERIOD
@END_AS_JSON
@guarded
def monitor(name: str, period: str, as_json: bool) -> None:
    """Take one period in, score it, and tell what was watched, what drifted, how good the model was, and what is next.

    Example: retrain monitor taxi_charge --period 2019-03
    """
    _refuse_absent(opened(name), period)
    end = _launch(name, "monitor", period)
    if not end.success:
        finish(end, as_json)
    found = _monitored(name, period)
    if as_json:
        ended = {"run_id": end.run_id, "outcome": end.outcome, "cause": end.cause}
        click.echo(json.dumps({**ended, **found.to_dict()}))
        return
    click.secho(f"{name} {period}, monitored (run {end.run_id[:8]})", bold=True)
    for line in labelled(found.answers(spec_of(name).model.row_name).items()):
        click.echo(line)
    say(f"Next: retrain report {name} {period} --monitoring tells the rest; `retrain dev` shows it with its pictures.")


def _refuse_absent(model: Opened, period: str) -> None:
    """Refuse to monitor a period of which the source has no rows, unless that is a gap of which nothing is stored.

    A source that cannot be read is left to the run, which names the fault.

    Raises:
        NotFound: Its rows have not come yet, or are stored and gone from the source.
    """
    from retrain_assets.monitoring.sensors import Arrivals
    from retrain_assets.raw.sources import describe

    spec, known = model.spec, ended_period(model.spec, period)
    arrivals = Arrivals(spec.model, spec.source, spec.contract.max_delay)
    where, rows = describe(spec.source.features), plural(spec.row_name)
    try:
        if arrivals.rows(known):
            return
        stored = known in model.store.periods("raw_data")
        if not stored and arrivals.is_gap(known, now()):
            return
    except SourceError:
        return
    if stored:
        raise NotFound(
            f"{spec.name}: no {rows} of {known} in {where}; what is stored stays. Put them back there to monitor it "
            f"again; `retrain report {spec.name} {known} --monitoring` tells what was found."
        )
    raise NotFound(
        f"{spec.name}: no {rows} of {known} in {where} yet (ended {spec.period.bounds(known)[1]:%Y-%m-%d}). Deliver "
        f"them, or ask whoever does, then `retrain monitor {spec.name} --period {known}`."
    )


def _monitored(name: str, period: str) -> MonitoredPeriod:
    from retrain_assets.audit.monitored import monitored
    from retrain_assets.audit.status import status_of
    from retrain_assets.model import PeriodAccess
    from retrain_assets.pipeline import watch

    spec, store, registry = opened(name)
    status = status_of(PeriodAccess(store, registry, period), watch(spec), now())
    return monitored(spec.model, store, period, spec.columns.all, status)


def _launch(name: str, job: str, period: str) -> RunEnd:
    spec = spec_of(name)
    known = ended_period(spec, period)
    with waiting(f"{job} of {name}, {known}"):
        return runner_of(spec).run(job, known)


RUN_COMMANDS = (demo, replay_command, dev, run, monitor)
