"""A registry's storage in memory: what an object store with conditional writes offers, and nothing more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock, RLock

from retrain_assets.errors import Conflict
from retrain_assets.registry.storage.protocol import parts_of


class MemoryStorage:
    """Names and bytes in a dictionary; there are no folders, only names with a common beginning."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self._step = RLock()
        self._locks: dict[str, Lock] = {}

    def where(self, name: str) -> str:
        return f"memory://{name}"

    def create(self, name: str, data: bytes) -> None:
        parts_of(name)
        with self._step:
            if name in self.objects:
                raise FileExistsError(name)
            self.objects[name] = data

    def create_folder(self, name: str, files: Mapping[str, bytes]) -> None:
        with self._step:
            if self.names(name):
                raise FileExistsError(name)
            self.objects |= {f"{name}/{part}": data for part, data in files.items()}

    def read(self, name: str) -> bytes:
        parts_of(name)
        try:
            return self.objects[name]
        except KeyError:
            raise FileNotFoundError(name) from None

    def names(self, folder: str) -> tuple[str, ...]:
        parts_of(folder)
        with self._step:
            below = [name.removeprefix(f"{folder}/") for name in self.objects if name.startswith(f"{folder}/")]
        return tuple(sorted({name.split("/")[0] for name in below}))

    def replace(self, name: str, data: bytes) -> None:
        parts_of(name)
        self.objects[name] = data

    def delete(self, name: str) -> None:
        parts_of(name)
        with self._step:
            for known in [known for known in self.objects if known == name or known.startswith(f"{name}/")]:
                del self.objects[known]

    def sweep(self, folder: str) -> tuple[str, ...]:
        return ()

    @contextmanager
    def lock(self, name: str, seconds: float = 30.0) -> Iterator[None]:
        lock = self._locks.setdefault(name, Lock())
        if not lock.acquire(timeout=seconds):
            raise Conflict(f"{name}: another holder has held the lock for {seconds:g} s")
        try:
            yield
        finally:
            lock.release()
