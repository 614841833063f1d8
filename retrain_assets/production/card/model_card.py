"""The model card of a version: what it is for, what it was made of, how good it is, for whom, and where that ends.

Made from the spec's declarations and the registry alone, so that it can be written again at any time for any version.
Each part names the outcomes of the NIST AI Risk Management Framework that it bears on (`RMF`).

Source: Mitchell et al. (2019), Model Cards for Model Reporting, doi 10.1145/3287560.3287596; NIST AI 100-1 (2023).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from retrain_assets.documents.page import Document, Part, fact_rows, figure, html_page, table, text
from retrain_assets.documents.units import amount, called, counted, first_few, plural
from retrain_assets.errors import NotFound
from retrain_assets.metrics.names import mean_loss, metric_words
from retrain_assets.monitoring.performance.report import REHEARSAL, Baseline
from retrain_assets.production.card import fallback_card
from retrain_assets.registry.journal.events import MOVES, PROMOTIONS, Event, spoken
from retrain_assets.registry.journal.history import FALLBACK, History, Version
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.training_record import TrainingRecord
from retrain_assets.validation.pages.evidence import Evidence
from retrain_assets.validation.pages.group_parts import group_rows, taken_over
from retrain_assets.validation.pages.group_tables import JOIN, ROWS
from retrain_assets.validation.pages.text import about, answered, decision_sentence, in_order, lacking, told, told_apart
from retrain_assets.validation.policy import ValidationPolicy
from retrain_assets.verdict import Finding, Outcome, Verdict

ASSET = "model_card"
"""Under this name the store keeps the cards, one file per version."""

IS_LIVE = "and is live."
"""How the first sentence of the live version's card ends; of any other version it would be false."""

RMF: Mapping[str, tuple[str, str]] = {
    "GOVERN 1.4": ("the risk process and its outcomes rest on transparent policies and controls", "Decision trail"),
    "GOVERN 2.1": ("roles and responsibilities are documented", "Intended use"),
    "MAP 1.1": ("intended purpose and setting are documented", "Intended use"),
    "MAP 1.5": ("risk tolerances are determined and documented", "Intended use"),
    "MAP 2.1": ("the task and the method that implements it are defined", "Intended use"),
    "MAP 2.2": ("knowledge limits are documented", "Limits"),
    "MAP 2.3": ("data selection and the design of the test are documented", "Data"),
    "MEASURE 1.1": ("metrics are selected; what cannot be measured is documented", "Limits"),
    "MEASURE 2.1": ("test sets, metrics and tools are documented", "Data"),
    "MEASURE 2.3": ("performance is measured under conditions like those of deployment", "Quality"),
    "MEASURE 2.4": ("behaviour is monitored in production", "After promotion"),
    "MEASURE 2.5": ("validity is demonstrated; limits of generalizability are documented", "Quality"),
    "MEASURE 2.9": ("the model is explained", "What it looks at"),
    "MEASURE 2.11": ("fairness and bias are evaluated and documented", "Groups"),
    "MANAGE 1.1": ("it is determined whether deployment should proceed", "Decision trail"),
    "MANAGE 1.4": ("residual risks are documented", "Limits"),
    "MANAGE 2.4": ("mechanisms exist to supersede or deactivate the system", "After promotion"),
    "MANAGE 4.1": ("monitoring, incident response and recovery after deployment are in place", "After promotion"),
}
"""Subcategories of the framework that this card bears on: the outcome asked for, and the part of the card."""

TASKS = {"binary": "binary classification", "multiclass": "classification", "regression": "regression"}

NOT_COVERED = (
    "Legal and regulatory requirements (GOVERN 1.1), security and resilience (MEASURE 2.7), privacy (MEASURE 2.10) and "
    "environmental impact (MEASURE 2.12) are not measured here. The framework asks for outcomes of an organization; "
    "this card is evidence for some of them and proof of none."
)

ASSUMPTIONS = (
    "Quality and group figures come from the gate window alone. They hold for rows like those; after a change of the "
    "world they do not, which is what monitoring watches for.",
    "An outcome that never arrived is counted as unlike the others only by its share, which the gate limits.",
    "A promoted model's measured gain is on average too high: it was promoted because it was high.",
)


