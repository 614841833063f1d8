"""Rolling back: the one function that withdraws the live version, and the probe that comes before.

The sensor, the job, the command line and a launch in the UI all end in `roll_back`. An earlier version must still load,
and score as it did when it was trained, before the pointer moves; afterwards what is served must differ.

`probe.json` is written when the model is trained and holds a few encoded rows with the scores they must get:

    {"rows": [[14.0, null, 3.0], ...],      one list per row in the model's feature order; null is missing
     "scores": [0.31, ...]}                 one score per row, or one list of k scores per row for k classes

A run passes over damaged versions, for a rollback that nobody watches has to end with a sound model in service, if need
be the constant; a person is told of the damage and can choose. Where the pointer goes, and what a rollback leaves
behind, is the registry's (`registry`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np

from retrain_assets.errors import (
    DataError,
    ForeignModel,
    Held,
    IntegrityError,
    NotFound,
    NothingChanged,
    RegistryError,
    RetrainError,
)
from retrain_assets.registry.journal.history import FALLBACK, History
from retrain_assets.registry.registry import NOTHING, Event, Registry, RollbackRequest
from retrain_assets.registry.rules import refuse_automatic
from retrain_assets.scoring.model_text import MODEL_FILE, read_model_text

RELATIVE_TOLERANCE = 1e-6
"""How far a score may lie from the recorded one; the sums of leaf values differ in the last digits between machines."""

Files = Mapping[str, bytes]


def roll_back(registry: Registry, request: RollbackRequest) -> Event:
    """Withdraw the live version: probe the one served before, move the pointer, and see that other bytes are served.

    A run passes over versions that are damaged, to the next older sound one and at last the fallback, and its reason
    says so. A person is told, and names another one with `to`.

    Args:
        registry: Of the model.
        request: Which version is to be left, for which, and why.

    Raises:
        Retired: The whole model is out of service.
        Held: A person's decision stands against it, and no person asks.
        DataError: The target, or for a run every version, does not load or scores otherwise than recorded.
        NothingChanged: The target's model is the one that was live; the pointer has moved and the journal says so.
        RegistryError: There is nothing to return to, the target is damaged, another version is live, or a person who
            does not name the constant would put it in service.
    """
    live = registry.live()
    if request.person and request.expected_live in ((live.name, live.digest) if live else (None, NOTHING)):
        refuse_unnamed_fallback(registry, request.to)
    if request.to is None and not request.person and live and request.expected_live in (live.name, live.digest):
        chosen, said = past_damage(registry, request.reason)
        request = replace(request, to=chosen, reason=said)
    try:
        event = registry.rollback(request, probe_model)
    except (DataError, IntegrityError, NotFound) as damage:
        raise type(damage)(f"{damage}{_others(registry, request.to)}") from None
    refuse_same_bytes(registry, event)
    return event


def refuse_unnamed_fallback(registry: Registry, to: str | None) -> None:
    """Refuse a person's rollback that would end at the constant, which nobody named.

    Raises:
        NotFound: Nothing else is left.
    """
    if to is None and [target.name for target in registry.rollback_targets()[:1]] == [FALLBACK]:
        raise NotFound(
            f"{registry.model}: nothing but {FALLBACK} is left, a constant that gives every row the same answer: add "
            f"--to {FALLBACK} if you want that."
        )


def past_damage(registry: Registry, reason: str) -> tuple[str | None, str]:
    """Where a rollback goes that passes over damaged versions, and its reason, which names them.

    Returns:
        The name of an older version, or None for the usual target, and the reason.

    Raises:
        DataError: Every version that could come back is damaged.
    """
    targets = registry.rollback_targets()
    damaged: list[str] = []
    for target in targets:
        damage = damage_of(registry, target.digest)
        if not damage:
            passed = f"{reason.rstrip('.')}. Passed over {'; '.join(damaged)}"
            return (target.name, passed) if damaged else (None, reason)
        damaged.append(f"{target.name}, which is damaged: {damage.rstrip('.')}")
    if damaged:
        raise DataError(
            f"{registry.model}: no version can come back. {'; '.join(damaged)}. Restore one from a backup, or retrain."
        )
    return None, reason


def _others(registry: Registry, tried: str | None) -> str:
    """The versions that may be named instead of the one that was tried, as the end of a message."""
    names = [target.name for target in registry.rollback_targets()]
    others = [name for name in names if name != (tried or names[0])]
    if not others:
        return ""
    return f" To go back further: `retrain rollback {registry.model} --to {others[0]}`; there are {', '.join(others)}."


def damage_of(registry: Registry, digest: str) -> str:
    """What keeps a version from coming back; empty when it loads and scores its probe rows as recorded."""
    try:
        probe_model(registry.read(digest))
    except RetrainError as damage:
        return str(damage)
    return ""


def hold_on_live(registry: Registry, at: datetime) -> str:
    """Why a person's decision keeps the live version where it is; empty when none does."""
    history = History(registry.history())
    if history.live is None:
        return ""
    try:
        refuse_automatic(
            f"{registry.model}: rollback",
            history,
            at,
            *(each.digest for each in (history.live, *history.served_before[:1])),
        )
    except Held as held:
        return str(held)
    return ""


