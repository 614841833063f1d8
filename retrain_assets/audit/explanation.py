"""`retrain explain`: one decision, or any past moment, with its evidence, as a record (`wording` makes it text).

Which model was live and since when, who or what put it there, on which evidence, compared with what, which data trained
it, why the one before left, what was tried meanwhile, and how it left itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from retrain_assets.audit.probations import course_of
from retrain_assets.errors import NotFound
from retrain_assets.periods import Calendar
from retrain_assets.registry.journal.events import ATTEMPTS, MOVES, PROMOTIONS, Event
from retrain_assets.registry.journal.history import History
from retrain_assets.registry.journal.tenure import Tenure, live_at, moved, tenures
from retrain_assets.registry.registry import Registry
from retrain_assets.store import PeriodStore

TRAINING = ("strategy", "rounds", "rows", "trained_from", "trained_until", "as_of", "periods")
DAY = "%Y-%m-%d"
LAST_INSTANT = timedelta(microseconds=1)


def explained(
    model: str,
    registry: Registry,
    store: PeriodStore,
    calendar: Calendar,
    which: str | None = None,
    at: str | None = None,
) -> dict[str, Any]:
    """One decision, or a moment, as plain JSON.

    Args:
        model: For messages.
        registry: Versions and journal.
        store: The reports on how a version did while it served.
        calendar: Of the model.
        which: A version (`v3`), a period, or an event (`e12`); None for the last move.
        at: A day (its end), a time, or a period (its end) instead: the version that was live then is explained.

    Raises:
        NotFound: There is no such decision.
        ValueError: `at` is none of these, or stands beside `which`.
    """
    if which and at:
        raise ValueError(f"explain either {which} or the moment {at}, not both.")
    events = registry.history()
    if at is not None:
        moment = moment_of(at, calendar)
        tenure = live_at(events, moment)
        asked = {"at": at, "moment": moment.isoformat(timespec="seconds"), **_charge(events, moment, calendar, tenure)}
        if tenure is None:
            following = next((event for event in events if moved(event) and event.at > moment), None)
            return {"model": model, "asked": asked, "decision": None, "after": _brief(following)}
        return {"asked": asked, **_decision(model, registry, store, calendar, events, tenure.began, tenure)}
    event = _find(model, events, which)
    tenure = next((each for each in tenures(events) if each.began == event), None)
    return {"asked": None, **_decision(model, registry, store, calendar, events, event, tenure)}


def moment_of(text: str, calendar: Calendar) -> datetime:
    """The moment that a person means: a time as it stands, a day or a period at its last instant.

    Raises:
        ValueError: It is neither time, day nor period, or has a time zone.

    >>> months = Calendar(every="month", start="2018-01-01")
    >>> moment_of("2019-05-03", months), moment_of("2019-05-03T10:30", months), moment_of("2019-05", months).day
    (datetime.datetime(2019, 5, 3, 23, 59, 59, 999999), datetime.datetime(2019, 5, 3, 10, 30), 31)
    """
    try:
        moment = datetime.fromisoformat(text)
        named = calendar.format != DAY and calendar.key(moment) == text  # an hour's key reads as a time as well
    except ValueError:
        moment, named = datetime.max, True
    if named:
        try:
            return calendar.bounds(text)[1] - LAST_INSTANT
        except ValueError as error:
            raise ValueError(
                f"{text!r} is no day like 2019-05-03, no time like 2019-05-03T10:30, and {error}"
            ) from None
    if moment.tzinfo is not None:
        raise ValueError(f"{text!r} has a time zone; the journal keeps plain wall-clock times. Leave the zone out.")
    whole_day = not any(mark in text for mark in "T :")
    return moment + (timedelta(days=1) - LAST_INSTANT) if whole_day else moment


def _charge(
    events: Sequence[Event], moment: datetime, calendar: Calendar, tenure: Tenure | None
) -> dict[str, str | None]:
    """The period of a moment and the version in charge of its rows, which after a catch-up is not the one live then."""
    period = calendar.key(moment)
    served = History(events).served_in(period) if any(event.period < period for event in events) else None
    return {"period": period, "scored_by": served.name if served else None}


def _find(model: str, events: Sequence[Event], which: str | None) -> Event:
    if not events:
        raise NotFound(
            f"{model}: no decision yet. Run `retrain demo --model {model}` or `retrain run {model} --period P`."
        )
    if which is None:
        chosen = [event for event in events if moved(event)] or list(events)
    else:
        of_period = [event for event in events if event.period == which and event.action != "pruned"]
        chosen = (
            [event for event in events if which == f"e{event.seq}"]
            or [event for event in of_period if event.action in (*ATTEMPTS, *MOVES)]
            or of_period
            or [event for event in events if event.action in PROMOTIONS and event.to_version == which]
        )
    if not chosen:
        known = sorted({event.period for event in events} | {event.to_version for event in events if event.to_version})
        raise NotFound(
            f"{model}: no decision {which!r}. Known: {', '.join(known)}, and events e1 to e{events[-1].seq}; a moment "
            "goes by --at."
        )
    return chosen[-1]


def _decision(
    model: str,
    registry: Registry,
    store: PeriodStore,
    calendar: Calendar,
    events: Sequence[Event],
    event: Event,
    tenure: Tenure | None,
) -> dict[str, Any]:
    history = History(events)
    live = history.live
    rests_on = _with_evidence(events, event)
    return {
        "model": model,
        "decision": _brief(event),
        "tenure": _tenure(tenure, calendar, store) if tenure else None,
        "earlier": [_tenure(past, calendar, store) for past in _earlier(events, tenure)],
        "promotion": _brief(rests_on) if rests_on is not None and rests_on != event else None,
        **_evidence(registry, history, rests_on),
        "before": _before(events, event),
        "meanwhile": [_brief(each) for each in _meanwhile(events, event, tenure)],
        "after": _brief(tenure.ended) if tenure else None,
        "same_period": [_brief(each) for each in events if each.period == event.period and each != event],
        "live_today": {"version": live.name, "period": live.period} if live else None,
    }


def _brief(event: Event | None) -> dict[str, Any] | None:
    """An event without digests."""
    if event is None:
        return None
    names = ("period", "action", "from_version", "to_version", "actor", "reason")
    return {
        "event": f"e{event.seq}",
        "at": event.at.isoformat(),
        **{name: getattr(event, name) for name in names},
        **(event.terms.to_dict() if event.terms else {}),
    }


def _with_evidence(events: Sequence[Event], event: Event) -> Event | None:
    """The event whose verdict says why a version was trusted: the event itself, or its version's last promotion."""
    if event.evidence is not None:
        return event
    earlier = [each for each in events if each.seq < event.seq and each.to_digest == event.to_digest and each.evidence]
    return next((each for each in reversed(earlier) if each.action in PROMOTIONS), None)


