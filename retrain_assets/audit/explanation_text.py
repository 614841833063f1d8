"""A record of `explain.explained` as text: what `retrain explain` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from retrain_assets.registry.journal.tenure import named


def in_words(record: Mapping[str, Any]) -> str:
    """A record of `explained` as text."""
    if record["decision"] is None:
        return _nothing_live(record)
    decision = record["decision"]
    lines = [*_asked(record), f"{record['model']}: {headline(decision)}", "", f"Why: {decision['reason']}"]
    if record["before"] and decision["action"] == "promoted":
        before = record["before"]
        lines.append(f"That is why {before['version']} left; it had been live since {_when(before['since'])}.")
    if record["promotion"]:
        promotion = record["promotion"]
        grounds = f"the evidence of {promotion['period']} ({promotion['event']}, {promotion['action']})"
        lines += ["", f"{promotion['to_version']} was trusted on {grounds}: {promotion['reason']}"]
    lines += _grounds(record)
    if record["tenure"]:
        lines += ["", *_service(record["tenure"], record["earlier"])]
    if record["meanwhile"]:
        lines += ["", "While it was live:", *(f"  {_line(event)}" for event in record["meanwhile"])]
    if record["same_period"]:
        also = ", ".join(f"{event['event']} {event['action']}" for event in record["same_period"])
        lines += ["", f"Also in {decision['period']}: {also}."]
    return "\n".join([*lines, "", _standing(record)])


def headline(event: Mapping[str, Any]) -> str:
    """One event in a sentence that says who, when and as of which period."""
    who = f"at {_when(event['at'])}, as of {event['period']}, by {event['actor']}, {event['event']}"
    before, after = event["from_version"], event["to_version"]
    stayed = f"{before or 'nothing'} stayed live"
    bound = f"candidate {event['subject'][:12]}" if event.get("subject") else "the whole model"
    until = f", until {_when(event['until'])}" if event.get("until") else ""
    sentences = {
        "bootstrap": f"{after} became the first live model ({who}).",
        "promoted": f"{after} replaced {before} ({who}).",
        "rolled_back": f"{before} was rolled back to {after} ({who}).",
        "approved": f"{bound} was approved, what the evidence left open notwithstanding ({who}){until}; {stayed}.",
        "held": f"{bound} was held ({who}){until}; {stayed}.",
        "released": f"{bound} was released ({who}); {stayed}.",
        "pruned": f"files of models out of service were deleted ({who}); {stayed}.",
        "retired": f"{before or 'the model'} was retired ({who}); nothing is live after it.",
    }
    return sentences.get(event["action"], f"a candidate was not promoted: {event['action']} ({who}); {stayed}.")


def _nothing_live(record: Mapping[str, Any]) -> str:
    asked, after = record["asked"], record["after"]
    first = f"The next was {after['to_version']}: {headline(after)}" if after else "Nothing has been live since."
    return f"{record['model']}: no version was live at {_when(asked['moment'])}. {first}"


def _asked(record: Mapping[str, Any]) -> list[str]:
    asked, tenure = record["asked"], record["tenure"]
    if asked is None:
        return []
    until = f"until {_when(tenure['until'])}" if tenure["until"] else "and is live today"
    lines = [f"At {_when(asked['moment'])} {tenure['version']} was live, since {_when(tenure['since'])} {until}."]
    if asked["scored_by"] != tenure["version"]:
        lines.append(
            f"The rows of {asked['period']} are those of {asked['scored_by'] or 'no version'}: a decision counts from "
            "the period after it, and the journal's times are those of the wall clock."
        )
    return [*lines, ""]


def _grounds(record: Mapping[str, Any]) -> list[str]:
    """Which data trained the candidate, which rows judged it against what, and what was found."""
    evidence, training = record["evidence"], record["training"]
    if evidence is None:
        return []
    gate, lines = evidence["gate"], [""]
    if training["rows"] is not None:
        lines.append(
            f"The candidate ({evidence['candidate'][:12]}) was trained on {training['rows']:,} rows from "
            f"{training['trained_from'][:10]} to {training['trained_until'][:10]} by the strategy "
            f"{training['strategy']!r} ({training['rounds']} rounds)."
        )
    elif training["deleted"]:
        lines.append(
            f"The candidate ({evidence['candidate'][:12]}) was trained on rows until {training['trained_until'][:10]} "
            f"by the strategy {training['strategy']!r}; its files were deleted by retention."
        )
    against = (
        f"against {evidence['champion_version']} ({evidence['champion'][:12]}), live at the time."
        if evidence["champion"]
        else "against a trivial baseline and absolute floors, for there was no live model."
    )
    lines.append(
        f"It was judged on {gate['rows']:,} fresh rows from {gate['start'][:10]} to {gate['end'][:10]}, {against}"
    )
    findings = [f"  {_mark(item['outcome'])} {item['check']}: {item['reason']}" for item in evidence["findings"]]
    lines += ["", "Evidence:", *findings]
    if training["looks_at"]:
        shares = ", ".join(f"{name} ({share:.0%})" for name, share in training["looks_at"].items())
        lines += ["", f"It looks most at {shares}."]
    return lines


def _mark(outcome: str) -> str:
    return f"[{outcome}]".ljust(14)


def _service(tenure: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]]) -> list[str]:
    """How a version did while it served, this time and before."""
    past = [line for each in earlier for line in _served(each) if each["first_period"]]
    if tenure["first_period"]:
        return [*past, *_served(tenure)]
    since = f" since {_when(tenure['since'])}" if past else ""
    return [*past, f"{tenure['version']} has served no monitored period{since}."]


def _served(tenure: Mapping[str, Any]) -> list[str]:
    """One stretch of service: loss, periods of which nothing is known, and how its probation went."""
    line = f"{tenure['version']} served {tenure['first_period']} to {tenure['last_period']}"
    if tenure["loss"] is None:
        lines = [f"{line}; no outcome of it has been measured."]
    else:
        lines = [
            f"{line}: mean loss {tenure['loss']:.4g} on {tenure['rows']:,} rows, promoted with "
            f"{tenure['baseline']:.4g}; within its quality objective in {tenure['within_objective']} of "
            f"{tenure['judged_periods']} periods."
        ]
    if tenure["blind_periods"]:
        lines.append(f"Nothing is known of {named(tenure['blind_periods'])}: no outcome of its rows arrived.")
    course = tenure["probation"]
    if course is not None:
        lines.append(f"{_PROBATION.get(course['status'], 'Its probation goes on')} in {course['sentence']}.")
    return lines


_PROBATION = {
    "confirmed": "Its probation confirmed it",
    "unproven": "Its probation ended unproven",
    "harmed": "Its probation found harm",
    "tripwire": "Its probation hit a tripwire",
    "blind": "Its probation was blind",
}


def _standing(record: Mapping[str, Any]) -> str:
    live, after, tenure = record["live_today"], record["after"], record["tenure"]
    if after is not None:
        left = f"It left at {_when(after['at'])} (as of {after['period']}, by {after['actor']}): {_end(after)}"
        return f"{left}\nLive today: {live['version']}, decided in {live['period']}." if live else left
    if live is None:
        return "No model is live."
    if tenure is not None:
        attempts = sum(event["action"] in ("rejected", "insufficient", "identical") for event in record["meanwhile"])
        return f"It is live. {attempts} later attempt(s) did not replace it." if attempts else "It is live."
    return f"Live today: {live['version']}, decided in {live['period']}."


def _end(event: Mapping[str, Any]) -> str:
    if event["action"] == "promoted":
        return f"{event['to_version']} replaced it, {_sentence(event['reason'])}"
    to = f" to {event['to_version']}" if event["to_version"] else ""
    return f"{event['action'].replace('_', ' ')}{to}, {_sentence(event['reason'])}"


def _sentence(reason: str) -> str:
    return f"{reason.rstrip('.')}."


def _line(event: Mapping[str, Any]) -> str:
    return (
        f"{event['event']} {event['period']} {event['action'].replace('_', ' ')} by {event['actor']}: {event['reason']}"
    )


def _when(text: str) -> str:
    return text[:16].replace("T", " ")
