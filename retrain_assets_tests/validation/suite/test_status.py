"""Where each case of the suite stands: whether it counts, is there, and is right."""

import pandas as pd
import pyarrow as pa
import yaml

from retrain_assets.pipeline import harvest
from retrain_assets.registry.registry import Registry
from retrain_assets.store import PeriodStore
from retrain_assets.validation.suite.cases import load_suite
from retrain_assets.validation.suite.status import CaseStatus, periods_of, row_is_stored, standings
from retrain_assets_tests.validation.suite.mistakes import mistakes


def test_each_case_says_whether_it_counts_whether_its_row_is_there_and_whether_the_live_model_is_right(slow):
    weeks = slow.weeks(7)
    rows = pd.read_parquet(slow.folder / "rows.parquet")
    scored = mistakes(slow, "v1", weeks[5:])
    wrong, right = scored.iloc[0].id, scored.iloc[-1].id
    week_of = {str(row.id): slow.spec.period.key(row["at"].to_pydatetime()) for _, row in rows.iterrows()}
    trained = str(rows[rows["at"] >= "2024-01-09"].iloc[0].id)
    last = str(rows[rows["at"] >= "2024-02-18"].iloc[0].id)  # its outcome is known a day later

    def case(row, period=None, **changes):
        base = {"owner": "team:tests", "severity": "normal", "reason": "x", "added": pd.Timestamp("2024-02-12").date()}
        return base | {"id": row, "period": period or week_of[row]} | changes

    day = pd.Timestamp
    (slow.folder / "delivery.suite.yaml").write_text(
        yaml.safe_dump(
            {
                "cases": [
                    case(wrong),
                    case(right, expires=day("2024-02-14").date()),
                    case(trained),
                    case("nobody", weeks[5]),
                    case("later", "2024-04-01"),
                    case(last, added=day("2024-03-01").date()),
                ]
            }
        )
    )
    cases = load_suite(slow.folder / "delivery.suite.yaml")
    found = standings(harvest(slow.spec), cases, slow.store, slow.registry)
    shown = [(each.state, each.row, each.outcome, each.right, each.by_heart) for each in found]
    assert shown == [
        ("live", True, True, False, False),
        ("expired", True, True, True, False),
        ("live", True, True, True, True),
        ("live", False, False, None, False),
        ("live", None, False, None, False),
        ("later", True, False, None, False),
    ]
    assert found[0].said.endswith(f"it was {rows.set_index(rows.id.astype(str)).minutes[wrong]:g}")


def test_the_periods_that_hold_a_row_are_found_whatever_type_the_key_is_stored_as(tmp_path):
    store = PeriodStore(tmp_path)
    store.write_table("raw_data", "2024-01", pa.table({"id": [1, 2]}))
    store.write_table("raw_data", "2024-02", pa.table({"id": ["2", "x"]}))
    assert periods_of(store, "id", "2") == ["2024-01", "2024-02"]
    assert periods_of(store, "id", "x") == ["2024-02"]
    assert not row_is_stored(store, "2024-01", "id", "3")
    assert not row_is_stored(store, "2023-12", "id", "1")


def test_before_any_row_is_stored_every_case_counts_and_none_is_answered(tmp_path, slow):
    (case,) = load_suite(slow.folder / "delivery.suite.yaml")
    empty = Registry(tmp_path / "registry", "delivery")
    assert standings(harvest(slow.spec), [case], PeriodStore(tmp_path), empty) == (
        CaseStatus(case, "live", None, False),
    )
    (found,) = standings(harvest(slow.spec), [case], slow.store, empty)
    assert (found.row, found.outcome, found.right) == (True, True, None)  # there is no version to ask
