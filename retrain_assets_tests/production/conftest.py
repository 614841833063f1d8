"""The story of a bad deploy, once for every test that reads it, and copies for those that change it."""

from __future__ import annotations

import shutil

import dagster as dg
import pytest

from benchmarks.worlds.parcels import open_world
from retrain_assets.candidates.boosting.constant_model import fallback_files
from retrain_assets_tests.past_worlds import past, undrawn
from retrain_assets_tests.production.bad_deploy import promote, verdict


@pytest.fixture(scope="session")
def story(past_worlds, tmp_path_factory):
    """v1 is a real model; v2, which says the same of every parcel, replaces it in week six and serves week seven."""
    with dg.DagsterInstance.ephemeral() as instance:
        with undrawn():
            built = past_worlds.copy(past().up_to(6, (5,)), tmp_path_factory.mktemp("story"), instance)
            weeks = built.weeks(7)
            registry = built.registry
            bad = registry.add(fallback_files(registry.read(registry.live().digest)) | {"note.txt": b"a bad deploy"})
            promote(built, verdict(built, weeks[5], bad), built.spec.period.bounds(weeks[5])[1])
            built.monitor(weeks[6:7])
        yield built


@pytest.fixture
def own(story, tmp_path, pictures):
    """The same story in files and a run history of its own, which begins empty."""
    shutil.copytree(story.folder, tmp_path / "own")
    with dg.DagsterInstance.ephemeral() as instance:
        yield open_world(tmp_path / "own", instance)


@pytest.fixture
def watched(story, tmp_path, pictures):
    """The same story in files of its own, with the run history that the sensors read."""
    shutil.copytree(story.folder, tmp_path / "watched")
    return open_world(tmp_path / "watched", story.instance)
