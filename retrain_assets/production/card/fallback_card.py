"""The parts of a model card that differ for the fallback (`v0`): a constant that no gate has judged.

What is measured of it stands in the first model's verdict, which had to beat that constant on the gate rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from retrain_assets.documents.page import figure, table, text
from retrain_assets.documents.units import counted, plural
from retrain_assets.metrics.names import metric_words
from retrain_assets.validation.pages.evidence import Evidence
from retrain_assets.validation.pages.text import about, told, told_apart
from retrain_assets.verdict import Verdict

IMPORTANCE = "Nothing: no feature changes its score."


def groups(row: str) -> str:
    """How it treats groups.

    Args:
        row: What a row is called.
    """
    return f"Not judged by group: every {row} gets the same score."


def limits(row: str) -> str:
    """What is not known of it, and what it cannot do."""
    return "\n".join(
        (
            "- Not known: whatever a gate asks. It serves because nothing else was left, not because it passed.",
            f"- It tells no {row} from another. Decide nothing about a single {row} by it.",
            f"- Its constant is that of the first model's training {plural(row)}, and does not follow the world.",
        )
    )


def method(constant: float | Sequence[float], row: str = "row") -> str:
    """Say what it is.

    >>> method(0.25), method((0.5, 0.25, 0.25), "ride")
    ('a constant, 0.25 for every row', 'a constant, 0.5, 0.25, 0.25 for every ride')
    """
    values = [constant] if isinstance(constant, float | int) else constant
    return f"a constant, {', '.join(figure(value) for value in values)} for every {row}"


def quality(first: Verdict, row: str = "row", label_unit: str = "", loss: str = "mae") -> str:
    """How good the constant was on the rows that judged the first model, and what it is held to.

    Args:
        first: The first model's verdict.
        row: What a row is called.
        label_unit: What the label is counted in.
        loss: Name of the mean loss that is followed in service.
    """
    shown = [found for found in first.of("significance") if found.champion_value is not None]
    both = [told_apart((found.champion_value, found.candidate_value), found.metric, label_unit) for found in shown]
    rows = [
        {"about": about(found), "this version": own, "the first version": other, "rows": found.rows}
        for found, (own, other) in zip(shown, both, strict=True)
    ]
    held = Evidence.from_dict(first.evidence).baseline
    measured = f"On the gate {plural(row)} of the first version, which had to beat it:"
    said = [f"No gate has judged it. {measured}", table(rows, row)]
    if held is not None:
        expected = told(held.mean, loss, label_unit)
        said.append(f"Expected {metric_words(loss)} in service, as of the first version: {expected}.")
    return "\n\n".join(said)


def measured_on(first: Verdict, row: str = "row") -> str:
    """Which rows it was measured on."""
    gate = first.gate
    span = f"{gate.start[:10]} to {gate.end[:10]}"
    return f"nothing of its own; measured beside the first version on {counted(gate.rows, row)} of {text(span)}"
