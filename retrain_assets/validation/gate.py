"""The verdict of a period: candidate and champion score the gate rows, the gate judges, the registry writes it down.

A verdict for one candidate, one champion and one set of gate rows is computed once; asking again returns the same
record, so that a retry cannot try its luck.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from retrain_assets import __version__
from retrain_assets.candidates.constant_model import fallback_files
from retrain_assets.candidates.policy import RefitPolicy
from retrain_assets.errors import BudgetSpent, DataError, GateRowsSpent, NotEnoughData
from retrain_assets.metrics.metric import metric
from retrain_assets.monitoring.performance.report import Baseline, baseline
from retrain_assets.periods import Calendar
from retrain_assets.registry.cooldown import Rest, refuse_resting
from retrain_assets.registry.journal.events import GateUse
from retrain_assets.registry.journal.history import History
from retrain_assets.registry.registry import Registry
from retrain_assets.scoring.features import encode
from retrain_assets.scoring.scorer import Scorer
from retrain_assets.store import PeriodStore
from retrain_assets.validation.criteria.refit_agreement import agreement
from retrain_assets.validation.judge import ChampionAge, GateRows, SuiteRows, judge
from retrain_assets.validation.pages.group_tables import group_report
from retrain_assets.validation.policy import ValidationPolicy
from retrain_assets.validation.probation_terms import terms
from retrain_assets.validation.suite.cases import SuiteCase, case_results, regression_suite
from retrain_assets.validation.suite.rows import live_cases, suite_rows
from retrain_assets.verdict import Decision, Finding, GateWindow, Outcome, Refit, Verdict
from retrain_assets.windows.manifest import read_manifest
from retrain_assets.windows.rows import load_window, rowset_sha256

ASSET = "validation_report"

Refitter = Callable[[PeriodStore, Registry, str, str], str]
"""Trains a tested candidate again through the gate of a period, given its digest, and gives the new digest."""


@dataclass(frozen=True)
class Gate:
    """What judging one model needs besides its store and registry."""

    model: str
    task: str
    calendar: Calendar
    key: str
    time: str
    groups: tuple[str, ...]
    validation: ValidationPolicy
    policy_sha256: str
    attempts_per_year: int
    loss: str
    refit: Refitter | None = None
    agreement: RefitPolicy | None = None
    rest: Callable[[str], Rest] | None = None

    def verdict(self, store: PeriodStore, registry: Registry, period: str, at: datetime, actor: str) -> Verdict:
        """Judge the period's candidate against the live version; the same question gets the same answer.

        The rows are claimed before the first score is compared, and the attempt stands in the journal, passed or not,
        before anything else is written: they are spent whatever happens next, a crash, a hold or another run. Only
        where the live version can no longer be scored is nothing compared and nothing spent; the verdict then says so.

        Raises:
            NotEnoughData: No gate row has an outcome yet.
            GateRowsSpent: Another attempt decided something on these rows.
            BudgetSpent: The year's attempts are used up.
            Held: A person holds the model, the candidate or the live version; nothing is spent.
            Retired: The whole model is out of service; nothing is spent.
            Quarantined: The candidate was rolled back before.
            WrongChampion: Another version went live meanwhile.
            CoolingDown: A rollback's cool-down runs; no gate row is spent on what could not be promoted.
            FailureNotSeen: The candidate has not learnt from the failure that was rolled back.
        """
        record = store.read_json("candidate_model", period)
        if record is None:
            raise NotEnoughData(f"{self.model} {period}: no candidate. Materialize candidate_model of {period} first.")
        span = read_manifest(store, period).gate
        champion = registry.live()
        candidate_digest, champion_digest = record["digest"], champion.digest if champion else None
        candidate = Scorer.from_files(registry.read(candidate_digest))
        incumbent = Scorer.from_files(registry.read(champion_digest)) if champion_digest else None
        features = {*candidate.contract.names, *(incumbent.contract.names if incumbent else ())}
        lost = _not_stored(store, span.periods, features - set(candidate.contract.names))
        columns = sorted((features | set(self.groups) | set(self.validation.amounts)) - lost)
        rows = load_window(store, span, columns, self.key, self.time, period)
        if not rows.num_rows:
            raise NotEnoughData(f"{self.model} {period}: no row of {span.start} to {span.end} has an outcome yet.")
        window = GateWindow(
            span.periods, span.start.isoformat(), span.end.isoformat(), rows.num_rows, rowset_sha256(rows[self.key])
        )
        question = json.dumps([candidate_digest, champion_digest, window.rowset_sha256, self.policy_sha256])
        asked = hashlib.sha256(question.encode()).hexdigest()
        use = GateUse(
            period,
            window.start,
            window.end,
            window.rows,
            window.rowset_sha256,
            candidate_digest,
            champion_digest,
            "begun",
        )
        known = registry.judged(use, self.policy_sha256)
        if known is not None:
            return known
        refuse_resting(
            f"{self.model} {period}",
            period,
            History(registry.history()),
            self.rest,
            lambda: datetime.fromisoformat(candidate.training["trained_until"]),
        )
        fallback = registry.add(fallback_files(registry.read(candidate_digest))) if champion is None else None
        before, fault = _champion_scores(incumbent, rows)
        judging = partial(
            self._judge, store, period, rows, window, candidate, None if fault else incumbent, candidate_digest,
            champion_digest, fallback, before, fault,
        )  # fmt: skip
        if fault:
            return judging()
        registry.claim(asked, use, at=at, refuse=lambda spent: self._refuse_spent(spent, window, period))
        try:
            verdict = judging()
        except Exception:
            registry.withdraw(asked)
            raise
        if verdict.decision is Decision.PROMOTE:
            verdict = self._refitted(verdict, store, registry, rows, candidate, incumbent)
        registry.record(verdict, at=at, actor=actor)
        return verdict

    def _judge(
        self,
        store: PeriodStore,
        period: str,
        rows: pa.Table,
        window: GateWindow,
        candidate: Scorer,
        champion: Scorer | None,
        candidate_digest: str,
        champion_digest: str | None,
        fallback: str | None,
        before: np.ndarray | None,
        fault: str,
    ) -> Verdict:
        scores = candidate.scores(rows)
        label = rows["label"].to_numpy()
        gate_rows = GateRows(
            key=np.asarray(rows[self.key].to_pylist(), dtype=object),
            label=label,
            time=rows[self.time].to_numpy(),
            groups={name: _values(rows, name) for name in self._group_columns},
            amounts={name: _numbers(rows, name) for name in self.validation.amounts},
            cluster=None if self.validation.unit in ("auto", "row") else _values(rows, self.validation.unit),
        )
        suite, lacking = self._suite(store, period, candidate, champion)
        judgement = judge(
            self.validation,
            self.task,
            gate_rows,
            scores,
            before,
            candidate.baseline_scores(rows.num_rows),
            suite,
            self.attempts_per_year,
            champion_age=self._age(champion, rows, period),
            champion_fault=fault,
        )
        report = group_report(self.validation, self.task, gate_rows, before, scores)
        losses = metric(self.loss).row_losses(label, scores)
        return Verdict(
            model=self.model,
            period=period,
            findings=(*judgement.findings, *self._unlabelled(store, rows, window), *lacking),
            gate=window,
            candidate_digest=candidate_digest,
            champion_digest=champion_digest,
            policy_sha256=self.policy_sha256,
            code_version=__version__,
            identical=judgement.identical,
            evidence={
                "baseline": promised(baseline(losses, gate_rows.time), candidate.training["selection_loss"]).to_dict(),
                "trained_until": candidate.training["trained_until"],
                "strategy": candidate.training["strategy"],
                "group_minimum": self.validation.fairness.pool_below,
                "groups": [asdict(value) for value in report.values],
                "disparities": [asdict(disparity) for disparity in report.disparities],
                "cases": [asdict(result) for result in case_results(self.validation, self.task, suite)],
                **({"undecided_slices": [asdict(found) for found in judgement.reported]} if judgement.reported else {}),
                **self._afterwards(gate_rows, scores, before),
                **({"fallback": fallback} if fallback else {}),
            },
        )

    @property
    def _group_columns(self) -> tuple[str, ...]:
        """Columns that split the gate rows: the protected ones, then those of the slices."""
        slices = self.validation.slices
        sliced = (slices.columns or self.groups) if slices else ()
        return tuple(dict.fromkeys((*self.validation.fairness.groups, *sliced)))

    def _age(self, champion: Scorer | None, rows: pa.Table, period: str) -> ChampionAge | None:
        """How old the champion's knowledge is, where the policy asks for it."""
        if champion is None or self.validation.fresher is None:
            return None
        until = self.calendar.key(datetime.fromisoformat(champion.training["trained_until"]))
        unseen = encode(rows, champion.contract).unseen.values()
        periods = self.calendar.distance(until, self.calendar.shift(period, 1))
        return ChampionAge(periods, max(unseen, default=0) / rows.num_rows)

    def _refitted(
        self,
        verdict: Verdict,
        store: PeriodStore,
        registry: Registry,
        rows: pa.Table,
        candidate: Scorer,
        champion: Scorer | None,
    ) -> Verdict:
        """The verdict with the candidate refitted through the gate, where the spec asks for it, and what was found."""
        if self.refit is None or self.agreement is None:
            return verdict
        digest = self.refit(store, registry, verdict.period, verdict.candidate_digest)
        refitted = Scorer.from_files(registry.read(digest))
        suite, lacking = self._suite(store, verdict.period, refitted, champion)
        findings = (
            agreement(self.agreement, candidate.scores(rows), refitted.scores(rows)),
            *regression_suite(self.validation, self.task, suite),
            *lacking,
        )
        refit = Refit(digest, refitted.training["trained_until"], findings)
        seen = {"trained_until": refit.trained_until} if refit.allowed else {}
        return replace(verdict, refit=refit, evidence={**verdict.evidence, **seen})

    def _afterwards(self, rows: GateRows, candidate: np.ndarray, champion: np.ndarray | None) -> dict[str, Any]:
        """What the probation of this candidate will be held by; nothing when there is no champion to compare with."""
        if champion is None:
            return {}
        return {"probation": terms(self.loss, rows.label, candidate, champion, rows.time)}

    def _unlabelled(self, store: PeriodStore, rows: pa.Table, window: GateWindow) -> list[Finding]:
        """A finding when too many gate rows have no outcome: those that lack one are seldom like the others."""
        times = store.read_table("raw_data", window.periods, [self.time])
        start, end = datetime.fromisoformat(window.start), datetime.fromisoformat(window.end)
        inside = pc.and_(pc.greater_equal(times[self.time], start), pc.less(times[self.time], end)) if times else []
        stored = int(pc.sum(inside).as_py() or 0)
        share, allowed = 1 - rows.num_rows / max(stored, 1), self.validation.max_unlabelled_share
        if share <= allowed:
            return []
        reason = f"{share:.1%} of {stored:,} gate rows have no outcome, at most {allowed:.1%} may lack one"
        return [Finding("hard", Outcome.INSUFFICIENT, reason, role="hard", rows=rows.num_rows)]

    def _suite(
        self, store: PeriodStore, period: str, candidate: Scorer, champion: Scorer | None
    ) -> tuple[SuiteRows, list[Finding]]:
        """The cases that can be scored, and a finding when a case that should be cannot."""
        declared = self.validation.regression_suite
        cases = live_cases(Path(declared.path), period, self.calendar, declared.optional)
        columns = sorted({*candidate.contract.names, *(champion.contract.names if champion else ())})
        known = suite_rows(store, cases, columns, self.key, self.time, period)
        if known is None:
            return SuiteRows((), np.empty(0), np.empty(0), np.empty(0) if champion else None), _lacking(cases)
        scored = {str(key) for key in known[self.key].to_pylist()}
        by_id = {case.id: case for case in cases}
        rows = SuiteRows(
            cases=tuple(by_id[str(key)] for key in known[self.key].to_pylist()),
            label=known["label"].to_numpy(),
            candidate_scores=candidate.scores(known),
            champion_scores=champion.scores(known) if champion else None,
        )
        return rows, _lacking([case for case in cases if case.id not in scored])

    def _refuse_spent(self, spent: Sequence[GateUse], window: GateWindow, period: str) -> None:
        year_ago = self.calendar.shift(period, -self.calendar.per_year)
        attempts = sum(year_ago < use.period for use in spent)
        if attempts >= self.attempts_per_year:
            raise BudgetSpent(
                f"{self.model} {period}: {attempts} attempts in the last year, {self.attempts_per_year} are declared. "
                "The level of a test rests on that number: wait, or raise triggers.max_per_year."
            )
        for use in spent:
            if use.overlaps(window.start, window.end):
                spent_by = "are spent on" if use.outcome == "begun" else "decided"
                raise GateRowsSpent(
                    f"{self.model}: the rows of {window.start} to {window.end} {spent_by} the attempt of {use.period} "
                    f"({use.outcome}). Wait until {len(window.periods)} period(s) after {use.period} are complete."
                )


