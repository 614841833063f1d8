"""Explain one decision, or any past moment, with its evidence: `explained` builds an `Explanation`.

It holds which model was live and since when, who or what put it there, on which evidence, compared with what, which
data trained it, why the one before left, what was tried meanwhile, and how it left itself. Its words stand in
`explanation_text`, what somebody asks about in `question`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Self

from retrain_assets.audit.probations import Course, course_of
from retrain_assets.audit.question import decision_named, last_instant
from retrain_assets.monitoring.performance.report import REHEARSAL, Quality
from retrain_assets.monitoring.records.performance_record import monitored_periods, read_performance
from retrain_assets.periods import Calendar
from retrain_assets.registry.journal.events import PROMOTIONS, Event
from retrain_assets.registry.journal.history import History, Version
from retrain_assets.registry.journal.tenure import Tenure, live_at, moved, tenures
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.training_record import TrainingRecord
from retrain_assets.store import Json, PeriodStore
from retrain_assets.verdict import STOPS_NOTHING, Finding, Verdict

FEATURES_SHOWN = 5
"""How many of the features that a model uses most are named."""


@dataclass(frozen=True)
class Asked:
    """The moment that was asked about.

    Attributes:
        at: As it was typed.
        moment: What that means.
        period: Which holds it.
        scored_by: The version in charge of the period's rows, which after a catch-up is not the one live then.
    """

    at: str
    moment: datetime
    period: str
    scored_by: str | None

    def to_dict(self) -> Json:
        """As plain JSON values."""
        return {**asdict(self), "moment": self.moment.isoformat(timespec="seconds")}


@dataclass(frozen=True)
class Service:
    """From when to when a version was live, and how it did.

    Attributes:
        tenure: Which version, and the events that put it in service and took it out.
        first_period: The first monitored period that it served; None when there is none.
        last_period: The last one.
        judged_periods: Periods in which its loss was measured.
        blind_periods: Periods of which no outcome arrived.
        probation: How its probation went; None when it had none.
        within_objective: Judged periods in which its loss was within the objective.
        rows: Rows with an outcome.
        loss: Mean loss a row; None when nothing was measured.
        baseline: The loss that it is held to.
        rehearsed: Whether that is the loss of its rehearsal, its test having shown a higher one.
    """

    tenure: Tenure
    first_period: str | None
    last_period: str | None
    judged_periods: int
    blind_periods: tuple[str, ...]
    probation: Course | None
    within_objective: int
    rows: int
    loss: float | None
    baseline: float | None
    rehearsed: bool = False

    def to_dict(self) -> Json:
        """As plain JSON values."""
        began, ended = self.tenure.began, self.tenure.ended
        return {
            "version": self.tenure.version,
            "digest": self.tenure.digest,
            "since": began.at.isoformat(),
            "until": ended.at.isoformat() if ended else None,
            "first_period": self.first_period,
            "last_period": self.last_period,
            "judged_periods": self.judged_periods,
            "blind_periods": list(self.blind_periods),
            "probation": asdict(self.probation) if self.probation else None,
            "within_objective": self.within_objective,
            "rows": self.rows,
            "loss": self.loss,
            "baseline": self.baseline,
            "rehearsed": self.rehearsed,
        }


@dataclass(frozen=True)
class TrainingFacts:
    """What trained a candidate, as far as it is known; None where it is not.

    Attributes:
        strategy: Name of the strategy that was chosen.
        rounds: Boosting rounds.
        rows: TrainingFacts rows.
        trained_from: Time of the first row.
        trained_until: End of the training window.
        as_of: The end of the period as of which it was trained.
        periods: Periods in the window.
        looks_at: The features that it uses most, with their share of the gain.
        deleted: Whether retention deleted the candidate's files.
    """

    strategy: str | None
    rounds: int | None
    rows: int | None
    trained_from: str | None
    trained_until: str | None
    as_of: str | None
    periods: list[str] | None
    looks_at: Mapping[str, float]
    deleted: bool

    @classmethod
    def of(cls, record: TrainingRecord | None, served: TrainingRecord | None, evidence: Json) -> Self:
        """Read a candidate's training record; of a deleted one, what its verdict's evidence says.

        Which features it uses is read from the model that was put in service, where the candidate was refitted.
        """
        names = ("strategy", "rounds", "rows", "trained_from", "trained_until", "as_of", "periods")
        known = record.to_dict() if record else evidence
        strongest = sorted(served.importance.items(), key=lambda item: -item[1])[:FEATURES_SHOWN] if served else ()
        return cls(**{name: known.get(name) for name in names}, looks_at=dict(strongest), deleted=record is None)


@dataclass(frozen=True)
class Grounds:
    """What a decision rests on.

    Attributes:
        verdict: The evidence.
        champion_version: Name of the version that the candidate was compared with; None where there was none.
        training: What trained the candidate.
    """

    verdict: Verdict
    champion_version: str | None
    training: TrainingFacts

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding: those that stopped the candidate first, then those of the required checks."""
        verdict = self.verdict
        order = (*verdict.required, *sorted({finding.check for finding in verdict.findings} - set(verdict.required)))
        found = [finding for check in order for finding in verdict.of(check)]
        return tuple(sorted(found, key=lambda finding: finding.outcome in STOPS_NOTHING))

    def to_dict(self) -> Json:
        """As plain JSON values."""
        verdict = self.verdict
        return {
            "evidence": {
                "verdict": verdict.digest,
                "candidate": verdict.candidate_digest,
                "champion": verdict.champion_digest,
                "champion_version": self.champion_version,
                "policy_sha256": verdict.policy_sha256,
                "code_version": verdict.code_version,
                "gate": asdict(verdict.gate),
                "findings": [
                    {"check": found.check, "outcome": found.outcome.value, "reason": found.reason}
                    for found in self.findings
                ],
            },
            "training": asdict(self.training),
        }


