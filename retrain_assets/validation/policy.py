"""What a candidate must show: primary metrics, guardrails with margins, slices, fairness, regression suite."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, PrivateAttr, field_validator, model_validator

from retrain_assets.feature_function.module_source import InstalledFunction
from retrain_assets.metrics.names import is_share, largest_change, lower_is_better, tasks_of
from retrain_assets.policy import CountedPolicy, Policy, PositiveLength

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Cost(Policy):
    """What errors cost, per row, in the unit that the metric declares; right answers cost nothing.

    A binary task declares `false_positive` and `false_negative` (decisions at `threshold`), several classes `wrong`, a
    regression `over` and `under` (per unit of label by which the score is too high or too low). With `column`, a number
    under `columns.amounts` or `columns.numeric`, every row's cost is multiplied by its amount.
    """

    column: str = ""
    false_positive: float | None = Field(default=None, ge=0)
    false_negative: float | None = Field(default=None, ge=0)
    wrong: float | None = Field(default=None, gt=0)
    over: float | None = Field(default=None, ge=0)
    under: float | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _one_task(self) -> Self:
        parts = ("false_positive", "false_negative", "wrong", "over", "under")
        given = {name: cost for name in parts if (cost := getattr(self, name)) is not None}
        if set(given) not in ({"false_positive", "false_negative"}, {"wrong"}, {"over", "under"}):
            raise ValueError(
                "declare false_positive and false_negative (binary), wrong (multiclass), or over and under (regression)"
            )
        if not any(given.values()):
            raise ValueError(f"{' and '.join(given)} are 0: no error costs anything")
        return self

    @property
    def task(self) -> str:
        """The task whose errors it prices."""
        if self.wrong is not None:
            return "multiclass"
        return "regression" if self.over is not None else "binary"


class DeclaredMetric(Policy):
    """A metric of one's own: a `cost`, or a `callable` written `module:function`.

    The function gets the labels, shape (n,), and the scores, shape (n,) or (n, k), and returns one number; it is
    imported from an installed module and must not change its answer. It has no row values, so both models are measured
    block by block: below 8 blocks the answer is INSUFFICIENT. `unit` is what its margins are written in, and
    `higher_is_better` must be said of a callable.
    """

    cost: Cost | None = None
    callable: InstalledFunction | None = None
    higher_is_better: bool | None = None
    unit: str

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.cost is None) == (self.callable is None):
            raise ValueError("declare either cost or callable")
        if self.callable and self.higher_is_better is None:
            raise ValueError(f"higher_is_better: say whether more of {self.callable} is better, true or false")
        if self.cost and self.higher_is_better:
            raise ValueError("higher_is_better: a cost is better when it is lower; take the key out")
        return self

    @property
    def lower_is_better(self) -> bool:
        """Whether less of it is better, as of every cost."""
        return not self.higher_is_better


class Guardrail(Policy):
    """A metric that may not get worse by `margin` or more, in the metric's own unit.

    Not `calibration_error`: of a well calibrated champion it measures the noise in its bins, and a candidate that is
    worse by exactly the margin would pass far more often than one time in twenty. `brier` guards calibration.
    """

    metric: str
    margin: float = Field(gt=0)

    @model_validator(mode="after")
    def _can_be_broken(self) -> Self:
        if not self.margin < largest_change(self.metric):
            raise ValueError(f"margin {self.margin:g} of {self.metric} can never be lost: write a share below 1")
        if self.metric == "calibration_error":
            raise ValueError(
                "calibration_error cannot be a guardrail: near 0 its estimate is mostly the noise of its bins, so that "
                "a margin would not be kept; write brier"
            )
        return self


class SlicePolicy(Policy):
    """Metrics that may not get worse by their margin in any slice of the rows, a slice being one value of one column.

    `columns` are of `columns.groups`; none named means all of them. Values with fewer rows than `pool_below` are judged
    together. A slice fails when it is worse than chance allows, by Holm over all slices and metrics, and not shown to
    stay within the margin. A slice that is too small to show either is reported in the evidence and stops nothing,
    unless `hold_undecided` is set: with many slices some are always too small, so that holding would mean that hardly
    anything is ever promoted.
    """

    columns: tuple[str, ...] = ()
    guardrails: tuple[Guardrail, ...] = Field(min_length=1)
    pool_below: int = Field(default=200, gt=0)
    hold_undecided: bool = False


class FresherPolicy(CountedPolicy):
    """When a champion counts as aged, and how much worse than it a fresher model may be on the primary metrics.

    Aged is a champion whose training rows ended more than `max_age`, in whole `max_age_periods`, before the end of the
    period of the decision, or of whose gate rows more than the share `max_unseen_share` hold a category that it never
    saw. The margin is a share of the champion's own loss (`margin_share`) or in the metric's unit (`margin`).
    """

    counts: ClassVar[Mapping[str, tuple[str, int]]] = {"max_age": ("max_age_periods", 1)}

    max_age: PositiveLength | None = None
    max_age_periods: int = Field(default=1, gt=0)
    max_unseen_share: float = Field(default=0.01, ge=0, lt=1)
    margin_share: float | None = Field(default=None, gt=0, lt=1)
    margin: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _one_margin(self) -> Self:
        if not {"max_age", "max_age_periods"} & self.model_fields_set:
            raise ValueError("max_age: say from which age on a champion has aged, like 26w")
        if (self.margin_share is None) == (self.margin is None):
            raise ValueError("declare either margin_share (of the champion's loss) or margin (in the metric's unit)")
        return self


class ProcedurePolicy(Policy):
    """What `evidence: procedure` compares, and how much worse than the live model this candidate may be.

    `aged` is the usual time between two retrains: models of this spec that are so much older are what fresh ones are
    held against. The margin, on the primary metric, is a share of the live model's loss (`margin_share`) or in the
    metric's unit (`margin`).
    """

    aged: PositiveLength
    margin_share: float | None = Field(default=None, gt=0, lt=1)
    margin: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _one_margin(self) -> Self:
        if self.aged.time is None:
            raise ValueError("aged: write an amount of time, like 8w")
        if (self.margin_share is None) == (self.margin is None):
            raise ValueError("declare either margin_share (of the live model's loss) or margin (in the metric's unit)")
        return self


Values = TypeVar("Values", float, "NDArray[np.float64]")
"""One value of a metric, or one for each row."""


class Floor(Policy):
    """An absolute limit that the first model must clear with confidence: `at_least` or `at_most`.

    A share (AUC, a rate) is bounded by a number between 0 and 1, for beyond them no model fails or none passes.
    """

    metric: str
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError(f"floor {self.metric}: declare either at_least or at_most")
        if is_share(self.metric) and not 0 < self.limit < 1:
            raise ValueError(f"floor {self.metric}: {self.limit:g} asks nothing or too much of a share: write 0 to 1")
        return self

    @property
    def limit(self) -> float:
        """The number itself, on whichever side it bounds."""
        return self.at_least if self.at_least is not None else self.at_most or 0.0

    def clearance(self, values: Values) -> Values:
        """How far each value lies on the good side of the limit, negative beyond it.

        >>> Floor(metric="mae", at_most=2.0).clearance(1.5), Floor(metric="auc", at_least=0.75).clearance(0.5)
        (0.5, -0.25)
        """
        return values - self.limit if self.at_least is not None else self.limit - values


SMALL_SHARE = 0.1
"""A group with fewer of the gate's rows counts as small, however many they are."""