@dataclass(frozen=True)
class ModelCard:
    """What a model's spec declares that its cards repeat."""

    model: str
    description: str
    intended_use: str
    owners: tuple[str, ...]
    task: str
    label: str
    outcome_known: str
    every: str
    features: tuple[str, ...]
    validation: ValidationPolicy
    row_name: str = "row"
    label_unit: str = ""

    def version(self, registry: Registry, name: str | None = None) -> Version:
        """The version called `name`, or the live one.

        Raises:
            NotFound: There is no such version, or none is live.
        """
        versions = (*History(registry.history()).fallback, *registry.versions())
        found = registry.live() if name is None else next((each for each in versions if each.name == name), None)
        if found is None:
            known = ", ".join(version.name for version in versions) or "none yet"
            asked = f"no version {name!r}" if name else "no live version"
            raise NotFound(f"{self.model}: {asked}, so there is no card. Known: {known}. See `retrain history`.")
        return found

    def document(self, registry: Registry, version: Version) -> Document:
        """The card.

        Raises:
            IntegrityError: The version's files or its verdict are damaged.
        """
        verdict = registry.verdict(version)
        training = TrainingRecord.from_files(registry.read(version.digest))
        events, fallback = registry.history(), version.name == FALLBACK
        parts = (
            _part("Intended use", self._purpose(training, fallback), ("margin",)),
            _part("Quality", self._quality(verdict, fallback), ("live model", "interval")),
            _part("Groups", fallback_card.groups(self.row_name) if fallback else self._groups(verdict), folded=True),
            _part("Data", self._data(version, training, verdict), ("gate rows",)),
            _part("What it looks at", fallback_card.IMPORTANCE if fallback else _importance(training)),
            _part("Limits", fallback_card.limits(self.row_name) if fallback else _limits(verdict, self.row_name)),
            _part("Decision trail", _trail(events, version), folded=True),
            _part("After promotion", self._afterwards(), ("drift", "excess loss")),
            _part("NIST AI Risk Management Framework 1.0", _mapping(), folded=True),
        )
        title = f"Model card: {self.model} {version.name}"
        return Document(title, standing(events, version), parts, row=self.row_name)

    def markdown(self, registry: Registry, version: Version) -> str:
        """The card as Markdown.

        Raises:
            IntegrityError: The version's files or its verdict are damaged.
        """
        return self.document(registry, version).markdown

    def html(self, registry: Registry, version: Version) -> bytes:
        """The card as one HTML file."""
        document = self.document(registry, version)
        return html_page(document.title, document)

    def _purpose(self, training: TrainingRecord, fallback: bool) -> str:
        policy = self.validation
        margins = ", ".join(
            f"{metric_words(rail.metric)} {told(rail.margin, rail.metric, self.label_unit, change=True)}"
            for rail in policy.guardrails
        )
        of_groups = next(iter(policy.fairness.metrics), "mae" if self.task == "regression" else "tpr")
        of_group = told(policy.fairness.margin, of_groups, self.label_unit, change=True)
        harm = f"any protected group {of_group}" if policy.fairness.asked else "no group is protected"
        how = (
            f"adopted from a file, SHA-256 {training.adopted}" if training.adopted else f"strategy {training.strategy}"
        )
        trees = f"LightGBM gradient-boosted trees, {training.rounds} rounds, {how}"
        method = fallback_card.method(training.baseline, self.row_name) if fallback else trees
        return _facts(
            {
                "what it predicts": self.description,
                "intended use": self.intended_use,
                "who answers for it": ", ".join(self.owners) or "not said yet",
                "task and method": f"{TASKS[self.task]} by {method}",
                "a promotion rests on": _rests_on(policy),
                "tolerated false promotions": f"{figure(policy.false_promotions_per_year)} a year",
                "tolerated loss (margins)": "; ".join(part for part in (margins, harm) if part),
            }
        )

    def _data(self, version: Version, training: TrainingRecord, verdict: Verdict) -> str:
        gate = verdict.gate
        trained, worth = _span(training.trained_from, training.trained_until), round(training.effective_rows)
        elsewhere = _elsewhere(training, plural(self.row_name)) if training.adopted else ""
        weighted = f", worth {worth:,} after weighting by age" if worth < training.rows else ""
        tested = version.digest == verdict.candidate_digest
        unseen = "never trained on" if tested else "trained on only afterwards, by the refit that became this version"
        delay = f"{self.label}, known {self.outcome_known}"
        judged_on = (
            f"{counted(gate.rows, self.row_name)} of {_span(gate.start, gate.end)}, in no other decision, {unseen}"
        )
        return _facts(
            {
                "trained on": elsewhere or f"{counted(training.rows, self.row_name)} of {trained}{weighted}",
                "tested on": fallback_card.measured_on(verdict, self.row_name)
                if version.name == FALLBACK
                else judged_on,
                "outcome": delay,
                "features": ", ".join(self.features),
                "protected attributes": ", ".join(
                    f"{name}{' (also a feature)' if name in self.features else ''}"
                    for name in self.validation.fairness.groups
                ),
                "period": self.every,
                f"test {plural(self.row_name)}, SHA-256 of keys": gate.rowset_sha256,
                "model, SHA-256": version.digest,
                "code version": verdict.code_version,
            }
        )

    def _quality(self, verdict: Verdict, fallback: bool) -> str:
        quality = fallback_card.quality if fallback else _quality
        loss = mean_loss(self.task, self.validation.primary[0])
        return quality(verdict, self.row_name, self.label_unit, loss)

    def _groups(self, verdict: Verdict) -> str:
        judged = [_quality_line(finding, self.label_unit) for finding in verdict.of("fairness")]
        evidence = Evidence.from_dict(verdict.evidence)
        apart = [
            {
                "attribute": each.attribute,
                "metric": metric_words(each.metric),
                "over": taken_over(verdict, each, self.label_unit),
                "largest difference between groups": told(
                    each.candidate_difference, each.metric, self.label_unit, change=True
                ),
                "smallest ratio": each.candidate_ratio,
            }
            for each in evidence.disparities
        ]
        pooled = (
            f"Values with fewer than {counted(self.validation.fairness.pool_below, self.row_name)} are judged together."
        )
        parts = [table(judged, self.row_name), pooled]
        for name in self.validation.fairness.groups:
            rows = group_rows(evidence, name, self.label_unit)
            head = f"By {text(name)}, each metric as before → this version:"
            parts += [head, table(rows, self.row_name)] if rows else []
        return "\n\n".join(
            [*parts, "Differences between groups, reported and not judged:", table(apart, self.row_name)]
            if apart
            else parts
        )

    def _afterwards(self) -> str:
        name = text(self.model)
        return "\n".join(
            [
                f"- Every {self.every}, drift of features and scores and the measured loss are reported "
                "(`drift_report`, `performance_report`), and excess loss asks for a new candidate.",
                f"- A person takes it out of service with `retrain rollback {name} --reason TEXT`; the version served "
                "before is checked to load and to score, and takes over. The one that is left may not return.",
                f"- `retrain verify {name}` recomputes every digest and the journal's chain.",
                "- Every crossed threshold, refusal, promotion and rollback is one alert.",
            ]
        )


