"""What a backtest found, in sentences."""

from __future__ import annotations

from retrain_assets.backtest.record import PolicyResult
from retrain_assets.backtest.saving import Saving
from retrain_assets.documents.units import counted
from retrain_assets.model import Model


def recommended(
    model: Model, chosen: PolicyResult, saved: Saving | None, decisions: int, unit: str, *, tuned: bool
) -> str:
    """What to change in the spec, what that would have saved, and whether chance explains it.

    Args:
        model: Names its rows and its loss.
        chosen: The policy that is recommended.
        saved: Against the spec's triggers; None where they are what is recommended.
        decisions: Over how many decisions that was measured.
        unit: What lies between two.
        tuned: Whether the policy was chosen on the very history that it is measured on.
    """
    units = model.units
    lately = f"over {'all' if tuned else 'the last'} {counted(decisions, unit)}"
    if saved is None:
        return f"Keep your triggers: {lately} no policy that a spec can declare was expected to cost less."
    if not saved.total > 0:
        same = "would have cost the same" if saved.total == 0 else f"would have cost {units.total(-saved.total)} more"
        return f"Keep your triggers: what the first half preferred ({chosen.name}) {same} {lately}."
    act = "Do not retrain" if chosen.name == "never" else f"Retrain on {_words(chosen)}"
    doing = "never retraining" if chosen.name == "never" else "that"
    less = f"{doing} would have cost {units.total(saved.total)} less"
    chance = f"{_limits(model, saved)}: {_verdict(saved, tuned)}"
    warning = " It was chosen on the same history, which is too short for two halves." if tuned else ""
    return f"{act}: {lately} {less} than your triggers, retrains included ({chance}).{warning}"


def _words(chosen: PolicyResult) -> str:
    return chosen.name if chosen.name.startswith(("a ", "drift", "uncertainty")) else f"“{chosen.name}”"


def _limits(model: Model, saved: Saving) -> str:
    if saved.low is None or saved.high is None:
        return f"no limits, {counted(saved.days, 'day')} with outcomes are too few"
    return f"95 % limits {model.units.total(saved.low)} to {model.units.total(saved.high)}"


def _verdict(saved: Saving, tuned: bool) -> str:
    if saved.low is None:
        return "not known whether that is more than chance"
    if tuned:
        return "no test, for it was chosen on the same days"
    return "more than chance explains" if saved.distinguishable else "not distinguishable from chance"
