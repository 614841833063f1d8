"""`probation_report` of a period, from stored rows to a stored record: both versions score the same rows.

Only rows whose outcome arrived in the period are scored; the days before stand as sums in the record of the period
before. The rules stand in `probation` and `sequential`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.periods import Calendar
from retrain_assets.production.policy import ProbationPolicy, ScoreRate
from retrain_assets.production.probation.scoring import Scored, answer, load, stored, told
from retrain_assets.production.probation.text import ENDED, sentence_of
from retrain_assets.production.probation.trial import (
    ASSET,
    Days,
    Status,
    Terms,
    Trial,
    add_days,
    block_means,
    closed_until,
    judge,
    last_of,
    limit_of,
    trial_of,
)
from retrain_assets.raw.labels import latest_per_key
from retrain_assets.registry.journal.history import History
from retrain_assets.registry.registry import Registry
from retrain_assets.scoring.scorer import Scorer, scores_of
from retrain_assets.store import PeriodStore, finite
from retrain_assets.validation.probation_terms import capped_losses


@dataclass(frozen=True)
class Probation:
    """What the probation of one model needs besides its store and registry."""

    model: str
    calendar: Calendar
    key: str
    time: str
    label_delay: timedelta
    loss: str
    policy: ProbationPolicy

    def report(self, store: PeriodStore, registry: Registry, period: str) -> dict[str, Any]:
        """Write the record of a period and return it."""
        trial = trial_of(History(registry.history()), self.calendar, self.policy, period)
        if isinstance(trial, str):
            return _write(store, period, _idle(period, trial))
        before = _before(store, trial, period)
        if ended := _end_of(before):
            status, last = ended
            sentence = f"no probation: {ENDED[status].format(trial.version)} in {last}"
            return _write(store, period, _idle(period, sentence, trial) | {f"{status}_in": last})
        return _write(store, period, self._measured(store, registry, trial, before, period))

    def _measured(
        self, store: PeriodStore, registry: Registry, trial: Trial, before: Mapping[str, Any], period: str
    ) -> dict[str, Any]:
        versions = load(registry, trial.digest), load(registry, trial.previous_digest)
        kept = {name: before[name] for name in ("days", "closed_until", "late_rows") if name in before}
        record = _idle(period, "", trial) | kept
        fault, served = self._tripwire(store, versions[0], trial, period)
        arrived = _arrived(store, self.key, trial, self.calendar, period)
        rows = self._rows(store, arrived, versions, period)
        pair = answer(versions[0], rows), answer(versions[1], rows)
        fault = fault or pair[0].fault
        if fault or pair[1].fault:
            final = period >= str(before.get("limit", trial.last))
            named = trial.previous, pair[1].fault
            other = self._other(store, registry, versions[1], *named, period) if fault else named
            return record | self._faulty(trial, fault, other, served, period, final)
        terms = Terms.from_evidence(registry.evidence(trial.event).evidence)
        known: Days = {day: (total, count) for day, (total, count) in before.get("days", {}).items()}
        frozen = before.get("closed_until", trial.first_day.isoformat())
        until = closed_until(trial, terms.block_days, self.calendar.bounds(period)[1], self.label_delay)
        days, late, losses = self._folded(known, frozen, rows, pair, terms)
        blocks = block_means(days, trial.first_day, until, terms.block_days)
        limit = limit_of(trial.last, self.calendar, trial.first_day, terms.block_days, self.policy, self.label_delay)
        status, path = judge(blocks, terms.block_days, self.policy, over=period >= trial.last, final=period >= limit)
        record |= {
            "status": str(status),
            "ruling": str(path.ruling),
            "days": days,
            "blocks": blocks,
            "block_days": terms.block_days,
            "limit": limit,
            "tolerance": self.policy.tolerance,
            "loss_cap": terms.loss_cap,
            "closed_until": max(until.isoformat(), frozen),
            "rows": rows.num_rows - late,
            "rows_total": sum(count for _, count in days.values()),
            "late_rows": int(before.get("late_rows", 0)) + late,
            "loss": losses[0],
            "previous_loss": losses[1],
            "e_value": last_of(path.e_value, 1.0),
            "line": path.line,
            "mean": math.fsum(blocks) / len(blocks) if blocks else None,
            "low": last_of(path.low) + self.policy.tolerance,
            "high": last_of(path.high) + self.policy.tolerance,
            "harm_left": path.harm_left,
        }
        return record | {"sentence": sentence_of(record, self.policy)}

    def _tripwire(self, store: PeriodStore, live: Scorer | str, trial: Trial, period: str) -> tuple[str, bool]:
        """What is wrong with the live version on the period's rows, labelled or not, and whether it can serve them."""
        scored = store.read_table("predictions", [period])
        served = scored is not None and scored.num_rows > 0 and scored["version"][0].as_py() == trial.version
        if isinstance(live, str):
            return live, served
        if served and scored is not None:
            given = told(scores_of(scored))
        else:
            given = answer(live, stored(store, [period], {self.key, self.time, *live.contract.names}))
        return given.fault or self._beyond(given), served or not given.fault

    def _beyond(self, given: Scored) -> str:
        """What the hard limits of the mean score say of a version's scores; empty when they hold, or ask nothing."""
        limits = self.policy.score_rate
        if limits is None or given.scores is None or not given.scores.size:
            return ""
        mean = float(given.scores.mean())
        return "" if limits.holds(mean) else f"its mean score {mean:.4g} is outside {_limits(limits)}"

    def _faulty(
        self, trial: Trial, fault: str, other: tuple[str, str], served: bool, period: str, final: bool
    ) -> dict[str, Any]:
        """A tripwire where another version answers and the live one does not; blind where the previous fails.

        A probation that is blind at its very end has proved nothing.

        Args:
            trial: The versions.
            fault: Of the live version, empty where only the other one fails.
            other: Name of the version that would answer instead, and its fault.
            served: Whether the live version can serve the period all the same.
            period: Of the report.
            final: Whether the probation ends with it.
        """
        name, other_fault = other
        if other_fault:
            both = f"{trial.version}: {fault}; " if fault else ""
            sentence = f"{period}: nothing can be told of {trial.version}: {both}{name}: {other_fault}"
            if final:
                return {"status": str(Status.UNPROVEN), "sentence": f"{sentence}; its probation ends unproven"}
            return {"status": str(Status.BLIND), "sentence": sentence}
        return {
            "status": str(Status.TRIPWIRE),
            "sentence": f"{period}: {trial.version} must go at once: {fault}; {name} answers the same rows",
            # What it could not score, its successor has to: the rollback is then booked a period earlier.
            "decided_in": period if served else max(trial.promoted_in, self.calendar.shift(period, -1)),
        }

    def _other(
        self, store: PeriodStore, registry: Registry, previous: Scorer | str, name: str, fault: str, period: str
    ) -> tuple[str, str]:
        """The version that would answer the period's rows instead of the live one, and what keeps it from it.

        That is the previous one; where it does not load, the first older one that loads.
        """
        if not isinstance(previous, str):
            return name, fault or self._fault_on(store, previous, period)
        for older in registry.rollback_targets():
            version = load(registry, older.digest)
            if isinstance(version, Scorer):
                return older.name, self._fault_on(store, version, period)
        return name, previous

    def _fault_on(self, store: PeriodStore, version: Scorer, period: str) -> str:
        given = answer(version, stored(store, [period], set(version.contract.names)))
        return given.fault or self._beyond(given)

    def _rows(self, store: PeriodStore, arrived: pa.Table, versions: Any, period: str) -> pa.Table:
        """The rows whose outcome arrived, with the columns that either version reads, and `label`."""
        names = {name for version in versions if isinstance(version, Scorer) for name in version.contract.names}
        if not arrived.num_rows:
            return arrived.slice(0, 0)
        ends = pc.min_max(arrived["time"]).as_py()
        periods = self.calendar.between(self.calendar.key(ends["min"]), min(period, self.calendar.key(ends["max"])))
        found = stored(store, periods, {self.key, self.time, *names})
        if self.key not in found.column_names:
            return arrived.slice(0, 0)
        at = pc.index_in(found[self.key].cast(pa.string()), value_set=_one(arrived[self.key].cast(pa.string())))
        found, at = found.filter(at.is_valid()), at.filter(at.is_valid())
        rows = found.append_column("label", arrived["label"].take(at))
        return rows.filter(pc.equal(rows[self.time], arrived["time"].take(at)))

    def _folded(
        self, known: Days, frozen: str, rows: pa.Table, pair: tuple[Scored, Scored], terms: Terms
    ) -> tuple[dict[str, tuple[float, int]], int, tuple[float | None, float | None]]:
        """The days with the new rows in them, how many came too late, and both versions' mean loss on the new rows."""
        new, previous = pair[0].scores, pair[1].scores
        if not rows.num_rows or new is None or previous is None:
            return dict(known), 0, (None, None)
        label, day = rows["label"].to_numpy(), rows[self.time].to_numpy().astype("datetime64[D]")
        losses = [capped_losses(self.loss, label, scores, terms.loss_cap) for scores in (new, previous)]
        fresh = day >= np.datetime64(frozen)
        days = add_days(known, day[fresh], (losses[0] - losses[1])[fresh])
        return days, int((~fresh).sum()), (float(losses[0].mean()), float(losses[1].mean()))