def promised(gate: Baseline, rehearsal: float | None) -> Baseline:
    """The loss that a promoted model is held to: what it showed on the gate, or in rehearsal where that was lower.

    A model that passes on rows of a world that has just changed is better than its predecessor and still worse than it
    was in rehearsal; held to the gate alone, it would never be asked to catch up.

    >>> held = promised(Baseline(2.6, 100, 2.5, 2.7, "gate rows"), 1.5)
    >>> held.mean, held.low, held.high, held.source
    (1.5, 1.4, 1.6, 'rehearsal')
    """
    if rehearsal is None or not rehearsal < gate.mean:
        return gate
    lower = gate.mean - rehearsal
    return replace(
        gate, mean=rehearsal, low=round(gate.low - lower, 9), high=round(gate.high - lower, 9), source="rehearsal"
    )


def _lacking(cases: Sequence[SuiteCase]) -> list[Finding]:
    if not cases:
        return []
    names = ", ".join(f"{case.id} of {case.period}" for case in cases)
    reason = (
        f"{len(cases)} case(s) cannot be scored, their row or outcome is not there: {names}. Correct or expire them"
    )
    return [Finding("regression_suite", Outcome.INSUFFICIENT, reason, role="regression")]


def _not_stored(store: PeriodStore, periods: Sequence[str], names: set[str]) -> set[str]:
    """Which of these columns some stored period of rows no longer has."""
    paths = [path for period in periods if (path := store.path("raw_data", period)).exists()]
    return {name for name in names if any(name not in pq.read_schema(path).names for path in paths)}


def _champion_scores(champion: Scorer | None, rows: pa.Table) -> tuple[Any, str]:
    """The live version's scores by its own feature contract, or why it can no longer give any."""
    if champion is None:
        return None, ""
    try:
        return champion.scores(rows), ""
    except DataError as error:
        return None, f"{str(error).rstrip('.')}. {_WAYS_OUT}"


_WAYS_OUT = (
    "Nothing was compared, so neither gate rows nor an attempt are spent. Bring the column back, `retrain rollback` to "
    "a version that does without it, or `retrain retire` and `retrain release` the model: the next candidate is then "
    "judged as a first one"
)


def _numbers(rows: pa.Table, name: str) -> Any:
    """A column as float64, NaN where a value is missing."""
    return rows[name].cast(pa.float64()).to_numpy()


def _values(rows: pa.Table, name: str) -> Any:
    return np.asarray(rows[name].cast(pa.string()).to_pylist(), dtype=object)
