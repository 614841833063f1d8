"""LightGBM parameters that a spec passes on under `training.lightgbm`: which are known, and which are ours.

What belongs here is the refusal of names. What the project itself sets stands in `lightgbm_model.parameters`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

BYTES = "the same window must give the same model"
FILES = "rows and models are read and written by the pipeline"
OWNED: dict[str, str] = {
    "objective": "declare training.objective",
    "learning_rate": "declare training.learning_rate",
    "num_leaves": "declare training.num_leaves",
    "min_data_in_leaf": "declare training.min_data_in_leaf",
    "feature_fraction": "declare training.feature_fraction",
    "lambda_l2": "declare training.lambda_l2",
    "max_cat_to_onehot": "declare training.max_cat_to_onehot",
    "num_iterations": "the rolling origins find it, up to training.max_rounds",
    "early_stopping_round": "declare training.early_stopping_rounds",
    "metric": "models are stopped early on the loss of validation.primary",
    "num_class": "declare classes",
    "seed": "declare training.seed",
    "num_threads": "declare training.threads",
    "categorical_feature": "declare columns.categorical",
    "deterministic": f"it stays true, {BYTES}",
    "force_row_wise": f"it stays true, {BYTES}",
    "force_col_wise": f"it stays false, {BYTES}",
    "device_type": f"it stays cpu, {BYTES}",
    "boosting": "it stays gbdt: early stopping and the average of two models rest on it",
    "bin_construct_sample_cnt": "it stays 50,000: a larger sample takes more memory than the training window",
    "verbosity": "it stays silent",
    "tree_learner": "it stays serial: a model is trained by one process",
    "linear_tree": "leaves stay numbers: the average of two models, and what checks a stored model, rest on it",
    "num_machines": "it stays 1: a model is trained by one process",
    **dict.fromkeys(
        (
            "config", "convert_model", "data", "group_column", "header", "ignore_column", "input_model", "label_column",
            "machine_list_filename", "machines", "output_model", "output_result", "parser_config_file", "save_binary",
            "snapshot_freq", "task", "valid", "weight_column", "forcedbins_filename", "forcedsplits_filename",
        ),
        FILES,
    ),
}  # fmt: skip
"""Parameters that a spec may not pass on, and why or where to declare them."""

_GROUPS = "interaction_constraints"


def misfits(passed: Mapping[str, Any]) -> list[str]:
    """Say what is wrong with the passed parameters, one sentence each; an alias counts as the name it stands for.

    >>> misfits({"scale_pos_weight": 3, "eta": 0.1})
    ['eta is ours to set: declare training.learning_rate']
    >>> misfits({"scale_pos_weigth": 3})
    ['LightGBM has no parameter scale_pos_weigth. Did you mean scale_pos_weight?']
    """
    if not passed:
        return []
    names = {alias: name for name, aliases in _aliases().items() for alias in (name, *aliases)}
    found = []
    for given in passed:
        if given not in names:
            near = difflib.get_close_matches(given, names, n=1, cutoff=0.6)
            advice = f"Did you mean {near[0]}?" if near else "Look it up in LightGBM's list of parameters"
            found.append(f"LightGBM has no parameter {given}. {advice}")
        elif names[given] in OWNED:
            found.append(f"{given} is ours to set: {OWNED[names[given]]}")
    return found


def resolved(passed: Mapping[str, Any], columns: Sequence[str]) -> dict[str, Any]:
    """The passed parameters as LightGBM reads them: columns by their place.

    A mapping from column to value becomes a list in column order, and the groups of `interaction_constraints` hold
    places: LightGBM ends the process on one that is none, and of names it writes a model that it cannot read.

    Args:
        passed: As the spec has them, like `{monotone_constraints: {tenure: 1}}`.
        columns: The model's features, in their order; one that a mapping leaves out gets 0.

    Raises:
        KeyError: A mapping or a group names a column that is no feature.

    >>> resolved({"monotone_constraints": {"tenure": 1}, "max_bin": 63}, ["plan", "tenure"])
    {'monotone_constraints': [0, 1], 'max_bin': 63}
    """
    for name, value in passed.items():
        if isinstance(value, Mapping) and (unknown := sorted(set(value) - set(columns))):
            raise KeyError(f"training.lightgbm.{name}: {', '.join(unknown)} is no feature")
    found = {
        name: [value.get(column, 0) for column in columns] if isinstance(value, Mapping) else value
        for name, value in passed.items()
    }
    if _GROUPS in found:
        found[_GROUPS] = _places(found[_GROUPS], columns)
    return found


def _places(groups: object, columns: Sequence[str]) -> list[list[int]]:
    """Groups of features by their places, which they may be written as too."""
    if not isinstance(groups, list) or not all(isinstance(group, list) for group in groups):
        raise KeyError(f"training.lightgbm.{_GROUPS}: write groups of features, like [[tenure, fee], [age]]")
    known: dict[object, int] = {str(name): place for place, name in enumerate(columns)}
    known |= {place: place for place in range(len(columns))}
    for feature in (feature for group in groups for feature in group):
        if not isinstance(feature, str | int) or feature not in known:
            raise KeyError(f"training.lightgbm.{_GROUPS}: {feature} is no feature")
    return [[known[feature] for feature in group] for group in groups]


def _aliases() -> Mapping[str, Sequence[str]]:
    """Every parameter of the installed LightGBM with its other names."""
    from retrain_assets.scoring.booster import lgb

    known: Mapping[str, Sequence[str]] = lgb.basic._ConfigAliases._get_all_param_aliases()
    return known
