"""A model's past and present in words, from its journal and reports: what `status`, `history`, `explain` print."""

from __future__ import annotations

import json
from typing import Any

from retrain_assets.errors import NotFound
from retrain_assets.registry.journal import MOVES
from retrain_assets.registry.registry import Event, Registry
from retrain_assets.store import PeriodStore
from retrain_assets.verdict import Finding, Verdict
from retrain_assets.windows.periods import Calendar


def status_of(model: str, store: PeriodStore, registry: Registry, watch: Any, calendar: Calendar) -> dict[str, Any]:
    """Where a model stands: live version and age, last reports, and what the next retrain waits for."""
    live = registry.live()
    monitored = store.periods("performance_report", "json")
    last = monitored[-1] if monitored else None
    record: dict[str, Any] = {
        "model": model,
        "live": live.name if live else None,
        "decided_in": live.period if live else None,
        "age_periods": calendar.distance(live.period, last) if live and last else None,
        "last_period": last,
        "drift": None,
        "performance": None,
        "next_retrain": None,
    }
    if last is None:
        return record
    drift = store.read_json("drift_report", last) or {}
    record["drift"] = drift.get("sentence")
    record["performance"] = (store.read_json("performance_report", last) or {}).get("report", {}).get("sentence")
    decision = watch.decide(store, registry, last)
    record["next_retrain"] = decision.reason
    for name, share in getattr(decision, "closeness", {}).items():
        record[f"close_{name}"] = f"{share:.0%}"
    return record


def history_of(registry: Registry) -> list[dict[str, Any]]:
    """Every decision, oldest first."""
    names = ("period", "action", "from_version", "to_version", "actor", "reason")
    return [
        {"at": event.at.isoformat(), **{name: getattr(event, name) for name in names}} for event in registry.history()
    ]


def explain_decision(model: str, registry: Registry, which: str | None = None) -> str:
    """One decision with its evidence: the live version's, a version's, or the last of a period.

    Raises:
        NotFound: There is no such decision.
    """
    event = _find(model, registry, which)
    lines = [f"{model}: {_headline(event)}", "", f"Why: {event.reason}"]
    if event.action == "rolled_back":
        return "\n".join([*lines, _standing(registry, event)])
    verdict = registry.evidence(event)
    training = json.loads(registry.read(verdict.candidate_digest)["training.json"])
    lines += [
        "",
        f"The candidate ({verdict.candidate_digest[:12]}) was trained on {training['rows']:,} rows from "
        f"{training['trained_from'][:10]} to {training['trained_until'][:10]} by the strategy {training['strategy']!r} "
        f"({training['rounds']} rounds).",
        f"It was judged on {verdict.gate.rows:,} fresh rows from {verdict.gate.start[:10]} to {verdict.gate.end[:10]}, "
        + (
            f"against {event.from_version}, live at the time."
            if verdict.champion_digest
            else "against a trivial baseline and absolute floors, for there was no live model."
        ),
        "",
        "Evidence:",
        *_evidence(verdict),
    ]
    strongest = sorted(training["importance"].items(), key=lambda item: -item[1])[:5]
    lines += ["", "It looks most at " + ", ".join(f"{name} ({share:.0%})" for name, share in strongest) + "."]
    return "\n".join([*lines, "", _standing(registry, event)])


def _find(model: str, registry: Registry, which: str | None) -> Event:
    events = registry.history()
    if not events:
        raise NotFound(
            f"{model}: no decision yet. Run `retrain demo --model {model}` or `retrain run {model} --period P`."
        )
    if which is None:
        chosen = [event for event in events if event.action in MOVES] or list(events)
    else:
        chosen = [
            event for event in events if which in (event.period, event.to_version if event.action in MOVES else "")
        ]
    if not chosen:
        known = sorted({event.period for event in events} | {event.to_version for event in events if event.to_version})
        raise NotFound(f"{model}: no decision {which!r}. Known: {', '.join(known)}.")
    return chosen[-1]


def _headline(event: Event) -> str:
    who = f"at {event.at}, as of {event.period}, by {event.actor}"
    if event.action == "bootstrap":
        return f"{event.to_version} became the first live model ({who})."
    if event.action == "promoted":
        return f"{event.to_version} replaced {event.from_version} ({who})."
    if event.action == "rolled_back":
        return f"{event.from_version} was rolled back to {event.to_version} ({who})."
    return f"a candidate was not promoted: {event.action} ({who}); {event.from_version or 'nothing'} stayed live."


def _evidence(verdict: Verdict) -> list[str]:
    order = (*verdict.required, *sorted({finding.check for finding in verdict.findings} - set(verdict.required)))
    return [f"  {_mark(finding)} {check}: {finding.reason}" for check in order for finding in verdict.of(check)]


def _mark(finding: Finding) -> str:
    return f"[{finding.outcome.value}]".ljust(14)


def _standing(registry: Registry, event: Event) -> str:
    live = registry.live()
    if live is None:
        return "No model is live."
    later = [past for past in registry.history() if past.seq > event.seq and past.action in MOVES]
    if event.action in MOVES and not later:
        attempts = [past for past in registry.history() if past.seq > event.seq]
        return f"It is live. {len(attempts)} later attempt(s) did not replace it." if attempts else "It is live."
    return f"Live today: {live.name}, decided in {live.period}."
