"""What asked for nothing is not asked again until something of the model is written."""

import os
import time

import pytest

from benchmarks.worlds.verdicts import fresh, promoted
from retrain_assets.monitoring.triggers.settled import COARSEST_SECONDS, Settled, state_of
from retrain_assets.store import PeriodStore


@pytest.fixture
def home(tmp_path):
    """A model's files and registry, untouched for a minute."""
    store, registry = PeriodStore(tmp_path / "data"), fresh(tmp_path)
    store.write_json("performance_report", "2024-01", {})
    promoted(registry, [0])
    for path in (*store.root.rglob("*"), *registry.folder.rglob("*"), store.root, registry.folder):
        os.utime(path, (time.time() - 60,) * 2)
    return store, registry


def settled_in(home):
    settled, state = Settled(), state_of(*home)
    settled.remember(home[0], state)
    return settled


def test_a_state_holds_while_nothing_is_written(home):
    settled = settled_in(home)
    assert settled.holds(home[0], state_of(*home))


@pytest.mark.parametrize("asset", ["performance_report", "drift_report"], ids=["a record anew", "a first record"])
def test_a_record_that_is_written_ends_it(home, asset):
    settled = settled_in(home)
    home[0].write_json(asset, "2024-01", {"p": 1})
    assert not settled.holds(home[0], state_of(*home))


def test_an_event_ends_it(home):
    settled = settled_in(home)
    promoted(home[1], [1])
    assert not settled.holds(home[0], state_of(*home))


def test_a_state_so_young_that_a_later_write_may_bear_the_same_time_is_not_kept(home):
    settled, state = Settled(), state_of(*home)
    newest = max(state.values()) / 1e9
    settled.remember(home[0], state, now=newest + COARSEST_SECONDS / 2)
    assert not settled.holds(home[0], state)
    settled.remember(home[0], state, now=newest + COARSEST_SECONDS * 2)
    assert settled.holds(home[0], state)


def test_models_are_told_apart(home, tmp_path):
    settled = settled_in(home)
    assert not settled.holds(PeriodStore(tmp_path / "other"), state_of(*home))
