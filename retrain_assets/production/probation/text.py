"""Say in one sentence what a period of probation found, and how an earlier one ended it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from retrain_assets.documents.units import LossUnits, amount
from retrain_assets.documents.units import counted as counted_rows
from retrain_assets.production.policy import ProbationPolicy
from retrain_assets.production.probation.anytime_valid import Conclusion, enough_blocks
from retrain_assets.production.probation.record import ComparedVersions, Measurement, Status
from retrain_assets.production.probation.trial import counted

_MILLION = 1e6
"""Odds beyond which no digit means anything to anybody."""

ENDED: Mapping[Status, str] = {
    Status.CONFIRMED: "{} was confirmed",
    Status.UNPROVEN: "that of {} ended unproven",
}
"""How a probation may have ended without a rollback, said of a version later on."""


@dataclass(frozen=True)
class Wording:
    """What the sentences of one model's probations need besides what was measured."""

    policy: ProbationPolicy
    units: LossUnits


def sentence_of(period: str, compared: ComparedVersions, status: Status, found: Measurement, wording: Wording) -> str:
    """What follows, then the period's losses and the e-value against its line.

    Args:
        period: In which both versions answered.
        compared: The versions.
        status: What was decided.
        found: What was measured.
        wording: The model's policy and units.
    """
    evidence = f"{_evidence(found)} after {counted(len(found.blocks), found.block_days)}"
    if found.loss is not None and found.previous_loss is not None:
        units = wording.units
        both = units.levels(compared.version, found.loss, compared.previous, found.previous_loss)
        evidence = (
            f"on the same {counted_rows(found.rows, f'new {units.row}')} {both}{capped(found, units)}; {evidence}"
        )
    return f"{period}: {_conclusion(period, compared, status, found, wording)}; {evidence}"


def capped(found: Measurement, units: LossUnits) -> str:
    """Up to what each loss of a measurement counts, after the losses; empty without a cap."""
    return f", each counted up to {units.total(found.loss_cap)}" if found.loss_cap is not None else ""


def written(e_value: float) -> str:
    """An e-value as far as its digits mean something.

    >>> written(12.34), written(1234.5), written(4e22), written(float("nan"))
    ('12.3', '1,234', 'over a million', 'unknown')
    """
    if math.isnan(e_value):
        return "unknown"
    return "over a million" if e_value >= _MILLION else amount(e_value)


def _evidence(found: Measurement) -> str:
    """The e-value, with what it takes to decide."""
    decides = f"{found.line:g} decides"
    if not found.e_value >= 1:
        return f"no evidence of a difference (e-value {found.e_value:.2g}, {decides})"
    return f"the evidence is {written(found.e_value)} (e-value, {decides})"


def _conclusion(period: str, compared: ComparedVersions, status: Status, found: Measurement, wording: Wording) -> str:
    new, previous, policy = compared.version, compared.previous, wording.policy
    spare = f" by {policy.tolerance:g} or more" if policy.tolerance else ""
    match status:
        case Status.HARMED:
            return f"{new} is worse than {previous}{spare}"
        case Status.CONFIRMED if found.ruling is Conclusion.PROVEN:
            return f"{new} has proved itself and is confirmed"
        case Status.CONFIRMED:
            return f"{new} is confirmed: its probation ends without evidence of harm{_ruled_out(found, wording.units)}"
        case Status.UNPROVEN:
            return f"{new} stays live, its probation ends unproven: {_doubt(found, wording)}"
        case _ if period >= compared.last:
            longer = f"goes on beyond {compared.last}, at the latest until {found.limit}"
            return f"the probation of {new} {longer}: {_doubt(found, wording)}"
        case _:
            return f"the probation of {new} goes on, at the latest until {found.limit}"


def _doubt(found: Measurement, wording: Wording) -> str:
    """Why nothing is confirmed yet."""
    policy = wording.policy
    if not found.harm_left < math.inf:
        enough = enough_blocks(found.block_days, policy.alpha, policy.rules_out)
        return f"so few blocks rule out no harm, {enough} do where they show none"
    beyond = " beyond the tolerance" if policy.tolerance else ""
    return (
        f"a harm of {wording.units.a_row(found.high)} is not ruled out, {found.harm_left:.2g} standard deviations "
        f"between blocks{beyond}, where {policy.rules_out:g} must be"
    )


def _ruled_out(found: Measurement, units: LossUnits) -> str:
    """Which harm the confidence sequence excludes; empty where it excludes none."""
    return f", a harm above {units.a_row(found.high)} is ruled out" if found.high < math.inf else ""
