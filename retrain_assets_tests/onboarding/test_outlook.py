"""What a source's findings mean: what stops a model, when it begins, and a probation that is too short."""

from datetime import date, timedelta
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml

from retrain_assets.onboarding.draft import drafted
from retrain_assets.onboarding.outlook import absent_rows, never_words, outlook, short_probation
from retrain_assets.onboarding.roles import Named
from retrain_assets.onboarding.spec_text import spec_text
from retrain_assets.onboarding.survey import survey
from retrain_assets.onboarding.table import read_table
from retrain_assets.periods import Calendar
from retrain_assets.production.policy import ProbationPolicy
from retrain_assets.registry.registry import Registry
from retrain_assets.spec.loading import load_spec
from retrain_assets.store import PeriodStore
from retrain_assets.validation.criteria.detectability import PartDetectability
from retrain_assets_tests.onboarding.tables import subscriptions


@pytest.fixture
def written(tmp_path):
    """The spec that `retrain new` writes for the subscriptions, as a mapping that a test changes."""
    rows = subscriptions(tmp_path)
    draft = drafted("left", read_table(str(rows)), read_table(str(tmp_path / "outcomes.csv")), Named())
    return yaml.safe_load(spec_text(draft, tmp_path))


def seen(tmp_path, spec):
    (tmp_path / "left.yaml").write_text(yaml.safe_dump(spec))
    loaded, store = load_spec(tmp_path / "left.yaml"), PeriodStore(tmp_path / "store")
    return outlook(loaded, store, Registry(tmp_path / "registry", "left"), survey(loaded, store))


def test_a_spec_as_written_can_work_and_says_when_it_begins(tmp_path, written):
    found = seen(tmp_path, written)
    assert (found.ready, found.stops) == (True, ())
    assert found.begins.startswith("the first model can be judged as of 2024-0")


def test_a_name_that_no_file_has_stops_the_model_and_the_nearest_is_named(tmp_path, written):
    written["columns"]["numeric"] = {"tenur": {}}
    (stop,) = seen(tmp_path, written).stops
    assert "none of the 6 periods can be taken in" in stop
    assert "column tenur is missing" in stop
    assert "The source has tenure" in stop


def test_a_column_that_one_month_lacks_stops_nothing(tmp_path, written):
    path = tmp_path / "rows" / "2024-03.csv"
    pd.read_csv(path).drop(columns="fee").to_csv(path, index=False)
    assert seen(tmp_path, written).ready


def test_outcomes_of_other_rows_stop_the_model(tmp_path, written):
    outcomes = pd.read_csv(tmp_path / "outcomes.csv")
    outcomes.assign(account_id=outcomes["account_id"] + 10**6).to_csv(tmp_path / "outcomes.csv", index=False)
    assert any("no row has an outcome" in stop for stop in seen(tmp_path, written).stops)


def test_a_history_that_is_too_short_for_a_first_model_is_told(tmp_path, written):
    written["windows"] = {"min_train": "200w"}
    assert any(stop.startswith("no first model can come from 2024-01") for stop in seen(tmp_path, written).stops)


def test_a_delay_that_is_too_short_is_named_as_the_reason_that_nothing_is_decided(tmp_path, written):
    written["source"]["label_delay"] = "1d"
    assert any("set source.label_delay" in stop.lower() for stop in seen(tmp_path, written).stops)


def test_a_source_without_a_row_since_the_first_period_stops_the_model(tmp_path, written):
    written["period"] = {"every": "month", "start": "2030-01-01", "end": "2030-06-01"}
    (stop,) = seen(tmp_path, written).stops
    assert stop.endswith("rows/*.csv: no rows from 2030-01 on. Correct period.start or the path.")


def test_months_with_too_few_rows_are_named_and_the_first_model_comes_from_the_others(tmp_path, written):
    for month in ("2024-01", "2024-06"):
        path = tmp_path / "rows" / f"{month}.csv"
        pd.read_csv(path).head(20).to_csv(path, index=False)
    found = seen(tmp_path, written)
    assert found.warnings == (
        "2 of 6 periods are refused as they are (2024-01, 2024-06): correct the files, or the spec.",
    )
    assert "as of 2024-04" in found.begins


