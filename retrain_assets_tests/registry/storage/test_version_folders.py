"""Version folders: content-addressed, immutable, checked at every load."""

from __future__ import annotations

import hashlib
import json
import stat
from functools import partial
from pathlib import Path

import pytest

from benchmarks.worlds.crashes import survives
from benchmarks.worlds.verdicts import MODEL, fresh
from retrain_assets.errors import IntegrityError, NotFound
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.storage.disk import TEMPORARY

FILES = {"model.bst": b"tree\n", "features.json": b'{"names": []}', "profile.json": b""}


def folder_of(registry: Registry, digest: str) -> Path:
    return registry.folder / "versions" / digest


def test_a_version_gives_back_the_bytes_that_were_added(registry: Registry) -> None:
    assert registry.read(registry.add(FILES)) == FILES


def test_the_digest_is_the_sha256_of_a_manifest_that_names_each_files_sha256_and_size(registry: Registry) -> None:
    digest = registry.add(FILES)
    manifest = (folder_of(registry, digest) / "manifest.json").read_bytes()
    assert digest == hashlib.sha256(manifest).hexdigest()
    assert json.loads(manifest) == {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)} for name, data in FILES.items()
    }


def test_a_folder_holds_exactly_the_files_and_the_manifest_read_only(registry: Registry) -> None:
    folder = folder_of(registry, registry.add(FILES))
    assert {path.name for path in folder.iterdir()} == {*FILES, "manifest.json", "manifest.intoto.json"}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o444 for path in folder.iterdir())


def test_adding_the_same_files_again_in_another_order_changes_nothing(registry: Registry) -> None:
    digest = registry.add(FILES)
    before = {path: path.stat().st_mtime_ns for path in folder_of(registry, digest).iterdir()}
    assert registry.add(dict(reversed(FILES.items()))) == digest
    assert {path: path.stat().st_mtime_ns for path in folder_of(registry, digest).iterdir()} == before


@pytest.mark.parametrize("change", [{"model.bst": b"tree"}, {"model2.bst": b"tree\n"}, {"extra.json": b""}])
def test_any_other_byte_or_name_gives_another_digest(registry: Registry, change: dict[str, bytes]) -> None:
    assert registry.add(FILES | change) != registry.add(FILES)


@pytest.mark.parametrize(
    "name", ["../model.bst", "a/b", ".hidden", "", "manifest.json", "manifest.intoto.json", "model bst"]
)
def test_a_name_that_is_no_plain_file_name_is_refused(registry: Registry, name: str) -> None:
    with pytest.raises(ValueError, match="plainly named files"):
        registry.add({name: b""})
    with pytest.raises(ValueError, match="no file"):
        registry.add({})


@pytest.mark.parametrize("name", ["model.bst", "features.json", "manifest.json"])
def test_every_single_flipped_bit_is_found_at_load(registry: Registry, name: str) -> None:
    digest = registry.add(FILES)
    path = folder_of(registry, digest) / name
    path.chmod(0o644)
    whole = path.read_bytes()
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        with pytest.raises(IntegrityError, match=f"{name} has digest [0-9a-f]{{64}}, recorded was [0-9a-f]{{64}}"):
            registry.read(digest)
    path.write_bytes(whole)
    assert registry.read(digest) == FILES


def test_the_error_names_both_digests(registry: Registry) -> None:
    digest = registry.add(FILES)
    path = folder_of(registry, digest) / "model.bst"
    path.chmod(0o644)
    path.write_bytes(b"forest\n")
    found, recorded = (hashlib.sha256(data).hexdigest() for data in (b"forest\n", b"tree\n"))
    with pytest.raises(IntegrityError, match=f"model.bst has digest {found}, recorded was {recorded}"):
        registry.read(digest)


def test_a_damaged_folder_is_not_passed_over_when_its_files_are_added_again(registry: Registry) -> None:
    digest = registry.add(FILES)
    (folder_of(registry, digest) / "profile.json").unlink()
    with pytest.raises(IntegrityError, match=r"profile.json is missing; its digest should be e3b0c442"):
        registry.add(FILES)


def test_a_file_put_beside_the_others_is_a_problem_and_is_not_served(registry: Registry) -> None:
    digest = registry.add(FILES)
    (folder_of(registry, digest) / "model.pkl").write_bytes(b"anything")
    assert registry.read(digest) == FILES
    assert registry.verify() == [f"{folder_of(registry, digest) / 'model.pkl'} is not in the manifest. Move it away."]


@pytest.mark.parametrize("digest", ["0" * 64, "", "..", "../../etc", "v1"])
def test_an_unknown_digest_is_not_found(registry: Registry, digest: str) -> None:
    registry.add(FILES)
    with pytest.raises(NotFound, match="no version .* among 1"):
        registry.read(digest)


def test_a_crash_at_any_write_leaves_a_whole_folder_or_none(tmp_path: Path) -> None:
    """Every fsync and rename in turn is the last thing that the process does."""
    finished = False
    for survived in range(20):
        registry = fresh(tmp_path / str(survived))
        finished = survives(partial(registry.add, FILES), survived, ("fsync", "rename"))
        stored = list(registry.folder.glob("versions/*"))
        assert all(registry.read(path.name) == FILES for path in stored)
        assert registry.verify() == []
        assert registry.read(registry.add(FILES)) == FILES
        assert not list((registry.folder / TEMPORARY).glob("*/*")), "leftovers stay after the next write"
        if finished:
            break
    assert finished
    assert survived > len(FILES), "the crashes did not reach into the writing"


@pytest.mark.parametrize("name", ["Taxi", "9lives", "a/b", "", "..", "taxi-charge"])
def test_a_model_name_is_checked(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="is no model name"):
        Registry(tmp_path, name)


def test_reading_creates_nothing(registry: Registry) -> None:
    assert (registry.live(), registry.history(), registry.versions(), registry.spent()) == (None, (), (), ())
    assert registry.verify() == []
    assert not registry.folder.exists()
    assert registry.folder.name == MODEL


def test_what_the_manifest_for_other_tools_says_is_checked_and_not_needed(registry: Registry) -> None:
    digest = registry.add(FILES)
    path = folder_of(registry, digest) / "manifest.intoto.json"
    record = json.loads(path.read_text())
    assert {one["name"] for one in record["predicate"]["resources"]} == {*FILES, "manifest.json"}
    assert registry.verify() == []
    for text in (path.read_text().replace("model.bst", "model.txt"), "[" * 100_000, "{}"):
        path.chmod(0o644)
        path.write_text(text)
        (problem,) = registry.verify()
        assert f"{path} does not name the files as they are. Restore it from a backup, or delete it" in problem
    path.unlink()
    assert registry.verify() == []
    assert registry.read(digest) == FILES


def test_a_stray_file_beside_the_versions_is_a_problem(registry: Registry) -> None:
    registry.add(FILES)
    (registry.folder / "versions" / "notes.txt").write_text("mine")
    (problem,) = registry.verify()
    assert problem.endswith("versions/notes.txt is no version folder. Move it away.")
