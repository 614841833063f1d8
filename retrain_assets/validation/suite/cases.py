"""The regression suite: known hard cases that a candidate may not get wrong where the champion got them right.

A case is a row of the data, named by its key; its file says who wants it kept right, and why. Cases are kept out of
training by that key. Here: reading the file, and the findings. Finding the rows is the caller's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from retrain_assets.documents.units import counted, rounded_p
from retrain_assets.documents.yaml_file import text_of, tree_of
from retrain_assets.errors import DataError, SpecError
from retrain_assets.metrics.formulas import predicted_class
from retrain_assets.metrics.metric import Array
from retrain_assets.validation.comparison.estimate import estimate
from retrain_assets.validation.comparison.paired_proportions import exact_mcnemar
from retrain_assets.validation.comparison.units import Units
from retrain_assets.validation.policy import ValidationPolicy
from retrain_assets.verdict import Finding, Outcome

Severity = Literal["critical", "normal"]

_REQUIRED = ("id", "period", "owner", "added", "reason", "severity")
_OPTIONAL = ("expires",)
_DATES = ("added", "expires")


@dataclass(frozen=True)
class SuiteCase:
    """One hard case: the row's key and period, who added it when and why, and how much it matters."""

    id: str
    period: str
    owner: str
    added: date
    reason: str
    severity: Severity
    expires: date | None = None

    def expired(self, today: date) -> bool:
        """Whether the case no longer counts: its last day is before `today`."""
        return self.expires is not None and self.expires < today

    @classmethod
    def from_dict(cls, entry: object, where: str) -> SuiteCase:
        """Read an entry of a suite file; `where` is for messages.

        Raises:
            SpecError: It lacks a key, has an unknown one or a wrong value.
        """
        if not isinstance(entry, dict):
            raise SpecError(
                f"{where}: expected keys {', '.join(_REQUIRED)}, got {entry!r}. Write one mapping per case."
            )
        for key in _REQUIRED:
            if entry.get(key) in (None, ""):
                raise SpecError(f"{where}: {key}: is required and has no default. Add it.")
        for key in entry:
            if key not in (*_REQUIRED, *_OPTIONAL):
                raise SpecError(f"{where}: {key}: unknown key. Take one of {', '.join((*_REQUIRED, *_OPTIONAL))}.")
        for key in _DATES:
            if entry.get(key) is not None and type(entry[key]) is not date:
                raise SpecError(f"{where}: {key}: {entry[key]!r} is no date. Write it like 2019-04-30.")
        if entry["severity"] not in ("critical", "normal"):
            raise SpecError(f"{where}: severity: {entry['severity']!r} is not known. Take critical or normal.")
        texts = {key: str(entry[key]) for key in _REQUIRED if key not in _DATES}
        return cls(**texts, added=entry["added"], expires=entry.get("expires"))  # type: ignore[arg-type]


@dataclass(frozen=True)
class SuiteRows:
    """The cases whose row and outcome are known and which have not expired, with both models' scores of them."""

    cases: tuple[SuiteCase, ...]
    label: Array
    candidate_scores: Array
    champion_scores: Array | None = None

    def __post_init__(self) -> None:
        lengths = [len(self.label), len(self.candidate_scores)]
        if self.champion_scores is not None:
            lengths.append(len(self.champion_scores))
        if any(length != len(self.cases) for length in lengths):
            raise DataError(f"regression suite: {len(self.cases)} cases with arrays of {lengths} rows. Align them.")


@dataclass(frozen=True)
class CaseResult:
    """One case and whether each model gets it right; `champion_right` is None without a live model."""

    id: str
    period: str
    severity: Severity
    owner: str
    reason: str
    champion_right: bool | None
    candidate_right: bool


MOST_SUITE_BYTES, MOST_SUITE_NODES = 2**21, 200_000
"""Of a suite's file: some ten thousand cases."""


