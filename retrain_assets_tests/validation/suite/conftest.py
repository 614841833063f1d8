"""A served world whose live version makes mistakes, once for every test of the suite and as copies."""

import shutil

import dagster as dg
import pytest

from benchmarks.worlds.parcels import make_world, open_world, rows_of


@pytest.fixture(scope="module")
def slow_once(tmp_path_factory):
    """v1 served two weeks in which every parcel took half an hour longer than in those it was trained on."""
    with dg.DagsterInstance.ephemeral() as instance:
        built = make_world(tmp_path_factory.mktemp("slow"), rows_of(9, slower_from=5), instance)
        built.bootstrapped()
        built.monitor(built.weeks(7)[5:])
    return built


@pytest.fixture
def slow(slow_once, tmp_path, instance):
    """A copy of that world, for a test to write into."""
    return open_world(shutil.copytree(slow_once.folder, tmp_path / "slow"), instance)
