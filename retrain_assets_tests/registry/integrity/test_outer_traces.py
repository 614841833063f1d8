"""A registry that lost its history as a whole, in a home that remembers it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.worlds.verdicts import MODEL, candidate, fresh, moment, period, promote, promoted, verdict
from retrain_assets.errors import IntegrityError, RegistryError
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.rulings import BeginAnew, Hold, Signature


@pytest.fixture
def forgotten(tmp_path: Path) -> Registry:
    """Three versions were promoted; then everything that speaks of it in the registry was lost."""
    registry = fresh(tmp_path / "home" / "registry")
    promoted(registry, [0, 1, 2])
    for folder in ("journal", "checkpoints", "verdicts", "claims", "begun"):
        shutil.rmtree(registry.folder / folder, ignore_errors=True)
    return fresh(registry.folder.parent)


ALERT = '{"model": "%s", "kind": "promoted", "period": "2024-01-01"}\n'


@pytest.mark.parametrize(
    ("trace", "content"),
    [
        (f"data/{MODEL}/predictions/2024-01-01.parquet", ""),
        (f"data/{MODEL}/validation_report/2024-01-01.json", ""),
        (f"data/{MODEL}/model_card/v1.html", ""),
        (f"data/{MODEL}/scored_batch/rows.csv.json", ""),
        (f"served/{MODEL}/1.jsonl", ""),
        ("alerts.jsonl", f'{{"model": "{MODEL}", "ki\n' + ALERT % MODEL),
    ],
)
def test_while_anything_in_the_home_speaks_of_a_history_none_is_begun_without_a_person(
    forgotten: Registry, trace: str, content: str
) -> None:
    path = forgotten.folder.parent.parent / trace
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    (problem,) = forgotten.verify()
    assert f"there was one: {path}" in problem
    judged = verdict(forgotten, 3, candidate(forgotten, "late"))
    with pytest.raises(IntegrityError, match=f"Restore .* or begin anew on purpose: `retrain release {MODEL}"):
        promote(forgotten, judged, 3)
    begun = forgotten.rule(BeginAnew(Signature("ann", "the disk died, no backup", moment(3), period(3))))
    assert (begun.seq, begun.action, begun.actor) == (1, "released", "ann")
    promote(forgotten, judged, 3)
    assert forgotten.live().name == "v1"
    assert forgotten.verify() == []
    with pytest.raises(RegistryError, match="nothing to begin anew"):
        forgotten.rule(BeginAnew(Signature("ann", "again", moment(3), period(3))))


def test_what_is_written_through_an_earlier_snapshot_begins_nothing(tmp_path: Path) -> None:
    registry = fresh(tmp_path / "home" / "registry")
    promoted(registry, [3])
    path = tmp_path / "home" / f"data/{MODEL}/predictions/2024-01-01.parquet"
    path.parent.mkdir(parents=True)
    path.touch()
    early = registry.snapshot(until=period(0))
    assert early.history() == ()
    early.rule(Hold(Signature("ann", "tariffs change", moment(5), period(5))))
    assert [event.action for event in registry.history()] == ["passed", "bootstrap", "held"]


def test_a_home_that_speaks_of_no_decision_or_of_another_models_begins_a_history(forgotten: Registry) -> None:
    home = forgotten.folder.parent.parent
    for trace in (f"data/{MODEL}/raw_data/2024-01-01.parquet", "data/other/predictions/2024-01-01.parquet"):
        (home / trace).parent.mkdir(parents=True, exist_ok=True)
        (home / trace).touch()
    (home / "alerts.jsonl").write_text(ALERT % "other" + ALERT.replace("promoted", "drift") % MODEL)
    assert forgotten.verify() == []
    promoted(forgotten, [3])
    assert forgotten.live().name == "v1"
