"""From stored rows to a candidate: which rows each strategy sees, and what is lacking before one can be chosen."""

import pandas as pd
import pytest
import yaml

import retrain_assets.candidates.training as module
from benchmarks.worlds.changes import RECIPE
from retrain_assets.candidates.training import Training
from retrain_assets.errors import NotEnoughData
from retrain_assets.model import PeriodAccess
from retrain_assets.pipeline import training
from retrain_assets.registry.registry import Registry
from retrain_assets.store import PeriodStore
from retrain_assets.windows.policy import WindowsPolicy


def test_no_strategy_trains_or_rehearses_on_a_case(world_after, monkeypatch):
    built = world_after(5, retrained=())
    weeks = built.weeks(5)
    rows = pd.read_parquet(built.folder / "rows.parquet")
    day = pd.Timedelta(days=1)
    chosen = [str(rows[rows["at"] >= pd.Timestamp(week) + day].iloc[0].id) for week in weeks[:4]]
    path = built.folder / "delivery.suite.yaml"
    case = {"owner": "team:tests", "severity": "normal", "reason": "one of every week"}
    entries = yaml.safe_load(path.read_text())["cases"]
    entries += [
        case | {"id": row, "period": week, "added": pd.Timestamp("2024-02-05").date()}
        for row, week in zip(chosen, weeks, strict=False)
    ]
    path.write_text(yaml.safe_dump({"cases": entries}))
    held_out = built.spec.suite_ids()
    assert held_out == {*chosen, entries[0]["id"]}

    seen: list[set[str]] = []
    original = module.HeldRows

    def spy(table, recipe):
        seen.append(set(table["id"].cast("string").to_pylist()))
        return original(table, recipe)

    monkeypatch.setattr(module, "HeldRows", spy)
    assert built.run("retrain", weeks[-1]).success
    assert len(seen) == len(training(built.spec).policy.strategies) == 2
    for keys in seen:
        assert len(keys) > 400
        assert not keys & held_out


def test_nothing_is_chosen_before_every_strategy_is_trained(tmp_path):
    policy = RECIPE.training
    training = Training(RECIPE.model, RECIPE.columns, policy, WindowsPolicy(), 12, frozenset)
    access = PeriodAccess(PeriodStore(tmp_path), Registry(tmp_path / "registry", "trips"), "2018-06")
    with pytest.raises(NotEnoughData, match="trips 2018-06: materialize candidate_recent of 2018-06 first"):
        training.choose(access)
