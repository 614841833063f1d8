"""Which metric fits which task, by name: what a spec is checked against without loading any numerics.

What a metric computes stands in `metrics`; a test holds that both know the same names.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from retrain_assets.documents.units import loss_unit

_CLASSES = frozenset({"binary", "multiclass"})

TASKS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("log_loss", "brier", "accuracy", "auc", "calibration_error"), _CLASSES),
    **dict.fromkeys(("tpr", "fpr", "precision", "f1"), frozenset({"binary"})),
    **dict.fromkeys(("mae", "mse", "rmse", "wape"), frozenset({"regression"})),
}
"""Tasks of every metric without a parameter."""

LOWER_IS_BETTER = frozenset({"log_loss", "brier", "calibration_error", "fpr", "mae", "mse", "rmse", "wape"})
"""Of these, and of `pinball[q]`, a share of the champion's value is a margin that means something."""

_SHARES = frozenset({"auc", "accuracy", "calibration_error", "tpr", "fpr", "precision", "f1"})

_UPPER = ("mae", "mse", "rmse", "wape", "auc", "tpr", "fpr")
"""Metrics that the field writes in capitals."""

_OF_CLASS = ("auc", "f1", "fpr", "precision", "tpr")


def tasks_of(name: str, classes: int) -> frozenset[str] | None:
    """The tasks that a metric fits; None when no such metric is known.

    >>> sorted(tasks_of("tpr[2]", classes=3)), tasks_of("tpr[3]", classes=3), tasks_of("gini", classes=2)
    (['multiclass'], None, None)
    >>> sorted(tasks_of("pinball[0.9]", classes=2)), tasks_of("pinball[9]", classes=2)
    (['regression'], None)
    """
    if name in TASKS:
        return TASKS[name]
    if quantile := re.fullmatch(r"pinball\[(\d*\.?\d+)\]", name):
        return frozenset({"regression"}) if 0 < float(quantile[1]) < 1 else None
    one = re.fullmatch(r"(\w+)\[(\d+)\]", name)
    if one and one[1] in _OF_CLASS and int(one[2]) < classes:
        return frozenset({"multiclass"})
    return None


def tasks_of_rate(name: str, classes: int) -> frozenset[str] | None:
    """The tasks in which a rate of decisions can be asked of groups; None when it is no such rate.

    >>> sorted(tasks_of_rate("tpr", 3)), sorted(tasks_of_rate("selection_rate[2]", 3)), tasks_of_rate("tpr[3]", 3)
    (['binary', 'multiclass'], ['multiclass'], None)
    """
    one = re.fullmatch(r"(tpr|fpr|selection_rate)(\[(\d+)\])?", name)
    if one is None:
        return None
    if one[3] is None:
        return _CLASSES
    return frozenset({"multiclass"}) if int(one[3]) < classes else None


def lower_is_better(name: str) -> bool:
    """Whether a metric without a declaration of its own is a loss, an error or a false rate.

    >>> lower_is_better("mae"), lower_is_better("pinball[0.9]"), lower_is_better("fpr[1]"), lower_is_better("auc[1]")
    (True, True, True, False)
    """
    return name.split("[")[0] in LOWER_IS_BETTER | {"pinball"}


def largest_change(name: str) -> float:
    """By how much a metric can change at most: a margin of that size asks nothing.

    >>> largest_change("auc[1]"), largest_change("mae")
    (1.0, inf)
    """
    return 1.0 if is_share(name) else float("inf")


def is_share(name: str) -> bool:
    """Whether a metric is a share of rows or pairs, between 0 and 1.

    >>> is_share("tpr[2]"), is_share("selection_rate"), is_share("brier")
    (True, True, False)
    """
    return name.split("[")[0] in _SHARES | {"selection_rate"}


def metric_unit(name: str, label_unit: str) -> str:
    """What a metric is counted in, as sentences say it; empty of a pure number, and where the label has no unit.

    >>> metric_unit("mae", "USD"), metric_unit("tpr[1]", ""), metric_unit("auc", ""), metric_unit("log_loss", "")
    ('USD', 'share', '', 'nats')
    """
    base = name.split("[")[0]
    if base == "wape" or (is_share(name) and base != "auc"):
        return "share"
    return loss_unit("mae" if base == "mean_error" else name, label_unit)


def metric_words(name: str) -> str:
    """A metric as the field writes it.

    >>> metric_words("mae"), metric_words("log_loss"), metric_words("tpr[2]")
    ('MAE', 'log loss', 'TPR[2]')
    """
    base, bracket, rest = name.partition("[")
    return f"{base.upper() if base in _UPPER else base.replace('_', ' ')}{bracket}{rest}"


def known_names(declared: Collection[str]) -> str:
    """Every name that could have been written, for a message."""
    return ", ".join((*sorted({*TASKS, *declared}), "pinball[q]", *(f"{name}[k]" for name in _OF_CLASS)))


def mean_loss(task: str, primary: str) -> str:
    """The primary itself where it is a mean loss, else the mean loss that stands for it.

    >>> mean_loss("regression", "mae"), mean_loss("regression", "rmse"), mean_loss("binary", "auc")
    ('mae', 'mse', 'log_loss')
    """
    if primary in ("log_loss", "brier", "mae", "mse") or primary.startswith("pinball["):
        return primary
    if task != "regression":
        return "log_loss"
    return "mse" if primary == "rmse" else "mae"
