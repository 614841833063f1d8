"""The verdict of a period: candidate and champion score the gate rows, the gate judges, the registry writes it down.

A verdict for one candidate, one champion and one set of gate rows is computed once; asking again returns the same
record, so that a retry cannot try its luck.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from retrain_assets import __version__
from retrain_assets.candidates.boosting.constant_model import fallback_files
from retrain_assets.candidates.policy import RefitPolicy
from retrain_assets.documents.units import counted, percent, plural
from retrain_assets.errors import BudgetSpent, GateRowsSpent
from retrain_assets.metrics.metric import metric
from retrain_assets.model import Model, PeriodAccess
from retrain_assets.monitoring.performance.report import REHEARSAL, Baseline, baseline
from retrain_assets.monitoring.records.drift_record import read_drift
from retrain_assets.periods import Length
from retrain_assets.registry.cooldown import Rest, refuse_resting
from retrain_assets.registry.journal.events import GateUse
from retrain_assets.registry.journal.history import History
from retrain_assets.registry.rules import refuse_retraining
from retrain_assets.registry.training_span import refuse_seen_rows
from retrain_assets.scoring.features import encode
from retrain_assets.scoring.trained_scorer import TrainedScorer
from retrain_assets.store import LABEL, Json
from retrain_assets.validation.attempt import Attempt, ScoredAttempt, candidate_of, load_attempt
from retrain_assets.validation.criteria.detectability import days_lacking
from retrain_assets.validation.criteria.procedure_evidence import PROCEDURE, SHOWN, Procedure, ProcedureEvidence
from retrain_assets.validation.criteria.refit_agreement import agreement
from retrain_assets.validation.judge import ChampionAge, Conditions, GateRows, GateScores, SuiteRows, judge
from retrain_assets.validation.next_decision import next_decision
from retrain_assets.validation.pages.group_tables import group_evidence
from retrain_assets.validation.policy import ValidationPolicy
from retrain_assets.validation.probation_terms import terms
from retrain_assets.validation.suite.cases import SuiteCase, case_results, regression_suite
from retrain_assets.validation.suite.rows import live_cases, suite_rows
from retrain_assets.validation.watched_groups import watched_groups
from retrain_assets.verdict import Decision, Finding, Outcome, Refit, Verdict

ASSET = "validation_report"
NO_REST = Length.parse("0d")
RULES = "rules"
"""Key of a verdict's evidence: digest of the files that hold the rules."""

Refitter = Callable[[PeriodAccess, str], str]
"""Trains a tested candidate again through the gate of a period, given its digest, and gives the new digest."""


