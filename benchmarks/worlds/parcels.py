"""A small made-up model with its data, spec and suite on disk, and a way to run its jobs: weekly delivery times."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import yaml

from retrain_assets.dagster_glue.resources import Clock, Home
from retrain_assets.pipeline import build_model_defs
from retrain_assets.registry.registry import Registry
from retrain_assets.spec.loading import load_spec
from retrain_assets.spec.model_spec import ModelSpec
from retrain_assets.store import PeriodStore

SPEC: dict[str, Any] = {
    "name": "delivery",
    "description": "Minutes until a parcel is delivered.",
    "intended_use": "Tests.",
    "owners": ["team:tests"],
    "task": "regression",
    "period": {"every": "week", "start": "2024-01-01", "end": "2024-07-01"},
    "source": {
        "features": {"path": "rows.parquet"},
        "key": "id",
        "time": "at",
        "label": "minutes",
        "label_delay": "1d",
    },
    "columns": {
        "numeric": {"distance": {"min": 0, "max": 100}, "weight": None},
        "categorical": ["vehicle"],
        "groups": ["district"],
    },
    "contract": {"min_rows": 100},
    "windows": {
        "recent_periods": 3,
        "half_life_periods": 4,
        "selection_origins": 2,
        "gate_periods": 1,
        "min_train_periods": 4,
    },
    "training": {
        "objective": "regression_l1",
        "max_rounds": 60,
        "num_leaves": 15,
        "learning_rate": 0.2,
        "threads": 1,
        "refit": False,
    },
    "triggers": {"retrain_cost": 1000, "cooldown_periods": 1, "max_per_year": 12, "min_new_rows": 200},
    "validation": {
        "primary": "mae",
        "unit": "row",
        "false_promotions_per_year": 1,
        "guardrails": [{"metric": "rmse", "margin": 1.0}],
        "floors": [{"metric": "mae", "at_most": 20}],
        "fairness": {
            "groups": ["district"],
            "metrics": ["mae"],
            "margin": 2.0,
            "pool_below": 50,
            "floors": [{"metric": "mae", "at_most": 20}],
        },
        "regression_suite": {"path": "delivery.suite.yaml", "tolerance": 45},
    },
}
ROWS_PER_DAY = 60


def rows_of(weeks: int, slower_from: int | None = None, seed: int = 5) -> pd.DataFrame:
    """Parcels of so many weeks; from one week on every parcel takes half an hour longer."""
    random = np.random.default_rng(seed)
    size = weeks * 7 * ROWS_PER_DAY
    day = np.repeat(np.arange(weeks * 7), ROWS_PER_DAY)
    at = pd.Timestamp("2024-01-01") + pd.to_timedelta(day, "D") + pd.to_timedelta(random.integers(0, 86400, size), "s")
    rows = pd.DataFrame(
        {
            "id": np.arange(size),
            "at": at.astype("datetime64[us]"),
            "distance": random.uniform(0, 50, size),
            "weight": random.gamma(2, 2, size),
            "vehicle": random.choice(["bike", "car", "van"], size),
            "district": random.choice(["north", "south"], size),
        }
    )
    pace = rows.vehicle.map({"bike": 3.0, "car": 1.5, "van": 2.0})
    late = 30.0 * (day >= 7 * slower_from) if slower_from is not None else 0.0
    rows["minutes"] = 10 + rows.distance * pace + late + random.normal(0, 8, size)
    return rows.sort_values("at", kind="stable").reset_index(drop=True)


@dataclass
class World:
    """The model's folder, spec, instance and definitions."""

    folder: Path
    spec: ModelSpec
    instance: dg.DagsterInstance
    defs: dg.Definitions

    @property
    def store(self) -> PeriodStore:
        """What the model's assets wrote."""
        return PeriodStore(self.folder / "home" / "data" / self.spec.name)

    @property
    def registry(self) -> Registry:
        """The model's registry."""
        return Registry(self.folder / "home" / "registry", self.spec.name)

    def weeks(self, number: int) -> list[str]:
        """The first so many periods."""
        return [self.spec.period.shift(self.spec.period.first, step) for step in range(number)]

    def run(self, job: str, period: str | None, *, assets: list[str] | None = None, **options: Any) -> Any:
        """Run `monitor` or `retrain` for a period, or only some of its assets, at the period's end."""
        at = self.spec.period.bounds(period)[1] if period else datetime(2024, 6, 1)
        config = options.pop("run_config", {})
        config |= {
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            "resources": {"clock": {"config": {"replay_at": at.isoformat()}}},
        }
        selection = [dg.AssetKey([self.spec.name, asset]) for asset in assets] if assets else None
        return self.defs.resolve_job_def(f"{self.spec.name}__{job}").execute_in_process(
            instance=self.instance,
            partition_key=period,
            asset_selection=selection,
            run_config=config,
            raise_on_error=False,
            **options,
        )

    def monitor(self, weeks: list[str]) -> None:
        """Monitor some periods, one after the other."""
        for week in weeks:
            result = self.run("monitor", week)
            assert result.success, failure_of(result)

    def bootstrapped(self) -> str:
        """Monitor five weeks and promote the first model; the week of the decision."""
        weeks = self.weeks(5)
        self.monitor(weeks)
        result = self.run("retrain", weeks[-1])
        assert result.success, failure_of(result)
        return weeks[-1]


def failure_of(result: Any) -> str:
    """The sentences of a failed run's failed steps."""
    errors = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
    return "\n".join(str(error.cause or error) + str(error) for error in errors)


def make_world(folder: Path, rows: pd.DataFrame, instance: dg.DagsterInstance, **changes: Any) -> World:
    """Write data, suite and spec (with changed top-level keys) and build the pipeline."""
    folder.mkdir(parents=True, exist_ok=True)
    rows.to_parquet(folder / "rows.parquet")
    first = rows.iloc[0]
    case: dict[str, Any] = {
        "id": str(first.id),
        "period": "2024-01-01",
        "owner": "team:tests",
        "added": date(2024, 1, 8),
    }
    cases = [case | {"severity": "critical", "reason": "the first parcel"}]
    (folder / "delivery.suite.yaml").write_text(yaml.safe_dump({"cases": cases}))
    (folder / "delivery.yaml").write_text(yaml.safe_dump(SPEC | changes))
    return open_world(folder, instance)


def open_world(folder: Path, instance: dg.DagsterInstance) -> World:
    """The pipeline of a folder that `make_world` has written, with whatever its home holds by now."""
    spec = load_spec(folder / "delivery.yaml")
    resources = {"home": Home(path=str(folder / "home")), "clock": Clock()}
    defs = dg.Definitions.merge(build_model_defs(spec, resources), dg.Definitions(executor=dg.in_process_executor))
    return World(folder, spec, instance, defs)
