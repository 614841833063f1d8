"""A model's YAML, read and checked: the table of contents that composes each stage's own policy.

What belongs here is only what several stages share (name, task, calendar) and the composition; a knob stands beside
the code that reads it, in the `policy` module of its stage.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from retrain_assets.candidates.policy import TrainingPolicy
from retrain_assets.errors import SpecError
from retrain_assets.metrics.names import known_names, mean_loss, tasks_of
from retrain_assets.model import Model, Task
from retrain_assets.monitoring.performance.expression import parse
from retrain_assets.monitoring.policy import BusinessMetric, DriftPolicy, LabelPolicy, TriggerPolicy
from retrain_assets.periods import Calendar
from retrain_assets.policy import Policy
from retrain_assets.production.policy import ProbationPolicy, RollbackPolicy
from retrain_assets.raw.policy import Columns, Contract, Source
from retrain_assets.registry.retention import RetentionPolicy
from retrain_assets.validation.policy import ValidationPolicy
from retrain_assets.windows.policy import WindowsPolicy

SHIPPED = Path(__file__).parent / "models"
"""The folder of the specs that come with the package."""

_OBJECTIVES = {
    "binary": {"binary"},
    "multiclass": {"multiclass"},
    "regression": {"regression", "regression_l1", "huber", "poisson", "quantile"},
}
_RATES = {"tpr", "fpr", "selection_rate"}


class ModelSpec(Policy):
    """Everything that is declared about one model.

    >>> spec = load_spec(SHIPPED / "taxi_charge.yaml")
    >>> spec.name, spec.task, spec.period.every, spec.validation.primary
    ('taxi_charge', 'regression', 'month', ('mae',))
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")
    description: str
    intended_use: str
    owners: tuple[str, ...] = Field(min_length=1)
    task: Task
    classes: int = Field(default=2, ge=2)
    row_name: str = Field(default="row", pattern=r"^[a-z][a-z ]{0,30}$")
    period: Calendar
    source: Source
    columns: Columns
    contract: Contract
    windows: WindowsPolicy
    training: TrainingPolicy
    drift: DriftPolicy = DriftPolicy()
    labels: LabelPolicy = LabelPolicy()
    business_metrics: tuple[BusinessMetric, ...] = ()
    triggers: TriggerPolicy
    validation: ValidationPolicy
    probation: ProbationPolicy = ProbationPolicy()
    rollback: RollbackPolicy = RollbackPolicy()
    retention: RetentionPolicy = RetentionPolicy()

    @property
    def model(self) -> Model:
        """What the stages know of the model.

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

    @field_validator("owners")
    @classmethod
    def _owner_form(cls, owners: tuple[str, ...]) -> tuple[str, ...]:
        for owner in owners:
            if "@" not in owner and not owner.startswith("team:"):
                raise ValueError(f"owner {owner!r} is neither a mail address nor a team: write team:{owner}")
        return owners

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.training.objective not in _OBJECTIVES[self.task]:
            raise ValueError(f"training.objective {self.training.objective} does not fit task {self.task}")
        columns = {*self.columns.features, *self.columns.groups}
        misfit = self.training.coverage.misfit(self.task, self.classes, self.columns.categorical, columns)
        if misfit:
            raise ValueError(misfit)
        source = self.source
        taken = {source.key, source.time, source.label} & {*self.columns.features, *self.columns.amounts}
        if taken:
            raise ValueError(f"columns: {', '.join(sorted(taken))} is key, time or label, never a feature")
        validation, fairness = self.validation, self.validation.fairness
        self._metrics_fit()
        if unbreakable := validation.unbreakable:
            raise ValueError(f"validation.{unbreakable}")
        self._business_metrics_fit()
        self._columns_fit()
        if self.task == "regression" and validation.regression_suite.tolerance is None:
            raise ValueError("validation.regression_suite.tolerance: say up to which absolute error a case is right")
        if self.task == "multiclass" and self.probation.score_rate is not None:
            raise ValueError("probation.score_rate: several classes have no single mean score, take it out")
        missing = set(fairness.groups) - set(self.columns.groups)
        if missing:
            raise ValueError(f"validation.fairness.groups: {', '.join(sorted(missing))} is not under columns.groups")
        if validation.unit not in ("auto", "row") and validation.unit not in self.columns.groups:
            raise ValueError(f"validation.unit: {validation.unit!r} is neither auto, row, nor one of columns.groups")
        return self

    def _metrics_fit(self) -> None:
        """Refuse metrics that are unknown or not of this task; of groups, rates count too, taken class by class."""
        validation, fairness = self.validation, self.validation.fairness
        groups = {"fairness.metrics": fairness.metrics, "fairness.floors": [floor.metric for floor in fairness.floors]}
        for knob, names in (validation.named | groups).items():
            for name in dict.fromkeys(names):
                tasks = self._tasks_of(name)
                if knob.startswith("fairness.") and name in _RATES:
                    tasks = frozenset({"binary", "multiclass"})
                if tasks is None:
                    raise ValueError(
                        f"validation.{knob}: unknown metric {name!r}; known: {known_names(validation.metrics)}"
                    )
                if self.task not in tasks:
                    raise ValueError(f"validation.{knob}: metric {name} does not fit task {self.task}")

    def _business_metrics_fit(self) -> None:
        """Refuse expressions that do not parse, cost matrices without two classes, and triggers on unknown names."""
        categorical = {*self.columns.categorical, *self.columns.groups} - set(self.columns.numeric)
        for metric in self.business_metrics:
            if metric.cost_matrix is not None and self.task != "binary":
                raise ValueError(f"business_metrics: {metric.name}: a cost_matrix needs task binary, not {self.task}")
            try:
                parse(metric.expression or "count()", set(self.columns.numeric), categorical)
            except ValueError as fault:
                raise ValueError(f"business_metrics: {metric.name}: {str(fault).removesuffix('.')}") from None
        names = [metric.name for metric in self.business_metrics]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"business_metrics: {', '.join(twice)} is declared twice")
        unknown = sorted(set(self.triggers.on_business_metrics) - set(names))
        if unknown:
            raise ValueError(f"triggers.on_business_metrics: {', '.join(unknown)} is not under business_metrics")

    def _tasks_of(self, name: str) -> frozenset[str] | None:
        declared = self.validation.metrics.get(name)
        if declared is None:
            return tasks_of(name, self.classes)
        return frozenset({declared.cost.task}) if declared.cost else frozenset({"binary", "multiclass", "regression"})

    def _columns_fit(self) -> None:
        """Refuse slices and costs by a column that is not loaded."""
        slices, numbers = self.validation.slices, {*self.columns.numeric, *self.columns.amounts}
        missing = set(slices.columns) - set(self.columns.groups) if slices else set()
        if missing:
            raise ValueError(f"validation.slices.columns: {', '.join(sorted(missing))} is not under columns.groups")
        if slices and not self.columns.groups:
            raise ValueError("validation.slices: there is no column to slice by, declare one under columns.groups")
        for column in set(self.validation.amounts) - numbers:
            raise ValueError(f"validation.metrics: {column} is neither under columns.amounts nor under columns.numeric")

    @property
    def policy_sha256(self) -> str:
        """Digest of the rules a verdict is reached under: an older verdict does not promote under newer rules."""
        suite = Path(self.validation.regression_suite.path)
        rules: dict[str, Any] = {
            "task": self.task,
            "validation": self.validation.model_dump(mode="json"),
            "windows": self.windows.model_dump(mode="json"),
            "label": [self.source.label, str(self.source.label_delay), self.source.known_at],
            "attempts_per_year": self.triggers.max_per_year,
            "suite": hashlib.sha256(suite.read_bytes()).hexdigest() if suite.exists() else None,
        }
        rules["validation"]["regression_suite"].pop("path")
        if self.validation.insufficient == "hold":  # as verdicts were reached before the key existed
            rules["validation"].pop("insufficient")
        if self.training.refit:
            rules["refit"] = self.training.agreement.model_dump(mode="json") if self.training.agreement else None
        return hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()


def load_spec(path: Path) -> ModelSpec:
    """Read and check one spec; relative data paths are resolved against its folder.

    Raises:
        SpecError: The file is missing, is no YAML mapping, repeats or does not know a key, or breaks a rule; every
            fault is named with its line.
    """
    try:
        text = path.read_text()
    except OSError as error:
        raise SpecError(f"{path}: {error.strerror}. Name an existing spec file.") from None
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise SpecError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(tree, yaml.MappingNode):
        raise SpecError(f"{path}: expected a mapping of keys at the top. Begin with 'name: ...'.")
    lines = dict(_lines(tree, path))
    if ("cases",) in lines and ("name",) not in lines:
        raise SpecError(f"{path}: a regression suite, no model. Call it {path.stem}.suite.yaml, or keep it elsewhere.")
    record = yaml.safe_load(text)
    try:
        spec = ModelSpec.model_validate(record)
    except ValidationError as error:
        raise SpecError("\n".join(_fault(path, lines, fault) for fault in error.errors())) from None
    folder = path.parent
    outcomes = spec.source.outcomes
    source = spec.source.model_copy(
        update={
            "features": spec.source.features.resolved(folder),
            "outcomes": outcomes.resolved(folder) if outcomes else None,
        }
    )
    suite = spec.validation.regression_suite.resolved(folder)
    if not Path(suite.path).exists():
        line = lines.get(("validation", "regression_suite", "path"), 0)
        raise SpecError(f"{path}:{line}: validation.regression_suite.path: no file {suite.path}. Create it.")
    validation = spec.validation.model_copy(update={"regression_suite": suite})
    return spec.model_copy(update={"source": source, "validation": validation})


def load_specs(folders: list[Path] | None = None) -> dict[str, ModelSpec]:
    """Every spec of the shipped folder and of the folders in the environment variable RETRAIN_MODELS, by name.

    RETRAIN_SHIPPED=0 leaves the shipped folder out: a team's deployment then has its own models alone.

    Raises:
        SpecError: A spec is wrong, or two files declare the same name.
    """
    if folders is None:
        extra = os.environ.get("RETRAIN_MODELS", "")
        shipped = [SHIPPED] if os.environ.get("RETRAIN_SHIPPED", "1") != "0" else []
        folders = [*shipped, *(Path(folder) for folder in extra.split(os.pathsep) if folder)]
    specs: dict[str, ModelSpec] = {}
    origin: dict[str, Path] = {}
    for folder in folders:
        if not folder.is_dir():
            raise SpecError(f"RETRAIN_MODELS: no folder {folder}. Name existing folders, separated by {os.pathsep!r}.")
        for path in sorted(folder.glob("*.yaml")):
            if path.name.endswith(".suite.yaml"):
                continue
            spec = load_spec(path)
            if spec.name in specs:
                raise SpecError(f"{path}: the name {spec.name} is declared in {origin[spec.name]} too. Rename one.")
            specs[spec.name], origin[spec.name] = spec, path
    return specs


def _lines(node: yaml.Node, path: Path, where: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], int]]:
    yield where, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in seen:
                raise SpecError(f"{path}:{line}: the key {key.value!r} stands twice. Keep one.")
            seen.add(key.value)
            for inner, _ in (deeper := list(_lines(value, path, (*where, key.value)))):
                if inner == (*where, key.value):
                    yield inner, line
            yield from (pair for pair in deeper if pair[0] != (*where, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _lines(value, path, (*where, number))


def _fault(path: Path, lines: dict[tuple[Any, ...], int], fault: Any) -> str:
    where = tuple(fault["loc"])
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        message = "unknown key. Take it out, or look up its right name in docs/spec.md"
    elif fault["type"] == "missing":
        message = "is required and has no default"
    if where:
        message = f"{'.'.join(str(part) for part in where)}: {message}"
    else:  # parts that do not fit together: the message begins with the key
        named = message.split()[0].removesuffix(":").split(".")
        where = tuple(int(part) if part.isdecimal() else part for part in named)
    while where and where not in lines:
        where = where[:-1]
    return f"{path}:{lines.get(where, 1)}: {message}."
