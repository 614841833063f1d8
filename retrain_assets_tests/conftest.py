from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from retrain_assets_tests.served import TWO_WEEKS, Served, serve
from retrain_assets_tests.small_world import World, make_world, rows_of


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def world(tmp_path: Path, instance: dg.DagsterInstance) -> Callable[..., World]:
    """Builds a small model; `slower_from` is the week from which the world is another."""

    def build(weeks: int = 9, slower_from: int | None = None, **changes: Any) -> World:
        return make_world(tmp_path, rows_of(weeks, slower_from), instance, **changes)

    return build


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The real webserver and daemon over the small model, in a home of their own."""
    folder = tmp_path_factory.mktemp("served")
    with dg.DagsterInstance.ephemeral() as instance:
        make_world(folder, rows_of(3), instance, **TWO_WEEKS)
    with serve(folder) as running:
        yield running
