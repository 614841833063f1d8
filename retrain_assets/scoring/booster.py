"""A LightGBM model as bytes: loading, scoring, importance. Fitting one stands in `lightgbm_model`.

LightGBM is imported here and nowhere else, because a setting must precede it. It trusts whatever text it is given, so
a text that was not written by this process is checked whole before it is loaded (`model_text`), once a process.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from retrain_assets.errors import DataError, ForeignModel
from retrain_assets.scoring.model_text import read_model_text

os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # idle threads that spin cost tenfold on a busy machine

import lightgbm as lgb

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["importance", "known_sound", "lgb", "load", "predict", "require_numbers", "text_of", "vouch"]

_sound: set[str] = set()
"""Digests of the texts that this process wrote, checked or probed; kept nowhere, so that nobody can add to it."""


def predict(
    model: bytes | lgb.Booster, encoded: pa.Table | NDArray[np.float64], raw: bool = False
) -> NDArray[np.float64]:
    """Scores: the value for regression, P(label = 1) for binary, one probability per class for multiclass.

    Args:
        model: The model's text, or the booster made of it.
        encoded: The model's features, in its order (`features.encode`, `feature_matrix.feature_matrix`), n rows.
        raw: The sums of the trees instead, before the objective's link: log-odds for binary.

    Returns:
        Shape (n,), or (n, k) for k classes.

    Raises:
        DataError: The columns are not the model's, or one is no number.
    """
    booster = model if isinstance(model, lgb.Booster) else load(model)
    if isinstance(encoded, np.ndarray):
        if encoded.shape[1] != booster.num_feature():
            raise DataError(f"the model reads {booster.num_feature()} features; the rows have {encoded.shape[1]}")
    else:
        expected = [unquote(name) for name in booster.feature_name()]
        if encoded.column_names != expected:
            raise DataError(
                f"the model reads {', '.join(expected)}; the rows have {', '.join(encoded.column_names)}: "
                "encode them with the contract stored beside the model"
            )
        require_numbers(encoded)
    if not len(encoded):
        classes = booster.num_model_per_iteration()
        return np.empty((0, classes) if classes > 1 else 0)
    return np.asarray(booster.predict(encoded, raw_score=raw))


def load(model: bytes) -> lgb.Booster:
    """The booster of a model's text.

    LightGBM ends the process on a text that was cut or crafted, so that one of which it is not known is checked first.

    Raises:
        DataError: The bytes are no LightGBM model, or not a whole and sound one.
    """
    if not model.startswith(b"tree\n"):
        raise DataError(f"{len(model):,} bytes that begin with {model[:20]!r} are no LightGBM text model")
    if not known_sound(model):
        try:
            read_model_text(model)
        except ForeignModel as fault:
            raise DataError(
                f"a LightGBM model of {len(model):,} bytes is cut short or changed: {fault}. Restore it from a backup"
            ) from None
        vouch(model)
    try:
        return lgb.Booster(model_str=model.decode())
    except (lgb.basic.LightGBMError, ValueError) as error:
        raise DataError(f"LightGBM cannot read a model of {len(model):,} bytes: {str(error)[:200]}") from None


def text_of(booster: lgb.Booster, rounds: int | None = None) -> bytes:
    """The text of a booster of this process, with its first rounds or all; it is known as sound from then on."""
    model = bytes(booster.model_to_string(num_iteration=rounds).encode())
    vouch(model)
    return model


def vouch(model: bytes) -> None:
    """Remember that a text was written by this process, or has held in a check."""
    _sound.add(hashlib.sha256(model).hexdigest())


def known_sound(model: bytes) -> bool:
    """Whether this process wrote the text or has checked it."""
    return hashlib.sha256(model).hexdigest() in _sound


def importance(model: bytes) -> dict[str, float]:
    """Each feature's share of the total gain of all splits, largest first; all 0 for a model without a split."""
    booster = load(model)
    gain = booster.feature_importance("gain")
    share = gain / gain.sum() if gain.sum() > 0 else gain
    ranked = sorted(zip(map(unquote, booster.feature_name()), share, strict=True), key=lambda item: (-item[1], item[0]))
    return {name: float(value) for name, value in ranked}


def require_numbers(encoded: pa.Table) -> None:
    """Refuse a table with a column that LightGBM cannot read: it would end the process.

    Raises:
        DataError: A column is text, a dictionary, a time or anything else that is no integer or float.
    """
    import pyarrow as pa

    for field in encoded.schema:
        if not (pa.types.is_integer(field.type) or pa.types.is_floating(field.type)):
            raise DataError(f"column {field.name!r} is {field.type}, not a number: encode the rows first")
