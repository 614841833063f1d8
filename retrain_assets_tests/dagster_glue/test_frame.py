"""What all assets of one model share, and the calendar as Dagster's partitions."""

from dataclasses import replace

import dagster as dg
import pytest

from retrain_assets.dagster_glue.frame import FIRST_ASSET, Frame
from retrain_assets.dagster_glue.tags import MODEL_TAG
from retrain_assets.periods import Calendar

FRAME = Frame("taxi", ("team:rides",), Calendar(every="week", start="2024-01-01"), ("warehouse/rides",))


@pytest.mark.parametrize("every", ["hour", "day", "week", "month", "quarter", "year"])
def test_the_partitions_are_the_calendars_periods(every):
    calendar = Calendar(every=every, start="2023-01-02" if every == "week" else "2023-01-01", end="2025-01-01")
    partitions = Frame("taxi", (), calendar).partitions
    keys = partitions.get_partition_keys()
    assert keys == calendar.between(calendar.first, keys[-1])
    window = partitions.time_window_for_partition_key(keys[1])
    assert tuple(edge.replace(tzinfo=None) for edge in (window.start, window.end)) == calendar.bounds(keys[1])


def test_every_asset_carries_prefix_group_owner_tag_and_partitions():
    @FRAME.asset("predictions", deps=("raw_data",), description="Scores.", kinds={"parquet"})
    def made() -> None: ...

    key = dg.AssetKey(["taxi", "predictions"])
    spec = made.specs_by_key[key]
    assert (spec.group_name, list(spec.owners), spec.tags[MODEL_TAG]) == ("taxi", ["team:rides"], "taxi")
    assert {dep.asset_key for dep in spec.deps} == {FRAME.key("raw_data")}
    assert made.partitions_def == FRAME.partitions


def test_only_the_first_asset_depends_on_those_of_the_team():
    @FRAME.asset(FIRST_ASSET, description="Rows.", kinds={"parquet"})
    def made() -> None: ...

    (spec,) = made.specs
    assert [dep.asset_key for dep in spec.deps] == [dg.AssetKey(["warehouse", "rides"])]


def test_descriptions_call_a_row_what_the_spec_calls_it():
    @replace(FRAME, row_name="ride").asset(FIRST_ASSET, description="The period's rows; a row each.", kinds={"parquet"})
    def made() -> None: ...

    (spec,) = made.specs
    assert spec.description == "The period's rides; a ride each."