def refuse_same_bytes(registry: Registry, event: Event) -> None:
    """See that what is served after a rollback is another model than before.

    Raises:
        NothingChanged: It is the same.
    """
    live = registry.live()
    served = registry.read(live.digest) if live else {}
    try:
        left = registry.read(str(event.from_digest))[MODEL_FILE]
    except RegistryError:
        return  # the version that was left is damaged; what is served was just read and is whole
    if live is None or live.digest != event.to_digest or served[MODEL_FILE] == left:
        raise NothingChanged(
            f"{registry.model}: {event.to_version} is live and its model.bst is that of {event.from_version}, so "
            "nothing changed for anybody. Roll back once more, or retrain."
        )


def probe_model(files: Files) -> None:
    """Load a version and score its probe rows; return quietly when every score is finite and as recorded.

    A model that this process neither trained nor checked is first tried in a process of its own (`isolated_probe`).

    Args:
        files: The version's files by name, `model.bst` and `probe.json` among them.

    Raises:
        DataError: The model does not load, does not score, or scores differently.
    """
    rows, expected = probe_of(files)
    scores = _scores(files, rows)
    refuse_scores(scores, expected)


def probe_of(files: Files) -> tuple[np.ndarray, np.ndarray]:
    """The probe rows, shape (m, features), and their recorded scores, shape (m,) or (m, k).

    Raises:
        DataError: There is no probe, or it is malformed or empty.

    >>> rows, scores = probe_of({"probe.json": b'{"rows": [[1.5, null], [2.0, 4.0]], "scores": [0.25, 0.75]}'})
    >>> rows.tolist(), scores.tolist()
    ([[1.5, nan], [2.0, 4.0]], [0.25, 0.75])
    """
    try:
        record = json.loads(_file(files, "probe.json"))
        rows, scores = (np.asarray(record[name], dtype=float) for name in ("rows", "scores"))
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"probe.json is no probe ({type(error).__name__}: {error}). {_NEXT_STEP}") from error
    if rows.ndim != 2 or not len(rows) or scores.ndim not in (1, 2) or len(scores) != len(rows):
        raise DataError(f"probe.json holds rows {rows.shape} and scores {scores.shape}. {_NEXT_STEP}")
    return rows, scores


def refuse_scores(scores: np.ndarray, expected: np.ndarray) -> None:
    """Refuse scores that are not finite or not the recorded ones.

    Args:
        scores: What the model says now, shape (m,) or (m, k).
        expected: What it said when it was trained, same shape.

    Raises:
        DataError: They differ; the message names the first row that does.

    >>> refuse_scores(np.array([0.25, 0.5]), np.array([0.25, 0.75]))
    Traceback (most recent call last):
    retrain_assets.errors.DataError: 1 of 2 probe rows score otherwise than recorded: row 2 gets 0.5, it was 0.75. \
Restore the version from a backup, roll back to another one, or retrain.
    """
    if scores.shape != expected.shape:
        raise DataError(f"the model gives scores {scores.shape}, recorded were {expected.shape}. {_NEXT_STEP}")
    same = np.isfinite(scores) & np.isclose(scores, expected, rtol=RELATIVE_TOLERANCE, atol=RELATIVE_TOLERANCE)
    wrong = np.flatnonzero(~same.reshape(len(same), -1).all(axis=1))
    if wrong.size:
        first = wrong[0]
        raise DataError(
            f"{wrong.size} of {len(scores)} probe rows score otherwise than recorded: row {first + 1} gets "
            f"{scores[first]}, it was {expected[first]}. {_NEXT_STEP}"
        )


_NEXT_STEP = "Restore the version from a backup, roll back to another one, or retrain."


def _scores(files: Files, rows: np.ndarray) -> np.ndarray:
    model = _file(files, MODEL_FILE)
    from retrain_assets.scoring.booster import known_sound, lgb, load, vouch
    from retrain_assets.scoring.isolated_probe import probe

    try:
        if not known_sound(model):
            read_model_text(model)
            probe(model)
            vouch(model)
        scores: Any = load(model).predict(rows, num_threads=1)
    except ForeignModel as fault:
        raise DataError(f"model.bst does not load or does not score: {fault}. {_NEXT_STEP}") from None
    except lgb.basic.LightGBMError as error:
        raise DataError(f"model.bst does not load or does not score: {error}. {_NEXT_STEP}") from error
    return np.asarray(scores, dtype=float)


def _file(files: Files, name: str) -> bytes:
    if name not in files:
        raise DataError(f"the version has no {name} among {', '.join(sorted(files)) or 'no files'}. {_NEXT_STEP}")
    return files[name]