def standing(events: Iterable[Event], version: Version) -> tuple[str, ...]:
    """Whether a version is live, was replaced, or was rolled back, and why it was."""
    moves = [event for event in events if event.action in MOVES]
    mine = next(event for event in reversed(moves) if event.to_digest == version.digest)
    left = next((event for event in moves if event.from_digest == version.digest and event.seq > mine.seq), None)
    since = f"{version.name} went live on {mine.at:%Y-%m-%d} (decision of {mine.period}, {_by(mine)})"
    if left is None:
        return (f"{since} {IS_LIVE}",)
    how, *why = _departure(left)
    return f"{since} {how}", *why


def _by(event: Event) -> str:
    """Who decided; the command line names itself where nobody was logged in."""
    return "on the command line" if event.actor == "cli" else f"by {event.actor}"


def departure(events: Iterable[Event], version: Version) -> str:
    """How a version that is not live left, as the end of what `standing` says."""
    return " ".join(_departure(next(event for event in reversed([*events]) if _left(event, version))))


def _left(event: Event, version: Version) -> bool:
    return event.action in MOVES and event.from_digest == version.digest


def _departure(left: Event) -> tuple[str, ...]:
    """How a version left, and why; the name of a version begins a sentence as it is."""
    if left.action in PROMOTIONS:
        return (f"and was replaced by {left.to_version} on {left.at:%Y-%m-%d}.",)
    barred = " It may not return." if left.action == "rolled_back" else ""
    why = left.reason.removeprefix(f"{left.period}: ").rstrip(".")
    why = why if re.match(r"v\d", why) else f"{why[:1].upper()}{why[1:]}"
    return f"and was {left.action.replace('_', ' ')} on {left.at:%Y-%m-%d}.", f"{why}.{barred}"


def _part(title: str, body: str, terms: tuple[str, ...] = (), *, folded: bool = False) -> Part:
    """A part with the subcategories of the framework that it bears on."""
    names = ", ".join(name for name, (_, part) in RMF.items() if part == title)
    return Part(f"{title}{f' ({names})' if names else ''}", body, terms, folded=folded)


def _rests_on(policy: ValidationPolicy) -> str:
    """What shows that a candidate is worth promoting, in words."""
    if policy.procedure is not None:
        margin, share = policy.procedure.margin, policy.procedure.margin_share or 0.0
        worse = figure(margin) if margin is not None else f"{100 * share:g} % of the live model's loss"
        return (
            "being better than the live model, at half the level; else on fresh models of the spec beating ones "
            f"{policy.procedure.aged} older at the other half, and being no worse itself by {worse} at the whole level"
        )
    return "no worse than an aged live model by a margin" if policy.fresher else "being better than the live model"


def _facts(facts: Mapping[str, str]) -> str:
    return table(fact_rows(facts))