def _arrived(store: PeriodStore, key: str, trial: Trial, calendar: Calendar, period: str) -> pa.Table:
    """The first outcome of each row of the probation that arrived in a period."""
    arrived = store.read_table("outcomes", [period], [key, "label", "time", "known_at"])
    if arrived is None:
        return pa.table({key: pa.array([], pa.string()), "label": pa.array([], pa.float64())})
    first = datetime.combine(trial.first_day, datetime.min.time())
    arrived = latest_per_key(
        arrived.filter(pc.greater_equal(arrived["time"], pa.scalar(first, pa.timestamp("us")))), key
    )
    earlier = [known for known in store.periods("outcomes") if trial.promoted_in < known < period]
    seen = store.read_table("outcomes", earlier, [key])
    return arrived.filter(pc.invert(pc.is_in(arrived[key], value_set=_one(seen[key])))) if seen else arrived


def _before(store: PeriodStore, trial: Trial, period: str) -> dict[str, Any]:
    """The newest record of the same probation that is older than a period; empty when there is none."""
    earlier = [known for known in store.periods(ASSET, "json") if trial.promoted_in < known < period]
    records = (store.read_json(ASSET, known) or {} for known in reversed(earlier))
    named = {"digest": trial.digest, "promoted_in": trial.promoted_in}
    return next((record for record in records if named.items() <= record.items()), {})


