"""What a check says (`Finding`) and what a set of checks decides (`Verdict`).

The decision is never stored as a word somebody could edit: it is recomputed from the findings each time it is asked
for, here and again inside the registry's `promote`. No statistics here; they stand in `validation`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from retrain_assets.documents.units import counted, first_few, rounded_count
from retrain_assets.store import Json, finite

CHECKS = ("significance", "guardrails", "fairness", "regression_suite")
"""The four questions a candidate must answer, each shown as one asset check."""

ORDER = ("hard", "guardrails", "fairness", "regression_suite", "significance")
"""The order of decisions: what comes later is worth asking only when what comes before holds."""

NOT_BETTER = "the new model was not"
"""How the reason begins of a candidate that was not better, or not surely: it says why nothing is promoted."""


def decisive_first(checks: Iterable[str]) -> tuple[str, ...]:
    """Checks in the order of decisions, others after them by name.

    >>> decisive_first(["significance", "slices", "hard"])
    ('hard', 'significance', 'slices')
    """
    return tuple(sorted(set(checks), key=lambda check: (ORDER.index(check) if check in ORDER else len(ORDER), check)))


class Outcome(StrEnum):
    """The three answers of a check, of which not knowing never promotes; and two that stop nothing.

    WATCHED is the answer about a protected group too small for any gate to judge: it is named, and watched after the
    promotion. NOT_ASKED says that nothing was declared to be asked.
    """

    PASS = "pass"
    FAIL = "fail"
    INSUFFICIENT = "insufficient"
    WATCHED = "watched"
    NOT_ASKED = "not asked"


STOPS_NOTHING = (Outcome.PASS, Outcome.WATCHED, Outcome.NOT_ASKED)
"""The outcomes of a check with which a candidate may be promoted."""


CEILING = 9.0
"""The largest ratio of noise that a test assumes (`statistics.long_run_variance.MOST_RATIO`)."""

_A_YEAR_DAYS = 365
_NAMED_ROWS = re.compile(r"about [\d,]+ needed$")
"""The end of a reason that names the rows an answer needs."""

REFIT_CHECKS = ("agreement", "regression_suite")
"""What a refitted model must pass to be promoted in the place of the candidate that was tested."""


class Decision(StrEnum):
    """What the findings together allow."""

    PROMOTE = "promote"
    REJECT = "reject"
    INSUFFICIENT = "insufficient"
    IDENTICAL = "identical"


@dataclass(frozen=True)
class Finding:
    """One row of evidence: one check of one metric (of one group), with the numbers that decided it.

    `improvement` is turned so that above 0 is better; `low` and `high` are its one-sided confidence limits at `alpha`
    (the same limits, read together, are a 1 - 2·alpha interval). `p_value`, adjusted where several questions are asked
    together, is held against `p_level`. Where days are the units, `variance_ratio` is how many times the variance of
    their mean exceeds that of independent days, with `degrees` of freedom, and `history_days` how many days of history
    told it (0: the days themselves). `against` names the version that a finding holds the candidate against where that
    is not the live one. Numbers that do not apply are None.
    """

    check: str
    outcome: Outcome
    reason: str
    metric: str = ""
    role: str = ""
    group: str = ""
    direction: str = ""
    rows: int = 0
    unit: str = ""
    units: int = 0
    design_effect: float | None = None
    champion_value: float | None = None
    candidate_value: float | None = None
    improvement: float | None = None
    low: float | None = None
    high: float | None = None
    alpha: float | None = None
    margin: float | None = None
    p_value: float | None = None
    minimum_detectable: float | None = None
    rows_needed: int | None = None
    p_level: float | None = None
    degrees: float | None = None
    variance_ratio: float | None = None
    history_days: int | None = None
    against: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "outcome", Outcome(self.outcome))

    @property
    def said(self) -> str:
        """Its reason, without the answer that stands beside it.

        >>> Finding("fairness", Outcome.NOT_ASKED, "not asked: no group is protected").said
        'no group is protected'
        """
        return self.reason.removeprefix(f"{self.outcome.value}: ")

    @property
    def noise(self) -> str:
        """Where the noise of a mean over days was learnt, in words; empty where days are not the units.

        >>> Finding("significance", Outcome.PASS, "", degrees=7.4, variance_ratio=1.82, history_days=84).noise
        '84 days of history: 1.8 times the variance of independent days, 7.4 degrees of freedom'
        >>> Finding("significance", Outcome.PASS, "", degrees=7.4, variance_ratio=9.0, history_days=0).noise[:82]
        'these days alone: 9.0 times the variance of independent days, which is the ceiling'
        """
        if self.variance_ratio is None or self.degrees is None:
            return ""
        told = f"{self.history_days:,} days of history" if self.history_days else "these days alone"
        ratio = f"{self.variance_ratio:.1f} times the variance of independent days"
        if self.variance_ratio >= CEILING:
            ratio += ", which is the ceiling and not learnt"
        return f"{told}: {ratio}, {self.degrees:.1f} degrees of freedom"


_LATER = ("p_level", "degrees", "variance_ratio", "history_days", "against")
"""Fields that are left out of a finding's record where they say nothing, so that older records keep their digest."""


