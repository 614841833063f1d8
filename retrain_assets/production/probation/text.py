"""Say in one sentence what a period of probation found, and how an earlier one ended it."""

from __future__ import annotations

import math
from collections.abc import Mapping

from retrain_assets.production.policy import ProbationPolicy
from retrain_assets.production.probation.anytime_valid import Conclusion, enough_blocks
from retrain_assets.production.probation.record import ComparedVersions, Measurement, Status
from retrain_assets.production.probation.trial import counted

ENDED: Mapping[Status, str] = {
    Status.CONFIRMED: "{} was confirmed",
    Status.UNPROVEN: "that of {} ended unproven",
}
"""How a probation may have ended without a rollback, said of a version later on."""


def sentence_of(
    period: str, compared: ComparedVersions, status: Status, found: Measurement, policy: ProbationPolicy
) -> str:
    """The period's losses, the e-value against its line, and what follows.

    Args:
        period: In which both versions answered.
        compared: The versions.
        status: What was decided.
        found: What was measured.
        policy: Of the model.
    """
    evidence = f"e-value {found.e_value:.3g} of {found.line:g} after {counted(len(found.blocks), found.block_days)}"
    if found.loss is not None and found.previous_loss is not None:
        on = f"on the same {found.rows:,} new rows"
        lost = f"{compared.version} lost {found.loss:.4g} a row, {compared.previous} {found.previous_loss:.4g} {on}"
        evidence = f"{lost}; {evidence}"
    return f"{period}: {evidence}: {_conclusion(period, compared, status, found, policy)}"


def _conclusion(
    period: str, compared: ComparedVersions, status: Status, found: Measurement, policy: ProbationPolicy
) -> str:
    new, previous = compared.version, compared.previous
    spare = f" by {policy.tolerance:g} or more" if policy.tolerance else ""
    match status:
        case Status.HARMED:
            return f"{new} is worse than {previous}{spare}: roll it back"
        case Status.CONFIRMED if found.ruling is Conclusion.PROVEN:
            return f"{new} has proved itself and is confirmed"
        case Status.CONFIRMED:
            return f"the probation ends without evidence of harm{_ruled_out(found)}: {new} is confirmed"
        case Status.UNPROVEN:
            return f"the probation of {new} ends unproven, for {_doubt(found, policy)}; {new} stays live"
        case _ if period >= compared.last:
            longer = f"goes on beyond {compared.last}, at the latest until {found.limit}"
            return f"the probation of {new} {longer}, for {_doubt(found, policy)}"
        case _:
            return f"the probation of {new} goes on, at the latest until {found.limit}"


def _doubt(found: Measurement, policy: ProbationPolicy) -> str:
    """Why nothing is confirmed yet."""
    if not found.harm_left < math.inf:
        enough = enough_blocks(found.block_days, policy.alpha, policy.rules_out)
        return f"so few blocks rule out no harm, {enough} do where they show none"
    beyond = " beyond the tolerance" if policy.tolerance else ""
    return (
        f"a harm of {found.high:.3g} a row is not ruled out, {found.harm_left:.2g} standard deviations between "
        f"blocks{beyond}, where {policy.rules_out:g} must be"
    )


def _ruled_out(found: Measurement) -> str:
    """Which harm the confidence sequence excludes; empty where it excludes none."""
    return f", a harm above {found.high:.3g} a row is ruled out" if found.high < math.inf else ""
