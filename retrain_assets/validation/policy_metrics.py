"""From a name in a policy to the metric it means: a known one, a declared cost, or a function of the team's own."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from retrain_assets.errors import DataError, SpecError
from retrain_assets.metrics.metric import Array, Metric, cost, custom, metric
from retrain_assets.metrics.row_values import asymmetric_error, decision_cost, wrong_class
from retrain_assets.validation.policy import Cost, DeclaredMetric, ValidationPolicy


def metric_of(policy: ValidationPolicy, name: str) -> Metric:
    """The metric that a policy means by a name.

    Raises:
        SpecError: Neither the policy nor `metrics` knows the name, or a declared function cannot be imported.
    """
    declared = policy.metrics.get(name)
    if declared is None:
        return metric(name)
    return _cost(name, declared.unit, declared.cost) if declared.cost else _custom(name, declared)


def _cost(name: str, unit: str, declared: Cost) -> Metric:
    if declared.task == "binary":
        rows = decision_cost(declared.false_positive or 0.0, declared.false_negative or 0.0)
    elif declared.task == "multiclass":
        rows = wrong_class(declared.wrong or 0.0)
    else:
        rows = asymmetric_error(declared.over or 0.0, declared.under or 0.0)
    return cost(name, unit, declared.task, rows, declared.column)


def _custom(name: str, declared: DeclaredMetric) -> Metric:
    path = str(declared.callable)
    return custom(name, bool(declared.higher_is_better), declared.unit, _guarded(name, path, _imported(name, path)))


def _imported(name: str, path: str) -> Callable[[Array, Array], Any]:
    module, function = path.split(":")
    try:
        found = getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise SpecError(f"validation.metrics.{name}.callable: {path} cannot be imported: {error}.") from None
    if not callable(found):
        raise SpecError(f"validation.metrics.{name}.callable: {path} is of type {type(found).__name__}, no function.")
    return found  # type: ignore[no-any-return]


def _guarded(name: str, path: str, function: Callable[[Array, Array], Any]) -> Callable[[Array, Array], float]:
    """The function with a named error for what it raises and for an answer that is no number."""

    def value(label: Array, scores: Array) -> float:
        try:
            answer = function(label, scores)
        except Exception as error:
            raise DataError(
                f"metric {name}: {path} raised {type(error).__name__} on {len(label):,} rows: {error}. "
                "Return NaN for rows on which it cannot be known."
            ) from error
        if isinstance(answer, bool) or not isinstance(answer, (int, float, np.integer, np.floating)):
            raise DataError(f"metric {name}: {path} returned {answer!r}. Return one number.")
        return float(answer) if math.isfinite(answer) else math.nan

    return value