@dataclass(frozen=True)
class GateWindow:
    """The rows a verdict was reached on: which periods, how many, and the hash of their keys."""

    periods: tuple[str, ...]
    start: str
    end: str
    rows: int
    rowset_sha256: str


def combine(findings: Sequence[Finding]) -> Outcome:
    """One outcome for several findings: any FAIL fails, all PASS passes, everything else is not known.

    Findings of which some are WATCHED and all others PASS are WATCHED. What was not asked is left out; where nothing
    was, that is the outcome.

    >>> combine([Finding("fairness", Outcome.PASS, "ok"), Finding("fairness", Outcome.INSUFFICIENT, "41 rows")])
    <Outcome.INSUFFICIENT: 'insufficient'>
    >>> combine([])
    <Outcome.INSUFFICIENT: 'insufficient'>
    >>> combine([Finding("fairness", Outcome.NOT_ASKED, "no group is protected")])
    <Outcome.NOT_ASKED: 'not asked'>
    """
    outcomes = [finding.outcome for finding in findings]
    if Outcome.FAIL in outcomes:
        return Outcome.FAIL
    asked = [outcome for outcome in outcomes if outcome is not Outcome.NOT_ASKED]
    if outcomes and not asked:
        return Outcome.NOT_ASKED
    if not asked or not all(outcome in STOPS_NOTHING for outcome in asked):
        return Outcome.INSUFFICIENT
    return Outcome.WATCHED if Outcome.WATCHED in asked else Outcome.PASS


@dataclass(frozen=True)
class Refit:
    """The tested candidate trained again with the gate's rows: its digest, how far it saw, and what was found of it."""

    digest: str
    trained_until: str
    findings: tuple[Finding, ...]

    @property
    def allowed(self) -> bool:
        """Whether it may be promoted: every one of `REFIT_CHECKS` was asked, and everything found passes."""
        asked = {finding.check for finding in self.findings}
        return asked.issuperset(REFIT_CHECKS) and combine(self.findings) is Outcome.PASS

    @property
    def reason(self) -> str:
        """What becomes of it, in words that follow the decision's."""
        if self.allowed:
            return f"refitted on all before {self.trained_until[:10]}"
        wrong = next((f for f in self.findings if f.outcome is not Outcome.PASS), None)
        why = f"{wrong.check}: {wrong.reason}" if wrong else "a check is missing"
        return f"not refitted, the tested candidate itself stands ({why})"

    @classmethod
    def from_dict(cls, record: Json) -> Refit:
        """The inverse of `dataclasses.asdict`."""
        return cls(**{**record, "findings": tuple(Finding(**finding) for finding in record["findings"])})