@dataclass(frozen=True)
class Explanation:
    """A decision and everything around it.

    Attributes:
        model: Name of the model.
        asked: The moment that was asked about; None where a decision was named.
        decision: The event that is explained; None where nothing was live at the moment.
        service: Of the version that the decision put in service, from there on; None where it moved nothing.
        earlier: How the same version did when it served before.
        promotion: The promotion on whose evidence the version was trusted, where that is another event.
        grounds: The evidence; None where there is none.
        before: The tenure that the decision ended.
        meanwhile: What happened while the version was live.
        after: The event that took it out of service, or the next move where nothing was live.
        same_period: Other events of the decision's period.
        live: The version that is live today.
    """

    model: str
    asked: Asked | None
    decision: Event | None
    service: Service | None = None
    earlier: tuple[Service, ...] = ()
    promotion: Event | None = None
    grounds: Grounds | None = None
    before: Tenure | None = None
    meanwhile: tuple[Event, ...] = ()
    after: Event | None = None
    same_period: tuple[Event, ...] = ()
    live: Version | None = None

    def to_dict(self) -> Json:
        """As plain JSON values, for programs."""
        asked = self.asked.to_dict() if self.asked else None
        if self.decision is None:
            return {"model": self.model, "asked": asked, "decision": None, "after": brief(self.after)}
        before = self.before
        return {
            "asked": asked,
            "model": self.model,
            "decision": brief(self.decision),
            "tenure": self.service.to_dict() if self.service else None,
            "earlier": [past.to_dict() for past in self.earlier],
            "promotion": brief(self.promotion),
            **(self.grounds.to_dict() if self.grounds else {"evidence": None, "training": None}),
            "before": {
                "version": before.version,
                "since": before.began.at.isoformat(),
                "put_there": brief(before.began),
            }
            if before
            else None,
            "meanwhile": [brief(event) for event in self.meanwhile],
            "after": brief(self.after),
            "same_period": [brief(event) for event in self.same_period],
            "live_today": {"version": self.live.name, "period": self.live.period} if self.live else None,
        }


def brief(event: Event | None) -> Json | None:
    """An event as plain JSON values without its digests; None for none."""
    if event is None:
        return None
    names = ("period", "action", "from_version", "to_version", "actor", "reason")
    return {
        "event": f"e{event.seq}",
        "at": event.at.isoformat(),
        **{name: getattr(event, name) for name in names},
        **(event.terms.to_dict() if event.terms else {}),
    }


def explained(
    model: str,
    registry: Registry,
    store: PeriodStore,
    calendar: Calendar,
    which: str | None = None,
    at: str | None = None,
) -> Explanation:
    """Explain one decision, or a moment.

    Args:
        model: For messages.
        registry: Versions and journal.
        store: The reports on how a version did while it served.
        calendar: Of the model.
        which: A version (`v3`), a period, or an event (`e12`); None for the last attempt or move.
        at: A day (its end), a time, or a period (its end) instead: the version that was live then is explained.

    Raises:
        NotFound: There is no such decision.
        ValueError: `at` is none of these, or stands beside `which`.
    """
    if which and at:
        raise ValueError(f"explain either {which} or the moment {at}, not both.")
    files = _Files(registry, store, calendar, registry.history())
    if at is None:
        event = decision_named(model, files.events, which)
        tenure = next((each for each in tenures(files.events) if each.began == event), None)
        return files.explanation(model, None, event, tenure)
    moment = last_instant(at, calendar)
    asked = Asked(at, moment, calendar.key(moment), _in_charge(files.events, calendar.key(moment)))
    tenure = live_at(files.events, moment)
    if tenure is None:
        following = next((event for event in files.events if moved(event) and event.at > moment), None)
        return Explanation(model, asked, None, after=following)
    return files.explanation(model, asked, tenure.began, tenure)


