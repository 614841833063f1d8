"""The record of a backtest: what every policy would have cost, and what is recommended. This module knows its keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from retrain_assets.backtest.saving import Saving
from retrain_assets.store import Json, PeriodStore, require_schema
from retrain_assets.validation.criteria.procedure_evidence import ProcedureEvidence

ASSET = "policy_backtest"
SCHEMA = 1


@dataclass(frozen=True)
class PolicyResult:
    """One policy over all of history, and over its second half.

    Attributes:
        name: What it does.
        family: What it is one of.
        parameters: Its parameters.
        triggers: Keys of the spec's `triggers` that declare it; None where no spec can.
        hindsight: Whether it knows the future; such a policy is a bound, not a choice.
        retrains: Days of its retrains after the first model, as ISO text.
        mean_loss: Mean loss per row, with `low` and `high`, its 95 % limits.
        loss: Loss summed over rows.
        cost: Loss plus retrains at the cost of one.
        costs: The same for other costs of a retrain, by that cost as text.
        best_from: The cost of a retrain from which on no other policy is cheaper; None where it is nowhere best.
        best_to: And up to which; None for no end.
        regret: Cost beyond that of the oracle.
        worse_next: Share of retrains after which the model that was replaced would have lost less at first.
        oldest_days: The greatest age of a serving model.
        cpu_seconds: Training time of its models, all strategies together.
        against_clock: What it saves against the clock with as many retrains, on the second half; over all of history,
            without limits, where that is too short for two.
        first_half: Cost over the first half, where the parameters of a family are chosen.
        second_half: Cost over the second half, which is reported.
        second_retrains: Retrains in the second half.
        chosen: Whether the first half chose it among its family.
    """

    name: str
    family: str
    parameters: Json
    triggers: Json | None
    hindsight: bool
    retrains: tuple[str, ...]
    mean_loss: float
    low: float | None
    high: float | None
    loss: float
    cost: float
    costs: Mapping[str, float]
    best_from: float | None
    best_to: float | None
    regret: float
    worse_next: float
    oldest_days: int
    cpu_seconds: float
    against_clock: Saving
    first_half: float | None
    second_half: float | None
    second_retrains: int
    chosen: bool

    @classmethod
    def from_dict(cls, record: Json) -> PolicyResult:
        """The inverse of `asdict`."""
        clock = Saving.from_dict(record["against_clock"])
        return cls(**{**record, "retrains": tuple(record["retrains"]), "against_clock": clock})


@dataclass(frozen=True)
class GatedResult:
    """One policy over all of history, with promotions decided by one rule of the gate.

    Attributes:
        policy: Name of the policy.
        rule: The rule: what is asked of a candidate, the gate's length, and whether the promoted model has seen it.
        declared: Whether that is the spec's own rule.
        attempts: Retrains that were judged; each is paid for.
        promoted: Those that put a model in service.
        mean_loss: Mean loss per row.
        cost: Loss plus attempts at the cost of a retrain.
        premium: Cost beyond that of the same policy without a gate.
    """

    policy: str
    rule: str
    declared: bool
    attempts: int
    promoted: int
    mean_loss: float
    cost: float
    premium: float

    @classmethod
    def from_dict(cls, record: Json) -> GatedResult:
        """The inverse of `asdict`."""
        return cls(**record)


@dataclass(frozen=True)
class Recommendation:
    """What to do, and what it would have saved.

    Attributes:
        policy: Name of the policy.
        parameters: Its parameters.
        triggers: The spec's block; empty where nothing is to change.
        saving: Against the spec's triggers over the second half; None where that is the spec's own policy.
        sentence: All of it in one plain sentence.
        tuned_on_all: Whether history was too short to choose on one half and report on the other.
    """

    policy: str
    parameters: Json
    triggers: Json
    saving: Saving | None
    sentence: str
    tuned_on_all: bool = False

    def to_dict(self) -> Json:
        """As plain JSON."""
        return {
            "policy": self.policy,
            "parameters": self.parameters,
            "triggers": self.triggers,
            "saves": self.saving.total if self.saving else 0.0,
            "distinguishable": bool(self.saving and self.saving.distinguishable),
            "saving": self.saving.to_dict() if self.saving else None,
            "sentence": self.sentence,
            "tuned_on_all": self.tuned_on_all,
        }

    @classmethod
    def from_dict(cls, record: Json) -> Recommendation:
        """The inverse of `to_dict`."""
        saving = Saving.from_dict(record["saving"]) if record["saving"] else None
        return cls(
            record["policy"],
            record["parameters"],
            record["triggers"],
            saving,
            record["sentence"],
            record["tuned_on_all"],
        )


@dataclass(frozen=True)
class Timeline:
    """Mean loss by interval between two decisions: of the first model, never retrained, and of always fresh ones.

    Attributes:
        starts: The day on which each interval begins, as ISO text.
        never: Mean loss of the first model; None where an interval has no rows.
        fresh: Mean loss of the model trained just before.
        strategies: The strategy that the spec would have chosen.
    """

    starts: tuple[str, ...]
    never: tuple[float | None, ...]
    fresh: tuple[float | None, ...]
    strategies: tuple[str, ...]

    @classmethod
    def from_dict(cls, record: Json) -> Timeline:
        """The inverse of `asdict`."""
        return cls(*(tuple(record[name]) for name in ("starts", "never", "fresh", "strategies")))


@dataclass(frozen=True)
class BacktestRecord:
    """A whole backtest.

    Attributes:
        model: Name of the model.
        key: Digest of everything that it depends on.
        loss: Name of the loss.
        unit: What lies between two decisions.
        retrain_cost: Cost of a retrain, in loss summed over rows; `cost_declared` says whether the spec names it.
        rows: Rows that count.
        first_day: The first of them, as ISO text; `middle_day` begins the second half, `last_day` is the last.
        recommendation: What to do.
        policies: Every policy.
        front: The least loss that hindsight allows, by number of retrains.
        timeline: The loss over time.
        gated: Some policies with the gate's rules.
        procedure: Whether retraining works at all; None where history is too short to say.
        problems: What could not be trained, scored or used.
        fits: Fits made for it; `known_fits` stood already.
        cpu_seconds: CPU time of LightGBM that it took.
    """

    model: str
    key: str
    loss: str
    unit: str
    retrain_cost: float
    cost_declared: bool
    rows: int
    first_day: str
    middle_day: str
    last_day: str
    recommendation: Recommendation
    policies: tuple[PolicyResult, ...]
    front: tuple[float, ...]
    timeline: Timeline
    gated: tuple[GatedResult, ...] = ()
    procedure: ProcedureEvidence | None = None
    problems: tuple[str, ...] = ()
    fits: int = 0
    known_fits: int = 0
    cpu_seconds: float = 0.0
    period: str = ""
    schema: int = field(default=SCHEMA)

    @property
    def declared(self) -> PolicyResult:
        """The spec's own triggers."""
        return next(one for one in self.policies if one.family == "spec")

    def named(self, name: str) -> PolicyResult:
        """The policy of a name."""
        return next(one for one in self.policies if one.name == name)

    def to_dict(self) -> Json:
        """As plain JSON."""
        record = asdict(self) | {"recommendation": self.recommendation.to_dict()}
        for stored, policy in zip(record["policies"], self.policies, strict=True):
            stored["against_clock"] = policy.against_clock.to_dict()
        return record

    @classmethod
    def from_dict(cls, record: Json) -> BacktestRecord:
        """Read a stored record.

        Raises:
            DataError: A newer release wrote it.
        """
        require_schema(record, SCHEMA, ASSET)
        return cls(
            **{
                **record,
                "recommendation": Recommendation.from_dict(record["recommendation"]),
                "policies": tuple(PolicyResult.from_dict(one) for one in record["policies"]),
                "front": tuple(record["front"]),
                "timeline": Timeline.from_dict(record["timeline"]),
                "gated": tuple(GatedResult.from_dict(one) for one in record.get("gated", ())),
                "procedure": ProcedureEvidence.from_dict(known) if (known := record.get("procedure")) else None,
                "problems": tuple(record["problems"]),
            }
        )


def read_backtest(store: PeriodStore, period: str | None = None) -> BacktestRecord | None:
    """The backtest as of a period, or the newest; None where none was made."""
    known = store.periods(ASSET, "json")
    chosen = period or (known[-1] if known else None)
    record = store.read_json(ASSET, chosen) if chosen else None
    return BacktestRecord.from_dict(record) if record is not None else None


def write_backtest(store: PeriodStore, record: BacktestRecord) -> None:
    """Keep a backtest under the period as of which it was made."""
    store.write_json(ASSET, record.period, record.to_dict())
