"""The run history remembers that a model had a history, where its registry and its home do not."""

from datetime import datetime
from pathlib import Path

import dagster as dg
import pytest

from retrain_assets.dagster_glue.run_history import decided_in_runs, refuse_forgotten
from retrain_assets.errors import IntegrityError
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.rulings import BeginAnew, Signature


def test_a_decision_in_the_run_history_keeps_a_history_from_beginning_until_a_person_says_so(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "registry", "taxi")

    @dg.asset(key=["taxi", "production_model"], partitions_def=dg.StaticPartitionsDefinition(["2024-01"]))
    def production_model() -> None: ...

    with dg.DagsterInstance.ephemeral() as instance:
        refuse_forgotten(instance, registry)
        assert decided_in_runs(instance, "taxi") is None
        dg.materialize([production_model], partition_key="2024-01", instance=instance)
        with pytest.raises(IntegrityError, match=r"there was one: run \w{8} in the run history decided 2024-01\."):
            refuse_forgotten(instance, registry)
        registry.rule(BeginAnew(Signature("ann", "the disk died", datetime(2024, 2, 1), "2024-01")))
        refuse_forgotten(instance, registry)
