"""A model's past and present in words, from its journal and reports: what `status`, `history`, `explain` print."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from retrain_assets.errors import NotFound
from retrain_assets.registry.history import History
from retrain_assets.registry.journal import ATTEMPTS, MOVES
from retrain_assets.registry.registry import Event, Registry
from retrain_assets.registry.rules import until
from retrain_assets.store import PeriodStore
from retrain_assets.verdict import Finding, Verdict
from retrain_assets.windows.periods import Calendar


def status_of(
    model: str, store: PeriodStore, registry: Registry, watch: Any, calendar: Calendar, at: datetime
) -> dict[str, Any]:
    """Where a model stands: live version and age, what people decided, last reports, and what the next retrain awaits.

    `at` is now, wall clock: holds and approvals expire.
    """
    history = History(registry.history())
    live = history.live
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
        **standing(history, at),
        "cooldown": _cooldown(history, watch, calendar, last),
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


def standing(history: History, at: datetime) -> dict[str, Any]:
    """The rulings of people in force at a moment, in words: the retirement, the holds, the approvals."""
    names = {version.digest: version.name for version in history.versions}
    in_force = [ruling for ruling in history.rulings if ruling.terms and ruling.terms.stands(at)]
    words = {
        action: [_ruling(past, names) for past in in_force if past.action == action] for action in ("held", "approved")
    }
    retired = history.retired
    return {
        "retired": f"by {retired.actor} in {retired.period}: {retired.reason}" if retired else None,
        "holds": "; ".join(words["held"]) or None,
        "approvals": "; ".join(words["approved"]) or None,
    }


def _ruling(event: Event, names: dict[str, str]) -> str:
    subject = event.terms.subject if event.terms else None
    bound = names.get(subject, f"candidate {subject[:12]}") if subject else "the model"
    return f"{bound} by {event.actor} {until(event)}: {event.reason}"


def _cooldown(history: History, watch: Any, calendar: Calendar, last: str | None) -> str | None:
    """Until when promotion rests after the last rollback; None when it does not."""
    rollback = history.last_rollback
    if rollback is None:
        return None
    allowed = calendar.shift(rollback.period, watch.rollback_cooldown_periods + 1)
    if last is not None and last >= allowed:
        return None
    return f"after the rollback of {rollback.period}; {allowed} is the first period that may promote"


def history_of(registry: Registry) -> list[dict[str, Any]]:
    """Every decision, oldest first."""
    names = ("period", "action", "from_version", "to_version", "actor", "reason")
    return [
        {"at": event.at.isoformat(), **{name: getattr(event, name) for name in names}}
        for event in registry.history()
        if event.action != "pruned"  # files were deleted, nothing was decided about the model
    ]


def explain_decision(model: str, registry: Registry, which: str | None = None) -> str:
    """One decision with its evidence: the live version's, a version's, or the last of a period.

    Raises:
        NotFound: There is no such decision.
    """
    event = _find(model, registry, which)
    lines = [f"{model}: {_headline(event)}", "", f"Why: {event.reason}"]
    if event.evidence is None:
        return "\n".join([*lines, _standing(registry, event)])
    verdict = registry.evidence(event)
    training = _training(registry, verdict)
    lines += [
        "",
        _trained(verdict, training),
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
    if training is not None:
        strongest = sorted(training["importance"].items(), key=lambda item: -item[1])[:5]
        lines += ["", "It looks most at " + ", ".join(f"{name} ({share:.0%})" for name, share in strongest) + "."]
    return "\n".join([*lines, "", _standing(registry, event)])


def _training(registry: Registry, verdict: Verdict) -> dict[str, Any] | None:
    """The candidate's training record, None when retention has deleted its files."""
    if verdict.candidate_digest in registry.deleted():
        return None
    record: dict[str, Any] = json.loads(registry.read(verdict.candidate_digest)["training.json"])
    return record


def _trained(verdict: Verdict, training: dict[str, Any] | None) -> str:
    name = f"The candidate ({verdict.candidate_digest[:12]})"
    if training is None:
        until = str(verdict.evidence.get("trained_until"))[:10]
        return (
            f"{name} was trained on rows until {until} by the strategy {verdict.evidence.get('strategy')!r}; its files "
            "were deleted by retention."
        )
    return (
        f"{name} was trained on {training['rows']:,} rows from {training['trained_from'][:10]} to "
        f"{training['trained_until'][:10]} by the strategy {training['strategy']!r} ({training['rounds']} rounds)."
    )


def _find(model: str, registry: Registry, which: str | None) -> Event:
    events = registry.history()
    if not events:
        raise NotFound(
            f"{model}: no decision yet. Run `retrain demo --model {model}` or `retrain run {model} --period P`."
        )
    if which is None:
        chosen = [event for event in events if event.action in MOVES] or list(events)
    else:
        decisions = [event for event in events if event.action != "pruned"]
        chosen = [
            event for event in decisions if which in (event.period, event.to_version if event.action in MOVES else "")
        ]
    chosen = [event for event in chosen if event.action in (*ATTEMPTS, *MOVES)] or chosen
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
    if event.action in ATTEMPTS:
        return f"a candidate was not promoted: {event.action} ({who}); {event.from_version or 'nothing'} stayed live."
    if event.action == "retired":
        return f"the model was taken out of service ({who}); {event.from_version or 'nothing'} was live."
    subject = event.terms.subject if event.terms else None
    bound = f"candidate {subject[:12]}" if subject else "the whole model"
    return f"{bound} was {event.action} ({who}){f', {until(event)}' if event.action in ('held', 'approved') else ''}."


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
        attempts = [past for past in registry.history() if past.seq > event.seq and past.action in ATTEMPTS]
        return f"It is live. {len(attempts)} later attempt(s) did not replace it." if attempts else "It is live."
    return f"Live today: {live.name}, decided in {live.period}."
