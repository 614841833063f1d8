"""What a registry refuses to begin or to move: a history that was lost, and versions judged on rows that they saw."""

from __future__ import annotations

import json
import shutil
from datetime import datetime

import pytest

from benchmarks.worlds.verdicts import (
    candidate,
    files_of,
    fresh,
    gate,
    moment,
    period,
    promote,
    promoted,
    verdict,
)
from retrain_assets.errors import IntegrityError, TrainedOnGate
from retrain_assets.registry.rulings import Hold, Signature

# ---- a lost journal


def lost(folder):
    """A registry after a restore that brought versions and verdicts back, and neither journal nor checkpoints."""
    registry = fresh(folder)
    promoted(registry, [0, 1])
    for place in ("journal", "checkpoints"):
        shutil.rmtree(registry.folder / place)
    return fresh(folder)


def test_no_first_model_is_promoted_where_verdicts_speak_of_a_history(tmp_path):
    registry = lost(tmp_path)
    newer = candidate(registry, "newer")
    with pytest.raises(IntegrityError, match="the journal is lost, and with it which version is live, .* Restore"):
        promote(registry, verdict(registry, 2, newer), 2)
    assert registry.history() == ()
    assert registry.verify() != []


def test_neither_a_person_nor_the_monitor_decides_anything_without_the_history(tmp_path):
    registry = lost(tmp_path)
    with pytest.raises(IntegrityError, match="To begin anew on purpose, move .*taxi_charge away"):
        registry.rule(Hold(Signature("ann", "audit", moment(3), period(3))))
    with pytest.raises(IntegrityError, match="the journal is lost"):
        registry.hold(reason="a jump", at=moment(3), period=period(3))


def test_with_the_folder_moved_away_a_new_history_begins(tmp_path):
    registry = lost(tmp_path)
    registry.folder.rename(tmp_path / "before")
    assert promoted(fresh(tmp_path), [3])[0].action == "bootstrap"


def test_an_attempt_that_was_killed_before_its_event_is_no_lost_history(tmp_path):
    registry = fresh(tmp_path)
    judged = verdict(registry, 0, candidate(registry, "first"))
    registry.record(judged, at=moment(0), actor="run 1")
    (event,) = (registry.folder / "journal").glob("0*.json")
    use = json.loads(event.read_text())["gate"]
    claim = registry.folder / "claims" / f"{judged.digest}.json"
    claim.write_text(json.dumps({**use, "outcome": "begun"}))
    for place in ("journal", "checkpoints"):
        shutil.rmtree(registry.folder / place)
    assert fresh(tmp_path).record(judged, at=moment(0), actor="run 1").action == "passed"


# ---- rows that a version was trained on


def trained(registry, text, first, last):
    """A candidate that was trained on the rows of these moments."""
    training = {"trained_from": first.isoformat(), "trained_until": last.isoformat()}
    return registry.add(files_of(text) | {"training.json": json.dumps(training).encode()})


def test_a_candidate_that_was_trained_on_its_gate_rows_is_not_promoted(tmp_path):
    registry = fresh(tmp_path)
    promoted(registry, [0])
    saw = trained(registry, "saw", datetime(2019, 1, 1), moment(3))
    with pytest.raises(TrainedOnGate, match="the candidate was trained on rows up to .* the gate rows begin at"):
        promote(registry, verdict(registry, 3, saw), 3)
    assert registry.live().name == "v1"
    fresh_rows = verdict(registry, 4, saw)
    assert promote(registry, fresh_rows, 4).to_version == "v2"


def test_a_live_version_that_was_trained_on_the_gate_rows_is_no_measure(tmp_path):
    registry = fresh(tmp_path)
    saw = trained(registry, "saw", datetime(2019, 1, 1), moment(3))
    promote(registry, verdict(registry, 4, saw), 4)
    with pytest.raises(TrainedOnGate, match="the live version was trained on rows up to"):
        promote(registry, verdict(registry, 5, candidate(registry, "next"), gate=gate(2)), 5)
