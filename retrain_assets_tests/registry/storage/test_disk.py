"""The local directory: nothing outside it is touched, and the system's refusals come with advice."""

import hashlib
import os
from pathlib import Path

import pytest

from retrain_assets.errors import Conflict, IntegrityError, StorageError
from retrain_assets.registry.storage.disk import TEMPORARY, LocalStorage, canonical, exclusive, sha256


@pytest.mark.parametrize("name", ["../model.bst", "/tmp/model.bst", "a/b", "..", "a\0"])
def test_no_file_of_a_folder_leads_out_of_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="is no name in a store|not enough|too many"):
        LocalStorage(tmp_path / "store").create_folder("versions/9f", {name: b"x"})
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_no_symbolic_link_in_the_store_is_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    store = LocalStorage(tmp_path / "store")
    store.create("a/b", b"")
    os.symlink(outside, store.root / "versions")
    os.symlink(outside / "secret", store.root / "a" / "link")
    os.symlink(outside / "made", store.root / "x.lock")
    for act in (
        lambda: store.read("versions/secret"),
        lambda: store.names("versions"),
        lambda: store.create("versions/new", b""),
        lambda: store.create_folder("versions/new", {"a": b""}),
        lambda: store.delete("versions/secret"),
        lambda: store.read("a/link"),
        lambda: store.replace("a/link", b""),
        lambda: store.lock("x.lock").__enter__(),
    ):
        with pytest.raises(IntegrityError, match="is a symbolic link. The store follows none"):
            act()
    assert [path.name for path in outside.iterdir()] == ["secret"]


def test_a_link_among_the_leftovers_is_removed_and_what_it_points_to_stays(tmp_path: Path) -> None:
    store = LocalStorage(tmp_path / "store")
    store.create("a/b", b"")
    (tmp_path / "outside").mkdir()
    os.symlink(tmp_path / "outside", store.root / "tmp" / "a" / "left")
    assert store.sweep("a") == ("tmp/a/left",)
    assert (tmp_path / "outside").is_dir()


@pytest.mark.parametrize(
    ("number", "advice"),
    [(28, "Free some space"), (122, "Free some space"), (30, "Make it"), (13, "Make it"), (5, "log")],
)
def test_a_refusal_of_the_system_names_the_path_and_the_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, advice: str
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    store = LocalStorage(tmp_path / "store")
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        with pytest.raises(StorageError, match=f"a/b: {os.strerror(number)}. .*{advice}") as caught:
            store.create("a/b", b"x")
        with pytest.raises(StorageError, match="versions/9f: "):
            store.create_folder("versions/9f", {"model.bst": b"x"})
    assert "retrain status" in str(caught.value)
    assert store.names("a") == store.names("versions") == store.names("tmp/a") == store.names("tmp/versions") == ()


def test_written_files_are_read_only_and_leave_no_temporary_one(tmp_path: Path) -> None:
    store = LocalStorage(tmp_path / "store")
    store.create("journal/1.json", b"{}")
    store.create_folder("versions/9f", {"model.bst": b"tree"})
    store.replace("head", b"1")
    modes = {name: (store.root / name).stat().st_mode & 0o777 for name in ("journal/1.json", "head")}
    assert modes == {"journal/1.json": 0o444, "head": 0o644}
    assert (store.root / "versions" / "9f" / "model.bst").stat().st_mode & 0o777 == 0o444
    assert [path for path in (store.root / TEMPORARY).rglob("*") if path.is_file()] == []


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    store = LocalStorage(tmp_path / "store")
    (tmp_path / "store" / "journal" / "1.json").mkdir(parents=True)
    with pytest.raises(IntegrityError, match="1.json is a folder, where a file belongs. Move it away."):
        store.read("journal/1.json")


def test_a_record_has_one_text_whatever_the_order_of_its_keys_and_no_nan() -> None:
    assert canonical({"b": [1.5, None], "a": "é"}) == canonical({"a": "é", "b": [1.5, None]})
    assert sha256(canonical({})) == hashlib.sha256(b"{}").hexdigest()
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical({"a": float("nan")})


def test_a_lock_file_is_held_by_one_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    with exclusive(path), pytest.raises(Conflict, match="has held the lock for 0.02 s"), exclusive(path, 0.02):
        pass
    assert path.read_bytes() == b""
