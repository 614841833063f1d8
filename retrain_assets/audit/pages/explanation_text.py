"""Write an `Explanation` as text: what `retrain explain` prints."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from retrain_assets.audit.explanation import Explanation, Grounds, Service
from retrain_assets.documents.plain_text import plain
from retrain_assets.documents.units import LossUnits, counted, first_few, percent, plural
from retrain_assets.production.probation.record import Status
from retrain_assets.registry.journal.events import KEPT, Event, in_short, spoken
from retrain_assets.registry.training_record import ADOPTED
from retrain_assets.verdict import Finding

PROBATION = {
    Status.CONFIRMED: "Its probation confirmed it",
    Status.UNPROVEN: "Its probation ended unproven",
    Status.HARMED: "Its probation found harm",
    Status.TRIPWIRE: "Its probation hit a tripwire",
    Status.BLIND: "Its probation was blind",
}


def in_words(found: Explanation, units: LossUnits | None = None) -> str:
    """An explanation as text.

    Args:
        found: The explanation.
        units: How the model calls its rows and its loss.
    """
    decision, units = found.decision, units or LossUnits()
    if decision is None:
        return _nothing_live(found)
    lines = [*_asked(found, units), f"{found.model}: {headline(decision)}", "", f"Why: {decision.reason}"]
    if found.before and decision.action == "promoted":
        before = found.before
        lines.append(f"That is why {before.version} left; it had been live since {_when(before.began.at)}.")
    if found.promotion:
        promotion = found.promotion
        on = f"the evidence of {promotion.period} (e{promotion.seq}, {spoken(promotion.action)})"
        lines += ["", f"{promotion.to_version} was trusted on {on}: {promotion.reason}"]
    if found.grounds:
        lines += ["", *_grounds(found.grounds, units)]
    if found.service:
        lines += ["", *_services(found.service, found.earlier, units)]
    if found.meanwhile:
        lines += ["", "While it was live:", *(f"  {_line(event)}" for event in found.meanwhile)]
    if found.same_period:
        also = ", ".join(f"e{event.seq} {in_short(event)}" for event in found.same_period)
        lines += ["", f"Also in {decision.period}: {also}."]
    return "\n".join(map(plain, [*lines, "", *_standing(found)]))


def headline(event: Event) -> str:
    """One event in a sentence that says who, when and as of which period."""
    who = f"at {_when(event.at)}, as of {event.period}, by {event.actor}, e{event.seq}"
    before, after = event.from_version, event.to_version
    stayed = f"{before or 'nothing'} stayed live"
    subject, end = (event.terms.subject, event.terms.until) if event.terms else (None, None)
    bound = f"candidate {subject[:12]}" if subject else "the whole model"
    until = f", until {_when(end)}" if end else ""
    sentences = {
        "bootstrap": f"{after} became the first live model ({who}).",
        "promoted": f"{after} replaced {before} ({who}).",
        "adopted": f"{after}, trained elsewhere, was adopted ({who}).",
        "rolled_back": f"{before} was rolled back to {after} ({who})." if before else f"{after} is live again ({who}).",
        "approved": f"{bound} was approved, what the evidence left open notwithstanding ({who}){until}; {stayed}.",
        "anchored": f"{bound} was made the anchor that later versions are held against ({who}); {stayed}.",
        "held": f"{bound} was held ({who}){until}; {stayed}.",
        "released": f"{bound} was released ({who}); {stayed}.",
        "pruned": f"files of models out of service were deleted ({who}); {stayed}.",
        "retired": f"{before or 'the model'} was retired ({who}); nothing is live after it.",
    }
    if event.action in KEPT:
        return f"{before} was kept ({who})." if before else f"no model went live ({who})."
    return sentences.get(event.action, f"{spoken(event.action)} ({who}); {stayed}.")


def _nothing_live(found: Explanation) -> str:
    after = found.after
    first = f"The next was {after.to_version}: {headline(after)}" if after else "Nothing has been live since."
    at = f" at {_when(found.asked.moment)}" if found.asked else ""
    return plain(f"{found.model}: no version was live{at}. {first}")


def _asked(found: Explanation, units: LossUnits) -> list[str]:
    asked, service = found.asked, found.service
    if asked is None or service is None:
        return []
    tenure = service.tenure
    until = f"until {_when(tenure.ended.at)}" if tenure.ended else "and is live today"
    lines = [f"At {_when(asked.moment)} {tenure.version} was live, since {_when(tenure.began.at)} {until}."]
    if asked.scored_by != tenure.version:
        lines.append(
            f"The {plural(units.row)} of {asked.period} are those of {asked.scored_by or 'no version'}: a decision "
            "counts from the period after it, and the journal's times are those of the wall clock."
        )
    return [*lines, ""]


def _grounds(grounds: Grounds, units: LossUnits) -> list[str]:
    """Which data trained the candidate, which rows judged it against what, and what was found."""
    verdict, training = grounds.verdict, grounds.training
    gate, champion = verdict.gate, verdict.champion_digest
    if champion:
        against = f"against {grounds.champion_version} ({champion[:12]}), live at the time."
    elif training.strategy == ADOPTED:
        against = "against a constant, for there was no live model; it is live because a person decided so."
    else:
        against = "against a trivial baseline and absolute floors, for there was no live model."
    lines = [
        *_trained(grounds, units),
        f"It was judged on {counted(gate.rows, f'fresh {units.row}')} from {gate.start[:10]} to {gate.end[:10]}, "
        f"{against}",
        "",
        "Evidence:",
        *(f"  {f'[{found.outcome.value}]':14} {found.check}: {found.said}" for found in grounds.findings),
        *_noise(grounds.findings),
    ]
    if training.looks_at:
        shares = ", ".join(f"{name} ({percent(share)})" for name, share in training.looks_at.items())
        lines += ["", f"It looks most at {shares}."]
    return lines


def _noise(findings: Sequence[Finding]) -> list[str]:
    """What told how far days go together, of the first finding that rests on days; the report has it of each."""
    known = next((found.noise for found in findings if found.noise), "")
    return ["", f"The noise between days was learnt from {known}."] if known else []


def _trained(grounds: Grounds, units: LossUnits) -> list[str]:
    """Which data trained the candidate; nothing where that is not known."""
    training, candidate = grounds.training, grounds.verdict.candidate_digest[:12]
    first, last = str(training.trained_from)[:10], str(training.trained_until)[:10]
    if training.strategy == ADOPTED:
        return [
            f"The model ({candidate}) was trained elsewhere; on which {plural(units.row)} is not known, by declaration "
            f"on none from {last} on."
        ]
    if training.rows is not None:
        return [
            f"The candidate ({candidate}) was trained on {units.rows(training.rows)} from {first} to {last} by the "
            f"strategy {training.strategy!r} ({training.rounds} rounds)."
        ]
    if training.deleted:
        return [
            f"The candidate ({candidate}) was trained on {plural(units.row)} until {last} by the strategy "
            f"{training.strategy!r}; its files were deleted by retention."
        ]
    return []


def _services(service: Service, earlier: Sequence[Service], units: LossUnits) -> list[str]:
    """How a version did while it served, this time and before."""
    past = [line for each in earlier if each.first_period for line in _served(each, units)]
    if service.first_period:
        return [*past, *_served(service, units)]
    since = f" since {_when(service.tenure.began.at)}" if past else ""
    return [*past, f"{service.tenure.version} has served no monitored period{since}."]


def _served(service: Service, units: LossUnits) -> list[str]:
    """One stretch of service: loss, periods of which nothing is known, and how its probation went."""
    until = f" to {service.last_period}" if service.last_period != service.first_period else ""
    line = f"{service.tenure.version} served {service.first_period}{until}"
    if service.loss is None or service.baseline is None:
        lines = [f"{line}; no outcome of it has been measured."]
    else:
        lines = [
            f"{line}: {units.level('it', service.loss)} ({units.rows(service.rows)}); expected "
            f"{units.figure(service.baseline)}{', from its rehearsal on older periods' if service.rehearsed else ''}; "
            f"within its quality objective in {service.within_objective} of "
            f"{counted(service.judged_periods, 'period')}."
        ]
    if service.blind_periods:
        blind = first_few(service.blind_periods, most=4)
        lines.append(f"Nothing is known of {blind}: no outcome of its {plural(units.row)} arrived.")
    if service.probation is not None:
        went = PROBATION.get(service.probation.status, "Its probation goes on")
        lines.append(f"{went} in {service.probation.sentence}.")
        lines += [f"Since then, in {service.probation.groups}."] if service.probation.groups else []
    return lines


def _standing(found: Explanation) -> list[str]:
    live, after = found.live, found.after
    why = f": `retrain explain {found.model} {live.name}` tells why" if live else ""
    today = [f"Live today: {live.name}, decided in {live.period}{why}."] if live else []
    if after is not None:
        return [f"It left at {_when(after.at)} (as of {after.period}, by {after.actor}): {_end(after)}", *today]
    if live is None:
        return ["No model is live."]
    if found.service is not None:
        attempts = sum(event.action in ("rejected", "insufficient", "identical") for event in found.meanwhile)
        return [f"It is live. {counted(attempts, 'later attempt')} did not replace it." if attempts else "It is live."]
    return today


def _end(event: Event) -> str:
    if event.action == "promoted":
        return f"{event.to_version} replaced it, {_sentence(event.reason)}"
    to = f" to {event.to_version}" if event.to_version else ""
    return f"{spoken(event.action)}{to}, {_sentence(event.reason)}"


def _sentence(reason: str) -> str:
    return f"{reason.rstrip('.')}."


def _line(event: Event) -> str:
    return f"e{event.seq} {event.period} {in_short(event)}, by {event.actor}: {event.reason}"


def _when(moment: datetime) -> str:
    """A moment to the minute.

    >>> _when(datetime(2019, 5, 3, 10, 30, 15))
    '2019-05-03 10:30'
    """
    return moment.isoformat(" ", "minutes")
