"""What the record of a probation says, in one sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from retrain_assets.production.policy import ProbationPolicy
from retrain_assets.production.probation.anytime_valid import Ruling, enough_blocks
from retrain_assets.production.probation.trial import Status, counted

ENDED: Mapping[Status, str] = {
    Status.CONFIRMED: "{} was confirmed",
    Status.UNPROVEN: "that of {} ended unproven",
}
"""How a probation may have ended without a rollback, said of a version later on."""


def sentence_of(record: Mapping[str, Any], policy: ProbationPolicy) -> str:
    """The period's losses, the e-value against its line, and what follows.

    Args:
        record: Of a period in which both versions answered, every number in it.
        policy: Of the model.
    """
    new, previous = record["version"], record["previous"]
    blocks = counted(len(record["blocks"]), record["block_days"])
    evidence = f"e-value {record['e_value']:.3g} of {record['line']:g} after {blocks}"
    if record["loss"] is not None:
        on = f"on the same {record['rows']:,} new rows"
        evidence = f"{new} lost {record['loss']:.4g} a row, {previous} {record['previous_loss']:.4g} {on}; {evidence}"
    return f"{record['period']}: {evidence}: {_conclusion(record, policy)}"


def _conclusion(record: Mapping[str, Any], policy: ProbationPolicy) -> str:
    new, previous = record["version"], record["previous"]
    spare = f" by {policy.tolerance:g} or more" if policy.tolerance else ""
    match Status(record["status"]):
        case Status.HARMED:
            return f"{new} is worse than {previous}{spare}: roll it back"
        case Status.CONFIRMED if record["ruling"] == Ruling.PROVEN:
            return f"{new} has proved itself and is confirmed"
        case Status.CONFIRMED:
            return f"the probation ends without evidence of harm{_ruled_out(record)}: {new} is confirmed"
        case Status.UNPROVEN:
            return f"the probation of {new} ends unproven, for {_doubt(record, policy)}; {new} stays live"
        case _ if record["period"] >= record["last"]:
            longer = f"goes on beyond {record['last']}, at the latest until {record['limit']}"
            return f"the probation of {new} {longer}, for {_doubt(record, policy)}"
        case _:
            return f"the probation of {new} goes on, at the latest until {record['limit']}"


def _doubt(record: Mapping[str, Any], policy: ProbationPolicy) -> str:
    """Why nothing is confirmed yet."""
    if not record["harm_left"] < math.inf:
        enough = enough_blocks(record["block_days"], policy.alpha, policy.rules_out)
        return f"so few blocks rule out no harm, {enough} do where they show none"
    beyond = " beyond the tolerance" if policy.tolerance else ""
    return (
        f"a harm of {record['high']:.3g} a row is not ruled out, {record['harm_left']:.2g} standard deviations between "
        f"blocks{beyond}, where {policy.rules_out:g} must be"
    )


def _ruled_out(record: Mapping[str, Any]) -> str:
    """Which harm the confidence sequence excludes; empty where it excludes none."""
    return f", a harm above {record['high']:.3g} a row is ruled out" if record["high"] < math.inf else ""
