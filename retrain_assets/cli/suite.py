"""Commands on a model's regression suite: list its cases, add one, let hard ones be proposed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from retrain_assets.cli.shared import Opened, ended_period, guarded, now, opened
from retrain_assets.documents.terminal import say
from retrain_assets.documents.units import counted
from retrain_assets.errors import DataError
from retrain_assets.spec.model_spec import ModelSpec

if TYPE_CHECKING:
    from retrain_assets.store import PeriodStore
    from retrain_assets.validation.suite.cases import SuiteCase
    from retrain_assets.validation.suite.proposals import Proposal
    from retrain_assets.validation.suite.status import CaseStatus

HANGING = 13
"""What follows a break in a row of the list stands where its second column does."""


@click.group()
def suite() -> None:
    """Keep known hard cases that no new version may get wrong: list, add, harvest.

    Example: retrain suite list taxi_charge
    """


@suite.command("list")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print cases and proposals as JSON.")
@guarded
def list_(name: str, as_json: bool) -> None:
    """Tell of every case whether it counts, whether its row and outcome are there, whether the live model is right.

    Example: retrain suite list taxi_charge
    """
    found = listed(opened(name))
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=1))
        return
    for line in found.lines():
        say([line], hanging=HANGING - 2)


@dataclass(frozen=True)
class NewCase:
    """What a person says of a row that becomes a case; what is left out is taken from its proposal or the spec."""

    reason: str | None
    owner: str | None
    severity: Literal["critical", "normal"]
    expires: datetime | None
    period: str | None
    added: datetime | None


@suite.command()
@click.argument("name")
@click.argument("row")
@click.option("--reason", help="Why the case matters; a proposed row brings its own.")
@click.option("--owner", help="Mail address or team:NAME; the model's first owner otherwise.")
@click.option("--severity", type=click.Choice(["critical", "normal"]), default="normal", show_default=True)
@click.option("--expires", type=click.DateTime(["%Y-%m-%d"]), help="Last day on which the case counts.")
@click.option("--period", help="The row's period; found among the stored rows otherwise.")
@click.option("--added", type=click.DateTime(["%Y-%m-%d"]), help="Day from which it counts; today otherwise.")
@click.option("--json", "as_json", is_flag=True, help="Print what was added as JSON.")
@guarded
def add(name: str, row: str, as_json: bool, **said: Any) -> None:
    """Add a row, by its key, to the model's suite file.

    Example: retrain suite add taxi_charge 138740 --severity critical --reason "Manhattan to Brooklyn at night"
    """
    sentences = added(opened(name), row, NewCase(**said), now())
    if as_json:
        click.echo(json.dumps({"model": name, "id": row, "said": sentences}, indent=1))
        return
    for sentence in sentences:
        say([sentence])


@suite.command()
@click.argument("name")
@click.option("--period", help="Only rows of this period.")
@click.option("--limit", type=click.IntRange(min=1), default=10, show_default=True, help="Most per version.")
@click.option("--json", "as_json", is_flag=True, help="Print the proposals as JSON.")
@guarded
def harvest(name: str, period: str | None, limit: int, as_json: bool) -> None:
    """Propose the live model's worst confident mistakes, and what rolled-back versions got wrong.

    Example: retrain suite harvest taxi_charge --limit 5
    """
    model = opened(name)
    found = harvested(model, limit, period)
    if as_json:
        click.echo(json.dumps([asdict(proposal) for proposal in found], indent=1))
        return
    for proposal in found:
        say([_proposed(proposal)], hanging=HANGING - 2)
    say(
        f"{counted(len(found), model.spec.row_name)} proposed. Take one with `retrain suite add {name} ID`."
        if found
        else f"{name}: no mistake on a row whose outcome is known, in the periods that the live version served."
    )


@dataclass(frozen=True)
class Listing:
    """A model's suite and what is proposed for it; `live` is the name of the live version."""

    model: str
    file: str
    live: str | None
    cases: tuple[CaseStatus, ...]
    proposals: tuple[Proposal, ...]

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values; a case and where it stands are one record."""
        cases = []
        for standing in self.cases:
            record = asdict(standing)
            case = record.pop("case").items()
            cases.append(record | {key: value.isoformat() if isinstance(value, date) else value for key, value in case})
        return {
            "model": self.model,
            "file": self.file,
            "live": self.live,
            "cases": cases,
            "proposals": [asdict(proposal) for proposal in self.proposals],
        }

    def lines(self) -> list[str]:
        """As rows for a person."""
        lines = [f"{self.model}: {counted(len(self.cases), 'case')} in {self.file}"]
        lines += [
            f"  {one.case.id:<10} {one.case.period:<10} {one.case.severity:<9} {one.state:<8} "
            f"{self._answer(one):<40} {one.case.reason}"
            for one in self.cases
        ]
        if any(one.by_heart for one in self.cases):
            lines.append(f"  * {self.live} was trained before the case was added and may know its row by heart.")
        if self.proposals:
            lines.append(f"proposed, not in the suite (`retrain suite add {self.model} ID` takes one):")
            lines += map(_proposed, self.proposals)
        return lines

    def _answer(self, one: CaseStatus) -> str:
        if one.row is None:
            return "its period is not stored yet"
        if not one.row:
            return "NO SUCH ROW"
        if not one.outcome:
            return "its outcome is not known yet"
        if one.right is None:
            return "no model is live"
        return f"{self.live} {'right' if one.right else 'WRONG'}{'*' if one.by_heart else ''}: {one.said}"


def listed(model: Opened) -> Listing:
    """List the suite and what is proposed for it."""
    from retrain_assets.pipeline import harvest
    from retrain_assets.validation.suite.cases import load_suite
    from retrain_assets.validation.suite.proposals import proposals
    from retrain_assets.validation.suite.status import standings

    spec, store, registry = model
    declared = spec.validation.regression_suite
    found = standings(harvest(spec), load_suite(Path(declared.path), declared.optional), store, registry)
    live = registry.live()
    return Listing(spec.name, str(declared.path), live.name if live else None, found, tuple(proposals(store)))


def _proposed(proposal: Proposal) -> str:
    words = f"{proposal.version} said {proposal.said}, it was {proposal.label}"
    return f"  {proposal.id:<10} {proposal.period:<10} {words:<49} {proposal.reason}"


def harvested(model: Opened, limit: int, period: str | None) -> list[Proposal]:
    """Propose rows, and keep the proposals.

    Raises:
        DataError: No version is live, or the period is not stored.
    """
    from retrain_assets.pipeline import harvest

    spec, store, registry = model
    if registry.live() is None:
        raise DataError(f"{spec.name}: no version is live, so there are no mistakes yet. See `retrain status`.")
    if period is not None and ended_period(spec, period) not in store.periods("raw_data"):
        raise DataError(f"{spec.name}: {period} is not stored. Run `retrain monitor {spec.name} --period {period}`.")
    found: list[Proposal] = harvest(spec).harvest(store, registry, limit, period)
    return found


def added(model: Opened, row: str, said: NewCase, now: datetime) -> list[str]:
    """Write a case into the model's suite file, and tell what there is to say about it.

    Raises:
        DataError: There is no such row, no reason, or the dates do not fit.
        SpecError: The suite file cannot be written or holds the row already.
    """
    from retrain_assets.pipeline import harvest
    from retrain_assets.registry.storage.disk import exclusive
    from retrain_assets.validation.suite.cases import SuiteCase
    from retrain_assets.validation.suite.file import add_case
    from retrain_assets.validation.suite.proposals import forget, proposals
    from retrain_assets.validation.suite.status import standings

    spec, store, registry = model
    proposed = next((proposal for proposal in proposals(store) if proposal.id == row), None)
    reason = said.reason
    if reason is None and proposed is not None:
        reason = f"{proposed.reason}: it said {proposed.said}, it was {proposed.label}"
    if not (reason or "").strip():
        raise DataError(f"{spec.name}: {row} is not proposed, so a reason is needed. Add --reason.")
    case = SuiteCase(
        id=row,
        period=_period_of(spec, store, row, said.period or (proposed.period if proposed else None)),
        owner=said.owner or spec.owners[0],
        added=(said.added or now).date(),
        reason=str(reason),
        severity=said.severity,
        expires=said.expires.date() if said.expires else None,
    )
    _refuse_dates(spec, case)
    path = Path(spec.validation.regression_suite.path)
    with exclusive(store.root / "suite.lock"):
        add_case(path, case)
        forget(store, row)
    (standing,) = standings(harvest(spec), [case], store, registry)
    live = registry.live()
    return [
        f"{spec.name}: {row} of {case.period} is a {said.severity} case in {path}.",
        *_remarks(spec, standing, live.name if live else "no version"),
    ]


def _period_of(spec: ModelSpec, store: PeriodStore, row: str, period: str | None) -> str:
    """Find the period of a row that exists, in the stored rows or else in the source."""
    from retrain_assets.validation.suite.status import periods_of, row_is_stored

    key = spec.source.key
    if period is None:
        held = periods_of(store, key, row)
        if len(held) == 1:
            return str(held[0])
        where = f"in {len(held)} stored periods ({', '.join(held)})" if held else "in no stored period"
        raise DataError(f"{spec.name}: {key} {row} stands {where}. Correct it, or name its --period.")
    if ended_period(spec, period) in store.periods("raw_data"):
        if not row_is_stored(store, period, key, row):
            raise DataError(f"{spec.name}: {period} has no row with {key} {row}. Correct the key or the period.")
        return period
    refuse_absent(spec, period, [row])
    return period


def refuse_absent(spec: ModelSpec, period: str, rows: list[str]) -> None:
    """Refuse keys that the source does not give for a period, or that the contract sets aside.

    Raises:
        DataError: A row is absent; the message names it, the period and the file.
    """
    from retrain_assets.onboarding.outlook import absent_rows

    absent = absent_rows(spec, period, rows)
    if absent:
        raise DataError(f"{spec.name}: {absent}. Correct the key or the period.")


def _refuse_dates(spec: ModelSpec, case: SuiteCase) -> None:
    start = spec.period.bounds(case.period)[0].date()
    if case.added < start:
        raise DataError(
            f"{spec.name}: added {case.added} lies before the row's period {case.period}. Name a later day."
        )
    if case.expires is not None and case.expires < case.added:
        raise DataError(f"{spec.name}: it expires {case.expires}, before {case.added} when it is added.")


def _remarks(spec: ModelSpec, standing: CaseStatus, live: str) -> list[str]:
    """Tell what somebody who adds a case should know about it; `live` is the name of the live version."""
    end = spec.period.end
    lines = [
        "Verdicts reached before no longer promote: the suite is part of the rules. It never trains a model again."
    ]
    if end is not None and end.date() < standing.case.added:
        lines.append(f"The model's data ends on {end.date()}, before it counts: for a replay give an earlier --added.")
    if not standing.outcome:
        lines.append("Its outcome is not known yet; until it is, no candidate can pass the suite.")
    if standing.by_heart:
        lines.append(f"{live} was trained on the time of this row and may know it by heart, which a candidate cannot.")
    elif standing.right is False:
        lines.append(f"{live} gets it wrong ({standing.said}), so it blocks nobody until a version gets it right.")
    return lines
