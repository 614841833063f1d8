"""Files that survive a crash: written whole, flushed to the disk, and visible only then. And the lock around a move.

Nothing here knows what is in a file. Temporary names begin with `.tmp-`; what a crash leaves under such a name is never
read, and `sweep` removes it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from retrain_assets.errors import Conflict

TEMPORARY = ".tmp-"
READ_ONLY = 0o444
_POLL_SECONDS = 0.002


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


def write_new(path: Path, data: bytes) -> None:
    """Create `path` with `data`, flushed to the disk, for exactly one of any number of racing callers.

    The data is written under a temporary name and then linked: `link` either creates the name or fails, in one step,
    between threads, processes and, on a shared file system, hosts.

    Raises:
        FileExistsError: Somebody created it first; theirs stays.
    """
    with _temporary(path.parent, data, READ_ONLY) as temporary:
        os.link(temporary, path)
    sync_folder(path.parent)


def overwrite(path: Path, data: bytes) -> None:
    """Put `data` at `path`: a reader, or a crash, sees the old file or the new one."""
    with _temporary(path.parent, data, 0o644) as temporary:
        os.replace(temporary, path)
    sync_folder(path.parent)


@contextmanager
def _temporary(folder: Path, data: bytes, mode: int) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=folder, prefix=TEMPORARY)
    try:
        with os.fdopen(handle, "wb") as file:
            flush(file, data)
            os.fchmod(file.fileno(), mode)
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def flush(file: IO[bytes], data: bytes) -> None:
    """Write `data` and wait until the disk has it."""
    file.write(data)
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder, not only the files' contents."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(folder: Path) -> None:
    """Remove what crashes left behind; call it only under the lock that every writer of the folder holds."""
    for left in folder.glob(f"{TEMPORARY}*"):
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink()


@contextmanager
def exclusive(path: Path, seconds: float = 30.0) -> Iterator[None]:
    """Hold the lock file `path` alone, among threads and processes; the end of the holder, a crash too, releases it.

    Args:
        path: The lock file; it is created and stays, empty.
        seconds: How long to wait for another holder.

    Raises:
        Conflict: Another holder kept it that long.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        _acquire(file.fileno(), path, seconds)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)


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
