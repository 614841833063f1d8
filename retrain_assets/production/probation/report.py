"""Write `probation_report` of a period: both versions score the same rows, whose losses are compared day by day.

Only rows whose outcome arrived in the period are scored; the days before stand as sums in the record of the period
before. The rules stand in `trial` and `anytime_valid`, the record's keys in `record`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.errors import NoProbation
from retrain_assets.model import Model, PeriodAccess
from retrain_assets.monitoring.performance.scored_rows import time_span, without
from retrain_assets.production.policy import ProbationPolicy, ScoreRate
from retrain_assets.production.probation.day_sums import add_days, block_means, last_of
from retrain_assets.production.probation.group_watch import (
    GroupAccount,
    Opening,
    WatchStatus,
    group_sentence,
    open_accounts,
    overall,
)
from retrain_assets.production.probation.record import (
    ASSET,
    DaySums,
    Measurement,
    ProbationRecord,
    Status,
    stored_record,
)
from retrain_assets.production.probation.scoring import ScoringResult, ServedVersion, stored_rows
from retrain_assets.production.probation.text import ENDED, Wording, sentence_of
from retrain_assets.production.probation.trial import ProbationTerms, Trial, closed_until, judge, limit_of, trial_of
from retrain_assets.raw.labels import latest_per_key
from retrain_assets.raw.notation.keys import comparable_keys
from retrain_assets.registry.journal.history import History
from retrain_assets.scoring.scorer import scores_of
from retrain_assets.statistics.daily_differences import PROBATIONS, write_differences
from retrain_assets.store import KNOWN_AT, LABEL, OUTCOME, OUTCOME_TIME, PeriodStore
from retrain_assets.validation.probation_terms import capped_losses
from retrain_assets.validation.watched_groups import WatchedGroup


@dataclass(frozen=True)
class Probation:
    """The probation of one model's versions.

    Args:
        model: The model's facts.
        policy: How long, at which level, and what withdraws a version at once.
    """

    model: Model
    policy: ProbationPolicy

    def report(self, access: PeriodAccess, written: str = "") -> ProbationRecord:
        """Write the record of a period, with the day on which it is written, and return it."""
        record = replace(self._with_groups(access, self._record(access)), written=written)
        access.store.write_json(ASSET, access.period, record.to_dict())
        if record.sums is not None and record.comparison is not None:
            found = record.sums.differences(record.comparison.version, self.model.loss)
            write_differences(access.store, PROBATIONS, access.period, [found])
        return record

    def _record(self, access: PeriodAccess) -> ProbationRecord:
        period = access.period
        try:
            trial = trial_of(History(access.registry.history()), self.model.calendar, self.policy, period)
        except NoProbation as why:
            return ProbationRecord(period, Status.IDLE, f"{period}: {why}", period)
        before = _before(access.store, trial, period)
        idle = ProbationRecord(period, Status.IDLE, "", period, trial.compared)
        ended = before.end() if before else None
        if ended is not None:
            said = f"{period}: no probation: {ENDED[ended.status].format(trial.compared.version)} in {ended.period}"
            return replace(idle, sentence=said, ended=ended)
        return self._compared(access, trial, before, replace(idle, sums=before.sums if before else None))

    def _with_groups(self, access: PeriodAccess, record: ProbationRecord) -> ProbationRecord:
        """The record with the protected groups that a gate left to probation, also after the comparison has ended."""
        try:
            trial = trial_of(History(access.registry.history()), self.model.calendar, self.policy, access.period)
        except NoProbation:
            return record
        accounts = self._accounts(access, trial)
        if not accounts:
            return record
        live = ServedVersion.load(access.registry, trial.compared.version, trial.compared.digest)
        accounts = self._followed(access, trial, live, accounts)
        said = group_sentence(accounts, live.name, self.model.label_unit, self.model.row_name)
        harmed = any(account.status is WatchStatus.HARMED for account in accounts)
        if harmed and not record.status.asks_rollback:
            return replace(
                record,
                status=Status.HARMED,
                sentence=f"{access.period}: {said}",
                comparison=trial.compared,
                groups=accounts,
            )
        return replace(record, sentence=f"{overall(record.sentence, accounts)}; {said}", groups=accounts)

    def _accounts(self, access: PeriodAccess, trial: Trial) -> tuple[GroupAccount, ...]:
        """The accounts before the period's rows: those that an earlier period left open, and the promotion's own."""
        earlier = [known for known in access.store.periods(ASSET, "json") if known < access.period]
        before = stored_record(access.store, earlier[-1]) if earlier else None
        evidence = access.registry.evidence(trial.event).evidence
        terms, compared = ProbationTerms.from_dict(evidence), trial.compared
        opening = Opening(
            compared.previous, compared.previous_digest, trial.first_day, terms.block_days, self.policy.alpha
        )
        begun = earlier and earlier[-1] > compared.promoted_in
        left = () if begun else WatchedGroup.of_evidence(evidence)
        return open_accounts(before.groups if before else (), left, opening)

    def _followed(
        self, access: PeriodAccess, trial: Trial, live: ServedVersion, accounts: tuple[GroupAccount, ...]
    ) -> tuple[GroupAccount, ...]:
        """The accounts with the rows whose outcome arrived in the period."""
        names = {account.reference_digest: account.reference for account in accounts}
        references = {digest: ServedVersion.load(access.registry, name, digest) for digest, name in names.items()}
        split = frozenset(account.watched.attribute for account in accounts)
        features = live.features.union(*(version.features for version in references.values()))
        rows = self._rows(access, self._arrived(access, trial), features | split)
        due = (self.model.calendar.bounds(access.period)[1] - self.model.label_delay).date()
        after = live.answer(rows)
        before = {digest: version.answer(rows) for digest, version in references.items()}
        return tuple(
            _with_harm(account, rows, self.model, before[account.reference_digest], after).judged(due)
            for account in accounts
        )

    def _compared(
        self, access: PeriodAccess, trial: Trial, before: ProbationRecord | None, idle: ProbationRecord
    ) -> ProbationRecord:
        """The record of a period in which both versions are asked for scores; `idle` is what is known before that."""
        compared, registry = trial.compared, access.registry
        live = ServedVersion.load(registry, compared.version, compared.digest)
        previous = ServedVersion.load(registry, compared.previous, compared.previous_digest)
        fault, served = self._tripwire(access, live)
        rows = self._rows(access, self._arrived(access, trial), live.features | previous.features)
        answers = live.answer(rows), previous.answer(rows)
        fault = fault or answers[0].fault
        if fault or answers[1].fault:
            final = access.period >= ((before.limit if before else None) or compared.last)
            other = (previous.name, answers[1].fault)
            if fault:
                other = self._successor(access, previous, answers[1].fault)
            return self._faulty(idle, fault, other, served=served, final=final)
        sums, found, status = self._measured(access, trial, idle.sums or DaySums(), rows, answers)
        sentence = sentence_of(access.period, compared, status, found, Wording(self.policy, self.model.units))
        return replace(idle, status=status, sentence=sentence, sums=sums, measurement=found)

    def _measured(
        self,
        access: PeriodAccess,
        trial: Trial,
        known: DaySums,
        rows: pa.Table,
        answers: tuple[ScoringResult, ScoringResult],
    ) -> tuple[DaySums, Measurement, Status]:
        """The days with the period's rows in them, what all closed blocks say, and what follows."""
        period, policy, model, compared = access.period, self.policy, self.model, trial.compared
        terms = ProbationTerms.from_dict(access.registry.evidence(trial.event).evidence)
        frozen = known.closed_until or trial.first_day.isoformat()
        until = closed_until(trial, terms.block_days, model.calendar.bounds(period)[1], model.label_delay)
        sums, losses = self._folded(replace(known, closed_until=frozen), rows, answers, terms)
        blocks = block_means(sums.days, trial.first_day, until, terms.block_days)
        limit = limit_of(compared.last, model.calendar, trial.first_day, terms.block_days, policy, model.label_delay)
        status, path = judge(blocks, terms.block_days, policy, over=period >= compared.last, final=period >= limit)
        found = Measurement(
            ruling=path.ruling,
            blocks=tuple(blocks),
            block_days=terms.block_days,
            limit=limit,
            tolerance=policy.tolerance,
            loss_cap=terms.loss_cap,
            rows=rows.num_rows - (sums.late_rows - known.late_rows),
            rows_total=sum(count for _, count in sums.days.values()),
            loss=losses[0],
            previous_loss=losses[1],
            e_value=last_of(path.e_value, 1.0),
            line=path.line,
            mean=math.fsum(blocks) / len(blocks) if blocks else math.nan,
            low=last_of(path.low) + policy.tolerance,
            high=last_of(path.high) + policy.tolerance,
            harm_left=path.harm_left,
        )
        return replace(sums, closed_until=max(until.isoformat(), frozen)), found, status

    def _tripwire(self, access: PeriodAccess, live: ServedVersion) -> tuple[str, bool]:
        """What is wrong with the live version on the period's rows, labelled or not, and whether it can serve them."""
        scored = access.store.read_table("predictions", [access.period])
        served = scored is not None and scored.num_rows > 0 and scored["version"][0].as_py() == live.name
        if live.scorer is None:
            return live.fault, served
        if served and scored is not None:
            given = ScoringResult.of(scores_of(scored))
        else:
            wanted = live.features | {self.model.key, self.model.time}
            given = live.answer(stored_rows(access.store, [access.period], wanted))
        return given.fault or self._beyond(given), served or not given.fault

    def _beyond(self, given: ScoringResult) -> str:
        """What the hard limits of the mean score say of a version's scores; empty when they hold, or ask nothing."""
        limits = self.policy.score_rate
        if limits is None or given.scores is None or not given.scores.size:
            return ""
        mean = float(given.scores.mean())
        return "" if limits.holds(mean) else f"its mean score {mean:.4g} is outside {_limits(limits)}"

    def _faulty(
        self, idle: ProbationRecord, fault: str, other: tuple[str, str], *, served: bool, final: bool
    ) -> ProbationRecord:
        """A tripwire where another version answers and the live one does not; blind where the previous fails.

        A probation that is blind at its very end has proved nothing.

        Args:
            idle: The record so far.
            fault: Of the live version, empty where only the other one fails.
            other: Name of the version that would answer instead, and its fault.
            served: Whether the live version can serve the period all the same.
            final: Whether the probation ends with it.
        """
        period, (name, other_fault) = idle.period, other
        version, promoted_in = (
            (idle.comparison.version, idle.comparison.promoted_in) if idle.comparison else ("the live version", period)
        )
        if other_fault:
            both = f"{version}: {fault}; " if fault else ""
            sentence = f"{period}: nothing can be told of {version}: {both}{name}: {other_fault}"
            if final:
                return replace(idle, status=Status.UNPROVEN, sentence=f"{sentence}; its probation ends unproven")
            return replace(idle, status=Status.BLIND, sentence=sentence)
        return replace(
            idle,
            status=Status.TRIPWIRE,
            sentence=f"{period}: {version} must go at once: {fault}; {name} answers the same rows",
            # What it could not score, its successor has to: the rollback is then booked a period earlier.
            decided_in=period if served else max(promoted_in, self.model.calendar.shift(period, -1)),
        )

    def _successor(self, access: PeriodAccess, previous: ServedVersion, fault: str) -> tuple[str, str]:
        """The version that would answer the period's rows instead of the live one, and what keeps it from it.

        That is the previous one; where it does not load, the first older one that loads.
        """
        if previous.scorer is not None:
            return previous.name, fault or self._fault_on(access, previous)
        for older in access.registry.rollback_targets():
            version = ServedVersion.load(access.registry, older.name, older.digest)
            if version.scorer is not None:
                return older.name, self._fault_on(access, version)
        return previous.name, previous.fault

    def _fault_on(self, access: PeriodAccess, version: ServedVersion) -> str:
        given = version.answer(stored_rows(access.store, [access.period], version.features))
        return given.fault or self._beyond(given)

    def _arrived(self, access: PeriodAccess, trial: Trial) -> pa.Table:
        """The first outcome of each row of the probation that arrived in the period."""
        store, key, period = access.store, self.model.key, access.period
        arrived = store.read_table("outcomes", [period], [key, OUTCOME, OUTCOME_TIME, KNOWN_AT])
        if arrived is None:
            return pa.table({key: pa.array([], pa.string()), OUTCOME: pa.array([], pa.float64())})
        first = datetime.combine(trial.first_day, datetime.min.time())
        arrived = latest_per_key(
            arrived.filter(pc.greater_equal(arrived[OUTCOME_TIME], pa.scalar(first, pa.timestamp("us")))), key
        )
        earlier = [known for known in store.periods("outcomes") if trial.compared.promoted_in < known < period]
        seen = store.read_table("outcomes", earlier, [key])
        return without(arrived, seen, key)

    def _rows(self, access: PeriodAccess, arrived: pa.Table, features: frozenset[str]) -> pa.Table:
        """The rows whose outcome arrived, with the columns that either version reads, and the outcome."""
        if not arrived.num_rows:
            return arrived.slice(0, 0)
        key, time, calendar = self.model.key, self.model.time, self.model.calendar
        first, last = (calendar.key(moment) for moment in time_span(arrived[OUTCOME_TIME]))
        periods = calendar.between(first, min(access.period, last))
        found = stored_rows(access.store, periods, features | {key, time})
        if key not in found.column_names:
            return arrived.slice(0, 0)
        own, others = comparable_keys(found[key], arrived[key])
        at = pc.index_in(own, value_set=others)
        found, at = found.filter(at.is_valid()), at.filter(at.is_valid())
        rows = found.append_column(LABEL, arrived[OUTCOME].take(at))
        return rows.filter(pc.equal(rows[time], arrived[OUTCOME_TIME].take(at)))

    def _folded(
        self, known: DaySums, rows: pa.Table, answers: tuple[ScoringResult, ScoringResult], terms: ProbationTerms
    ) -> tuple[DaySums, tuple[float | None, float | None]]:
        """The days with the new rows in them, and both versions' mean loss on the new rows."""
        new, previous = answers[0].scores, answers[1].scores
        if not rows.num_rows or new is None or previous is None:
            return known, (None, None)
        label, day = rows[LABEL].to_numpy(), rows[self.model.time].to_numpy().astype("datetime64[D]")
        losses = [capped_losses(self.model.loss, label, scores, terms.loss_cap) for scores in (new, previous)]
        fresh = day >= np.datetime64(known.closed_until)
        days = add_days(known.days, day[fresh], (losses[0] - losses[1])[fresh])
        late = known.late_rows + int((~fresh).sum())
        return replace(known, days=days, late_rows=late), (float(losses[0].mean()), float(losses[1].mean()))


def _with_harm(
    account: GroupAccount, rows: pa.Table, model: Model, before: ScoringResult, after: ScoringResult
) -> GroupAccount:
    """An account with the harm of new rows; as it was where a version does not answer."""
    if before.scores is None or after.scores is None or before.fault or after.fault:
        return account
    own = account.watched.members(np.asarray(rows[account.watched.attribute].cast(pa.string()).to_pylist(), object))
    harm = account.watched.harm(rows[LABEL].to_numpy(), before.scores, after.scores)
    return account.with_rows(rows[model.time].to_numpy()[own], harm[own])


def _before(store: PeriodStore, trial: Trial, period: str) -> ProbationRecord | None:
    """The newest record of the same probation that is older than a period; None when there is none."""
    named = (trial.compared.digest, trial.compared.promoted_in)
    for known in reversed(store.periods(ASSET, "json")):
        record = stored_record(store, known) if trial.compared.promoted_in < known < period else None
        if record and record.comparison and (record.comparison.digest, record.comparison.promoted_in) == named:
            return record
    return None


def _limits(rate: ScoreRate) -> str:
    return f"{'-∞' if rate.at_least is None else rate.at_least} to {'∞' if rate.at_most is None else rate.at_most}"
