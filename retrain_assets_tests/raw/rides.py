"""A small taxi company for the tests: its rides, its contract, and its files."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from retrain_assets.model import Model, Task
from retrain_assets.periods import Calendar
from retrain_assets.raw.contract import Checked, ContractProblem, Intake, KnownColumns, apply_contract
from retrain_assets.raw.policy import Columns, Contract, Source

MONTHS = Calendar(every="month", start="2019-01-01")
BOUNDS = (datetime(2019, 2, 1), datetime(2019, 3, 1))
COLUMNS = Columns(
    numeric={"miles": {"min": 0, "max": 100}, "riders": {"min": 0, "max": 9, "outside": "reject"}},
    categorical={"zone": {"max_missing": 0.5}},
    groups=("borough",),
)
CONTRACT = Contract(min_rows=10, max_rejected_share=0.1, max_outside_share=0.1)


def rides(rows: int = 100, start: datetime = BOUNDS[0], minutes: int = 60, first_id: int = 1) -> dict[str, list[Any]]:
    """Good rides, one every `minutes`, as columns."""
    numbers = np.random.default_rng(first_id)
    return {
        "id": list(range(first_id, first_id + rows)),
        "at": [start + timedelta(minutes=minutes * row) for row in range(rows)],
        "miles": numbers.uniform(0.5, 20, rows).round(2).tolist(),
        "riders": numbers.integers(1, 5, rows).tolist(),
        "zone": numbers.choice(["JFK", "LGA", "Harlem"], rows).tolist(),
        "borough": numbers.choice(["Queens", "Manhattan"], rows).tolist(),
        "late": numbers.integers(0, 2, rows).tolist(),
    }


def source(
    path: Path | str, outcomes: Path | str | None = None, delay: str = "1d", known_at: str | None = None
) -> Source:
    """The source declaration of files of rides."""
    tables = {"features": {"path": str(path)}, "outcomes": {"path": str(outcomes)} if outcomes else None}
    return Source(**tables, key="id", time="at", label="late", label_delay=delay, known_at=known_at)


def written(path: Path, columns: dict[str, Any] | pa.Table) -> Path:
    """Write columns as a Parquet file with small row groups."""
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), path, row_group_size=50)
    return path


def intake(
    declared: Source,
    columns: Columns = COLUMNS,
    contract: Contract = CONTRACT,
    task: Task = "binary",
    classes: int = 2,
    objective: str = "binary",
    calendar: Calendar = MONTHS,
) -> Intake:
    """What a model of rides declares."""
    facts = Model("rides", task, classes, calendar, "id", "at", declared.label, declared.label_delay, "log_loss")
    return Intake(facts, declared, columns, contract, objective)


def checked(
    columns: dict[str, Any] | pa.Table,
    rules: Columns = COLUMNS,
    contract: Contract = CONTRACT,
    known: KnownColumns | None = None,
) -> Checked:
    """The columns of February 2019 after inspection."""
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    return apply_contract(
        table, intake(source("rides.parquet"), rules, contract), "2019-02", "rides.parquet", known or KnownColumns()
    )


def blocking(result: Checked) -> list[tuple[str, str | None, int]]:
    """Check, column and count of the problems that block."""
    return [(problem.check, problem.column, problem.count) for problem in result.problems if problem.blocking]


def findings(problems: tuple[ContractProblem, ...]) -> list[tuple[str, str | None, int]]:
    """Check, column and count of the problems that do not block."""
    return [(problem.check, problem.column, problem.count) for problem in problems if not problem.blocking]


def as_csv(path: Path, columns: dict[str, list[Any]]) -> Path:
    """The columns as a CSV file."""
    pd.DataFrame(columns).to_csv(path, index=False)
    return path
