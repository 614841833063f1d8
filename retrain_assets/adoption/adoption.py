"""Adopt a model that was trained elsewhere: build its version, measure it on fresh rows, put it in service.

A person decides; what is measured is recorded beside the decision. From then on the version is one like any other: it
has a feature contract, a reference profile, a baseline that it is held to, a probe and a constant behind it, and the
next candidate has to beat it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from urllib.parse import quote, unquote

import pyarrow as pa

from retrain_assets.adoption.feature_match import ColumnValues, FeatureMatch, check_objective, matched
from retrain_assets.candidates.origin_losses import OriginLosses
from retrain_assets.candidates.strategies import Trained, baseline_of
from retrain_assets.candidates.version_files import version_files
from retrain_assets.errors import ForeignModel, NotEnoughData
from retrain_assets.model import Model, PeriodAccess
from retrain_assets.production.rollback import probe_model
from retrain_assets.raw.notation.values import counted
from retrain_assets.raw.policy import Columns
from retrain_assets.registry.journal.events import Event
from retrain_assets.registry.rulings import Signature
from retrain_assets.registry.training_record import ADOPTED, TrainingRecord
from retrain_assets.scoring.isolated_probe import probed
from retrain_assets.scoring.model_text import ModelText, renamed
from retrain_assets.store import LABEL, PeriodStore
from retrain_assets.validation.attempt import Attempt, LoadedVersion
from retrain_assets.validation.gate import Gate
from retrain_assets.verdict import GateWindow, Verdict
from retrain_assets.windows.cut import Span
from retrain_assets.windows.policy import WindowsPolicy
from retrain_assets.windows.rows import load_window, rowset_sha256

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class GivenModel:
    """A model file that held in the probe, and the last day of which it may have seen rows, as a person declares."""

    name: str
    data: bytes = field(repr=False)
    text: ModelText
    trained_until: date

    @classmethod
    def of(cls, data: bytes, name: str, trained_until: date) -> GivenModel:
        """Probe a file in a process of its own.

        Raises:
            ForeignModel: The file cannot be trusted; the sentence begins with its name.
        """
        try:
            return cls(name, data, probed(data), trained_until)
        except ForeignModel as fault:
            raise ForeignModel(f"{name}: {fault}.") from None

    @property
    def unseen_from(self) -> datetime:
        """The first moment of which it saw no row."""
        return datetime.combine(self.trained_until + _DAY, time())

    @property
    def sha256(self) -> str:
        """Digest of the file as it was given."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class Adopted:
    """What came of an adoption: the event, what was measured, and how the features were matched."""

    event: Event
    verdict: Verdict
    match: FeatureMatch