@dataclass(frozen=True)
class Verdict:
    """Everything a promotion rests on, bound to one candidate, one champion and one set of gate rows."""

    model: str
    period: str
    findings: tuple[Finding, ...]
    gate: GateWindow
    candidate_digest: str
    champion_digest: str | None
    policy_sha256: str
    code_version: str
    identical: bool = False
    required: tuple[str, ...] = CHECKS
    evidence: Json = field(default_factory=dict)
    refit: Refit | None = None

    @property
    def promotes(self) -> str:
        """Digest of the version that this verdict puts in service if it passes: the refitted one where that may."""
        return self.refit.digest if self.refit and self.refit.allowed else self.candidate_digest

    @property
    def trained_until(self) -> datetime | None:
        """Where the training rows of the version that it puts in service end; None where the record does not say."""
        until = self.evidence.get("trained_until")
        return datetime.fromisoformat(until) if until else None

    @property
    def fallback(self) -> str | None:
        """Digest of the version that stands behind a first model; None of any later one."""
        digest = self.evidence.get("fallback")
        return str(digest) if digest is not None else None

    def of(self, check: str) -> tuple[Finding, ...]:
        """The findings of one check."""
        return tuple(finding for finding in self.findings if finding.check == check)

    def outcome(self, check: str) -> Outcome:
        """One check's outcome; a check without findings is INSUFFICIENT."""
        return combine(self.of(check))

    @property
    def decision(self) -> Decision:
        """What the findings allow: every required check that asks anything must pass, and one must ask something."""
        if self.identical:
            return Decision.IDENTICAL
        outcomes = [self.outcome(check) for check in (*self.required, *sorted({f.check for f in self.findings}))]
        if Outcome.FAIL in outcomes:
            return Decision.REJECT
        passed = Outcome.PASS in outcomes and all(outcome in STOPS_NOTHING for outcome in outcomes)
        return Decision.PROMOTE if passed else Decision.INSUFFICIENT

    @property
    def reason(self) -> str:
        """The decision in one sentence: the first finding that stands in the way, else what was gained.

        Groups and slices that were too small to tell stand in no way, so they are named after it.
        """
        if self.identical:
            return "the candidate scores every gate row like the champion"
        parts = (self._because, self._not_yet, self._on_broken, self._watched, self._undecided_slices)
        return "; ".join(part for part in parts if part)

    @property
    def broken(self) -> tuple[str, ...]:
        """Columns that were broken in the period that it was reached in: it says nothing of rows that have them."""
        return tuple(self.evidence.get("broken", ()))

    @property
    def _because(self) -> str:
        order = decisive_first((*self.required, *(f.check for f in self.findings)))
        ranked = [finding for check in order for finding in self.of(check)]
        for outcome in (Outcome.FAIL, Outcome.INSUFFICIENT):
            for finding in ranked:
                if finding.outcome is outcome:
                    return finding.reason if finding.role == "primary" else f"{finding.check}: {finding.reason}"
        for check in decisive_first(self.required):
            if not self.of(check):
                return f"{check}: no finding"
        gained = next((f.reason for f in self.findings if f.role == "primary"), "every check passed")
        return f"{gained}; {self.refit.reason}" if self.refit else gained

    @property
    def _not_yet(self) -> str:
        """What an undecided verdict lacks in days, and when the next decision is due; empty where that is not known."""
        lacking = self.evidence.get("not_yet")
        if not lacking or self.decision is not Decision.INSUFFICIENT:
            return ""
        days, moment = lacking["days"], date.fromisoformat(lacking["next_decision"])
        following = f"next decision on {moment.day} {moment:%B %Y}"
        if days > _A_YEAR_DAYS:
            spread = f"by the spread of these {lacking['rows']}"
            told = f"that is {spread}, and" if _NAMED_ROWS.search(self._because) else f"{spread} {self._needed},"
            return f"{told} more than a year brings; {following}"
        more = f"{counted(days, 'more day')} of {lacking['rows']}"
        return f"not yet: {more} like these would tell; {following}"

    @property
    def _on_broken(self) -> str:
        names = first_few(self.broken)
        return f"tested while {names} was broken, so not known for rows once it is mended" if names else ""

    @property
    def _needed(self) -> str:
        """How many rows the undecided question would need that lacks the largest part of them."""
        known = [f for f in self.findings if f.outcome is Outcome.INSUFFICIENT and f.rows and f.rows_needed]
        furthest = max(known, key=lambda f: (f.rows_needed or 0) / f.rows, default=None)
        many = f"about {rounded_count(furthest.rows_needed or 0)}" if furthest else "more"
        return f"{many} would be needed"

    @property
    def _watched(self) -> str:
        """The groups that a promotion leaves to probation, the first few by name; empty where nothing is promoted."""
        names = [
            f"{finding.group} ({finding.metric})"
            for finding in self.findings
            if finding.outcome is Outcome.WATCHED and not finding.against
        ]
        if not names or self.decision is not Decision.PROMOTE:
            return ""
        return f"too small to be judged here, watched after promotion: {first_few(names)}"

    @property
    def _undecided_slices(self) -> str:
        """The slices that are reported as INSUFFICIENT, the first few by name."""
        names = [f"{found['group']} ({found['metric']})" for found in self.evidence.get("undecided_slices", ())]
        return f"slices insufficient, which stops nothing: {first_few(names)}" if names else ""

    @property
    def digest(self) -> str:
        """SHA-256 of the whole record, the id under which it is stored and quoted."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_dict(self) -> Json:
        """The record as plain JSON values; a number that is not finite becomes None.

        Without a refit there is no such key, and what a finding leaves open has none either: records of before they
        existed keep their digest.
        """
        record: Json = finite(self)
        refit = record["refit"] or record.pop("refit") or {}
        for finding in (*record["findings"], *refit.get("findings", ())):
            for name in _LATER:
                if finding[name] in (None, ""):
                    finding.pop(name)
        return record

    def to_json(self) -> str:
        """Canonical JSON of the record: sorted keys, numbers exactly as computed."""
        return json.dumps(self.to_dict(), sort_keys=True, allow_nan=False)

    @classmethod
    def from_dict(cls, record: Json) -> Verdict:
        """The inverse of `to_dict`."""
        gate = record["gate"]
        parts = {
            "findings": tuple(Finding(**finding) for finding in record["findings"]),
            "gate": GateWindow(**{**gate, "periods": tuple(gate["periods"])}),
            "required": tuple(record["required"]),
            "refit": Refit.from_dict(record["refit"]) if record.get("refit") else None,
        }
        return cls(**{**record, **parts})

    @classmethod
    def from_json(cls, text: str) -> Verdict:
        """The inverse of `to_json`."""
        return cls.from_dict(json.loads(text))
