"""Why a row got its score: the features that moved it most, by LightGBM's SHAP contributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

    from retrain_assets.scoring.scorer import Scorer


def contributions(scorer: Scorer, encoded: pa.Table | NDArray[np.float64]) -> NDArray[np.float64]:
    """What each feature adds to a row's sum of trees: log-odds for two classes, the likeliest class's for several.

    Exact Shapley values of the trees (TreeSHAP): with the model's expected value they sum to the row's raw score.

    Args:
        scorer: The version.
        encoded: Its features as numbers, n rows (`Scorer.encoded`).

    Returns:
        Shape (n rows, k features).

    Source: Lundberg, Erion and Lee (2018), Consistent individualized feature attribution for tree ensembles.
    """
    features = len(scorer.contract.names)
    found = np.asarray(scorer.booster.predict(encoded, pred_contrib=True))
    found = found.reshape(len(encoded), -1, features + 1)
    likeliest = found.sum(axis=2).argmax(axis=1)
    return np.asarray(found[np.arange(len(found)), likeliest, :features])


def reasons(
    scorer: Scorer,
    encoded: pa.Table | NDArray[np.float64],
    values: Mapping[str, Sequence[object]],
    top: int,
) -> list[list[str]]:
    """Name the features that moved each row's score most, the strongest first, each with its value.

    Args:
        scorer: The version.
        encoded: Its features as numbers, n rows.
        values: The features as people wrote them, by name.
        top: How many of each row.

    Returns:
        One list of n texts such as `tenure_months=12 (+0.41)` for each rank.
    """
    found, names = contributions(scorer, encoded), scorer.contract.names
    strongest = np.argsort(-np.abs(found), axis=1, kind="stable")[:, :top]
    texts = [["" for _ in range(len(found))] for _ in range(strongest.shape[1])]
    for row, ranked in enumerate(strongest.tolist()):
        for rank, feature in enumerate(ranked):
            name = names[feature]
            value = values[name][row]
            shown = "missing" if value is None else f"{value:g}" if isinstance(value, float) else value
            texts[rank][row] = f"{name}={shown} ({found[row, feature]:+.3g})"
    return texts
