"""The defaults that are in force in a model's spec, and what each means for its data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from retrain_assets.documents.units import percent, plural
from retrain_assets.monitoring.policy import USUAL_SHARE
from retrain_assets.onboarding.survey import PeriodFindings
from retrain_assets.spec.model_spec import ModelSpec


@dataclass(frozen=True)
class Default:
    """One key that the spec leaves out: what is in force for it, and what that means here."""

    key: str
    value: str
    meaning: str


def defaults_in_force(spec: ModelSpec, found: Sequence[PeriodFindings]) -> Iterator[Default]:
    """Every default that decides something about people, money or data, with its meaning for the periods found."""
    validation, windows, triggers, every = spec.validation, spec.windows, spec.triggers, spec.period.every
    rows = [one.rows for one in found if one.rows] or [0]
    loss, several = spec.model.loss, plural(spec.row_name)
    if not spec.declares("contract", "min_rows"):
        yield Default("contract.min_rows", f"{spec.contract.min_rows}", f"a {every} has {min(rows):,} to {max(rows):,}")
    if not spec.declares("contract", "max_delay"):
        yield Default("contract.max_delay", "none", f"nobody is told when a {every}'s {several} stay away")
    if not spec.declares("source", "label_delay"):
        days = spec.source.label_delay.days
        yield Default("source.label_delay", f"{days}d", f"one {every}; {several} younger than that judge nothing")
    lengths = ("gate", "min_train", "recent", "half_life")
    told = ", ".join(f"{name} {getattr(windows, name)}" for name in lengths)
    if not spec.declares("windows"):
        yield Default("windows", told, f"the newest {several} that judge, and the older ones that train")
    if not spec.declares("triggers", "retrain_cost"):
        meaning = f"a retrain is due once the {loss} is {100 * USUAL_SHARE:g} % of a {every}'s above what is expected"
        yield Default("triggers.retrain_cost", f"{percent(USUAL_SHARE)}", meaning)
    if not spec.declares("triggers", "max_per_year"):
        yield Default("triggers.max_per_year", f"{triggers.max_per_year}", "attempts, whatever comes of them")
    if not spec.declares("validation", "false_promotions_per_year"):
        budget = validation.false_promotions_per_year
        level = validation.alpha_per_attempt(triggers.max_per_year)
        meaning = f"each attempt is tested at the level {level:.3g}"
        yield Default("validation.false_promotions_per_year", f"{budget:g}", meaning)
    if not spec.declares("validation", "guardrails"):
        rails = ", ".join(f"{rail.metric} by {rail.margin:g}" for rail in validation.guardrails)
        yield Default("validation.guardrails", rails, "the one thing besides the primary that may not get worse")
    if not spec.declares("validation", "floors"):
        yield Default("validation.floors", "none", "not asked: the first model only has to beat a constant")
    if not validation.fairness.asked:
        yield Default("validation.fairness", "not asked", f"{validation.fairness.none}; no group is protected")
    if validation.regression_suite.optional:
        meaning = f"hard cases begin with the first in {spec.name}.suite.yaml (retrain suite harvest {spec.name})"
        yield Default("validation.regression_suite", "none needed", meaning)
    if not any(spec.declares("probation", key) for key in ("length", "periods")):
        meaning = "how long a new version is compared with the one it replaced"
        yield Default("probation.length", f"{spec.probation.periods} {every}s", meaning)
