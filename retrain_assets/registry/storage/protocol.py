"""What the registry asks of the place where it keeps its files: seven operations on named files, and a lock.

Names are relative, with `/` between their parts (`journal/00000007.json`). Everything that decides rests on `create`
and `create_folder`: of any number of racing callers exactly one creates a name, and a crash leaves it whole or absent.
What `replace` writes is derived, and can be made again from what `create` wrote.

The local directory is in `disk`. An object store fits with a conditional write (`If-None-Match: *`) as `create`, with
the manifest of a folder as its last object, and with a lease as the lock, which saves losers their work but decides
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


class Storage(Protocol):
    """The files of one model. Every operation raises `StorageError` when the place is full, read-only or broken."""

    def where(self, name: str) -> str:
        """A name as people find it: a path, or a URL."""
        ...

    def create(self, name: str, data: bytes) -> None:
        """Make a file that lasts and never changes, for exactly one of any number of racing callers.

        Raises:
            FileExistsError: Somebody created it first; theirs stays.
        """
        ...

    def create_folder(self, name: str, files: Mapping[str, bytes]) -> None:
        """Make a folder with all its files at once: a reader, or a crash, sees all of them or none.

        Raises:
            FileExistsError: It is there.
        """
        ...

    def read(self, name: str) -> bytes:
        """The bytes of a file.

        Raises:
            FileNotFoundError: There is none.
            IntegrityError: Something else than a file has the name.
        """
        ...

    def names(self, folder: str) -> tuple[str, ...]:
        """The names directly in a folder, sorted; none where there is no such folder."""
        ...

    def replace(self, name: str, data: bytes) -> None:
        """Put a derived file in place: a reader, or a crash, sees the old one or the new one."""
        ...

    def delete(self, name: str) -> None:
        """Remove a file or a folder with its files at once; nothing happens where there is none."""
        ...

    def sweep(self, folder: str) -> tuple[str, ...]:
        """Remove what crashed writes to a folder left behind, and name it; only under the lock of its writers."""
        ...

    def lock(self, name: str, seconds: float = 30.0) -> AbstractContextManager[None]:
        """Be the only holder of a name; the end of the holder, a crash too, releases it.

        Raises:
            Conflict: Another holder kept it that long.
        """
        ...


def parts_of(name: str) -> list[str]:
    """The parts of a name, none of which can lead out of the store.

    Raises:
        ValueError: A part is empty, begins with a dot, or holds anything but letters, digits, `.`, `_` and `-`.

    >>> parts_of("journal/00000007.json")
    ['journal', '00000007.json']
    >>> parts_of("../secrets")
    Traceback (most recent call last):
    ValueError: '../secrets' is no name in a store: write letters, digits, '.', '_' and '-', parted by '/'
    """
    parts = name.split("/")
    if not all(_PART.fullmatch(part) for part in parts):
        raise ValueError(f"{name!r} is no name in a store: write letters, digits, '.', '_' and '-', parted by '/'")
    return parts
