"""A strategy is eligible when its training window holds the gate's levels, the declared rare rows and a full season."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from retrain_assets.candidates.coverage import coverage, gate_levels
from retrain_assets.candidates.policy import CoveragePolicy, RareType
from retrain_assets.candidates.rare_types import of_type
from retrain_assets.store import LABEL, PeriodStore
from retrain_assets.windows.cut import Span

WINDOW = pa.table(
    {
        "zone": pa.array(["JFK", "JFK", None, "EWR"]).dictionary_encode(),
        "rate": pa.array([1, 5, 5, None], pa.int8()),
        LABEL: [0.0, 1.0, 0.0, 0.0],
    }
)
TWO_MONTHS = Span(("2019-01", "2019-02"), datetime(2019, 1, 1), datetime(2019, 3, 1))
SHOWN = {"zone": {"JFK": 90, "LGA": 7, "SWF": 2}}


def problems(policy: CoveragePolicy, task: str = "binary", window: pa.Table = WINDOW) -> tuple[str, ...]:
    return coverage(policy, task, window, TWO_MONTHS, SHOWN).problems


def test_nothing_is_asked_for_by_default_but_the_levels_are_counted() -> None:
    found = coverage(CoveragePolicy(), "binary", WINDOW, TWO_MONTHS, SHOWN)
    assert found.eligible
    assert found.unheld == {"zone": 9}


def test_a_gate_level_that_the_window_does_not_hold_is_named_with_its_rows() -> None:
    assert problems(CoveragePolicy(categories=("zone",))) == (
        "zone: 2 levels of 9 gate rows are not in the window: LGA (7), SWF (2)",
    )


@pytest.mark.parametrize(("rows", "lacking"), [(2, 2), (3, 1), (7, 1), (8, 0)])
def test_levels_of_few_gate_rows_do_not_count(rows: int, lacking: int) -> None:
    found = problems(CoveragePolicy(categories=("zone",), min_gate_rows=rows))
    assert sum(text.count("(") for text in found) == lacking


@pytest.mark.parametrize(
    ("rare", "rows"),
    [
        (RareType(column="rate", value=5, min_rows=1), 2),
        (RareType(column="rate", value=1, min_rows=1), 1),
        (RareType(column="zone", value="EWR", min_rows=1), 1),
        (RareType(column="zone", value="LGA", min_rows=1), 0),
        (RareType(label=1, min_rows=1), 1),
        (RareType(label=0, min_rows=1), 3),
    ],
)
def test_a_rare_type_needs_its_rows(rare: RareType, rows: int) -> None:
    assert of_type(WINDOW, rare).sum() == rows
    exactly = rare.model_copy(update={"min_rows": max(rows, 1)})
    assert problems(CoveragePolicy(rare=(exactly,))) == (() if rows else (f"0 of 1 rows needed with {rare}",))
    more = rare.model_copy(update={"min_rows": rows + 1})
    assert problems(CoveragePolicy(rare=(more,))) == (f"{rows} of {rows + 1} rows needed with {rare}",)


def test_a_season_needs_its_periods() -> None:
    assert problems(CoveragePolicy(season_periods=2)) == ()
    assert problems(CoveragePolicy(season_periods=12)) == ("2 of the 12 periods of a full season",)
    assert problems(CoveragePolicy(season="59d")) == ()
    assert problems(CoveragePolicy(season="52w")) == ("59 of the 364 days of a full season",)


def test_a_classifiers_window_needs_two_classes_without_being_asked() -> None:
    single = WINDOW.slice(2)
    assert problems(CoveragePolicy(), window=single) == ("all 2 labels are 0, two classes needed",)
    assert problems(CoveragePolicy(), "regression", single) == ()


def test_only_the_features_of_the_gates_own_rows_are_counted_and_no_outcome_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = PeriodStore(tmp_path)
    for period, zones in (("2019-01", ["JFK", "JFK", "EWR"]), ("2019-02", ["LGA", None, "JFK"])):
        at = [datetime.fromisoformat(f"{period}-{day:02d}") for day in (1, 15, 28)]
        store.write_table("raw_data", period, pa.table({"at": at, "zone": zones, "miles": np.arange(3.0)}))
    asked: list[tuple[str, tuple[str, ...]]] = []
    read = PeriodStore.read_table

    def watched(self, asset, periods, columns=None):  # type: ignore[no-untyped-def]
        asked.append((asset, tuple(columns)))
        return read(self, asset, periods, columns)

    monkeypatch.setattr(PeriodStore, "read_table", watched)
    gate = Span(("2019-01", "2019-02", "2019-03"), datetime(2019, 1, 10), datetime(2019, 2, 28))
    assert gate_levels(store, gate, ["zone"], "at") == {"zone": {"JFK": 1, "EWR": 1, "LGA": 1}}
    assert set(asked) == {("raw_data", ("at", "zone"))}