@pytest.mark.parametrize(
    ("change", "stop"),
    [
        (lambda rows: rows[rows["account_id"] % 10 < 3], "only 30 % of the rows have an outcome, and a gate with more"),
        (lambda rows: rows.assign(seen_at="2031-01-01"), "no row has an outcome"),
        (lambda rows: rows.assign(left="no"), "the gate of the first model holds outcomes of one class only"),
    ],
    ids=["few", "not known yet", "all alike"],
)
def test_outcomes_that_no_gate_can_decide_on_stop_the_model(tmp_path, written, change, stop):
    change(pd.read_csv(tmp_path / "outcomes.csv")).to_csv(tmp_path / "outcomes.csv", index=False)
    (found,) = seen(tmp_path, written).stops
    assert found.startswith(stop)


def test_a_part_of_the_gate_that_no_formula_knows_and_a_group_that_is_too_small_are_told_as_such(tmp_path, written):
    written["columns"]["groups"] = ["gender"]
    written["validation"]["guardrails"] = [{"metric": "f1", "margin": 0.1}]
    written["validation"]["fairness"] = {"groups": ["gender"], "metrics": ["tpr"], "margin": 0.05}
    _, rail, group = seen(tmp_path, written).sees
    assert rail == "guardrails: f1 on 49 rows: how small a change it finds, the first model tells, margin 10 points"
    assert group.endswith("on 16 rows is too small to be judged, margin 5 points: watched after a promotion")
    written["validation"]["fairness"]["pool_below"] = 1
    stops = seen(tmp_path, written).stops
    assert [stop.partition(" rows that bear")[0] for stop in stops] == [
        "fairness: tpr of gender=F can never decide: gender=F has 9",
        "fairness: tpr of gender=M can never decide: gender=M has 7",
    ]


def test_a_case_of_a_period_that_the_calendar_does_not_have_is_a_warning(tmp_path, written):
    case = {
        "id": 1,
        "period": "2024-13",
        "owner": "ops",
        "added": date(2024, 2, 1),
        "reason": "x",
        "severity": "normal",
    }
    (tmp_path / "left.suite.yaml").write_text(yaml.safe_dump({"cases": [case]}))
    (warning,) = seen(tmp_path, written).warnings
    assert "left.suite.yaml: case 1: " in warning


def test_rows_that_the_source_does_not_give_are_named_and_a_file_that_cannot_be_read_with_its_cause(tmp_path, written):
    (tmp_path / "left.yaml").write_text(yaml.safe_dump(written))
    spec = load_spec(tmp_path / "left.yaml")
    assert absent_rows(spec, "2024-02", ["125"]) == ""
    assert absent_rows(spec, "2024-02", ["125", "7"]).endswith("has no row of 2024-02 with account_id 7")
    (tmp_path / "rows" / "2024-03.csv").write_text("")
    found = absent_rows(spec, "2024-03", ["250", "251"])
    assert found.startswith("2024-03 cannot be read for 250, 251: ")
    assert "2024-03.csv: cannot be read: it is empty" in found


def said(every, periods, days=366):
    spec = SimpleNamespace(
        period=Calendar(every=every, start="2024-01-01"),
        probation=ProbationPolicy(periods=periods),
        row_name="row",
        source=SimpleNamespace(label_delay=timedelta(days=1)),
    )
    return list(short_probation(spec, days))


def test_the_default_probation_of_daily_periods_says_how_long_it_goes_on():
    (sentence,) = said("day", 8)
    assert "8 days end before a harm of 1 standard deviation between blocks can be ruled out" in sentence
    # 14 blocks of 1, 3, 7, 14 days, and a day of label delay
    assert (
        "at the least: 15 days with blocks of 1 days, 43 days with blocks of 3 days, 99 days with blocks of 7 days"
        in sentence
    )
    assert "197 days with blocks of 14 days" in sentence


@pytest.mark.parametrize(("every", "periods"), [("day", 197), ("week", 29), ("month", 7)])
def test_the_fewest_periods_that_are_enough_for_every_block_length_are_not_mentioned(every, periods):
    assert said(every, periods) == []
    assert len(said(every, periods - 1)) == 1


def test_rows_of_one_day_a_year_can_only_end_unproven_unless_the_years_are_many():
    (sentence,) = said("year", 3, days=1)
    assert "a year's rows are of 1 day, so that 3 years give at most 3 blocks where 14 are needed" in sentence
    assert said("year", 14, days=1) == []


@pytest.mark.parametrize("group", ["row=3", "zone=rows"])
def test_a_group_that_is_called_row_keeps_its_name(group):
    part = PartDetectability("fairness", "tpr", group, 12, None, 0.1, 1.0, f"{group} has 12 rows that bear on tpr")
    assert never_words(part, "ride") == f"{group} has 12 rides that bear on tpr"
