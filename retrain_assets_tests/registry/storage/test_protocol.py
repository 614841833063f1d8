"""The seam: any storage that keeps the contract carries the whole registry, and the local directory keeps it."""

from __future__ import annotations

import inspect
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmarks.worlds.verdicts import MODEL
from retrain_assets.errors import Conflict
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.storage.disk import LocalStorage
from retrain_assets.registry.storage.protocol import Storage
from retrain_assets_tests.registry import test_rules
from retrain_assets_tests.registry.journal import test_history
from retrain_assets_tests.registry.memory import MemoryStorage


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """A registry whose folder stays empty: everything is in memory."""
    return Registry(tmp_path, MODEL, MemoryStorage())


def _by_interface(test: object) -> bool:
    """Whether a test asks the registry alone and looks at no file behind its back."""
    source = inspect.getsource(test)  # type: ignore[arg-type]
    return "folder" not in source and "tmp_path" not in source and "fresh(" not in source


SUITE = {
    name: test
    for module in (test_history, test_rules)
    for name, test in vars(module).items()
    if name.startswith("test_") and _by_interface(test)
}
globals().update(SUITE)  # pytest runs them again here, with the registry in memory
withdrawn = test_rules.withdrawn


def test_the_registrys_own_suite_runs_in_memory_too() -> None:
    assert len(SUITE) >= 25
    assert SUITE.keys() <= globals().keys()


@pytest.fixture(params=["folder", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    return MemoryStorage() if request.param == "memory" else LocalStorage(tmp_path / "store")


def test_what_is_created_is_read_listed_and_never_changed(storage: Storage) -> None:
    storage.create("a/b.json", b"1")
    with pytest.raises(FileExistsError, match="b.json"):
        storage.create("a/b.json", b"2")
    assert storage.read("a/b.json") == b"1"
    assert storage.names("a") == ("b.json",)
    assert storage.names("c") == storage.names("a/b.json") == ()
    for name in ("a/c.json", "c/b.json", "a/b.json/d"):
        with pytest.raises(FileNotFoundError, match="json"):
            storage.read(name)


def test_of_many_who_create_one_name_exactly_one_does(storage: Storage) -> None:
    def create(racer: int) -> bytes | None:
        try:
            storage.create("a/b", str(racer).encode())
        except FileExistsError:
            return None
        return str(racer).encode()

    with ThreadPoolExecutor(8) as pool:
        won = [racer for racer in pool.map(create, range(32)) if racer]
    assert won == [storage.read("a/b")]


def test_a_folder_is_created_whole_and_once_and_deleted_whole(storage: Storage) -> None:
    files = {"model.bst": b"tree", "manifest.json": b"{}"}
    storage.create_folder("versions/9f", files)
    with pytest.raises(FileExistsError, match="9f"):
        storage.create_folder("versions/9f", {"model.bst": b"other"})
    assert {name: storage.read(f"versions/9f/{name}") for name in storage.names("versions/9f")} == files
    storage.delete("versions/9f")
    assert storage.names("versions") == storage.sweep("versions") == ()
    storage.delete("versions/9f")


def test_a_derived_file_is_replaced(storage: Storage) -> None:
    for data in (b"1", b"2"):
        storage.replace("a/head", data)
        assert storage.read("a/head") == data


def test_a_lock_has_one_holder(storage: Storage) -> None:
    held = pytest.raises(Conflict, match="has held the lock for 0.02 s")
    with storage.lock("x.lock"), held, storage.lock("x.lock", 0.02):
        pass
    with storage.lock("x.lock", 0.02):
        pass


OUTSIDE = [
    "",
    "..",
    "../a",
    "a/../../b",
    "/etc/passwd",
    "a//b",
    "a/",
    ".hidden",
    "a\0b",
    "a\\..\\b",
    "a/b c",
    "~",
    "a\n",
]


@pytest.mark.parametrize("name", OUTSIDE)
def test_no_name_leads_out_of_the_store(storage: Storage, name: str) -> None:
    for act in (
        lambda: storage.read(name),
        lambda: storage.names(name),
        lambda: storage.create(name, b""),
        lambda: storage.replace(name, b""),
        lambda: storage.delete(name),
    ):
        with pytest.raises(ValueError, match="is no name in a store"):
            act()
