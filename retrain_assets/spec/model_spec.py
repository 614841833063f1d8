"""A model's YAML, read and checked: the table of contents that composes each stage's own policy.

What belongs here is only what several stages share (name, task, calendar) and the composition; a knob stands beside
the code that reads it, in the `policy` module of its stage.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self

import yaml
from pydantic import Field, PrivateAttr, field_validator, model_validator

from retrain_assets.candidates.policy import TrainingPolicy
from retrain_assets.feature_function.module_source import InstalledFunction
from retrain_assets.metrics.names import known_names, mean_loss, tasks_of, tasks_of_rate
from retrain_assets.model import Model, Task
from retrain_assets.monitoring.performance.expression import parse
from retrain_assets.monitoring.policy import BusinessMetric, DriftPolicy, LabelPolicy, TriggerPolicy
from retrain_assets.periods import MOST_YEARS, Calendar, Length
from retrain_assets.policy import Policy
from retrain_assets.production.policy import ProbationPolicy, RollbackPolicy
from retrain_assets.raw.policy import Columns, Contract, Source
from retrain_assets.registry.retention import RetentionPolicy
from retrain_assets.serving.policy import BatchesPolicy
from retrain_assets.spec.defaults import OBJECTIVES, with_defaults
from retrain_assets.spec.spec_file import SpecFile
from retrain_assets.store import Json
from retrain_assets.validation.policy import ValidationPolicy
from retrain_assets.windows.policy import WindowsPolicy

if TYPE_CHECKING:
    from retrain_assets.backtest.backtest import Backtest
    from retrain_assets.backtest.policies.gate import ReplayedGate
    from retrain_assets.raw.contract import Intake

ROW_NAME = r"^[a-z][a-z ]{0,30}$"
"""What `row_name` may be."""


class ModelSpec(Policy):
    """Everything that is declared about one model.

    >>> from retrain_assets.spec.loading import SHIPPED, load_spec
    >>> spec = load_spec(SHIPPED / "taxi_charge.yaml")
    >>> spec.name, spec.task, spec.period.every, spec.validation.primary
    ('taxi_charge', 'regression', 'month', ('mae',))
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")
    description: str = "not described yet"
    intended_use: str = "not said yet"
    owners: tuple[str, ...] = ()
    task: Task
    classes: int = Field(default=2, ge=2)
    row_name: str = Field(default="row", pattern=ROW_NAME)
    period: Calendar
    source: Source
    features: InstalledFunction | None = None
    columns: Columns
    contract: Contract = Contract()
    windows: WindowsPolicy
    training: TrainingPolicy
    drift: DriftPolicy = DriftPolicy()
    labels: LabelPolicy = LabelPolicy()
    business_metrics: tuple[BusinessMetric, ...] = ()
    triggers: TriggerPolicy = TriggerPolicy()
    validation: ValidationPolicy
    probation: ProbationPolicy = ProbationPolicy()
    rollback: RollbackPolicy = RollbackPolicy()
    retention: RetentionPolicy = RetentionPolicy()
    batches: BatchesPolicy | None = None
    _file: SpecFile | None = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _with_defaults(cls, record: object) -> object:
        return with_defaults(record) if isinstance(record, Mapping) else record

    @property
    def model(self) -> Model:
        """What the stages know of the model.

        >>> from retrain_assets.spec.loading import SHIPPED, load_spec
        >>> load_spec(SHIPPED / "flight_delays.yaml").model.loss
        'log_loss'
        """
        source = self.source
        return Model(
            self.name,
            self.task,
            self.classes,
            self.period,
            source.key,
            source.time,
            source.label,
            source.label_delay,
            mean_loss(self.task, self.validation.primary[0]),
            source.label_unit or "",
            self.row_name,
        )

    @property
    def intake(self) -> Intake:
        """What the model declares about the rows and outcomes that it takes in."""
        from retrain_assets.feature_function.feature_function import DeclaredFunction
        from retrain_assets.raw.contract import Intake

        maker = DeclaredFunction(self.features) if self.features else None
        return Intake(self.model, self.source, self.columns, self.contract, self.training.objective, maker)

    @field_validator("owners")
    @classmethod
    def _owner_form(cls, owners: tuple[str, ...]) -> tuple[str, ...]:
        for owner in owners:
            if "@" not in owner and not owner.startswith("team:"):
                raise ValueError(f"owner {owner!r} is neither a mail address nor a team: write team:{owner}")
        return owners

    @model_validator(mode="after")
    def _count_lengths(self) -> Self:
        """Count lengths in periods where a stage works by whole ones."""
        self.__dict__["drift"] = self.drift.counted(self.period)
        self.__dict__["probation"] = self.probation.counted(self.period)
        if self.validation.fresher is not None:
            fresher = self.validation.fresher.counted(self.period)
            self.__dict__["validation"] = self.validation.model_copy(update={"fresher": fresher})
        return self

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        """Refuse parts that do not fit together, all of them in one message."""
        faults = [
            *self._task_misfits(),
            *self._metric_misfits(),
            *self._business_misfits(),
            *self._column_misfits(),
            *self._length_misfits(),
        ]
        if faults:
            raise ValueError("\n".join(dict.fromkeys(faults)))
        return self

    def _length_misfits(self) -> Iterator[str]:
        """Lengths in periods that are longer than any length in weeks may be."""
        most = MOST_YEARS * self.period.per_year
        for group in ("windows", "triggers", "rollback"):
            for name, length in vars(getattr(self, group)).items():
                if isinstance(length, Length) and (length.periods or 0) > most:
                    yield (
                        f"{group}.{name}: {length.periods:,.0f} periods of a {self.period.every} are more than "
                        f"{MOST_YEARS} years. Write how many you mean"
                    )
        if self.validation.procedure and not _ends_within(self.windows.half_life, self.period, timedelta(weeks=104)):
            yield (
                "validation.evidence: procedure needs training with a limited memory: write a windows.half_life of at "
                "most 104w"
            )
        if self.probation.periods > most:
            said = f"{self.probation.periods:,} are more than {MOST_YEARS} years"
            yield f"probation.length: {said}. Write how many you mean"

    def _task_misfits(self) -> Iterator[str]:
        """What does not fit the task."""
        if self.training.objective not in OBJECTIVES[self.task]:
            yield f"training.objective: {self.training.objective} does not fit task {self.task}"
        columns = {*self.columns.features, *self.columns.groups}
        if misfit := self.training.coverage.misfit(self.task, self.classes, self.columns.categorical, columns):
            yield misfit
        suite = self.validation.regression_suite
        if self.task == "regression" and suite.path and suite.tolerance is None:
            yield "validation.regression_suite.tolerance: say up to which absolute error a case is right"
        if self.task == "multiclass" and self.probation.score_rate is not None:
            yield "probation.score_rate: several classes have no single mean score, take it out"

    def _metric_misfits(self) -> Iterator[str]:
        """Metrics that are unknown or not of this task; of groups, rates count too, taken class by class."""
        validation, fairness = self.validation, self.validation.fairness
        groups = {"fairness.metrics": fairness.metrics, "fairness.floors": [floor.metric for floor in fairness.floors]}
        for knob, names in (validation.named | groups).items():
            for name in dict.fromkeys(names):
                tasks = self._tasks_of(name)
                if knob.startswith("fairness."):
                    tasks = tasks_of_rate(name, self.classes) or tasks
                if tasks is None:
                    yield f"validation.{knob}: unknown metric {name!r}; known: {known_names(validation.metrics)}"
                elif self.task not in tasks:
                    yield f"validation.{knob}: metric {name} does not fit task {self.task}"
        if validation.procedure and validation.primary[0] != self.model.loss:
            yield (
                f"validation.evidence: procedure needs a primary that is a mean loss, not {validation.primary[0]}: "
                f"write {self.model.loss}"
            )
        if unbreakable := validation.unbreakable:
            yield f"validation.{unbreakable}"

    def _business_misfits(self) -> Iterator[str]:
        """Expressions that do not parse, cost matrices without two classes, and triggers on unknown names."""
        categorical = {*self.columns.categorical, *self.columns.groups} - set(self.columns.numeric)
        for metric in self.business_metrics:
            if metric.cost_matrix is not None and self.task != "binary":
                yield f"business_metrics: {metric.name}: a cost_matrix needs task binary, not {self.task}"
            try:
                parse(metric.expression or "count()", set(self.columns.numeric), categorical)
            except ValueError as fault:
                yield f"business_metrics: {metric.name}: {str(fault).removesuffix('.')}"
        names = [metric.name for metric in self.business_metrics]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            yield f"business_metrics: {', '.join(twice)} is declared twice"
        unknown = sorted(set(self.triggers.on_business_metrics) - set(names))
        if unknown:
            yield f"triggers.on_business_metrics: {', '.join(unknown)} is not under business_metrics"

    def _column_misfits(self) -> Iterator[str]:
        """Columns that are named where they are not loaded, or are key, time or label."""
        source, columns = self.source, self.columns
        taken = {source.key, source.time, source.label} & {*columns.features, *columns.amounts}
        if taken:
            yield f"columns: {', '.join(sorted(taken))} is key, time or label, never a feature"
        for name in sorted({*source.features.rename} & {*columns.all}):
            yield f"source.rename: {name} is called {source.features.rename[name]}, take {name} from columns"
        groups, validation = set(columns.groups), self.validation
        if missing := sorted(set(validation.fairness.groups) - groups):
            yield f"validation.fairness.groups: {', '.join(missing)} is not under columns.groups"
        if validation.unit not in ("auto", "row") and validation.unit not in groups:
            yield f"validation.unit: {validation.unit!r} is neither auto, row, nor one of columns.groups"
        slices = validation.slices
        if slices and (missing := sorted(set(slices.columns) - groups)):
            yield f"validation.slices.columns: {', '.join(missing)} is not under columns.groups"
        if slices and not groups:
            yield "validation.slices: there is no column to slice by, declare one under columns.groups"
        for column in sorted(set(validation.amounts) - {*columns.numeric, *columns.amounts}):
            yield f"validation.metrics: {column} is neither under columns.amounts nor under columns.numeric"

    def _tasks_of(self, name: str) -> frozenset[str] | None:
        declared = self.validation.metrics.get(name)
        if declared is None:
            return tasks_of(name, self.classes)
        return frozenset({declared.cost.task}) if declared.cost else frozenset({"binary", "multiclass", "regression"})

    def declares(self, *where: str) -> bool:
        """Whether the spec's file says anything about a key, so that no default is in force for it."""
        if self._file is None:
            return True
        return self._file.path_of(where) in self._file.lines

    def read_from(self, file: SpecFile) -> Self:
        """The same spec, which knows the file that it was read from."""
        known = self.model_copy()
        known._file = file
        return known

    @property
    def path(self) -> Path | None:
        """The file that it was read from; None for one that was made otherwise."""
        return self._file.path if self._file is not None else None

    @property
    def policy_sha256(self) -> str:
        """Digest of the rules a verdict is reached under: an older verdict does not promote under newer rules."""
        suite = Path(self.validation.regression_suite.path)
        source, values = self.source, self.source.label_values
        rules: Json = {
            "task": self.task,
            "validation": self._validation_rules,
            "windows": self.windows.model_dump(mode="json"),
            "label": [source.label, str(source.label_delay), source.known_at, *([values] if values else [])],
            "attempts_per_year": self.triggers.max_per_year,
            "suite": hashlib.sha256(suite.read_bytes()).hexdigest() if suite.exists() else None,
        }
        if self.validation.procedure is not None:
            rules["procedure"] = self.procedure_sha256
        if self.training.refit:
            rules["refit"] = self.training.agreement.model_dump(mode="json") if self.training.agreement else None
        return hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()

    @property
    def procedure_sha256(self) -> str:
        """Digest of how a candidate comes about: task, label, columns, windows and training, as far as they are said.

        A default of a later release leaves it as it is.
        """
        source = self.source
        parts: Json = {
            "task": [self.task, self.classes, self.model.loss, self.period.every],
            "label": [source.label, str(source.label_delay), source.known_at, source.label_values],
            "columns": [sorted(self.columns.numeric), sorted(self.columns.categorical), self.features],
            "windows": self.windows.model_dump(mode="json", exclude_defaults=True),
            "training": self.training.model_dump(mode="json", exclude_defaults=True, exclude={"threads"}),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    @property
    def backtest(self) -> Backtest:
        """What replays other retraining policies on the model's history.

        It stands here and not with the pipeline, so that a record that is there is shown without Dagster.
        """
        from retrain_assets.backtest.backtest import Backtest

        return Backtest(
            self.model,
            self.columns,
            self.training,
            self.windows,
            self.triggers,
            self.drift,
            self.rollback.cooldown,
            self.source.known_at is not None,
            self.replayed_gate,
            self.suite_ids,
        )

    @property
    def replayed_gate(self) -> ReplayedGate:
        """The rule of promotion, as far as the primary loss goes."""
        from retrain_assets.backtest.policies.gate import ReplayedGate

        validation, gate = self.validation, self.windows.gate
        fresher = validation.fresher if validation.promote_when == "fresher" else None
        length = gate.time or timedelta(days=round(365 * (gate.periods or 1) / self.period.per_year))
        alpha = validation.superiority_alpha(validation.alpha_per_attempt(self.triggers.max_per_year))
        return ReplayedGate(length, alpha, (fresher.margin_share or 0.0) if fresher else 0.0, self.training.refit)

    def suite_ids(self) -> frozenset[str]:
        """Keys of the regression suite's cases, which never train a model."""
        from retrain_assets.validation.suite.cases import load_suite

        suite = self.validation.regression_suite
        return frozenset(case.id for case in load_suite(Path(suite.path), suite.optional))

    def files(self) -> dict[str, bytes]:
        """The spec and its suite as files, as `spec_of_files` reads them; none of a spec that stands in no file."""
        if self._file is None:
            return {}
        record, suite = dict(self._file.record), Path(self.validation.regression_suite.path)
        validation: Json = dict(record.get("validation") or {})
        declared: Json = {**(validation.get("regression_suite") or {}), "path": "suite.yaml"}
        if not suite.exists():
            declared.pop("path")
        record["validation"] = {**validation, "regression_suite": declared}
        files = {"spec.yaml": yaml.safe_dump(record, sort_keys=True, allow_unicode=True).encode()}
        return {**files, "suite.yaml": suite.read_bytes()} if suite.exists() else files

    @property
    def _validation_rules(self) -> Json:
        """The rules of the gate as they are digested; a key that came later is left out while it says nothing."""
        validation, suite = self.validation, self.validation.regression_suite
        unsaid: Json = {"regression_suite": set(type(suite).model_fields) - {"tolerance"}}
        if validation.fairness.none is None:
            unsaid["fairness"] = {"none"}
        if validation.evidence == "candidate":
            unsaid["evidence"], unsaid["procedure"] = True, True
        if validation.fresher is not None and validation.fresher.max_age is None:
            unsaid["fresher"] = {"max_age"}
        if validation.insufficient == "hold":  # as verdicts were reached before the key existed
            unsaid["insufficient"] = True
        return validation.model_dump(mode="json", exclude=unsaid)


def _ends_within(length: Length, calendar: Calendar, most: timedelta) -> bool:
    """Whether a length is no longer than an amount of time."""
    if length.time is not None:
        return length.time <= most
    return (length.periods or 0) / calendar.per_year <= most / timedelta(weeks=52)
