"""Protected groups that a gate was too small to judge: which they are, and how the harm of their rows is measured.

The verdict that promotes names them in its evidence; probation follows them (`production.probation.group_watch`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from retrain_assets.metrics.formulas import predicted_class
from retrain_assets.metrics.metric import Array, metric
from retrain_assets.store import Json
from retrain_assets.validation.comparison.grouping import groups
from retrain_assets.validation.comparison.units import MISSING, GateRows
from retrain_assets.validation.policy import ValidationPolicy
from retrain_assets.verdict import Finding, Outcome

EVIDENCE = "watched_groups"
"""The key of a verdict's evidence that names them."""


@dataclass(frozen=True)
class WatchedGroup:
    """One metric of one group, and the change for the worse that may be accepted.

    Attributes:
        group: As written in evidence, like `sex=F`.
        metric: `mae`, `tpr`, `fpr` or `selection_rate`, of one of several classes like `tpr[2]`.
        attribute: The column that it is a value of.
        values: Its values there; `(missing)` for rows without one.
        margin: The harm that may be accepted.
        threshold: The probability from which a row counts as positive.
    """

    group: str
    metric: str
    attribute: str
    values: tuple[str, ...]
    margin: float
    threshold: float

    @classmethod
    def from_dict(cls, record: Json) -> Self:
        """The inverse of `dataclasses.asdict`."""
        return cls(**{**record, "values": tuple(record["values"])})

    @classmethod
    def of_evidence(cls, evidence: Json) -> tuple[Self, ...]:
        """The groups that a verdict's evidence names."""
        return tuple(cls.from_dict(record) for record in evidence.get(EVIDENCE, ()))

    def members(self, texts: npt.NDArray[np.object_]) -> npt.NDArray[np.bool_]:
        """Which rows are of the group, by the attribute's values as text or None, shape (n,)."""
        return np.array([(MISSING if text is None else text) in self.values for text in texts], dtype=bool)

    def harm(self, label: Array, before: Array, after: Array) -> Array:
        """By how much each row is worse off with the later scores, NaN for rows that the metric is not of, shape (n,).

        The mean of it is the change of the metric for the worse.

        Args:
            label: Outcomes, shape (n,).
            before: Scores of the model that is compared with, shape (n,) or (n, k).
            after: Scores of the model that is watched, same shape.

        >>> women = WatchedGroup("sex=F", "tpr", "sex", ("F",), 0.05, 0.5)
        >>> women.harm(np.array([1.0, 1.0, 0.0]), np.array([0.9, 0.2, 0.9]), np.array([0.4, 0.8, 0.1]))
        array([ 1., -1., nan])
        """
        if self.metric == "mae":
            error = metric("mae")
            return np.asarray(error.row_losses(label, after) - error.row_losses(label, before))
        name, _, rest = self.metric.partition("[")
        wanted = int(rest.rstrip("]")) if rest else 1
        old, new = (
            (predicted_class(scores, self.threshold) == wanted).astype(np.float64) for scores in (before, after)
        )
        worse = new - old if name == "fpr" else old - new
        asked = {"tpr": label == wanted, "fpr": label != wanted}.get(name, np.ones(len(label), dtype=bool))
        return np.where(asked, worse, np.nan)


def watched_groups(policy: ValidationPolicy, rows: GateRows, findings: Sequence[Finding]) -> Json:
    """The groups that findings leave to probation, as an entry of a verdict's evidence; none where there are none."""
    left = [finding for finding in findings if finding.outcome is Outcome.WATCHED and not finding.against]
    if not left:
        return {}
    found = {group.name: group for group in groups(policy.fairness, rows)}
    watched = [
        WatchedGroup(
            finding.group,
            finding.metric,
            found[finding.group].attribute,
            found[finding.group].values,
            policy.fairness.margin,
            policy.threshold,
        )
        for finding in left
    ]
    return {EVIDENCE: [asdict(each) | {"values": list(each.values)} for each in watched]}