def load_suite(path: Path, optional: bool = False) -> tuple[SuiteCase, ...]:
    """Read the cases of a suite file, a YAML list under `cases:`; an empty list is allowed, and an `optional` file.

    Raises:
        SpecError: The file is missing or no such list, or an entry lacks a key, has an unknown one, a wrong value, or
            the id of an earlier entry; the message names file, entry and key.
    """
    if optional and not path.exists():
        return ()
    return read_suite(text_of(path, MOST_SUITE_BYTES), path)


def read_suite(text: str, path: Path) -> tuple[SuiteCase, ...]:
    """The cases in the text of a suite file; `path` is for messages.

    Raises:
        SpecError: As `load_suite`.
    """
    _, record = tree_of(text, path, MOST_SUITE_NODES)
    if not isinstance(record, dict) or set(record) != {"cases"} or not isinstance(record["cases"], list):
        raise SpecError(f"{path}: expected one list under 'cases:' and nothing else. Begin with 'cases:'.")
    cases = tuple(
        SuiteCase.from_dict(entry, f"{path}: entry {place}") for place, entry in enumerate(record["cases"], start=1)
    )
    first: dict[str, int] = {}
    for place, case in enumerate(cases, start=1):
        if case.id in first:
            raise SpecError(f"{path}: entry {place}: id: {case.id} stands in entry {first[case.id]} too. Keep one.")
        first[case.id] = place
    return cases


def regression_suite(policy: ValidationPolicy, task: str, suite: SuiteRows) -> tuple[Finding, ...]:
    """Judge the suite: no critical case may flip from right to wrong, and normal cases not more than chance allows.

    Only a case that the champion got right can be lost. With k of them the exact test's smallest p-value is 2^-k, so
    that below 5 cases (at a level of .05) it can never say FAIL. Where all of so few were lost, and fewer repaired, the
    answer is INSUFFICIENT: it is as bad as it could be and chance may have done it. Where one was kept, or none could
    be lost, there is nothing that more cases would have to explain, and it is a PASS.

    A case binds once the live model gets it right, so that nothing is asked of a first model, and nothing by a suite
    whose cases have all expired or are still to come.
    """
    if not suite.cases:
        return (_not_asked("no case counts yet, `retrain suite harvest` proposes some"),)
    if suite.champion_scores is None:
        return (_not_asked(f"no live model has got a case right yet, of {counted(len(suite.cases), 'case')}"),)
    right = right_rows(policy, task, suite.label, suite.candidate_scores)
    critical = np.array([case.severity == "critical" for case in suite.cases])
    before = right_rows(policy, task, suite.label, suite.champion_scores)
    found = [_critical(suite.cases, before, right, critical)] if critical.any() else []
    if not critical.all():
        found.append(_normal(policy, suite.cases, before, right, ~critical))
    return tuple(found)


def case_results(policy: ValidationPolicy, task: str, suite: SuiteRows) -> tuple[CaseResult, ...]:
    """Every case with both models' answers, for the report; the findings judge them."""
    after = right_rows(policy, task, suite.label, suite.candidate_scores)
    scores = suite.champion_scores
    before = [None] * len(suite.cases) if scores is None else right_rows(policy, task, suite.label, scores).tolist()
    return tuple(
        CaseResult(case.id, case.period, case.severity, case.owner, case.reason, was, bool(now))
        for case, was, now in zip(suite.cases, before, after, strict=True)
    )


def right_rows(policy: ValidationPolicy, task: str, label: Array, scores: Array) -> npt.NDArray[np.bool_]:
    """Which rows a model gets right, shape (n,); a score that is no number is wrong.

    A class is right by the declared threshold, or as the most probable one; a value within the declared tolerance.
    """
    if task == "regression":
        return np.asarray(np.abs(scores - label) <= (policy.regression_suite.tolerance or 0.0))
    finite = np.isfinite(scores) if scores.ndim == 1 else np.isfinite(scores).all(axis=1)
    return np.asarray((predicted_class(scores, policy.threshold) == label) & finite)


def _not_asked(why: str) -> Finding:
    return Finding("regression_suite", Outcome.NOT_ASKED, f"not asked: {why}", role="regression")


