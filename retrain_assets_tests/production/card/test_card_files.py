"""The cards in a home stay true when the live pointer moves, also where a version's own files are damaged."""

from __future__ import annotations

import shutil
from contextlib import suppress
from datetime import datetime

import dagster as dg
import pytest

from benchmarks.worlds.parcels import failure_of, open_world
from retrain_assets import store as store_module
from retrain_assets.errors import IntegrityError
from retrain_assets.pipeline import model_card
from retrain_assets.production.card.card_files import write_cards
from retrain_assets.production.card.model_card import ASSET
from retrain_assets.production.jobs import rollback_config
from retrain_assets.production.rollback import roll_back
from retrain_assets.registry.registry import RollbackRequest
from retrain_assets.store import PeriodStore
from retrain_assets_tests.past_worlds import past, undrawn


@pytest.fixture(scope="module")
def two_versions(past_worlds, tmp_path_factory):
    """A home in which a second version replaced the first."""
    with dg.DagsterInstance.ephemeral() as instance, undrawn():
        one_version = past(slower_from=5).up_to(8, (5,))
        built = past_worlds.copy(one_version, tmp_path_factory.mktemp("cards"), instance)
        result = built.run("retrain", built.weeks(8)[-1])
        assert result.success, failure_of(result)
        yield built


@pytest.fixture
def home(two_versions, tmp_path):
    shutil.copytree(two_versions.folder, tmp_path / "own")
    with dg.DagsterInstance.ephemeral() as instance:
        yield open_world(tmp_path / "own", instance)


def stored(built, name):
    return built.store.read_bytes(ASSET, name, "html").decode()


def withdraw(built):
    request = RollbackRequest("too high", datetime(2024, 6, 1), "ann", built.weeks(8)[-1], "v2", person=True)
    return roll_back(built.registry, request)


def test_a_promotion_leaves_one_card_that_says_it_is_live(home):
    assert "and was replaced by v2 on" in stored(home, "v1")
    assert "and is live." not in stored(home, "v1")
    assert "and is live." in stored(home, "v2")


def test_a_rollback_job_puts_both_cards_right(home):
    result = home.run("rollback", None, run_config=rollback_config("delivery", "too high", "v2"))
    assert result.success, failure_of(result)

    assert "and is live." in stored(home, "v1")
    assert "and is live." not in stored(home, "v2")
    assert "Too high. It may not return." in stored(home, "v2")
    assert 'data-label="action">rolled back</td>' in stored(home, "v2")


def test_the_cards_of_history_are_read_once_and_from_then_on_those_alone_that_may_be_wrong(home, monkeypatch):
    card, read, read_bytes = model_card(home.spec), [], PeriodStore.read_bytes
    wrong = stored(home, "v2")
    home.store.write_bytes(ASSET, "v1", "html", wrong.encode())
    monkeypatch.setattr(
        PeriodStore, "read_bytes", lambda store, *named: read.append(named[1]) or read_bytes(store, *named)
    )
    home.store.path(ASSET, "live", "json").unlink()
    write_cards(card, home.store, home.registry)
    assert "v1" in read
    assert "and is live." not in stored(home, "v1")

    read.clear()
    write_cards(card, home.store, home.registry)
    assert read == []

    withdraw(home)
    write_cards(card, home.store, home.registry)
    assert set(read) == {"v2"}
    assert ["and is live." in stored(home, name) for name in ("v1", "v2")] == [True, False]


@pytest.mark.parametrize("written", [0, 1, 2, 3])
def test_a_crash_leaves_no_card_that_says_it_is_live_and_is_not_read_again(home, monkeypatch, written):
    withdraw(home)
    left, replaced = [None] * written, store_module.write_atomically
    with monkeypatch.context() as patch, suppress(IndexError):
        patch.setattr(store_module, "write_atomically", lambda *said: left.pop() or replaced(*said))
        write_cards(model_card(home.spec), home.store, home.registry)
    live = {name for name in ("v1", "v2") if "and is live." in stored(home, name)}
    assert live <= set(home.store.read_json(ASSET, "live"))
    write_cards(model_card(home.spec), home.store, home.registry)
    assert ["and is live." in stored(home, name) for name in ("v1", "v2")] == [True, False]
    assert home.store.read_json(ASSET, "live") == ["v1"]


def test_the_card_of_a_version_whose_files_are_damaged_no_longer_says_that_it_is_live(home):
    withdraw(home)
    left = next(version for version in home.registry.versions() if version.name == "v2")
    damaged = next(home.folder.rglob(f"{left.digest}/model.bst"))
    damaged.chmod(0o644)
    damaged.write_text("nothing")
    with pytest.raises(IntegrityError, match="has digest"):
        home.registry.read(left.digest)

    write_cards(model_card(home.spec), home.store, home.registry)

    assert "and is live." not in stored(home, "v2")
    assert "Too high. It may not return." in stored(home, "v2")
