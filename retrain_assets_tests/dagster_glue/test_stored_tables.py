"""An asset of the team takes `predictions` of its period, or of all, as an Arrow table."""

from datetime import datetime
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from retrain_assets.pipeline import frame_of
from retrain_assets.store import PeriodStore

PREDICTIONS = dg.AssetKey(["delivery", "predictions"])


@pytest.fixture
def materialized(world, instance):
    """Materializes an asset of the team that takes the stored predictions of two weeks; what it was given."""
    built = world(weeks=3)
    for week, scores in (("2024-01-01", [1.0, 2.0]), ("2024-01-08", [3.0])):
        rows = {"id": list(range(len(scores))), "at": [datetime(2024, 1, 8)] * len(scores), "score": scores}
        PeriodStore(built.folder / "home" / "data" / "delivery").write_table("predictions", week, pa.table(rows))
    given: list[pa.Table] = []

    def run(partitions: Any, key: str | None) -> Any:
        @dg.asset(ins={"scored": dg.AssetIn(PREDICTIONS)}, partitions_def=partitions)
        def campaign(scored: pa.Table) -> None:
            given.append(scored)

        defs = dg.Definitions.merge(built.defs, dg.Definitions(assets=[campaign]))
        job = defs.resolve_implicit_global_asset_job_def()
        return given, job.execute_in_process(
            instance=instance, asset_selection=[campaign.key], partition_key=key, raise_on_error=False
        )

    return run, frame_of(built.spec).partitions


def test_a_downstream_asset_of_a_period_takes_the_predictions_of_that_period(materialized):
    run, weeks = materialized
    (table,), result = run(weeks, "2024-01-08")
    assert result.success
    assert table.to_pydict()["score"] == [3.0]


def test_a_downstream_asset_without_partitions_takes_every_period(materialized):
    run, _ = materialized
    (table,), result = run(None, None)
    assert result.success
    assert table["score"].to_pylist() == [1.0, 2.0, 3.0]


def test_a_period_without_predictions_is_named(materialized):
    run, weeks = materialized
    given, result = run(weeks, "2024-01-15")
    (failure,) = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
    assert given == []
    assert "delivery: no predictions of 2024-01-15 to read. Materialize it first" in str(failure)


def test_materializing_predictions_leaves_the_stored_file_to_its_step(world):
    built = world(weeks=2)
    assert built.run("monitor", "2024-01-01").success
    assert built.store.periods("predictions") == [], "no model was live, so nothing was stored"
