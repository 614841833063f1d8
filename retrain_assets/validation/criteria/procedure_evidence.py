"""Evidence about the procedure: what fresh models of one spec gain over aged ones, on rows that neither saw.

What belongs here: the figure, when its procedure was committed, and how it reads as a finding. The backtest measures
it, for it alone has a model of every origin; what a finding is worth in a decision stands in `significance`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from retrain_assets.documents.units import certainty, counted
from retrain_assets.errors import NotFound
from retrain_assets.registry.journal.events import wall_clock
from retrain_assets.store import Json
from retrain_assets.verdict import Finding, Outcome

if TYPE_CHECKING:
    from retrain_assets.model import PeriodAccess
    from retrain_assets.registry.registry import Registry

MOST_ORIGINS, FEWEST_ORIGINS = 12, 6
"""Origins whose fresh models are compared: the newest, and the least that a decision may rest on."""

ROLE = "procedure"

PROCEDURE, SHOWN = "procedure", "procedure_shown"
"""Keys of a verdict's evidence: which procedure trained the candidate and what was found of it; and the figure of the
last backtest where the spec asks for none, which decides nothing."""


@dataclass(frozen=True)
class ProcedureEvidence:
    """What the procedure gained over the last origins.

    Attributes:
        origins: How many origins' fresh models were compared.
        interval: By how many decisions the others are older.
        share: Loss that the fresh ones had less, as a share of that of the older ones.
        low: Its lower one-sided limit at `alpha`; None where the days are too few.
        p_value: One-sided, of no gain; None likewise.
        days: Days behind it.
        alpha: Level of the limit.
        aged: Mean loss per row of the older ones.
        rows: Rows behind it.
        unit: What lies between two decisions.
        since: Only origins from this moment on counted, ISO 8601; empty where all did.
        problem: Why nothing could be compared; empty where something was.
    """

    origins: int
    interval: int
    share: float
    low: float | None
    p_value: float | None
    days: int
    alpha: float = 0.05
    aged: float = 0.0
    rows: int = 0
    unit: str = "week"
    since: str = ""
    problem: str = ""

    @classmethod
    def none(cls, problem: str, alpha: float, since: str = "") -> ProcedureEvidence:
        """The figure where nothing could be compared, and why."""
        return cls(0, 0, 0.0, None, None, 0, alpha, since=since, problem=problem)

    def to_dict(self) -> Json:
        """As plain JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Json) -> ProcedureEvidence:
        """The inverse of `to_dict`."""
        return cls(**record)

    @property
    def proven(self) -> bool:
        """Whether fresh models are certainly better at the level, over enough origins."""
        return self.origins >= FEWEST_ORIGINS and self.low is not None and self.low > 0

    @property
    def sentence(self) -> str:
        """The answer first.

        >>> print(ProcedureEvidence(12, 10, 0.031, 0.022, 1e-4, 84).sentence)
        Retraining works: over the last 12 weeks fresh models had 3.1 % less loss than ones 10 weeks older, at least \
2.2 % with 95 % certainty.
        """
        if self.problem:
            return f"Whether retraining works is not known: {self.problem}."
        lately = f"over the last {counted(self.origins, self.unit)} fresh models had"
        size = f"{100 * abs(self.share):.2g} % {'less' if self.share >= 0 else 'more'} loss"
        older = f"than ones {counted(self.interval, self.unit)} older"
        if self.low is None:
            return f"Whether retraining works is not known: {lately} {size} {older}, on {counted(self.days, 'day')}."
        if self.origins < FEWEST_ORIGINS:
            since = f" since {self.since[:10]}" if self.since else ""
            least = f"{counted(self.origins, self.unit)}{since}, {FEWEST_ORIGINS} are needed"
            return f"Whether retraining works is not known yet: {lately} {size} {older}, in {least}."
        if self.low > 0:
            sure = f"at least {100 * self.low:.2g} % with {certainty(self.alpha)} certainty"
            return f"Retraining works: {lately} {size} {older}, {sure}."
        return f"Retraining shows no certain gain: {lately} {size} {older}, which may be chance."

    def finding(self, loss: str) -> Finding:
        """The proven figure as a row of evidence beside that of the candidate."""
        low = self.low or 0.0
        return Finding(
            "significance",
            Outcome.PASS if self.proven else Outcome.INSUFFICIENT,
            self.sentence.rstrip("."),
            metric=loss,
            role=ROLE,
            direction="lower is better",
            rows=self.rows,
            unit="day",
            units=self.days,
            champion_value=self.aged,
            candidate_value=self.aged * (1 - self.share),
            improvement=self.aged * self.share,
            low=self.aged * low,
            alpha=self.alpha,
            margin=0.0,
            p_value=self.p_value,
            p_level=self.alpha,
        )


@dataclass(frozen=True)
class Procedure:
    """How a spec trains, by its digest, and what measures it.

    Attributes:
        sha256: Digest of columns, windows, training and task.
        measured: Gives the figure as of a period over the origins from a moment on, with its limit at a level.
        shown: Gives the figure of the last backtest before a period, which decides nothing; None without one.
    """

    sha256: str
    measured: Callable[[PeriodAccess, datetime, float], ProcedureEvidence]
    shown: Callable[[PeriodAccess], ProcedureEvidence | None]

    def evidence(self, access: PeriodAccess, alpha: float) -> ProcedureEvidence:
        """The figure over the origins since the procedure was committed."""
        since = committed(access.registry, self.sha256)
        if since is None:
            return ProcedureEvidence.none("this is the first attempt with these columns, windows and training", alpha)
        return self.measured(access, since, alpha)


def committed(registry: Registry, sha256: str) -> datetime | None:
    """When a procedure was committed: at the first of the newest attempts in a row that were made with it.

    By the clock of that decision, and not by the rows that it was about: of a history that is replayed, the past was
    there to tune the spec on. None where the last attempt was made with another procedure, or does not say.
    """
    found = None
    for event in reversed(registry.history()):
        if event.gate is None:
            continue
        try:
            named = registry.evidence(event).evidence.get(PROCEDURE) or {}
        except NotFound:
            break
        if named.get("sha256") != sha256:
            break
        found = wall_clock(event.at.isoformat())
    return found