def _elsewhere(training: TrainingRecord, rows: str) -> str:
    """What is known of the rows behind a model that a person adopted."""
    return f"{rows} that are not known; by declaration none from {training.trained_until[:10]} on"


def _span(start: str, end: str) -> str:
    return f"{start[:10]} to {end[:10]}"


def _quality(verdict: Verdict, row: str, label_unit: str, loss: str) -> str:
    judged = [
        f for f in in_order(verdict) if f.check in ("significance", "guardrails") or (f.check == "hard" and f.metric)
    ]
    said = [
        f"The gate's answer: {text(decision_sentence(verdict))}",
        table([_quality_line(finding, label_unit) for finding in judged], row),
    ]
    said.append("Compared with the live model before it, with a constant, or with the declared limit of a first model.")
    held = Evidence.from_dict(verdict.evidence).baseline
    if held is not None:
        low, mean, high = (told(value, loss, label_unit) or "unknown" for value in (held.low, held.mean, held.high))
        expected = f"{mean} (one-sided {held.confidence} limits {low} to {high})"
        said.append(f"Expected {metric_words(loss)} in service: {expected}, from {_source(held, row)}.")
    return "\n\n".join(said)


def _source(held: Baseline, row: str) -> str:
    """Which rows the loss that is expected of a version comes from."""
    if held.source == REHEARSAL:
        return f"its rehearsal on older {plural(row)}, which was lower than what its test showed"
    return f"the {text(called(held.source, row))}"


def _quality_line(finding: Finding, label_unit: str) -> dict[str, object]:
    def said(value: float | None) -> str:
        return told(value, finding.metric, label_unit, change=True)

    between = f"{said(finding.low)} to {said(finding.high)}" if finding.low is not None else ""
    other = finding.margin if finding.role == "floor" else finding.champion_value
    own, beside = told_apart((finding.candidate_value, other), finding.metric, label_unit)
    return {
        "answer": answered(finding),
        "about": about(finding),
        "this version": own,
        "compared with": beside,
        "better by": said(finding.improvement),
        "interval": between,
        "rows": finding.rows,
    }


def _importance(training: TrainingRecord) -> str:
    strongest = sorted(training.importance.items(), key=lambda item: (-item[1], item[0]))[:10]
    return table([{"feature": name, "share of gain": amount(share, "share")} for name, share in strongest])


def _limits(verdict: Verdict, row: str) -> str:
    open_questions = [finding for finding in in_order(verdict) if finding.outcome is Outcome.INSUFFICIENT]
    groups = Evidence.from_dict(verdict.evidence).groups
    known = {value.group for value in groups if value.metric != ROWS}
    thin = [
        f"{text(value.group)} ({value.rows:,})"
        for value in groups
        if value.metric == ROWS and JOIN not in value.attribute and value.group not in known
    ]
    lines = [f"- Not known: {text(finding.reason)}{_short_by(finding, row)}" for finding in open_questions]
    if verdict.broken:
        broken = text(first_few(verdict.broken))
        lines.append(f"- Tested while {broken} was broken: how it does on {plural(row)} that have it is not known.")
    small = [finding for finding in in_order(verdict) if finding.outcome is Outcome.WATCHED]
    lines += [f"- Not known, and watched in service: {text(finding.reason)}" for finding in small]
    if thin:
        lines.append(f"- Too few {plural(row)} for figures of their own: {'; '.join(thin)}.")
    units = sorted(
        {f"{f.metric} by {f.unit}" for f in verdict.findings if f.unit and f.role in ("primary", "guardrail")}
    )
    if units:
        lines.append(f"- Counted as units, with what is known of their dependence: {text(', '.join(units))}.")
    return "\n".join([*lines, *(f"- {called(line, row)}" for line in ASSUMPTIONS)])


def _short_by(finding: Finding, row: str) -> str:
    rows = lacking(finding)
    return f" (lacks {counted(rows, row)})" if rows is not None else ""


def _trail(events: tuple[Event, ...], version: Version) -> str:
    """The events that a version took part in: as the candidate, or as the live model that was stayed with or left."""
    own = [event for event in events if version.digest in (event.to_digest, event.from_digest)]
    return table(
        [
            {
                "no.": event.seq,
                "decided": f"{event.at:%Y-%m-%d %H:%M}",
                "as of": event.period,
                "action": spoken(event.action),
                "from": event.from_version or "",
                "to": event.to_version or "",
                "by": event.actor,
                "why": event.reason,
                "evidence": (event.evidence or "")[:12],
            }
            for event in own
        ]
    )


def _mapping() -> str:
    rows = [{"subcategory": name, "asks that": asked, "part of this card": part} for name, (asked, part) in RMF.items()]
    return f"{table(rows)}\n\n{NOT_COVERED}"