class FairnessPolicy(Policy):
    """Protected groups and how much worse one may become, or `none` and why nobody is asked about.

    `margin` is the harm that may be accepted, in the rates' unit for classifiers (share) and in the label's unit for
    regression (mean absolute error); 0 accepts none, and `strict` fails a certain harm however small, whatever the
    margin. Of several classes the rates that matter are named (`tpr[2]`); a bare `tpr` means that of every class.
    Values with fewer rows than `pool_below` are judged together as one group; rows whose value is missing are always a
    group of their own. How many rows a group has decides nothing where its limits give the answer: `least_rows` is
    read, for specs that have it, and asks nothing. A group with fewer than `pool_below` rows that bear on the question,
    or less than a tenth of the gate's, which could not show the margin either way holds no promotion, is named, and
    watched after it; under `strict`, or with a margin of 0, it holds. `floors` bound the first model per group.
    """

    none: str | None = Field(default=None, min_length=1)
    groups: tuple[str, ...] = ()
    margin: float = Field(default=0.0, ge=0)
    strict: bool = False
    metrics: tuple[Annotated[str, Field(pattern=r"^((tpr|fpr|selection_rate)(\[\d+\])?|mae)$")], ...] = ()
    pool_below: int = Field(default=200, gt=0)
    least_rows: int | None = Field(default=None, gt=0)
    floors: tuple[Floor, ...] = ()

    @property
    def asked(self) -> bool:
        """Whether any group is protected; where none is, nothing is judged and nothing has passed."""
        return bool(self.groups)

    def is_small(self, rows: int, of: int) -> bool:
        """Whether a group may be watched after a promotion instead of holding it.

        Args:
            rows: Of the group that bear on the question: of a TPR its positives.
            of: All rows of the gate.
        """
        return self.margin > 0 and not self.strict and rows < max(self.pool_below, SMALL_SHARE * of)

    @model_validator(mode="after")
    def _groups_or_none(self) -> Self:
        if self.none is not None and self.model_fields_set - {"none"}:
            raise ValueError("none says why no group is protected: take it out, or everything beside it")
        lacking = [name for name in ("groups", "metrics", "margin") if name not in self.model_fields_set]
        if self.none is None and (lacking or not self.groups or not self.metrics):
            missing = ", ".join(lacking or ("groups", "metrics"))
            raise ValueError(f'declare {missing}, or {{none: "why"}} where no group is to be protected')
        return self


