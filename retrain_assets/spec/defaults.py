"""The defaults of a spec that depend on its task and period, filled into what was written before it is checked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from retrain_assets.periods import PERIODS_PER_YEAR
from retrain_assets.store import Json
from retrain_assets.windows.policy import WindowsPolicy

OBJECTIVES = {
    "binary": {"binary"},
    "multiclass": {"multiclass"},
    "regression": {"regression", "regression_l1", "huber", "poisson", "quantile"},
}
"""The objectives that fit each task."""

_GUARDRAILS = {
    "binary": (("auc", 0.02), ("brier", 0.01)),
    "multiclass": (("accuracy", 0.02), ("brier", 0.02)),
    "regression": (("wape", 0.02),),
}
"""Metric and margin of the guardrail of each task, and of another one where that metric is the primary."""
_ONE_PERIOD = {"hour": "1h", "day": "1d", "week": "1w", "month": "31d", "quarter": "92d", "year": "366d"}
_WINDOWS: dict[
    str, dict[str, str]
] = {  # a decision needs rows of one whole period; where that is long, it sets the length
    "quarter": {"recent": "4 periods", "half_life": "8 periods", "gate": "1 periods", "min_train": "3 periods"},
    "year": {"recent": "1 periods", "half_life": "2 periods", "gate": "1 periods", "min_train": "1 periods"},
}


def with_defaults(record: Mapping[str, object]) -> Json:
    """Give a spec what it leaves to defaults that depend on its task and period.

    Defaults that depend on nothing stand beside their key, in the stage's own policy.

    >>> full = with_defaults({"task": "binary", "period": {"every": "month"}, "primary": "log_loss"})
    >>> full["training"], full["validation"]
    ({'objective': 'binary'}, {'guardrails': [{'metric': 'auc', 'margin': 0.02}], 'primary': 'log_loss'})
    """
    full: Json = dict(record)
    task = full.get("task")
    if "primary" in full and "primary" not in _block(full, "validation"):
        primary = full.pop("primary")
        _fill(full, "validation", {"primary": primary})
    task = task if isinstance(task, str) and task in OBJECTIVES else "binary"
    every = _block(full, "period").get("every")
    every = every if isinstance(every, str) and every in _ONE_PERIOD else "month"
    _fill(full, "training", {"objective": task})
    windows = _block(full, "windows")
    usual = _WINDOWS.get(every, {})
    _fill(full, "windows", {name: length for name, length in usual.items() if f"{name}_periods" not in windows})
    _fill(full, "triggers", {"max_per_year": _attempts_per_year(every, full["windows"])})
    if isinstance(full.get("validation"), Mapping):
        _fill(full, "validation", _guardrail(task, full["validation"]))
    if _block(full, "source").get("known_at"):
        _fill(full, "source", {"label_delay": _ONE_PERIOD[every]})
    return full


def _attempts_per_year(every: str, windows: object) -> int:
    """How many attempts a year have room for: one a period, each on a gate window of its own.

    >>> _attempts_per_year("week", {"gate": "2w"}), _attempts_per_year("month", {"gate": "2w"})
    (26, 12)
    """
    try:
        policy = WindowsPolicy.model_validate(windows)
    except ValueError:
        return PERIODS_PER_YEAR[every]  # the fault is named where the windows are read
    gate = policy.gate
    gates = (
        PERIODS_PER_YEAR[every] / gate.periods if gate.periods else timedelta(weeks=52) / (gate.time or timedelta(1))
    )
    return max(1, min(PERIODS_PER_YEAR[every], int(gates)))


def _block(record: Json, name: str) -> Mapping[str, object]:
    """A block of the spec; empty where it is none."""
    block = record.get(name)
    return block if isinstance(block, Mapping) else {}


def _fill(record: Json, name: str, defaults: Json) -> None:
    """Give a block the defaults that it does not declare; what is no mapping stays, for the rules to name."""
    block = {} if record.get(name) is None else record[name]
    record[name] = {**defaults, **block} if isinstance(block, Mapping) else block


def _guardrail(task: str, validation: Json) -> Json:
    """The one guardrail of a spec that declares none: a metric that says something else than the primary."""
    if "guardrails" in validation:
        return {}
    primary = validation.get("primary")
    taken = primary if isinstance(primary, list | tuple) else [primary]
    usual = _GUARDRAILS[task]
    metric, margin = usual[-1] if usual[0][0] in taken else usual[0]
    return {"guardrails": [{"metric": metric, "margin": margin}]}
