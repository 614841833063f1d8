"""What every command shares: finding a model, turning errors into sentences and exit codes, and how a run ended.

Exit code 0: done; 1: the answer is no; 2: bad input, with a sentence that says what to do.
"""

from __future__ import annotations

import getpass
import json
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from functools import wraps
from typing import TYPE_CHECKING, NamedTuple

import click

from retrain_assets.documents.terminal import say
from retrain_assets.errors import NotApprovable, NotFound, NothingToRelease, NotPromotable, RetrainError, SpecError
from retrain_assets.spec.loading import read_specs
from retrain_assets.spec.model_spec import ModelSpec

if TYPE_CHECKING:
    from retrain_assets.cli.runner import RunEnd, Runner
    from retrain_assets.registry.registry import Registry
    from retrain_assets.store import PeriodStore

NO, BAD_INPUT = 1, 2
NO_MODEL = "there is none yet, `retrain new NAME --data FILES` writes the first spec"
BY = click.option("--by", help="Who decides; your login name without it.")
_REASON = click.option("--reason", required=True, help="Why; kept in the history for good.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print the decision as JSON.")
DONE_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
PERIOD = click.option("--period", required=True, help="Which period, like 2019-03.")
VERSION = click.option("--version", help="Another version than the live one, like v3.")
END_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print the end of the run as JSON.")


def guarded(command: Callable[..., object]) -> Callable[..., object]:
    """Turn the project's errors into a sentence on standard error, and exit code 1 for a refusal, 2 for the others."""

    @wraps(command)
    def run(*args: object, **options: object) -> object:
        try:
            return command(*args, **options)
        except BrokenPipeError:
            raise  # click ends without a word where the reader of the output, like `head`, has enough of it
        except (RetrainError, ValueError, OSError) as error:
            say(f"retrain: {error}", err=True)
            sys.exit(NO if isinstance(error, NotPromotable | NotApprovable | NothingToRelease) else BAD_INPUT)
        except Exception as fault:
            sentence = of_the_machine(fault)
            if sentence is None:
                raise
            say(f"retrain: {sentence}", err=True)
            sys.exit(BAD_INPUT)

    return run


def of_the_machine(fault: BaseException) -> str | None:
    """What to do about a full disk under the run history or a lack of memory; None of any other fault."""
    cause: BaseException | None = fault
    while cause is not None:
        if isinstance(cause, MemoryError):
            return (
                "this machine has not enough memory for that. Ask for fewer rows at once (a shorter period, fewer "
                "columns), or use a larger machine; nothing was decided."
            )
        if isinstance(cause, sqlite3.Error):
            return (
                f"the run history in {os.environ.get('DAGSTER_HOME', 'DAGSTER_HOME')} cannot be written: {cause}. Free "
                "some space there, or make it writable for this user, then try again; `retrain status` says what is "
                "live, and `retrain verify` that the registry is whole."
            )
        cause = cause.__cause__ or cause.__context__
    return None


class Statement(NamedTuple):
    """Why somebody decides, and the name that was given with it."""

    reason: str
    by: str | None

    @property
    def person(self) -> str:
        """Who decides."""
        return person_of(self.by)


def stated(command: Callable[..., object]) -> Callable[..., object]:
    """Take --reason, which may not be empty, and --by, and hand them to the command as one `statement`."""

    @wraps(command)
    def run(*args: object, reason: str, by: str | None, **options: object) -> object:
        if not reason.strip():
            raise click.UsageError("--reason is empty: say why.")
        return command(*args, statement=Statement(reason, by), **options)

    return _REASON(BY(run))


def spec_of(name: str) -> ModelSpec:
    """Find the spec of a model.

    Raises:
        SpecError: There is none of that name; the message names those there are.
    """
    specs, faults = read_specs()
    if name not in specs:
        if faults:
            raise SpecError("\n".join(faults.values()))
        known = f"known: {', '.join(sorted(specs))}" if specs else NO_MODEL
        raise SpecError(f"no model {name!r}; {known}. RETRAIN_MODELS names further folders.")
    return specs[name]


class Opened(NamedTuple):
    """A model's spec, what its assets wrote, and its registry."""

    spec: ModelSpec
    store: PeriodStore
    registry: Registry


def opened(name: str) -> Opened:
    """Find a model and open what it has written.

    Raises:
        SpecError: There is no model of that name.
    """
    from retrain_assets.registry.registry import Registry
    from retrain_assets.store import PeriodStore, retrain_home

    spec, home = spec_of(name), retrain_home()
    return Opened(spec, PeriodStore(home / "data" / spec.name), Registry(home / "registry", spec.name))


@contextmanager
def naming_monitored(model: Opened, period: str | None) -> Iterator[None]:
    """Add to what says that nothing was decided of a period that it was monitored, and the command that tells of it.

    Raises:
        NotFound: What is asked for is not there.
    """
    try:
        yield
    except NotFound as missing:
        if period is None or period not in model.store.periods("performance_report", "json"):
            raise
        shown = f"`retrain report {model.spec.name} {period} --monitoring`"
        raise NotFound(f"{missing} {period} was only monitored: {shown}") from None


def runner_of(spec: ModelSpec) -> Runner:
    """Open what runs the model's jobs on the instance under RETRAIN_HOME."""
    from retrain_assets.cli.runner import Runner, prepare_instance
    from retrain_assets.store import retrain_home

    os.environ["RETRAIN_HOME"] = str(retrain_home())
    return Runner(spec, prepare_instance(retrain_home()))


def now() -> datetime:
    """Tell the wall clock, to the second."""
    return datetime.now().replace(microsecond=0)


def person_of(by: str | None) -> str:
    """Name who decides: the name given, or the login name.

    Raises:
        ValueError: There is none, or it reads like that of a run.
    """
    from retrain_assets.registry.rulings import refuse_run_name

    name = login() if by is None else by
    if name is None:
        raise ValueError("there is no login name here: say who decides with --by NAME")
    refuse_run_name(name)
    return name


@contextmanager
def waiting(sentence: str) -> Iterator[None]:
    """Show on a terminal, beside what is printed, that something longer is under way."""
    from rich.console import Console

    with Console(stderr=True).status(sentence) if sys.stderr.isatty() else nullcontext():
        yield


def login() -> str | None:
    """Tell who types, by the login name; None where there is none."""
    try:
        return os.environ.get("USER") or os.environ.get("LOGNAME") or getpass.getuser()
    except (KeyError, OSError):
        return None


def ended_period(spec: ModelSpec, period: str) -> str:
    """Require a period of the model that has ended.

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


def finish(end: RunEnd, as_json: bool, decided: str = "") -> None:
    """Print how a run ended, or what it decided, and leave with exit code 0 or 1."""
    if as_json:
        click.echo(json.dumps({"run_id": end.run_id, "outcome": end.outcome, "cause": end.cause}))
    else:
        said = decided or f"{end.outcome}{f': {end.cause}' if end.cause else ''}"
        say(f"{said} (run {end.run_id[:8]})")
    sys.exit(0 if end.agreed else NO)
