"""What speaks of a model's history outside of its registry: reports, scores, served answers and alerts of its home.

A registry without events, verdicts and claims looks like that of a model which was never judged. Where the home says
otherwise, the registry was lost. What Dagster's run history says is asked by whoever has it (`dagster_glue`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from retrain_assets import alerts

ASSETS = ("predictions", "validation_report", "model_card", "scored_batch")
"""Written only with a version in service, or once an attempt stands in the journal."""
KINDS = frozenset({"promoted", "rolled_back", "rejected", "insufficient", "identical"})
"""Alerts about an event of the journal."""


def outer_traces(home: Path, model: str) -> Iterator[str]:
    """One sentence for each place in a home that speaks of a model's history.

    Args:
        home: The folder that holds `registry/`, `data/` and the rest.
        model: The model's name.
    """
    for asset in ASSETS:
        folder = home / "data" / model / asset
        if (first := next(_files(folder), None)) is not None:
            yield f"{folder / first} was written when there was one."
    served = home / "served" / model
    if (first := next(_files(served), None)) is not None:
        yield f"{served / first} is an answer of a version in service."
    if (kind := _alert(home / alerts.FILE, model)) is not None:
        yield f"{home / alerts.FILE} tells of one: {kind}."


def lost_sentence(model: str, folder: Path, trace: str) -> str:
    """What a history that is lost as a whole means, and both ways on."""
    return (
        f"the registry holds no history, and there was one: {trace} Which version is live, what people decided and "
        f"which rows are spent is lost with it, so nothing moves. Restore {folder} from a backup, or begin anew on "
        f"purpose: `retrain release {model} --reason TEXT`."
    )


def _files(folder: Path) -> Iterator[str]:
    try:
        return iter(sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")))
    except OSError:
        return iter(())


def _alert(path: Path, model: str) -> str | None:
    """The kind of the first alert about a decision on a model; lines that are none of ours say nothing."""
    try:
        with path.open(errors="replace") as lines:
            for line in lines:
                if f'"{model}"' in line and (kind := _kind(line, model)) in KINDS:
                    return kind
    except OSError:
        return None
    return None


def _kind(line: str, model: str) -> str | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    ours = isinstance(record, dict) and record.get("model") == model
    return str(record.get("kind")) if ours else None