class SuitePolicy(Policy):
    """The file of known hard cases, and for regression the absolute error up to which a case counts as right.

    Without a `path` it is `NAME.suite.yaml` beside the spec, and there need not be one: it begins with the first case
    that a person takes in.
    """

    path: str = ""
    tolerance: float | None = Field(default=None, gt=0)
    _optional: bool = PrivateAttr(default=False)

    @property
    def optional(self) -> bool:
        """Whether the file need not be there, since the spec does not name one."""
        return self._optional

    def resolved(self, folder: Path, model: str) -> SuitePolicy:
        """The same suite with its path made absolute."""
        copy = self.model_copy(update={"path": str((folder / (self.path or f"{model}.suite.yaml")).resolve())})
        copy._optional = not self.path
        return copy


def _names(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class ValidationPolicy(Policy):
    """Everything the gate is told. What is not declared is not asked, and never counts as passed.

    `primary` is one metric or several. Of several each must be shown to be better, by Holm-adjusted tests, so that
    every one of the claims holds at the level: what may stay as it is belongs under `guardrails`. `promote_when:
    fresher` asks an aged champion's successor only to be no worse (see `FresherPolicy`). `evidence: procedure` lets the
    finding that fresh models of this spec beat aged ones stand in for this candidate's superiority, if it is no worse
    by a margin itself (see `ProcedurePolicy`).

    `insufficient` says what becomes of a candidate that could not be decided: `hold` leaves the live version, `human`
    does so too until a person approves exactly that verdict. A failure is never approved.
    """

    primary: Annotated[tuple[str, ...], BeforeValidator(_names), Field(min_length=1)]
    insufficient: Literal["hold", "human"] = "hold"
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    power: float = Field(default=0.8, gt=0.5, lt=1)
    false_promotions_per_year: float = Field(default=1.0, gt=0)
    unit: str = "auto"
    threshold: float = Field(default=0.5, gt=0, lt=1)
    max_unlabelled_share: float = Field(default=0.05, ge=0, lt=1)
    promote_when: Literal["superior", "fresher"] = "superior"
    fresher: FresherPolicy | None = None
    evidence: Literal["candidate", "procedure"] = "candidate"
    procedure: ProcedurePolicy | None = None
    metrics: dict[str, DeclaredMetric] = {}
    guardrails: tuple[Guardrail, ...] = Field(min_length=1)
    slices: SlicePolicy | None = None
    floors: tuple[Floor, ...] = ()
    fairness: FairnessPolicy = FairnessPolicy(none="nobody has said yet which groups to protect")
    regression_suite: SuitePolicy = SuitePolicy()

    @field_validator("metrics")
    @classmethod
    def _names_of_their_own(cls, metrics: dict[str, DeclaredMetric]) -> dict[str, DeclaredMetric]:
        for name in metrics:
            if not name.isidentifier():
                raise ValueError(f"{name!r} is no name: write letters, digits and _")
            if tasks_of(name, classes=0) is not None or name == "selection_rate":
                raise ValueError(f"{name!r} is the name of a known metric: take another")
        return metrics

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        twice = {name for name in self.primary if self.primary.count(name) > 1}
        if twice:
            raise ValueError(f"primary: {', '.join(sorted(twice))} stands twice")
        if (self.promote_when == "fresher") != (self.fresher is not None):
            raise ValueError("promote_when: fresher and the key fresher go together: declare both or none")
        if (self.evidence == "procedure") != (self.procedure is not None):
            raise ValueError("evidence: procedure and the key procedure go together: declare both or none")
        if self.procedure and self.fresher:
            raise ValueError("evidence: procedure and promote_when: fresher each replace superiority: declare one")
        if self.procedure and len(self.primary) > 1:
            raise ValueError("evidence: procedure speaks of one loss: declare one primary")
        if self.fresher and self.fresher.margin_share is not None:
            higher = [name for name in self.primary if not self._is_loss(name)]
            if higher:
                raise ValueError(
                    f"fresher.margin_share: {', '.join(higher)} is no loss, of which a share could be lost: "
                    "declare fresher.margin in its unit"
                )
        return self

    @property
    def unbreakable(self) -> str:
        """Why a declared limit would stop nothing, as a sentence that begins with its key; empty when each can.

        Of names that fit the task: a limit on the side that a worse model clears, and a share lost as a whole.
        """
        for key, floors in (("floors", self.floors), ("fairness.floors", self.fairness.floors)):
            for floor in floors:
                right, wrong = ("at_most", "at_least") if self._is_loss(floor.metric) else ("at_least", "at_most")
                if floor.metric != "selection_rate" and getattr(floor, wrong) is not None:
                    better = "lower" if right == "at_most" else "higher"
                    return f"{key}: {floor.metric}: a bad model clears {wrong} ({better} is better), write {right}"
        rates = [name for name in self.fairness.metrics if is_share(name)]
        if rates and not self.fairness.margin < 1:
            return f"fairness.margin: {self.fairness.margin:g} of {rates[0]} can never be lost, write a share below 1"
        return ""

    def _is_loss(self, name: str) -> bool:
        declared = self.metrics.get(name)
        return declared.lower_is_better if declared else lower_is_better(name)

    @property
    def named(self) -> dict[str, tuple[str, ...]]:
        """Every metric that is named outside fairness, by the key that names it."""
        return {
            "primary": self.primary,
            "guardrails": tuple(rail.metric for rail in self.guardrails),
            "slices": tuple(rail.metric for rail in self.slices.guardrails) if self.slices else (),
            "floors": tuple(floor.metric for floor in self.floors),
        }

    @property
    def amounts(self) -> tuple[str, ...]:
        """Columns whose amounts price a declared cost."""
        columns = (metric.cost.column for metric in self.metrics.values() if metric.cost)
        return tuple(dict.fromkeys(column for column in columns if column))

    def alpha_per_attempt(self, attempts_per_year: int) -> float:
        """The level of one attempt that keeps the yearly number of false promotions within the budget."""
        return min(self.alpha, self.false_promotions_per_year / attempts_per_year)

    def superiority_alpha(self, alpha: float) -> float:
        """The level of superiority in an attempt: half of the whole where evidence of the procedure has the rest."""
        return alpha / 2 if self.procedure else alpha
