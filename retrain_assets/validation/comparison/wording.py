"""How a comparison reads: from where to where a metric moved, by how much, and how sure that is.

Numbers stand in the metric's unit, rows go by the name that the business gives them, and better or worse is said in
words, so that no reader has to know which way a metric counts.
"""

from __future__ import annotations

import math

from retrain_assets.documents.units import (
    LABEL_UNIT_LOSSES,
    SMALLEST_P,
    amount,
    amounts,
    difference,
    one,
    plural,
    rounded_p,
)
from retrain_assets.metrics.names import metric_words
from retrain_assets.validation.comparison.estimate import counted

_TRACE = 1e-4

GUESSED = "always guessing one number"
"""What a first model is compared with, where no model is live."""


def moved(name: str, unit: str, before: float | None, after: float, *, a_row: str = "") -> str:
    """Tell what a metric was and is, in enough digits to tell both apart.

    Args:
        name: Of the metric.
        unit: In which it is counted; empty for a pure number.
        before: Its value for the live model; None where there is nothing to compare with.
        after: Its value for the candidate.
        a_row: What a row is called, where the metric is a mean over rows that is worth saying so.

    >>> moved("mae", "USD", 1.8, 1.444, a_row="ride")
    'MAE fell from $1.80 to $1.44 a ride (-20 %)'
    >>> moved("auc", "", 0.7111, 0.7114), moved("wape", "share", 0.0977, 0.0927), moved("rmse", "USD", None, 5.2)
    ('AUC rose from 0.7111 to 0.7114', 'WAPE fell from 9.77 % to 9.27 %', 'RMSE is $5.20')
    >>> moved("mae", "USD", 2.0, 2.0)
    'MAE stays at $2.00'
    """
    said, per = metric_words(name), f" {one(a_row)}" if a_row else ""
    if before is None:
        return f"{said} is {amount(after, unit)}{per}"
    if before == after:
        return f"{said} stays at {amount(after, unit)}{per}"
    old, new = amounts((before, after), unit)
    if unit != "share" and old.endswith(f" {unit}"):
        old = old.removesuffix(f" {unit}")  # said once, at the end
    verb = "moved" if not math.isfinite(after - before) else "fell" if after < before else "rose"
    return f"{said} {verb} from {old} to {new}{per}{_relative(name, unit, before, after)}"


def beside_constant(name: str, unit: str, constant: float, after: float, *, a_row: str = "") -> str:
    """Tell what a first model's metric is, and what it would be without any model.

    >>> beside_constant("mae", "USD", 7.05, 1.37, a_row="ride")
    'MAE is $1.37 a ride, $7.05 when always guessing one number (-81 %)'
    """
    per = f" {one(a_row)}" if a_row else ""
    guessed, own = amounts((constant, after), unit)
    if unit != "share" and guessed.endswith(f" {unit}"):
        guessed = guessed.removesuffix(f" {unit}")  # said once
    return f"{metric_words(name)} is {own}{per}, {guessed} when {GUESSED}{_relative(name, unit, constant, after)}"


def against(name: str, unit: str, before: float, after: float) -> str:
    """The candidate's value beside that of the live model, without a verb that would tell of a change.

    >>> against("mae", "minutes", 51.7, 52.0), against("log_loss", "nats", 0.5181, 0.5184)
    ('average error 52.0 against 51.7 minutes', 'log loss 0.5184 against 0.5181 nats')
    """
    old, new = amounts((before, after), unit)
    if unit and new.endswith(f" {unit}"):
        new = new.removesuffix(f" {unit}")  # said once, at the end
    return f"{'average error' if name == 'mae' else metric_words(name)} {new} against {old}"


def _relative(name: str, unit: str, before: float, after: float) -> str:
    """By which share a value that has a unit changed; of a share it would be taken for points of it."""
    if not (unit not in ("", "share") or name.split("[")[0] in LABEL_UNIT_LOSSES) or not before > 0:
        return ""
    if not math.isfinite(after):
        return ""
    percent = 100 * (after / before - 1)
    return f" ({percent:+.{0 if abs(percent) >= 1 else 1}f} %)"


def surely(low: float, unit: str, confidence: str) -> str:
    """What the lower confidence limit of an improvement says.

    >>> surely(0.18, "USD", "95 %"), surely(-0.03, "USD", "95 %"), surely(float("-inf"), "", "95 %")
    ('at least $0.18 better with 95 % confidence', 'at most $0.03 worse with 95 % confidence', 'nothing is ruled out')
    """
    if not math.isfinite(low):
        return "nothing is ruled out"
    side, bound = ("at least", "better") if low > 0 else ("at most", "worse")
    return f"{side} {difference(abs(low), unit)} {bound} with {confidence} confidence"


def perhaps(low: float, unit: str, confidence: str) -> str:
    """The same where it does not suffice.

    >>> perhaps(-0.03, "USD", "95 %"), perhaps(0.01, "USD", "95 %")
    ('it may be $0.03 worse (95 % limit)', 'it may be as little as $0.01 better (95 % limit)')
    >>> perhaps(-5.41e-06, "nats", "95 %")
    'it may be a trace worse, under 0.0001 nats (95 % limit)'
    """
    if not math.isfinite(low):
        return "nothing is ruled out"
    if 0 < abs(low) < _TRACE and unit in ("", "nats"):
        traced = f"under {_TRACE:g}{f' {unit}' if unit else ''} ({confidence} limit)"
        return f"it may be a trace {'better' if low > 0 else 'worse'}, {traced}"
    if low > 0:
        return f"it may be as little as {difference(low, unit)} better ({confidence} limit)"
    return f"it may be {difference(-low, unit)} worse ({confidence} limit)"


def held_to(p_value: float, level: float) -> str:
    """A p-value and what it is held to.

    >>> held_to(0.003117, 0.05), held_to(5e-278, 0.05), held_to(0.21, 0.05)
    ('p 0.0031, below 0.05', 'p below 0.0001', 'p 0.21, not below 0.05')
    """
    if p_value < min(SMALLEST_P, level):
        return f"p {rounded_p(p_value)}"
    return f"p {rounded_p(p_value)}, {'below' if p_value < level else 'not below'} {level:.4g}"


def fresh(number: int, unit: str, row: str) -> str:
    """What a finding rests on.

    >>> fresh(14, "day", "ride"), fresh(5672, "row", "ride"), fresh(50, "vehicle_id", "ride")
    ('14 days of fresh rides', '5,672 fresh rides', '50 values of vehicle_id')
    """
    if unit == "row":
        return f"{number:,} fresh {row if number == 1 else plural(row)}"
    said = counted(number, unit)
    return f"{said} of fresh {plural(row)}" if unit == "day" or unit.endswith("-day block") else said
