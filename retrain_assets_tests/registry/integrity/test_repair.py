"""`retrain verify --repair` as an on-call engineer types it, and the clock that went backwards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from benchmarks.worlds.verdicts import MODEL, candidate, fresh, moment, promote, promoted, verdict
from retrain_assets.cli import main
from retrain_assets.registry.journal.chain import Journal, event_name
from retrain_assets.registry.journal.heads import HEADS
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.storage.disk import LocalStorage


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry of two versions, whose models are no models, in a home of its own."""
    monkeypatch.setenv("RETRAIN_HOME", str(tmp_path))
    monkeypatch.setattr("retrain_assets.cli.registry.unsound_models", lambda registry: [])
    registry = fresh(tmp_path / "registry")
    promoted(registry, [0, 1])
    return registry


def verify(*words: str) -> Result:
    return CliRunner().invoke(main.main, ["verify", MODEL, *words])


def test_an_interrupted_write_is_named_and_then_mended(served: Registry) -> None:
    journal = Journal(LocalStorage(served.folder), MODEL)
    journal.heads.write(served.history()[-2])
    left = served.folder / "tmp" / "journal" / "left"
    left.write_bytes(b"{")
    found = verify()
    assert (found.exit_code, left.exists()) == (1, True)
    assert "head.json does not name event 4, the last one: a write was interrupted" in found.output
    mended = verify("--repair")
    assert mended.exit_code == 0, mended.output
    assert "tmp/journal/left, left by an interrupted write, is removed." in mended.output
    assert "head.json names event 4 again." in mended.output
    assert mended.output.endswith(f"{MODEL}: every digest and the journal's chain hold; nothing is signed\n")
    assert json.loads(verify("--repair", "--json").stdout) == {MODEL: []}


def test_an_event_that_somebody_kept_is_looked_for(served: Registry) -> None:
    kept = served.head()
    assert verify("--expect", str(kept)).exit_code == 0
    answer = verify("--expect", f"{kept.seq + 1}:{kept.hash}")
    assert (answer.exit_code, "00000005.json is missing. It was expected with hash" in answer.output) == (1, True)
    assert verify("--expect", "5").exit_code == 2
    everything = CliRunner().invoke(main.main, ["verify", "--expect", str(kept)])
    assert (everything.exit_code, "name the model too" in everything.output) == (2, True)


def test_two_lost_heads_are_mended_for_who_kept_the_last_event(served: Registry) -> None:
    kept = served.head()
    for name in HEADS:
        (served.folder / name).unlink()
    assert f"`retrain verify {MODEL} --repair --expect {kept}`" in verify("--repair").output
    mended = verify("--repair", "--expect", str(kept))
    assert (mended.exit_code, "name event 4, as you say." in mended.output) == (0, True), mended.output


def test_what_only_a_backup_can_mend_stays_as_it_is_and_says_what_to_restore(served: Registry) -> None:
    path = served.folder / event_name(4)
    path.unlink()
    for words in ((), ("--repair",)):
        answer = verify(*words)
        assert answer.exit_code == 1
        assert "Restore event 4 from a backup." in answer.output
    assert not path.exists()


def test_a_clock_that_goes_backwards_is_recorded_as_it_was_and_moves_no_pointer(served: Registry) -> None:
    event = promote(served, verdict(served, 5, candidate(served, "new")), 5, at=moment(0))
    assert (event.at, event.to_version) == (moment(0), "v3")
    assert served.live().name == "v3"
    assert [served.served_at(at).name for at in (moment(0), moment(1), moment(9))] == ["v3", "v3", "v3"]
    assert served.served_at(moment(-1)) is None
    assert served.verify() == []
