"""`retrain suite`: look at a model's regression suite, add a case, let hard cases be proposed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retrain_assets.cli.shared import ended_period
from retrain_assets.errors import DataError
from retrain_assets.spec import ModelSpec

if TYPE_CHECKING:
    from retrain_assets.validation.suite.cases import SuiteCase
    from retrain_assets.validation.suite.proposals import Proposal

Opened = tuple[ModelSpec, Any, Any]
"""A model's spec, store and registry."""


def suite_group(guarded: Callable[..., Any], opened: Callable[[str], Opened]) -> click.Group:
    """The group of commands; `guarded` turns errors into sentences, `opened(name)` finds the model."""

    @click.group()
    def suite() -> None:
        """Known hard cases that no new version may get wrong: list, add, harvest.

        Example: retrain suite list taxi_charge
        """

    @suite.command("list")
    @click.argument("name")
    @click.option("--json", "as_json", is_flag=True, help="Print cases and proposals as JSON.")
    @guarded
    def list_(name: str, as_json: bool) -> None:
        """Every case: whether it counts, whether its row and outcome are there, whether the live model is right.

        Example: retrain suite list taxi_charge
        """
        record = listed(*opened(name))
        for line in [json.dumps(record, indent=1)] if as_json else in_lines(record):
            click.echo(line)

    @suite.command()
    @click.argument("name")
    @click.argument("row")
    @click.option("--reason", help="Why the case matters; a proposed row brings its own.")
    @click.option("--owner", help="Mail address or team:NAME; the model's first owner otherwise.")
    @click.option("--severity", type=click.Choice(["critical", "normal"]), default="normal", show_default=True)
    @click.option("--expires", type=click.DateTime(["%Y-%m-%d"]), help="Last day on which the case counts.")
    @click.option("--period", help="The row's period; found among the stored rows otherwise.")
    @click.option("--added", type=click.DateTime(["%Y-%m-%d"]), help="Day from which it counts; today otherwise.")
    @guarded
    def add(name: str, row: str, **said: Any) -> None:
        """Add a row, by its key, to the model's suite file.

        Example: retrain suite add taxi_charge 138740 --severity critical --reason "Manhattan to Brooklyn at night"
        """
        for line in added(*opened(name), row, datetime.now(), **said):
            click.echo(line)

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
        found = harvested(*opened(name), limit, period)
        if as_json:
            click.echo(json.dumps([asdict(proposal) for proposal in found], indent=1))
            return
        for proposal in found:
            click.echo(_proposed(asdict(proposal)))
        click.echo(
            f"{len(found)} row(s) proposed. Take one with `retrain suite add {name} ID`."
            if found
            else f"{name}: no mistake on a row with a known outcome that the model was not trained on."
        )

    return suite


def listed(spec: ModelSpec, store: Any, registry: Any) -> dict[str, Any]:
    """The suite and what is proposed for it, as plain JSON."""
    from retrain_assets.pipeline import harvest
    from retrain_assets.validation.suite.cases import load_suite
    from retrain_assets.validation.suite.proposals import proposals
    from retrain_assets.validation.suite.status import standings

    path = Path(spec.validation.regression_suite.path)
    found = standings(harvest(spec), load_suite(path, spec.validation.regression_suite.optional), store, registry)
    live = registry.live()
    cases = [asdict(standing) for standing in found]
    for record in cases:
        case = record.pop("case")
        record |= {key: value.isoformat() if isinstance(value, date) else value for key, value in case.items()}
    return {
        "model": spec.name,
        "file": str(path),
        "live": live.name if live else None,
        "cases": cases,
        "proposals": [asdict(proposal) for proposal in proposals(store)],
    }


def in_lines(record: dict[str, Any]) -> list[str]:
    """What `suite list` prints."""
    lines = [f"{record['model']}: {len(record['cases'])} case(s) in {record['file']}"]
    lines += [
        f"  {case['id']:<10} {case['period']:<10} {case['severity']:<9} {case['state']:<8} "
        f"{_answer(case, record['live']):<40} {case['reason']}"
        for case in record["cases"]
    ]
    if any(case["by_heart"] for case in record["cases"]):
        lines.append(f"  * {record['live']} was trained before the case was added and may know its row by heart.")
    if record["proposals"]:
        lines.append(f"proposed, not in the suite (`retrain suite add {record['model']} ID` takes one):")
        lines += [_proposed(proposal) for proposal in record["proposals"]]
    return lines


