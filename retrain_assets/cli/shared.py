"""What every command shares: finding a model, turning errors into sentences and exit codes, and how a run ended.

Exit code 0: done; 1: the answer is no; 2: bad input, with a sentence that says what to do.
"""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from retrain_assets.errors import NotApprovable, NotPromotable, RetrainError, SpecError
from retrain_assets.spec import ModelSpec, load_specs

if TYPE_CHECKING:
    from retrain_assets.cli.runner import RunEnd, Runner

NO, BAD_INPUT = 1, 2
BY = click.option("--by", help="Who decides; your login name without it.")
REASON = click.option("--reason", required=True, help="Why; kept in the history for good.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print the decision as JSON.")
END_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print the end of the run as JSON.")


def guarded(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn the project's errors into a sentence on standard error, and exit code 1 for a refusal, 2 for the others."""

    @wraps(command)
    def run(*args: Any, **options: Any) -> Any:
        try:
            return command(*args, **options)
        except (RetrainError, ValueError, OSError) as error:
            click.echo(f"retrain: {error}", err=True)
            sys.exit(NO if isinstance(error, NotPromotable | NotApprovable) else BAD_INPUT)

    return run


def spec_of(name: str) -> ModelSpec:
    """The spec of a model.

    Raises:
        SpecError: There is none of that name; the message names those there are.
    """
    specs = load_specs()
    if name not in specs:
        raise SpecError(f"no model {name!r}; known: {', '.join(sorted(specs))}. RETRAIN_MODELS names further folders.")
    return specs[name]


def store_of(spec: ModelSpec) -> Any:
    """What the model's assets wrote."""
    from retrain_assets.store import PeriodStore, retrain_home

    return PeriodStore(retrain_home() / "data" / spec.name)


def registry_of(spec: ModelSpec) -> Any:
    """The model's registry."""
    from retrain_assets.registry.registry import Registry
    from retrain_assets.store import retrain_home

    return Registry(retrain_home() / "registry", spec.name)


def opened(name: str) -> tuple[ModelSpec, Any, Any]:
    """A model's spec, store and registry."""
    spec = spec_of(name)
    return spec, store_of(spec), registry_of(spec)


def runner_of(spec: ModelSpec) -> Runner:
    """Runs the model's jobs on the instance under RETRAIN_HOME."""
    from retrain_assets.cli.runner import Runner, prepare_instance
    from retrain_assets.store import retrain_home

    os.environ["RETRAIN_HOME"] = str(retrain_home())
    return Runner(spec, prepare_instance(retrain_home()))


def now() -> datetime:
    """Wall clock, to the second."""
    return datetime.now().replace(microsecond=0)


def person_of(by: str | None) -> str:
    """Who decides: the name given, or the login name.

    Raises:
        ValueError: There is none, or it reads like that of a run.
    """
    from retrain_assets.registry.rulings import refuse_run_name

    name = _login() if by is None else by
    refuse_run_name(name)
    return name


def _login() -> str:
    try:
        return os.environ.get("USER") or os.environ.get("LOGNAME") or getpass.getuser()
    except (KeyError, OSError):
        raise ValueError("there is no login name here: say who decides with --by NAME") from None


def ended_period(spec: ModelSpec, period: str) -> str:
    """A period of the model that has ended.

    Raises:
        ValueError: It is none; the message names the first and the last.
    """
    start, end = spec.period.bounds(period)
    ended = spec.period.ended_by(datetime.now())
    if period in ended:
        return period
    if ended:
        there = f"its periods go from {ended[0]} to {ended[-1]}, the last that has ended. Name one of these"
    else:
        there = (
            f"none has ended yet, the first is {spec.period.first}. Wait for its end, or mend period.start in the spec"
        )
    raise ValueError(f"{spec.name} has no period {period} ({start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}): {there}.")


def finish(end: RunEnd, as_json: bool) -> None:
    """Print how a run ended, and leave with exit code 0 or 1."""
    if as_json:
        click.echo(json.dumps({"run_id": end.run_id, "outcome": end.outcome, "cause": end.cause}))
    else:
        click.echo(f"{end.outcome}{f': {end.cause}' if end.cause else ''} (run {end.run_id[:8]})")
    sys.exit(0 if end.agreed else NO)
