"""Probe a model file of unknown origin in a child process, so that a file that ends its process ends nothing else.

The child gets the file's bytes on its standard input, limits its own memory and time, checks the text (`model_text`),
loads it with LightGBM's library alone, which is there in a fifth of a second, scores and explains rows of the values
that go wrong most easily, and answers with one line of JSON. Whatever else happens to it is a refusal.

    python -m retrain_assets.scoring.isolated_probe < model.txt
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrain_assets.errors import DataError, ForeignModel
from retrain_assets.scoring.model_text import ModelText, read_model_text

CPU_SECONDS = 60
WALL_SECONDS = 180
MEMORY_BYTES = 8 << 30
_ROWS, _EXPLAINED = 64, 2
_FLOAT64, _SCORES, _CONTRIBUTIONS = 1, 0, 3  # as LightGBM's C interface numbers them


def probed(model: bytes) -> ModelText:
    """Probe a model in a child process, and read its head once that held.

    Raises:
        ForeignModel: The file is refused, or ended the child, or took more than the limits.
    """
    read_head_cheaply(model)
    probe(model)
    return read_model_text(model)


def probe(model: bytes) -> None:
    """Check, load and score a model in a child process.

    Raises:
        ForeignModel: The file is refused, or ended the child, or took more than the limits.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "retrain_assets.scoring.isolated_probe"],
            input=model,
            capture_output=True,
            timeout=WALL_SECONDS,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ForeignModel(f"it was not loaded and scored within {WALL_SECONDS} seconds") from None
    lines = ended.stdout.decode(errors="replace").strip().split("\n")
    if ended.returncode != 0 or not lines[-1].startswith("{"):
        how = f"signal {-ended.returncode}" if ended.returncode < 0 else f"exit code {ended.returncode}"
        raise ForeignModel(f"the process that loaded it to try it ended ({how}): it is damaged. Save it again")
    refused = json.loads(lines[-1]).get("refused")
    if refused:
        raise ForeignModel(str(refused))


def read_head_cheaply(model: bytes) -> None:
    """Refuse what is no text model at all before a process is started for it.

    Raises:
        ForeignModel: It is not.
    """
    if not model.startswith(b"tree\n"):
        read_model_text(model)


def examined(model: bytes) -> str:
    """Why a model is refused, in a sentence; empty where it loads and scores. For a process that may end."""
    try:
        text = read_model_text(model)
    except DataError as refused:
        return str(refused)
    except (ValueError, MemoryError) as error:
        return f"it cannot be read: {error or type(error).__name__}"
    try:
        scores = _scored_by_library(model, _hard_rows(text))
    except (RuntimeError, MemoryError) as error:
        return f"LightGBM cannot score with it: {error or type(error).__name__}"
    if not np.isfinite(scores).all():
        return "some rows get no finite score from it"
    return ""


def _scored_by_library(model: bytes, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The scores of rows, and what explains a few of them, by LightGBM's library without its Python package.

    Raises:
        RuntimeError: The library refuses the model or the rows.
    """
    library = ctypes.CDLL(str(_library()))
    library.LGBM_GetLastError.restype = ctypes.c_char_p

    def call(name: str, *arguments: object) -> None:
        if getattr(library, name)(*arguments) != 0:
            raise RuntimeError(library.LGBM_GetLastError().decode(errors="replace"))

    booster = ctypes.c_void_p()
    call("LGBM_BoosterLoadModelFromString", model, ctypes.byref(ctypes.c_int()), ctypes.byref(booster))
    found = []
    for kind, count in ((_SCORES, len(rows)), (_CONTRIBUTIONS, _EXPLAINED)):
        some, length = np.ascontiguousarray(rows[:count]), ctypes.c_int64()
        call("LGBM_BoosterCalcNumPredict", booster, count, kind, 0, -1, ctypes.byref(length))
        scores, written = np.full(length.value, np.nan), ctypes.c_int64()
        where = (some.ctypes.data_as(ctypes.c_void_p), _FLOAT64, count, some.shape[1], 1)
        into = (ctypes.byref(written), scores.ctypes.data_as(ctypes.c_void_p))
        call("LGBM_BoosterPredictForMat", booster, *where, kind, 0, -1, b"num_threads=1", *into)
        found.append(scores)
    return np.concatenate(found)


def _library() -> Path:
    """LightGBM's library where it is installed; its package is found and not imported, which takes a second.

    Raises:
        RuntimeError: There is none.
    """
    spec = importlib.util.find_spec("lightgbm")
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        for path in sorted(Path(folder).rglob("*_lightgbm.*")):
            if path.suffix in (".so", ".dylib", ".dll"):
                return path
    raise RuntimeError("LightGBM is not installed")


def _hard_rows(text: ModelText) -> NDArray[np.float64]:
    """Rows of missing, very large, negative and unknown values, and of values that it saw."""
    chance, features = np.random.default_rng(0), len(text.names)
    rows = chance.choice([np.nan, 0.0, -1.0, 1.0, 0.5, 31.0, 32.0, 1e9, -1e9, 1e300, -1e300], (_ROWS, features))
    for position in range(features):
        codes = text.codes(position)
        if codes:
            rows[1::2, position] = chance.choice(codes, len(rows[1::2]))
    return np.asarray(rows, dtype=np.float64)


def _limit() -> None:
    """Limit memory and time of this process where the system can."""
    try:
        import resource
    except ImportError:
        return
    for what, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def main() -> None:
    """Probe the model on standard input."""
    _limit()
    print(json.dumps({"refused": examined(sys.stdin.buffer.read())}), flush=True)


if __name__ == "__main__":
    main()