def _answer(case: dict[str, Any], live: str | None) -> str:
    if case["row"] is None:
        return "its period is not stored yet"
    if not case["row"]:
        return "NO SUCH ROW"
    if not case["outcome"]:
        return "its outcome is not known yet"
    if case["right"] is None:
        return "no model is live"
    return f"{live} {'right' if case['right'] else 'WRONG'}{'*' if case['by_heart'] else ''}: {case['said']}"


def _proposed(proposal: dict[str, Any]) -> str:
    words = f"{proposal['version']} said {proposal['said']}, it was {proposal['label']}"
    return f"  {proposal['id']:<10} {proposal['period']:<10} {words:<49} {proposal['reason']}"


def harvested(spec: ModelSpec, store: Any, registry: Any, limit: int, period: str | None) -> list[Proposal]:
    """Propose rows, and keep the proposals.

    Raises:
        DataError: No version is live, or the period is not stored.
    """
    from retrain_assets.pipeline import harvest

    if registry.live() is None:
        raise DataError(f"{spec.name}: no version is live, so there are no mistakes yet. See `retrain status`.")
    if period is not None and ended_period(spec, period) not in store.periods("raw_data"):
        raise DataError(f"{spec.name}: {period} is not stored. Run `retrain monitor {spec.name} --period {period}`.")
    found: list[Proposal] = harvest(spec).harvest(store, registry, limit, period)
    return found


def added(
    spec: ModelSpec,
    store: Any,
    registry: Any,
    row: str,
    now: datetime,
    *,
    reason: str | None = None,
    owner: str | None = None,
    severity: Any = "normal",
    expires: datetime | None = None,
    period: str | None = None,
    added: datetime | None = None,
) -> list[str]:
    """Write a case into the model's suite file; what there is to say about it, line by line.

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

    proposed = next((proposal for proposal in proposals(store) if proposal.id == row), None)
    if reason is None and proposed is not None:
        reason = f"{proposed.reason}: it said {proposed.said}, it was {proposed.label}"
    if not (reason or "").strip():
        raise DataError(f"{spec.name}: {row} is not proposed, so a reason is needed. Add --reason.")
    case = SuiteCase(
        id=row,
        period=_period_of(spec, store, row, period or (proposed.period if proposed else None)),
        owner=owner or spec.owners[0],
        added=(added or now).date(),
        reason=str(reason),
        severity=severity,
        expires=expires.date() if expires else None,
    )
    _refuse_dates(spec, case)
    path = Path(spec.validation.regression_suite.path)
    with exclusive(store.root / "suite.lock"):
        add_case(path, case)
        forget(store, row)
    (standing,) = standings(harvest(spec), [case], store, registry)
    return [f"{spec.name}: {row} of {case.period} is a {severity} case in {path}.", *_remarks(spec, standing, registry)]


def _period_of(spec: ModelSpec, store: Any, row: str, period: str | None) -> str:
    """The period of a row that exists, in the stored rows or else in the source."""
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


def _remarks(spec: ModelSpec, standing: Any, registry: Any) -> list[str]:
    """What somebody who adds a case should know about it."""
    live, end = registry.live(), spec.period.end
    lines = [
        "Verdicts reached before no longer promote: the suite is part of the rules. It never trains a model again."
    ]
    if end is not None and end.date() < standing.case.added:
        lines.append(f"The model's data ends on {end.date()}, before it counts: for a replay give an earlier --added.")
    if not standing.outcome:
        lines.append("Its outcome is not known yet; until it is, no candidate can pass the suite.")
    if standing.by_heart:
        lines.append(
            f"{live.name} was trained on the time of this row and may know it by heart, which a candidate cannot."
        )
    elif standing.right is False:
        lines.append(f"{live.name} gets it wrong ({standing.said}), so it blocks nobody until a version gets it right.")
    return lines