def _end_of(record: Mapping[str, Any]) -> tuple[Status, str] | None:
    """How and in which period a probation ended, as its last record says; None while it goes on."""
    for status in ENDED:
        if record.get("status") == status:
            return status, str(record["period"])
        if f"{status}_in" in record:
            return status, str(record[f"{status}_in"])
    return None


def _idle(period: str, sentence: str, trial: Trial | None = None) -> dict[str, Any]:
    record = {"period": period, "status": str(Status.IDLE), "decided_in": period, "sentence": f"{period}: {sentence}"}
    if trial is None:
        return record
    names = ("version", "digest", "previous", "previous_digest", "promoted_in", "last")
    return record | {name: getattr(trial, name) for name in names}


def _limits(rate: ScoreRate) -> str:
    return f"{'-∞' if rate.at_least is None else rate.at_least} to {'∞' if rate.at_most is None else rate.at_most}"


def _one(values: pa.ChunkedArray) -> pa.Array:
    combined = values.combine_chunks()
    return pa.concat_arrays(combined.chunks) if isinstance(combined, pa.ChunkedArray) else combined


def _write(store: PeriodStore, period: str, record: dict[str, Any]) -> dict[str, Any]:
    store.write_json(ASSET, period, record)
    plain: dict[str, Any] = finite(record)
    return plain