@dataclass(frozen=True)
class Gate:
    """What judging one model needs besides its store and registry.

    Attributes:
        model: The model's facts.
        policy: What must be shown.
        groups: Columns by which rows may be split.
        policy_sha256: Of the rules in force.
        attempts_per_year: How many candidates a year may be judged.
        refit: Trains a tested candidate again through the gate, where the spec asks for it.
        agreement: How close the refitted model must be to the tested one; None for closer than the live model.
        rest: What a rollback of a period asks of the next candidate.
        cooldown: The rest after an attempt that did not promote.
        rules: The rules in full, as files, so that the verdict can be reached again when others are in force.
        procedure: How the spec trains and what that gains; needed where `evidence: procedure` is declared.
    """

    model: Model
    policy: ValidationPolicy
    groups: tuple[str, ...]
    policy_sha256: str
    attempts_per_year: int
    refit: Refitter | None = None
    agreement: RefitPolicy | None = None
    rest: Callable[[str], Rest] | None = None
    rules: Callable[[], Mapping[str, bytes]] | None = None
    cooldown: Length = NO_REST
    procedure: Procedure | None = None

    def verdict(self, access: PeriodAccess, at: datetime, actor: str) -> Verdict:
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
            TrainedOnGate: A compared version was trained on gate rows; nothing is spent.
        """
        registry = access.registry
        settled = registry.settled(access.period, candidate_of(self.model, access))
        if settled is not None:
            return settled
        attempt = load_attempt(self.model, self.policy, self.groups, access)
        known = registry.judged(attempt.use, self.policy_sha256)
        if known is not None:
            return known
        refuse_seen_rows(f"{self.model.name} {access.period}", attempt.window, attempt.training_spans)
        refuse_resting(
            f"{self.model.name} {access.period}",
            access.period,
            History(registry.history()),
            self.rest,
            lambda: attempt.candidate.scorer.training.end,
        )
        scored = attempt.scored()
        if scored.fault:
            return self._judge(scored)
        asked = attempt.question(self.policy_sha256)
        registry.claim(asked, attempt.use, at=at, refuse=lambda spent: self._refuse_spent(spent, attempt))
        try:
            verdict = self._judge(scored)
        except Exception:
            registry.withdraw(asked)
            raise
        if verdict.decision is Decision.PROMOTE:
            verdict = self._refitted(verdict, scored)
        scored.keep_differences()
        verdict = self._with_rules(verdict, attempt)
        registry.record(verdict, at=at, actor=actor)
        return verdict

    def refuse_in_advance(self, access: PeriodAccess, at: datetime, trained_until: datetime | None) -> None:
        """Refuse a retrain that could not be promoted whatever its candidate is; nothing is trained for it.

        Args:
            access: As of which period.
            at: Now, wall clock: holds expire.
            trained_until: How far the candidate's training would reach; None where no window can be cut yet, so that
                nothing is asked about it.

        Raises:
            Held: A person holds the model or the live version.
            Retired: The whole model is out of service.
            CoolingDown: A rollback's cool-down runs.
            FailureNotSeen: The candidate would not learn from the failure that was rolled back.
            BudgetSpent: The year's attempts are used up.
        """
        history, where = History(access.registry.history()), f"{self.model.name} {access.period}"
        refuse_retraining(where, history, at)
        if trained_until is None:
            return
        refuse_resting(where, access.period, history, self.rest, lambda: trained_until)
        spent = [use for use in access.registry.spent() if use.period != access.period]
        self._refuse_beyond_budget(access.period, spent)

    def _with_rules(self, verdict: Verdict, attempt: Attempt) -> Verdict:
        """The verdict with the digest of the files that hold its rules, which are stored beside the versions."""
        files = self.rules() if self.rules else {}
        if not files:
            return verdict
        return replace(verdict, evidence={**verdict.evidence, RULES: attempt.access.registry.add(files)})

    def measured(self, attempt: Attempt) -> Verdict:
        """What the gate finds of a version alone, as of a first model; nothing is claimed and nothing written down."""
        return self._with_rules(self._judge(attempt.scored()), attempt)

    def _judge(self, scored: ScoredAttempt) -> Verdict:
        attempt, model, policy = scored.attempt, self.model, self.policy
        candidate, rows = attempt.candidate.scorer, attempt.gate_rows(policy, self.groups)
        rows = replace(rows, history=attempt.history())
        suite, lacking = self._suite(attempt, candidate)
        procedure = self._procedure(scored)
        judgement = judge(
            policy,
            model.task,
            rows,
            GateScores(scored.candidate, candidate.baseline_scores(len(rows)), scored.champion, scored.anchor),
            suite,
            Conditions(
                self.attempts_per_year,
                None if scored.fault else self._age(attempt),
                scored.fault,
                attempt.anchor_name,
                procedure,
            ),
        )
        verdict = Verdict(
            model=model.name,
            period=attempt.access.period,
            findings=(*judgement.findings, *self._unlabelled(attempt), *lacking),
            gate=attempt.window,
            candidate_digest=attempt.candidate.digest,
            champion_digest=attempt.champion.digest if attempt.champion else None,
            policy_sha256=self.policy_sha256,
            code_version=__version__,
            identical=judgement.identical,
            evidence={
                **self._promise(scored, rows),
                **group_evidence(policy, model.task, rows, scored.champion, scored.candidate),
                "cases": [asdict(result) for result in case_results(policy, model.task, suite)],
                **({"undecided_slices": [asdict(found) for found in judgement.reported]} if judgement.reported else {}),
                **watched_groups(policy, rows, judgement.findings),
                **self._probation(scored, rows),
                **self._fallback(attempt),
                **_anchored(scored),
                **self._procedure_record(attempt, procedure),
            },
        )
        told = {**self._not_yet(verdict), **_broken(attempt.access)}
        return replace(verdict, evidence={**verdict.evidence, **told})

    def _procedure(self, scored: ScoredAttempt) -> ProcedureEvidence | None:
        """What fresh models gain over aged ones, where the policy asks for it and a live model is compared with."""
        if self.policy.procedure is None or scored.champion is None:
            return None
        alpha = self.policy.alpha_per_attempt(self.attempts_per_year)
        alpha -= self.policy.superiority_alpha(alpha)
        if self.procedure is None:
            return ProcedureEvidence.none("nothing here measures it", alpha)
        return self.procedure.evidence(scored.attempt.access, alpha)

    def _procedure_record(self, attempt: Attempt, found: ProcedureEvidence | None) -> Json:
        """Which procedure trained the candidate, so that its evidence counts from here on, and what it gains."""
        if self.procedure is None:
            return {}
        record: Json = {PROCEDURE: {"sha256": self.procedure.sha256}}
        if found is not None:
            return {PROCEDURE: {**record[PROCEDURE], "found": found.to_dict()}}
        shown = self.procedure.shown(attempt.access) if attempt.champion is not None else None
        return record | ({SHOWN: shown.to_dict()} if shown is not None else {})

    def _not_yet(self, verdict: Verdict) -> Json:
        """What an undecided verdict lacks, and when the next decision is due."""
        days = days_lacking(verdict)
        if verdict.decision is not Decision.INSUFFICIENT or days is None:
            return {}
        first = verdict.champion_digest is None
        period = next_decision(self.model, verdict.period, verdict.gate, self.cooldown, first)
        due = self.model.calendar.bounds(period)[1]
        rows = plural(self.model.row_name)
        return {"not_yet": {"days": days, "next_decision": due.date().isoformat(), "rows": rows}}

    def _promise(self, scored: ScoredAttempt, rows: GateRows) -> Json:
        """The loss that the candidate is held to once it serves, and what trained it."""
        training = scored.attempt.candidate.scorer.training
        losses = metric(self.model.loss).row_losses(rows.label, scored.candidate)
        return {
            "baseline": promised(baseline(losses, rows.time), training.selection_loss).to_dict(),
            "trained_until": training.trained_until,
            "strategy": training.strategy,
        }

    def _probation(self, scored: ScoredAttempt, rows: GateRows) -> Json:
        """What the probation of this candidate will be held by; nothing when there is no champion to compare with."""
        if scored.champion is None:
            return {}
        return {"probation": terms(self.model.loss, rows, scored.candidate, scored.champion)}

    def _fallback(self, attempt: Attempt) -> dict[str, str]:
        """Digest of the constant model that a first version falls back to, added to the registry."""
        if attempt.champion is not None:
            return {}
        registry = attempt.access.registry
        return {"fallback": registry.add(fallback_files(registry.read(attempt.candidate.digest)))}

    def _age(self, attempt: Attempt) -> ChampionAge | None:
        """How old the champion's knowledge is, where the policy asks for it."""
        if attempt.champion is None or self.policy.fresher is None:
            return None
        champion, rows, calendar = attempt.champion.scorer, attempt.rows, self.model.calendar
        until = calendar.key(champion.training.end)
        unseen = encode(rows, champion.contract).unseen.values()
        periods = calendar.distance(until, calendar.shift(attempt.access.period, 1))
        return ChampionAge(periods, max(unseen, default=0) / rows.num_rows)

    def _refitted(self, verdict: Verdict, scored: ScoredAttempt) -> Verdict:
        """The verdict with the candidate refitted through the gate, where the spec asks for it, and what was found."""
        if self.refit is None:
            return verdict
        attempt, access = scored.attempt, scored.attempt.access
        digest = self.refit(access, verdict.candidate_digest)
        refitted = TrainedScorer.from_files(access.registry.read(digest))
        suite, lacking = self._suite(attempt, refitted)
        again, reference = refitted.scores(attempt.rows), scored.champion
        if reference is None:
            reference = attempt.candidate.scorer.baseline_scores(attempt.window.rows)
        findings = (
            agreement(scored.candidate, again, reference, self.agreement, row=self.model.row_name),
            *regression_suite(self.policy, self.model.task, suite),
            *lacking,
        )
        refit = Refit(digest, refitted.training.trained_until, findings)
        seen = {"trained_until": refit.trained_until} if refit.allowed else {}
        return replace(verdict, refit=refit, evidence={**verdict.evidence, **seen})

    def _unlabelled(self, attempt: Attempt) -> list[Finding]:
        """A finding when too many gate rows have no outcome: those that lack one are seldom like the others."""
        store, window, time = attempt.access.store, attempt.window, self.model.time
        times = store.read_table("raw_data", window.periods, [time])
        start, end = datetime.fromisoformat(window.start), datetime.fromisoformat(window.end)
        inside = pc.and_(pc.greater_equal(times[time], start), pc.less(times[time], end)) if times else []
        stored = int(pc.sum(inside).as_py() or 0)
        share, allowed = 1 - window.rows / max(stored, 1), self.policy.max_unlabelled_share
        if share <= allowed:
            return []
        several = f"gate {plural(self.model.row_name)}"
        reason = (
            f"{percent(share, 1)} of {stored:,} {several} have no outcome, at most {percent(allowed, 1)} may lack one"
        )
        return [Finding("hard", Outcome.INSUFFICIENT, reason, role="hard", rows=window.rows)]

    def _suite(self, attempt: Attempt, candidate: TrainedScorer) -> tuple[SuiteRows, list[Finding]]:
        """The cases that can be scored, and a finding when a case that should be cannot."""
        declared = self.policy.regression_suite
        champion = attempt.champion.scorer if attempt.champion else None
        cases = live_cases(Path(declared.path), attempt.access.period, self.model.calendar, declared.optional)
        columns = sorted({*candidate.contract.names, *(champion.contract.names if champion else ())})
        known = suite_rows(self.model, attempt.access, cases, columns)
        if known is None:
            nothing = SuiteRows((), np.empty(0), np.empty(0), np.empty(0) if champion else None)
            return nothing, _lacking(cases if champion else (), self.model.row_name)
        keys = [str(key) for key in known[self.model.key].to_pylist()]
        by_id = {case.id: case for case in cases}
        rows = SuiteRows(
            cases=tuple(by_id[key] for key in keys),
            label=known[LABEL].to_numpy(),
            candidate_scores=candidate.scores(known),
            champion_scores=champion.scores(known) if champion else None,
        )
        absent = [case for case in cases if case.id not in set(keys)] if champion else ()
        return rows, _lacking(absent, self.model.row_name)

    def _refuse_beyond_budget(self, period: str, spent: Sequence[GateUse]) -> None:
        calendar = self.model.calendar
        year_ago = calendar.shift(period, -calendar.per_year)
        attempts = sum(year_ago < use.period for use in spent if not use.is_free)
        if attempts >= self.attempts_per_year:
            raise BudgetSpent(
                f"{self.model.name} {period}: {counted(attempts, 'attempt')} in the last year, and the spec declares "
                f"{self.attempts_per_year}. The level of a test rests on that number: wait, or raise "
                "triggers.max_per_year."
            )

    def _refuse_spent(self, spent: Sequence[GateUse], attempt: Attempt) -> None:
        window = attempt.window
        self._refuse_beyond_budget(attempt.access.period, spent)
        if attempt.champion is None:
            spent = [use for use in spent if not use.is_free]
        for use in spent:
            if use.overlaps(window.start, window.end):
                spent_by = "are spent on" if use.outcome == "begun" else "decided"
                raise GateRowsSpent(
                    f"{self.model.name}: the rows of {window.start} to {window.end} {spent_by} the attempt of "
                    f"{use.period} ({use.outcome}). Complete "
                    f"{counted(len(window.periods), 'period')} after {use.period} first."
                )


def _broken(access: PeriodAccess) -> Json:
    """Which columns the period's drift report calls broken."""
    drift = read_drift(access.store, access.period)
    names = [column.column for column in drift.broken] if drift else []
    return {"broken": names} if names else {}


def _anchored(scored: ScoredAttempt) -> Json:
    """Which version the anchor is, and why the candidate was not held against it, where it was not."""
    attempt = scored.attempt
    if attempt.anchor is None:
        return {}
    fault = {"fault": scored.anchor_fault} if scored.anchor_fault else {}
    return {"anchor": {"version": attempt.anchor_name, "digest": attempt.anchor.digest, **fault}}


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
        gate, mean=rehearsal, low=round(gate.low - lower, 9), high=round(gate.high - lower, 9), source=REHEARSAL
    )


def _lacking(cases: Sequence[SuiteCase], row: str) -> list[Finding]:
    if not cases:
        return []
    names = ", ".join(f"{case.id} of {case.period}" for case in cases)
    reason = (
        f"{counted(len(cases), 'case')} cannot be scored, no {row} or outcome is there: {names}. Correct or expire "
        f"{'it' if len(cases) == 1 else 'them'}"
    )
    return [Finding("regression_suite", Outcome.INSUFFICIENT, reason, role="regression")]