def _in_charge(events: Sequence[Event], period: str) -> str | None:
    """The version in charge of a period's rows; None for none."""
    served = History(events).served_in(period) if any(event.period < period for event in events) else None
    return served.name if served else None


@dataclass(frozen=True)
class _Files:
    """Where an explanation is read from."""

    registry: Registry
    store: PeriodStore
    calendar: Calendar
    events: tuple[Event, ...]

    def explanation(self, model: str, asked: Asked | None, event: Event, tenure: Tenure | None) -> Explanation:
        """Everything around an event, and the tenure that it began."""
        rests_on = _with_evidence(self.events, event)
        return Explanation(
            model=model,
            asked=asked,
            decision=event,
            service=self.service(tenure) if tenure else None,
            earlier=tuple(self.service(past) for past in _earlier(self.events, tenure)),
            promotion=rests_on if rests_on != event else None,
            grounds=self.grounds(rests_on) if rests_on else None,
            before=next((each for each in tenures(self.events) if each.ended == event), None),
            meanwhile=_meanwhile(self.events, event, tenure),
            after=tenure.ended if tenure else None,
            same_period=tuple(each for each in self.events if each.period == event.period and each != event),
            live=History(self.events).live,
        )

    def grounds(self, event: Event) -> Grounds:
        """The candidate's training, the gate rows, the champion, every finding."""
        verdict = self.registry.evidence(event)
        record = self._trained(verdict.candidate_digest)
        served = self._trained(str(event.to_digest)) if event.action in PROMOTIONS else record
        names = {version.digest: version.name for version in History(self.events).versions}
        training = TrainingFacts.of(record, served, verdict.evidence)
        return Grounds(verdict, names.get(str(verdict.champion_digest)), training)

    def _trained(self, digest: str) -> TrainingRecord | None:
        """What trained a version; None where retention deleted its files."""
        return None if digest in self.registry.deleted() else TrainingRecord.from_files(self.registry.read(digest))

    def service(self, tenure: Tenure) -> Service:
        """How a version did in one tenure."""
        store = self.store
        monitored = monitored_periods(store)
        served = tenure.periods(self.calendar, monitored[-1]) if monitored else []
        records = [record for period in served if (record := read_performance(store, period))]
        own = [record.report for record in records if record.report and record.report.version == tenure.version]
        reports = [report for report in own if report.rows]
        watched = store.periods("probation_report", "json")  # also of a period that the version could not score
        course = course_of(store, tenure.digest, tenure.periods(self.calendar, watched[-1]) if watched else [])
        rows = sum(report.rows for report in reports)
        lost = sum(report.loss * report.rows for report in reports if report.loss is not None)
        return Service(
            tenure=tenure,
            first_period=served[0] if served else None,
            last_period=served[-1] if served else None,
            judged_periods=len(reports),
            blind_periods=tuple(report.period for report in own if not report.rows),
            probation=course,
            within_objective=sum(report.outcome is Quality.QUIET for report in reports),
            rows=rows,
            loss=lost / rows if rows else None,
            baseline=reports[-1].baseline if reports else None,
            rehearsed=self._rehearsed(tenure),
        )

    def _rehearsed(self, tenure: Tenure) -> bool:
        """Whether a version is held to what its rehearsal showed."""
        trusted = _with_evidence(self.events, tenure.began)
        held_to = self.registry.evidence(trusted).evidence.get("baseline", {}) if trusted else {}
        return held_to.get("source") == REHEARSAL


def _with_evidence(events: Sequence[Event], event: Event) -> Event | None:
    """The event whose verdict says why a version was trusted: the event itself, or its version's last promotion."""
    if event.evidence is not None:
        return event
    earlier = [each for each in events if each.seq < event.seq and each.to_digest == event.to_digest and each.evidence]
    return next((each for each in reversed(earlier) if each.action in PROMOTIONS), None)


def _earlier(events: Sequence[Event], tenure: Tenure | None) -> list[Tenure]:
    """The tenures that a version had before one of its own, oldest first."""
    if tenure is None:
        return []
    return [past for past in tenures(events) if past.digest == tenure.digest and past.began.seq < tenure.began.seq]


def _meanwhile(events: Sequence[Event], event: Event, tenure: Tenure | None) -> tuple[Event, ...]:
    """What happened while a version was live, without the events that put it there and took it away."""
    if tenure is None:
        return ()
    end = tenure.ended.seq if tenure.ended else len(events) + 1
    return tuple(each for each in events if event.seq < each.seq < end and each.action != "pruned")
