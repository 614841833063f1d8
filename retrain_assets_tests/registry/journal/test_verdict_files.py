"""Stored verdicts are what their names say, and the event that quotes one is told when they are not."""

import hashlib

import pytest

from benchmarks.worlds.verdicts import candidate, fresh, promoted, verdict
from retrain_assets.errors import IntegrityError
from retrain_assets.registry.journal.verdict_files import VerdictFiles, quoted, verdict_name


@pytest.fixture
def kept(tmp_path):
    """A registry with one promotion, and the verdicts that it keeps."""
    registry = fresh(tmp_path)
    promoted(registry, [0])
    return registry, VerdictFiles(registry._storage)


def test_a_verdict_is_read_back_by_the_digest_that_its_event_quotes(kept):
    registry, files = kept
    (digest,) = quoted(registry.history())
    assert files.read(digest, 1).digest == digest
    assert (files.unquoted({digest}), files.problems(set())) == ({}, [])


def test_one_that_no_event_quotes_is_found(kept):
    registry, files = kept
    waiting = verdict(registry, 1, candidate(registry, "b"))
    files.keep(waiting)
    assert files.unquoted(quoted(registry.history())) == {verdict_name(waiting.digest): waiting}


@pytest.mark.parametrize("damage", ["changed", "gone"])
def test_a_damaged_verdict_is_refused_with_the_event_that_recorded_it(kept, damage):
    registry, files = kept
    (digest,) = quoted(registry.history())
    path = registry.folder / verdict_name(digest)
    path.chmod(0o644)
    path.unlink() if damage == "gone" else path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(IntegrityError, match=r"event 2 recorded .*Restore it from a backup"):
        files.read(digest, 2)


def test_a_file_of_other_bytes_is_replaced_for_its_name_says_what_it_must_hold(kept):
    registry, files = kept
    waiting = verdict(registry, 1, candidate(registry, "b"))
    path = registry.folder / verdict_name(waiting.digest)
    path.write_bytes(b"{}")
    assert files.problems(set()) != []
    files.keep(waiting)
    assert files.read(waiting.digest, 2) == waiting


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"{}", "is not the verdict of that digest"), (b"[]", "is not the verdict of that digest"), (None, "is a folder")],
)
def test_a_file_or_folder_under_the_name_of_a_digest_that_is_no_verdict_is_a_problem(kept, content, said):
    registry, files = kept
    path = registry.folder / verdict_name(hashlib.sha256(content or b"").hexdigest())
    path.mkdir() if content is None else path.write_bytes(content)
    assert files.unquoted(quoted(registry.history())) == {}
    (problem,) = files.problems(quoted(registry.history()))
    assert problem.startswith(f"{path} {said}")
