"""A backtest as one page: the answer, the table, the pictures, and what it rests on."""

from __future__ import annotations

from retrain_assets.backtest.pages.plots import cost_curves, timeline, trade_off
from retrain_assets.backtest.pages.text import (
    best_words,
    cost_words,
    procedure_words,
    saving_words,
    shown_policies,
    span_words,
)
from retrain_assets.backtest.record import BacktestRecord, GatedResult, PolicyResult
from retrain_assets.documents.figure import svg
from retrain_assets.documents.page import PICTURE, Document, Drawing, Part, html_page, table, text
from retrain_assets.documents.units import LossUnits, amount, percent

TRADE_OFF = f"![loss against retrains]({PICTURE}trade_off)"
COSTS = f"![cost against the cost of a retrain]({PICTURE}costs)"
_DIGITS = 4  # policies differ by little
OVER_TIME = f"![loss and retrains over time]({PICTURE}timeline)"


def backtest_report(record: BacktestRecord, units: LossUnits) -> Document:
    """The page, its pictures by name."""
    basis = f"{span_words(record, units)}.", f"{cost_words(record, units)}."
    told = (record.recommendation.sentence, *basis, *procedure_words(record))
    best = "\n".join(f"- {text(line)}" for line in best_words(record, units))
    bound = "Each was picked with the whole of history in sight, so this is a bound and no promise."
    parts = (
        Part("Loss against retrains", TRADE_OFF, ("retraining policy", "clock", "hindsight")),
        Part("Loss and retrains over time", OVER_TIME),
        Part(
            "Chosen on the first half, reported on the second",
            f"{_halves(record)}\n\n{table([_chosen_row(one, units) for one in shown_policies(record)])}",
        ),
        Part("Which policy is best at which cost of a retrain", f"{COSTS}\n\n{best}\n\n{bound}"),
        Part(
            "The price of the gate",
            "The primary loss alone is judged, by the gate's own test; every attempt is paid for.\n\n"
            + table([_gated_row(one, units) for one in record.gated]),
            ("gate",),
        ),
        Part(
            "Every policy, over all of history",
            table([_row(one, units) for one in shown_policies(record, every=True)]),
            ("interval", "regret"),
            folded=True,
        ),
        Part("What this rests on", "\n".join(f"- {text(line)}" for line in _basis(record)), folded=True),
    )
    return Document(f"When to retrain {record.model}", told, parts, row=units.row)


def backtest_html(record: BacktestRecord, units: LossUnits) -> bytes:
    """The page as one HTML file."""
    drawn = {"trade_off": trade_off, "costs": cost_curves, "timeline": timeline}
    document = backtest_report(record, units)
    pictures = {name: Drawing(svg(draw(record, units))) for name, draw in drawn.items()}
    return html_page(document.title, document, pictures=pictures)


def _halves(record: BacktestRecord) -> str:
    if record.recommendation.tuned_on_all:
        return "History is too short for two halves: all parameters were tuned on all of it."
    return (
        "Of each family the first half chose the parameters; both halves begin with a model of their own first day. "
        "The clock beside a policy retrains as often, at even distances, over all of history."
    )


def _chosen_row(one: PolicyResult, units: LossUnits) -> dict[str, object]:
    return {
        "policy": one.name,
        "first half": _total(one.first_half, units),
        "second half": _total(one.second_half, units),
        "its retrains": one.second_retrains,
        "all of history": units.total(one.cost),
        "retrains": len(one.retrains),
        "against its clock": "" if one.hindsight else saving_words(one.against_clock, units),
        "in a spec": "no" if one.triggers is None else "yes",
    }


def _row(one: PolicyResult, units: LossUnits) -> dict[str, object]:
    low, high = ("" if limit is None else amount(limit, units.loss, _DIGITS) for limit in (one.low, one.high))
    return {
        "policy": one.name,
        "retrains": len(one.retrains),
        "mean loss": amount(one.mean_loss, units.loss, _DIGITS),
        "95 % limits": f"{low} to {high}" if low and high else "",
        **{f"cost at {units.total(float(cost))}": units.total(total) for cost, total in one.costs.items()},
        "regret": units.total(one.regret),
        "worse at first": percent(one.worse_next),
        "oldest (days)": one.oldest_days,
        "CPU s": round(one.cpu_seconds),
    }


def _gated_row(one: GatedResult, units: LossUnits) -> dict[str, object]:
    return {
        "policy": one.policy,
        "promoted when": f"{one.rule}{' (the spec)' if one.declared else ''}",
        "attempts": one.attempts,
        "promoted": one.promoted,
        "mean loss": amount(one.mean_loss, units.loss, _DIGITS),
        "cost": units.total(one.cost),
        "beyond no gate": units.total(one.premium),
    }


def _total(value: float | None, units: LossUnits) -> str:
    return "" if value is None else units.total(value)


def _basis(record: BacktestRecord) -> list[str]:
    lines = [
        "A model of every decision was trained on what was known then, and scored on every later day. Every retrain is "
        "taken to be promoted, except where the price of the gate is shown.",
        f"{record.fits} models were trained for it and {record.known_fits} stood already; LightGBM took "
        f"{record.cpu_seconds:.0f} s of CPU time.",
    ]
    return [*lines, *record.problems]