@dataclass(frozen=True)
class Adoption:
    """What adopting a model for one spec needs besides a period's access.

    Attributes:
        model: The model's facts.
        columns: Its columns.
        windows: The gate's length.
        gate: What is measured.
        reference_periods: How many of the newest stored periods are the reference that monitoring compares with.
    """

    model: Model
    columns: Columns
    windows: WindowsPolicy
    gate: Gate
    reference_periods: int

    def matched(self, given: GivenModel, values: Mapping[str, ColumnValues]) -> FeatureMatch:
        """Match objective, features and categories with the spec and with what its columns hold.

        Raises:
            ForeignModel: They do not fit; the sentence begins with the file's name.
        """
        try:
            check_objective(given.text, self.model.task, self.model.classes)
            return matched(given.text, self.columns, values)
        except ForeignModel as fault:
            raise ForeignModel(f"{given.name}: {fault}.") from None

    def adopt(self, access: PeriodAccess, given: GivenModel, signed: Signature) -> Adopted:
        """Make the model a version, measure it on the gate rows of a period, and put it in service.

        Raises:
            ForeignModel: It does not fit the spec or the stored rows.
            NotEnoughData: No row after the declared day has an outcome yet.
            NotPromotable: A version is live, or a decision stands against it.
        """
        match = self.matched(given, self._values(access.store, access.period))
        span = self.gate_span(access, given)
        rows = self._rows(access, span, match)
        digest = access.registry.add(self._files(access, given, match, (span, rows)))
        window = GateWindow(
            span.periods, span.start.isoformat(), span.end.isoformat(), len(rows), rowset_sha256(rows[self.model.key])
        )
        version = LoadedVersion.of(access.registry, digest)
        verdict = self.gate.measured(Attempt(self.model, access, window, rows, version, None))
        return Adopted(access.registry.adopt(verdict, signed, probe_model), verdict, match)

    def gate_span(self, access: PeriodAccess, given: GivenModel) -> Span:
        """The gate window of a period, without what the model may have seen.

        Raises:
            NotEnoughData: Nothing of it is left.
        """
        calendar = self.model.calendar
        end = calendar.bounds(access.period)[1] - self.model.label_delay
        start = max(self.windows.gate.start(calendar, end), given.unseen_from)
        if start >= end:
            raise NotEnoughData(
                f"{self.model.name} {access.period}: outcomes are known of rows before {end:%Y-%m-%d %H:%M}, and the "
                f"model may have seen rows until {given.trained_until}: no fresh row is left to measure it on. Wait "
                "for later outcomes, or name a later --period."
            )
        first, last = calendar.key(start), calendar.key(end - timedelta(microseconds=1))
        stored = access.store.periods("raw_data")
        return Span(tuple(period for period in stored if first <= period <= last), start, end)

    def _rows(self, access: PeriodAccess, span: Span, match: FeatureMatch) -> pa.Table:
        policy = self.gate.policy
        columns = sorted({*match.contract.names, *self.gate.groups, *policy.amounts})
        rows = load_window(access.store, self.model, span, columns, access.period)
        if not rows.num_rows:
            raise NotEnoughData(
                f"{self.model.name} {access.period}: no row of {span} has an outcome yet. Wait, or name a later "
                "--period."
            )
        return rows

    def _files(
        self, access: PeriodAccess, given: GivenModel, match: FeatureMatch, judged: tuple[Span, pa.Table]
    ) -> dict[str, bytes]:
        """The files of the version; its constant is that of the rows before those that judge it."""
        span, gate_rows = judged
        model, store = self.model, access.store
        begin = model.calendar.bounds(model.calendar.first)[0]
        stored = tuple(period for period in store.periods("raw_data") if period <= access.period)
        before = load_window(store, model, Span(stored, begin, span.start), [], access.period)
        labels = before[LABEL] if before.num_rows else gate_rows[LABEL]
        trained = Trained(
            model=_with_names_of(given.data, match),
            contract=match.contract,
            strategy=ADOPTED,
            rounds=given.text.rounds,
            rows=0,
            effective_rows=0.0,
            baseline=baseline_of(labels, model.task, model.classes, model.loss),
            window=Span((), min(begin, given.unseen_from), given.unseen_from),
        )
        record = TrainingRecord(
            model=model.name,
            task=model.task,
            as_of=access.period,
            strategy=ADOPTED,
            rounds=trained.rounds,
            rows=0,
            effective_rows=0.0,
            baseline=trained.baseline,
            periods=(),
            trained_from=trained.window.start.isoformat(),
            trained_until=trained.window.end.isoformat(),
            importance=trained.importance,
            adopted=given.sha256,
        )
        reference = self._reference(store, access.period)
        return version_files(store, self.columns, reference, trained, record, OriginLosses(model.loss, ()))

    def _reference(self, store: PeriodStore, period: str) -> Sequence[str]:
        stored = [known for known in store.periods("raw_data") if known <= period]
        if not stored:
            raise NotEnoughData(f"{self.model.name}: no rows up to {period} are stored. Name a period that has rows.")
        return stored[-self.reference_periods :]

    def _values(self, store: PeriodStore, period: str) -> Mapping[str, ColumnValues]:
        names = list(self.columns.categorical)
        rows = store.read_table("raw_data", self._reference(store, period), names) if names else None
        if rows is None:
            return {}
        return {name: ColumnValues(counted(rows[name])) for name in names}


def _with_names_of(model: bytes, match: FeatureMatch) -> bytes:
    """The model's text, its features called as the columns are where scoring would not find them else."""
    if all(unquote(name) == column for name, column in match.names.items()):
        return model
    return renamed(model, {name: quote(column, safe="") for name, column in match.names.items()})
