"""The terms of the field that pages use, each explained once, in the same words on every page and in docs/glossary.md.

A page explains a term where it first stands; the glossary of the documentation is made from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from retrain_assets.documents.units import called

TERMS: Mapping[str, Mapping[str, str]] = {
    "Deciding": {
        "candidate": "A newly trained model that asks to become the live one.",
        "live model": "The version whose predictions are used; the field also calls it the champion.",
        "gate": (
            "The test that a candidate must pass before it goes live, on fresh rows: the newest ones with an outcome, "
            "which neither model was trained on."
        ),
        "primary metric": "The metric in which a candidate must be better than the live model.",
        "guardrail": "A metric that must not get worse by its margin.",
        "margin": "The loss in a metric, or the harm to a group, that is accepted. What is shown to be smaller passes.",
        "improvement": "How much better the candidate is than the live model, turned so that above 0 is better.",
        "interval": (
            "The values that the data allow. At a level of 0.05 each end is a one-sided 95 % limit: the truth lies "
            "beyond it in one case of twenty, and between both in at least nine of ten."
        ),
        "level": "The share of cases, 0.05 being one in twenty, in which chance alone may give a wrong yes.",
        "p-value": (
            "How often chance alone would show at least this much. Below its level it counts as shown: a gain in the "
            "primary metric, that a guardrail lost less than its margin, a harm to a group. A large one shows nothing."
        ),
        "Holm": (
            "Of several questions asked together one would pass by luck. Holm's rule makes each stricter, so that all "
            "together keep the level."
        ),
        "pass, fail, insufficient": (
            "Pass: what a check asks is shown. Fail: it is refuted, or the rows suffice and it is not shown, like a "
            "candidate that is not surely better. Insufficient: these rows cannot tell. Only passes promote."
        ),
        "not asked": "Nothing was declared to be asked. It counts neither for nor against.",
        "watched": (
            "A group too small for the gate to judge. It is followed after the promotion, and a harm that shows takes "
            "the model back."
        ),
        "independent units": (
            "What may be counted as separate evidence. Rows of one day, or of one value of a declared column, "
            "resemble each other, so those are counted instead of rows."
        ),
        "noise": (
            "How much the difference of two models changes from day to day, learnt from history where there is any."
        ),
        "design effect": "How many rows it takes to say as much as one independent row would.",
        "detectable": (
            "The smallest change that rows like these would show with the declared power, four times in five unless "
            "the spec says otherwise. Primary metrics and guardrails share it: all together are answered so often."
        ),
        "rows needed": (
            "About how many rows like these would give an answer with the declared power: of a gain as large as seen, "
            "or of a margin where nothing changed."
        ),
        "anchor": (
            "The first version, or the last one that a person approved. Margins count from it too, so that many small "
            "losses do not add up to a large one."
        ),
        "negative flip": "A known hard case that the live model gets right and the candidate gets wrong.",
        "regression suite": "The known hard cases of a model; they are never trained on.",
        "refit": "The tested candidate trained again up to today, gate rows included, before it goes live.",
        "P and S": (
            "P asks whether retraining works: models of this spec that are fresh against ones that have aged, on rows "
            "that neither saw. S asks how much worse than the live model this candidate may be."
        ),
        "gate rows": "The rows that a gate judges on. They decide once and are then spent.",
    },
    "Watching": {
        "period": (
            "The step of the calendar (a day, week, month ...) by which a model is watched. It is the unit of "
            "evidence: rows of one period resemble each other."
        ),
        "drift": (
            "A column's values differ from those the live model was trained on, by more than periods differ anyway."
        ),
        "quiet, small, warn, confirmed": (
            "No change beyond chance; a certain change too small to matter; a certain and large one; the same once "
            "more in the next period."
        ),
        "expected loss": (
            "The loss that is expected of a version in service: what its test showed, or its rehearsal on older "
            "periods that it was not trained on, where that was lower. Each of its limits is 95 % sure, on 5 to 27 "
            "days 97.5 %. The field calls it the baseline."
        ),
        "excess loss": (
            "Loss beyond the upper limit of the expected one, or, where that rests on at least four weeks and a "
            "thousand rows, beyond the expected one itself; summed over rows since the last attempt to retrain. A "
            "retrain is due once it exceeds what a retrain costs."
        ),
        "quality objective": "A period is within it unless the loss is certainly above the expected one.",
        "measured, estimated": (
            "Measured loss comes from outcomes that arrived. Estimated loss is what rows whose outcome is still out "
            "let expect; the two never mix."
        ),
        "label delay": "How long after a row its outcome is known.",
        "weight": "The share of the model that rests on a column times the share of its rows that moved.",
        "probation": (
            "The time after a promotion in which the version before scores the same rows, to see whether the new one "
            "is worse."
        ),
        "block": "Days taken together as one piece of evidence, long enough that one block tells little of the next.",
        "e-value": (
            "What a fair bet against chance has made of one coin, as evidence gathers: chance alone ever takes it to "
            "10 in at most one case of ten. It may be looked at every day without making false alarms more likely."
        ),
        "confirmed, unproven": (
            "Probation ends confirmed when the new version proved better or a harm is ruled out, and unproven when it "
            "could not tell."
        ),
        "tripwire": (
            "What takes a version out of service at once: it does not load, does not score, or scores outside its "
            "hard limits."
        ),
        "cool-down": "The time after a rollback or an attempt in which none is started by itself.",
    },
    "Retraining": {
        "retraining policy": "The rule that says when a model is retrained.",
        "clock": "A policy that retrains at even distances; the one with as many retrains shows whether when matters.",
        "hindsight": "The best dates that any policy could have chosen, knowing everything; no policy can know it.",
        "regret": "What a policy cost beyond hindsight.",
    },
    "Measuring": {
        "MAE": "Mean absolute error: how far predictions are off, on average, in the unit of the label.",
        "RMSE": "Root mean squared error: like MAE, but large errors count more.",
        "WAPE": "Weighted absolute percentage error: all errors together as a share of all true values.",
        "log loss": "How surprised the model is by the outcomes, in nats; 0 is perfect, 0.69 is a coin.",
        "nats": "The unit of log loss and PSI, counted with natural logarithms.",
        "Brier score": "Mean squared error of a probability.",
        "AUC": "How often a random positive row scores above a random negative one; 0.5 is chance.",
        "selection rate": "The share of rows that the model answers with yes.",
        "TPR, FPR": (
            "True and false positive rate: the share of positive, and of negative, rows that the model answers with "
            "yes."
        ),
        "mean error": "The average of prediction minus truth; above 0 the model predicts too high.",
        "PSI": (
            "Population stability index, in nats: how much the shares of values differ, of a number over tenths of the "
            "reference and the two ends beyond its range. Few rows beyond it make it large. It decides nothing here."
        ),
        "Jensen-Shannon": "A distance of two distributions from 0 to 1, in bits.",
        "KS": "Kolmogorov-Smirnov: the largest gap between two cumulative distributions.",
        "Wasserstein": "How far values moved on average, in standard deviations of the reference.",
        "total variation": "The share of rows that would have to change category to undo the change.",
    },
}
"""Every term and what it means, by subject."""

_MEANINGS = {term: meaning for terms in TERMS.values() for term, meaning in terms.items()}

PUBLISHED = Path(__file__).parents[2] / "docs" / "glossary.md"
"""The glossary of the documentation, in a clone."""

_HEAD = """# Glossary

For everybody who reads a page, a report or a message of this project: the terms they use, in the field's words. Reports
explain each term where it first stands, in these very sentences, and call a row what the model's spec calls it."""


def explained(*terms: str, row: str = "row") -> str:
    """Terms with their meaning as a Markdown list; empty without terms.

    Args:
        terms: Names in the glossary.
        row: What the model's spec calls a row.

    Raises:
        KeyError: A term is not in the glossary.

    >>> print(explained("improvement"))
    - **improvement**: How much better the candidate is than the live model, turned so that above 0 is better.
    >>> print(explained("label delay", row="ride"))
    - **label delay**: How long after a ride its outcome is known.
    """
    return "\n".join(f"- **{called(term, row)}**: {called(_MEANINGS[term], row)}" for term in terms)


def glossary() -> str:
    """The whole glossary as a Markdown page."""
    parts = [f"## {subject}\n\n{explained(*sorted(terms, key=str.lower))}" for subject, terms in TERMS.items()]
    return "\n\n".join([_HEAD, *parts]) + "\n"


def publish() -> None:
    """Write the glossary of the documentation anew."""
    PUBLISHED.write_text(glossary())
