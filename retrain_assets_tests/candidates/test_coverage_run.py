"""A retrain whose windows lack something: the strategy that covers it goes on; without one the end is no crash."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from benchmarks.worlds.parcels import SPEC, World, failure_of, make_world, open_world, rows_of
from retrain_assets.dagster_glue.tags import OUTCOME_TAG
from retrain_assets_tests.past_worlds import undrawn

WEEKS = 6


@pytest.fixture(scope="module")
def monitored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six monitored weeks, in whose last one a new kind of vehicle drives, and never before."""
    rows, folder = rows_of(WEEKS), tmp_path_factory.mktemp("monitored") / "world"
    last = rows["at"] >= rows["at"].min() + (rows["at"].max() - rows["at"].min()) * 5 / 6
    rows.loc[last & (rows["id"] % 20 == 0), "vehicle"] = "drone"
    with dg.DagsterInstance.ephemeral() as instance, undrawn():
        world = make_world(folder, rows, instance)
        world.monitor(world.weeks(WEEKS))
    return folder


def retrained(monitored: Path, folder: Path, coverage: dict[str, Any]) -> tuple[World, Any, str | None]:
    """A copy of that folder after a retrain under a coverage policy; the result, and the run's outcome tag."""
    shutil.copytree(monitored, folder)
    spec = yaml.safe_load((folder / "delivery.yaml").read_text())
    training = SPEC["training"] | {"coverage": coverage}
    (folder / "delivery.yaml").write_text(yaml.safe_dump(spec | {"training": training}))
    with dg.DagsterInstance.ephemeral() as instance, undrawn():
        world = open_world(folder, instance)
        result = world.run("retrain", world.weeks(WEEKS)[-1])
        run = instance.get_run_by_id(result.run_id)
        return world, result, run.tags.get(OUTCOME_TAG)


def test_a_strategy_without_a_full_season_leaves_the_choice_to_the_other(monitored: Path, tmp_path: Path) -> None:
    world, result, outcome = retrained(monitored, tmp_path / "world", {"season_periods": 5})
    week = world.weeks(WEEKS)[-1]
    assert result.success, failure_of(result)
    assert outcome == "promoted"
    recent, chosen = world.store.read_json("candidate_recent", week), world.store.read_json("candidate_model", week)
    assert recent["coverage"]["problems"] == ["3 of the 5 periods of a full season"]
    assert (chosen["strategy"], chosen["eligible"]) == ("history", ["history"])
    assert chosen["reason"].endswith("recent is not eligible: 3 of the 5 periods of a full season.")
    page = result.asset_materializations_for_node("delivery__candidate_recent")[0].metadata
    assert page["summary"].value == "**Not eligible**, not trained: 3 of the 5 periods of a full season."
    assert not world.store.path("candidate_recent", week, "bst").exists()


def test_where_no_window_knows_the_gates_levels_the_end_is_insufficient(monitored: Path, tmp_path: Path) -> None:
    world, result, outcome = retrained(monitored, tmp_path / "world", {"categories": ["vehicle"]})
    assert result.success, failure_of(result)
    assert outcome == "insufficient"
    (made,) = result.asset_materializations_for_node("delivery__candidate_model")
    sentence = made.metadata["summary"].value
    assert sentence.startswith("**no version is live yet**, there is nothing to judge: ")
    assert "no strategy's training window covers what training.coverage asks for" in sentence
    assert "recent: vehicle: 1 level of" in sentence
    assert "drone" in sentence
    assert world.registry.history() == ()
    assert world.store.read_json("candidate_model", world.weeks(WEEKS)[-1]) is None


def test_too_few_rows_of_a_rare_type_are_counted_with_the_kept_ones(monitored: Path, tmp_path: Path) -> None:
    """Vans are a third of 60 rows a day; the recent window holds a good 400 of them, all history 700."""
    rare = {"column": "vehicle", "value": "van", "min_rows": 600}
    world, result, _ = retrained(monitored, tmp_path / "world", {"rare": [rare]})
    assert result.success, failure_of(result)
    week = world.weeks(WEEKS)[-1]
    held = {name: world.store.read_json(f"candidate_{name}", week)["coverage"] for name in ("recent", "history")}
    assert held["recent"]["rare_rows"] == held["history"]["rare_rows"]
    assert held["recent"]["rare_rows"]["vehicle = van"] >= 600
    with_rows = world.store.read_json("candidate_recent", week)["rows"]
    assert with_rows < world.store.read_json("candidate_history", week)["rows"]
    without, _, _ = retrained(monitored, tmp_path / "without", {"rare": [rare | {"keep": False}]})
    lacking = without.store.read_json("candidate_recent", week)["coverage"]
    assert lacking["problems"] == [f"{lacking['rare_rows']['vehicle = van']} of 600 rows needed with vehicle = van"]
