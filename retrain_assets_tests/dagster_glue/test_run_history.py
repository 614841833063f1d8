"""The run history remembers that a model had a history, where its registry and its home do not."""

from datetime import datetime
from pathlib import Path

import dagster as dg
import pytest

from retrain_assets.dagster_glue.run_history import EVENTS, decided_in_runs, refuse_forgotten
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


def test_a_run_that_came_too_early_for_a_first_model_is_no_history_that_was_lost(monkeypatch) -> None:
    monkeypatch.setattr("retrain_assets.dagster_glue.run_history._AT_ONCE", 1)
    held = iter([0, 0, 3, 0])

    @dg.asset(key=["taxi", "production_model"], partitions_def=dg.StaticPartitionsDefinition(["1", "2", "3", "4"]))
    def production_model() -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata={EVENTS: next(held)})

    with dg.DagsterInstance.ephemeral() as instance:
        for period in ("1", "2"):
            dg.materialize([production_model], partition_key=period, instance=instance)
            assert decided_in_runs(instance, "taxi") is None
        for period in ("3", "4"):
            dg.materialize([production_model], partition_key=period, instance=instance)
            told = str(decided_in_runs(instance, "taxi"))
            assert told.endswith("in the run history decided 3."), "a run on the emptied journal hides nothing"