def _evidence(registry: Registry, history: History, event: Event | None) -> dict[str, Any]:
    """What a verdict rests on: the candidate's training, the gate rows, the champion, every finding."""
    if event is None:
        return {"evidence": None, "training": None}
    verdict = registry.evidence(event)
    deleted = verdict.candidate_digest in registry.deleted()
    training = {} if deleted else json.loads(registry.read(verdict.candidate_digest).get("training.json", b"{}"))
    names = {version.digest: version.name for version in history.versions}
    order = (*verdict.required, *sorted({finding.check for finding in verdict.findings} - set(verdict.required)))
    importance = sorted(training.get("importance", {}).items(), key=lambda item: -item[1])[:5]
    return {
        "evidence": {
            "verdict": verdict.digest,
            "candidate": verdict.candidate_digest,
            "champion": verdict.champion_digest,
            "champion_version": names.get(str(verdict.champion_digest)),
            "policy_sha256": verdict.policy_sha256,
            "code_version": verdict.code_version,
            "gate": asdict(verdict.gate),
            "findings": [
                {"check": check, "outcome": finding.outcome.value, "reason": finding.reason}
                for check in order
                for finding in verdict.of(check)
            ],
        },
        "training": {name: training.get(name, verdict.evidence.get(name)) for name in TRAINING}
        | {"looks_at": dict(importance), "deleted": deleted},
    }


def _tenure(tenure: Tenure, calendar: Calendar, store: PeriodStore) -> dict[str, Any]:
    """From when to when a version was live, and how it did."""
    monitored = store.periods("performance_report", "json")
    served = tenure.periods(calendar, monitored[-1]) if monitored else []
    records = {period: (store.read_json("performance_report", period) or {}).get("report") for period in served}
    own = {period: report for period, report in records.items() if report and report["version"] == tenure.version}
    reports = [report for report in own.values() if report["rows"]]
    watched = store.periods("probation_report", "json")  # also of a period that the version could not score
    course = course_of(store, tenure.digest, tenure.periods(calendar, watched[-1]) if watched else [])
    rows = sum(report["rows"] for report in reports)
    return {
        "version": tenure.version,
        "digest": tenure.digest,
        "since": tenure.began.at.isoformat(),
        "until": tenure.ended.at.isoformat() if tenure.ended else None,
        "first_period": served[0] if served else None,
        "last_period": served[-1] if served else None,
        "judged_periods": len(reports),
        "blind_periods": [period for period, report in own.items() if not report["rows"]],
        "probation": asdict(course) if course else None,
        "within_objective": sum(report["outcome"] == "quiet" for report in reports),
        "rows": rows,
        "loss": sum(report["loss"] * report["rows"] for report in reports) / rows if rows else None,
        "baseline": reports[-1]["baseline"] if reports else None,
    }


def _earlier(events: Sequence[Event], tenure: Tenure | None) -> list[Tenure]:
    """The tenures that a version had before one of its own, oldest first."""
    if tenure is None:
        return []
    return [past for past in tenures(events) if past.digest == tenure.digest and past.began.seq < tenure.began.seq]


def _before(events: Sequence[Event], event: Event) -> dict[str, Any] | None:
    """The tenure that a move ended: which version, since when, and put there by whom."""
    ended = next((tenure for tenure in tenures(events) if tenure.ended == event), None)
    if ended is None:
        return None
    return {"version": ended.version, "since": ended.began.at.isoformat(), "put_there": _brief(ended.began)}


def _meanwhile(events: Sequence[Event], event: Event, tenure: Tenure | None) -> list[Event]:
    """What happened while a version was live, without the events that put it there and took it away."""
    if tenure is None:
        return []
    end = tenure.ended.seq if tenure.ended else len(events) + 1
    return [each for each in events if event.seq < each.seq < end and each.action != "pruned"]