def _critical(
    cases: tuple[SuiteCase, ...],
    before: npt.NDArray[np.bool_],
    after: npt.NDArray[np.bool_],
    critical: npt.NDArray[np.bool_],
) -> Finding:
    flipped, asked = before & ~after & critical, int(critical.sum())
    shares = (float(before[critical].mean()), float(after[critical].mean()))
    if flipped.any():
        reason = f"{int(flipped.sum())} of {asked} critical cases flipped from right to wrong: {_ids(cases, flipped)}"
        return _finding(Outcome.FAIL, reason, asked, shares=shares)
    return _finding(Outcome.PASS, f"no critical case of {asked} flipped from right to wrong", asked, shares=shares)


def _normal(
    policy: ValidationPolicy,
    cases: tuple[SuiteCase, ...],
    before: npt.NDArray[np.bool_],
    after: npt.NDArray[np.bool_],
    normal: npt.NDArray[np.bool_],
) -> Finding:
    flipped, repaired, asked = before & ~after & normal, ~before & after & normal, int(normal.sum())
    lost, won = int(flipped.sum()), int(repaired.sum())
    p_value = exact_mcnemar(lost, won)
    shares = (float(before[normal].mean()), float(after[normal].mean()))
    reason = (
        f"{lost} of {asked} normal cases flipped from right to wrong, {won} the other way "
        f"(exact p {rounded_p(p_value)})"
    )
    if lost:
        reason += f": {_ids(cases, flipped)}"
    outcome = Outcome.FAIL if p_value < policy.alpha else Outcome.PASS
    right, fewest = int((before & normal).sum()), _fewest_flips(policy.alpha)
    if won < lost == right < fewest:  # as bad as it can be, and still too few to tell chance from harm
        outcome = Outcome.INSUFFICIENT
        reason += f"; {right} that were right before cannot tell chance from harm, {fewest} are needed"
    found = _finding(outcome, reason, asked, p_value=p_value, alpha=policy.alpha, shares=shares)
    detectable, needed = _reach(policy, before[normal], after[normal])
    return replace(found, minimum_detectable=detectable, rows_needed=needed)


def _fewest_flips(alpha: float) -> int:
    """How many flips, all for the worse, have an exact p-value 2^-k below the level."""
    return math.floor(math.log2(1 / alpha)) + 1


def _reach(
    policy: ValidationPolicy, before: npt.NDArray[np.bool_], after: npt.NDArray[np.bool_]
) -> tuple[float | None, int]:
    """What drop of the share right so many normal cases would find, and how many would find the drop that was seen.

    Not less than the exact test can reach at all: with k flips of which all are for the worse its p-value is 2^-k.
    """
    fewest, seen = _fewest_flips(policy.alpha), estimate(after.astype(float) - before, Units.rows(len(before)))
    detectable = seen.minimum_detectable(policy.alpha, policy.power) if len(before) > 1 else 0.0
    drop = max(-seen.improvement, 0.0)
    needed = max(fewest / drop, seen.rows_needed(drop, policy.alpha, policy.power) or 0) if drop else fewest
    reach = max(detectable, fewest / len(before))
    return reach if reach <= 1 else None, math.ceil(needed)


def _finding(
    outcome: Outcome,
    reason: str,
    rows: int,
    *,
    p_value: float | None = None,
    alpha: float | None = None,
    shares: tuple[float, float] | tuple[None, None] = (None, None),
) -> Finding:
    """A line of the suite, each case by itself: one flip is found, and every case is needed."""
    return Finding(
        "regression_suite",
        outcome,
        reason,
        metric="share right",
        role="regression",
        direction="higher is better",
        rows=rows,
        unit="case",
        units=rows,
        design_effect=1.0,
        minimum_detectable=1 / rows if rows else None,
        rows_needed=max(rows, 1),
        p_value=p_value,
        p_level=alpha,
        alpha=alpha,
        champion_value=shares[0],
        candidate_value=shares[1],
    )


def _ids(cases: tuple[SuiteCase, ...], chosen: npt.NDArray[np.bool_]) -> str:
    return ", ".join(case.id for case, taken in zip(cases, chosen, strict=True) if taken)
