"""A local directory as the registry's storage. Files survive a crash: written whole, flushed, and visible only then.

Nothing here knows what is in a file. Files are written under `tmp/<folder>/` and then linked or renamed to their name;
what a crash leaves there is never read, and `sweep` removes it. Under the directory no symbolic link is followed.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from retrain_assets.errors import Conflict, IntegrityError, StorageError
from retrain_assets.registry.storage.protocol import parts_of

TEMPORARY = "tmp"
READ_ONLY = 0o444
_POLL_SECONDS = 0.002
_FULL = (errno.ENOSPC, errno.EDQUOT)
_CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM)


def sha256(data: bytes) -> str:
    """SHA-256 in hexadecimal digits.

    >>> sha256(b"")[:16]
    'e3b0c44298fc1c14'
    """
    return hashlib.sha256(data).hexdigest()


def canonical(record: Any) -> bytes:
    """The one JSON text of a record: sorted keys, no white space, no NaN.

    >>> canonical({"b": 1, "a": [None, 0.1]})
    b'{"a":[null,0.1],"b":1}'
    """
    return json.dumps(record, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


class LocalStorage:
    """The files under the directory `root`, which is made by the first write.

    >>> storage = LocalStorage(Path(tempfile.mkdtemp()) / "taxi_charge")
    >>> storage.create("journal/00000001.json", b"{}")
    >>> storage.names("journal"), storage.read("journal/00000001.json")
    (('00000001.json',), b'{}')
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def where(self, name: str) -> str:
        """The path of a name."""
        return f"{self.root}/{name}"

    def create(self, name: str, data: bytes) -> None:
        """Write under a temporary name, then link.

        `link` either creates the name or fails, in one step, between threads, processes and, on a shared file system,
        hosts.
        """
        path = self._path(name)
        with _explained(path), self._temporary(path.parent, data, READ_ONLY) as temporary:
            os.link(temporary, path)
            _sync(path.parent)

    def create_folder(self, name: str, files: Mapping[str, bytes]) -> None:
        """Write and flush the files in a folder with a temporary name, then rename it."""
        path = self._path(name)
        with _explained(path):
            if path.exists():
                raise FileExistsError(errno.EEXIST, "is there", str(path))
            folder = Path(tempfile.mkdtemp(dir=self._desk(path.parent)))
            try:
                _fill(folder, files)
                os.rename(folder, path)
            except Exception:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            _sync(path.parent)

    def read(self, name: str) -> bytes:
        """The bytes of a file, as they are on the disk now."""
        path = self._place(name)
        try:
            with _explained(path), open(path, "rb") as file:
                return file.read()
        except NotADirectoryError:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from None

    def names(self, folder: str) -> tuple[str, ...]:
        """The names in a folder, sorted."""
        path = self._place(folder)
        try:
            with _explained(path):
                return tuple(sorted(os.listdir(path)))
        except (FileNotFoundError, NotADirectoryError):
            return ()

    def replace(self, name: str, data: bytes) -> None:
        """Write under a temporary name, then rename over the old file."""
        path = self._path(name)
        with _explained(path), self._temporary(path.parent, data, 0o644) as temporary:
            os.replace(temporary, path)
            _sync(path.parent)

    def delete(self, name: str) -> None:
        """Rename to a temporary name, which no reader sees, then remove."""
        path = self._path(name)
        if not path.exists():
            return
        with _explained(path):
            grave = Path(tempfile.mkdtemp(dir=self._desk(path.parent)))
            os.rename(path, grave / path.name)
            _sync(path.parent)
            shutil.rmtree(grave)

    def sweep(self, folder: str) -> tuple[str, ...]:
        """Remove everything that was being written to a folder."""
        desk = f"{TEMPORARY}/{folder}"
        left = self.names(desk)
        for name in left:
            path = self.root / desk / name
            with _explained(path):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    os.unlink(path)
        return tuple(f"{desk}/{name}" for name in left)

    @contextmanager
    def lock(self, name: str, seconds: float = 30.0) -> Iterator[None]:
        """Hold the lock file of that name; it stays, empty."""
        path = self._path(name)
        with _explained(path):
            _ensure(path.parent)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        try:
            _acquire(handle, path, seconds)
            yield
        finally:
            os.close(handle)

    def _desk(self, folder: Path) -> Path:
        """Where files are written before they appear in a folder, which is made too; on the same file system."""
        desk = self._path("/".join((TEMPORARY, *folder.relative_to(self.root).parts)))
        _ensure(folder)
        _ensure(desk)
        return desk

    @contextmanager
    def _temporary(self, folder: Path, data: bytes, mode: int) -> Iterator[Path]:
        handle, name = tempfile.mkstemp(dir=self._desk(folder))
        try:
            _write(handle, data, mode)
            yield Path(name)
        finally:
            with suppress(OSError):  # what stays is swept later, and does not turn what was done into a failure
                os.unlink(name)

    def _path(self, name: str) -> Path:
        return Path(self._place(name))

    def _place(self, name: str) -> str:
        """The path of a name.

        Raises:
            ValueError: The name could lead out of the store.
            IntegrityError: Something on the way is a symbolic link.
        """
        path = str(self.root)
        for part in parts_of(name):
            path = f"{path}/{part}"
            if os.path.islink(path):
                raise IntegrityError(f"{path} is a symbolic link. The store follows none: put the files there instead.")
        return path


@contextmanager
def exclusive(path: Path, seconds: float = 30.0) -> Iterator[None]:
    """Hold the lock file `path` alone, among threads and processes; the end of the holder, a crash too, releases it.

    Args:
        path: The lock file; it is created and stays, empty.
        seconds: How long to wait for another holder.

    Raises:
        Conflict: Another holder kept it that long.
    """
    with LocalStorage(path.parent).lock(path.name, seconds):
        yield


@contextmanager
def _explained(path: Path | str) -> Iterator[None]:
    """Say what a refusal of the operating system means and what to do about it."""
    try:
        yield
    except (FileExistsError, FileNotFoundError, NotADirectoryError):
        raise
    except IsADirectoryError:
        raise IntegrityError(f"{path} is a folder, where a file belongs. Move it away.") from None
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise FileExistsError(errno.EEXIST, "is there", str(path)) from None
        advice = "See the system's log for the state of the disk"
        if error.errno in _FULL:
            advice = "Free some space there"
        elif error.errno in _CLOSED:
            advice = "Make it readable and writable for this user"
        raise StorageError(
            f"{path}: {error.strerror}. {advice}, see with `retrain status` what is live, then try again."
        ) from error


def _fill(folder: Path, files: Mapping[str, bytes]) -> None:
    for part, data in files.items():
        (own,) = parts_of(part)
        _write(os.open(folder / own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), data, READ_ONLY)
    os.chmod(folder, 0o755)
    _sync(folder)


def _write(handle: int, data: bytes, mode: int) -> None:
    """Write all of `data` to an open file, wait until the disk has it, and close it."""
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(handle, rest) :]
        os.fchmod(handle, mode)
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync(folder: Path) -> None:
    """Wait until the disk has the names in a folder, not only the files' contents."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _ensure(folder: Path) -> None:
    """Make a folder, and those above it, so that they survive a crash."""
    if not folder.is_dir():
        _ensure(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync(folder.parent)


def _acquire(handle: int, path: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise Conflict(
                    f"{path}: another process has held the lock for {seconds:g} s. Try again; if nothing else runs, "
                    f"see who holds it with `fuser {path}`."
                ) from None
            time.sleep(_POLL_SECONDS)
