"""The spec that is written is short, commented, and valid as it stands."""

import fsspec
import numpy as np
import pandas as pd
import pytest

from retrain_assets.onboarding.draft import drafted
from retrain_assets.onboarding.roles import Named
from retrain_assets.onboarding.spec_text import DECIDE, row_name, spec_text
from retrain_assets.onboarding.table import read_table
from retrain_assets.spec.loading import load_spec
from retrain_assets_tests.onboarding.tables import subscriptions


def text_of(tmp_path, change=lambda draft: draft, **columns):
    rows = subscriptions(tmp_path, **columns)
    draft = drafted("left", read_table(str(rows)), read_table(str(tmp_path / "outcomes.csv")), Named())
    (tmp_path / "models").mkdir(exist_ok=True)
    text = spec_text(change(draft), tmp_path / "models")
    (tmp_path / "models" / "left.yaml").write_text(text)
    return text, load_spec(tmp_path / "models" / "left.yaml")


def test_it_is_short_and_every_value_has_a_comment(tmp_path):
    text, spec = text_of(tmp_path)
    lines = text.splitlines()
    assert len(lines) <= 40
    assert [line for line in lines if "#" not in line] == ["source:", "triggers:", "validation:"]
    assert spec.source.label_values == {"no": 0.0, "yes": 1.0}
    assert spec.source.features.path == str(tmp_path / "rows" / "*.csv")


def test_what_people_decide_is_marked(tmp_path):
    marked = [line for line in text_of(tmp_path)[0].splitlines() if DECIDE in line]
    for word in ("description", "primary", "guardrails", "fairness", "look protected", "retrain_cost", "row_name"):
        assert any(word in line for line in marked), word


def test_what_a_row_is_and_what_a_number_is_counted_in_are_asked_beside_a_line_to_take_in(tmp_path):
    text, spec = text_of(tmp_path)
    assert f"# row_name: {row_name(spec.source.key)} " in text
    assert "label_unit" not in text, "a share has no unit of its own"
    line = next(line for line in text.splitlines() if "row_name" in line)
    (tmp_path / "models" / "left.yaml").write_text(text.replace(line, "row_name: subscription"))
    assert load_spec(tmp_path / "models" / "left.yaml").row_name == "subscription"


def test_the_unit_of_a_number_that_is_predicted_is_asked(tmp_path):
    rows = subscriptions(tmp_path, paid=[10.5 + 7.25 * (k % 23) for k in range(120)])
    draft = drafted("paid", read_table(str(rows)), None, Named(label="paid"))
    text = spec_text(draft, tmp_path)
    assert "  # label_unit: USD" in text
    assert f"{DECIDE}: what paid is counted in" in text


def test_the_trigger_is_the_one_with_the_best_worst_regret_over_the_tables(tmp_path):
    triggers = text_of(tmp_path)[1].triggers
    assert (triggers.on_forgone_gain, triggers.excess_said) == (0.5, False), "the excess asks until that is measured"
    assert triggers.retrain_cost is None


def test_a_protected_attribute_is_named_and_not_used(tmp_path):
    text, spec = text_of(tmp_path)
    assert "groups: [gender]" in text
    assert "gender" not in spec.columns.all
    assert not spec.validation.fairness.asked


def test_a_protected_group_becomes_groups_and_fairness(tmp_path):
    _, spec = text_of(tmp_path, lambda draft: draft.with_group("gender"))
    assert spec.columns.groups == spec.validation.fairness.groups == ("gender",)
    assert "gender" not in spec.columns.features


def test_forty_numbers_still_fit_a_screen(tmp_path):
    text, spec = text_of(
        tmp_path, **{f"reading_{number}": [number + k % 7 for k in range(120)] for number in range(40)}
    )
    assert len(text.splitlines()) <= 45
    assert len(spec.columns.numeric) == 42


@pytest.mark.parametrize("name", ["monthly fee (EUR)", "ja: nein", "Größe", "yes", "#rank"])
def test_any_name_of_a_column_survives_as_it_is(tmp_path, name):
    _, spec = text_of(tmp_path, **{name: [k % 9 for k in range(120)]})
    assert name in spec.columns.numeric


def test_a_survey_of_one_date_a_period_is_judged_by_rows(tmp_path):
    assert text_of(tmp_path)[1].validation.unit == "auto"
    dates = [f"2024-0{month}-15" for month in range(1, 7)]
    for path, date in zip(sorted((tmp_path / "rows").glob("*.csv")), dates, strict=True):
        pd.read_csv(path).assign(day=date).to_csv(path, index=False)
    outcomes = pd.read_csv(tmp_path / "outcomes.csv").assign(seen_at="2024-07-15")
    outcomes.to_csv(tmp_path / "outcomes.csv", index=False)
    rows, known = read_table(str(tmp_path / "rows" / "*.csv")), read_table(str(tmp_path / "outcomes.csv"))
    (tmp_path / "survey.yaml").write_text(spec_text(drafted("left", rows, known, Named()), tmp_path))
    assert load_spec(tmp_path / "survey.yaml").validation.unit == "row"


RANDOM = np.random.default_rng(4)
SCORES = pd.DataFrame(
    {
        "id": range(2_000),
        "at": pd.date_range("2024-01-01", periods=2_000, freq="h").strftime("%Y-%m-%d %H:%M"),
        "score": np.where(np.arange(2_000) % 40, RANDOM.integers(300, 800, 2_000), -999),
        "total": np.where(np.arange(2_000) == 7, 9e6, RANDOM.gamma(2, 30, 2_000).round(2)),
        **{f"c{k}": RANDOM.choice(list("abcde"), 2_000) for k in range(7)},
        "grade": RANDOM.choice(["low", "mid", "high"], 2_000),
    }
)


def lines_of(folder, rows):
    """The lines of the spec of a table by their first word, checked by loading it."""
    rows.to_csv(folder / "rows.csv", index=False)
    text = spec_text(drafted("grade", read_table(str(folder / "rows.csv")), None, Named(label="grade")), folder)
    (folder / "grade.yaml").write_text(text)
    load_spec(folder / "grade.yaml")
    return {line.split(":")[0].strip(): " ".join(line.split()) for line in text.splitlines()}


def test_what_is_odd_about_a_number_stands_beside_its_limits(tmp_path):
    lines = lines_of(tmp_path, SCORES)
    assert lines["score"].endswith("# 300 to 799 seen, 2.5 % missing, -999 among them")
    assert lines["total"].startswith("total: {min: 0, max: 1000} # 0.")
    assert " to 9e+06, 999 of 1,000 below " in lines["total"]
    assert lines["contract"].startswith("contract: {min_rows: 76, max_outside_share: 0.1}")
    assert lines["categorical"].endswith("# 35 different values"), "no row of seven numbers"


def test_a_label_of_three_values_of_which_some_never_come_and_the_newest_not_yet(tmp_path):
    known = (np.arange(2_000) % 20 > 0) & (np.arange(2_000) < 1_800)
    lines = lines_of(tmp_path, SCORES.assign(grade=SCORES["grade"].where(known)))
    assert lines["classes"].startswith("classes: 3 ")
    # 200 hours are 8.3 days
    assert lines["label_delay"] == "label_delay: 9d # rows newer than that have no outcome yet"
    assert lines["max_unlabelled_share"].startswith("max_unlabelled_share: 0.11 # DECIDE: 5 % of the older rows have")


def test_a_history_that_the_defaults_fit_has_no_line_of_windows(tmp_path):
    hours = pd.date_range("2024-01-01", periods=5_000, freq="h").strftime("%Y-%m-%d %H:%M")
    rows = pd.concat([SCORES] * 3, ignore_index=True).head(5_000).assign(id=range(5_000), at=hours)
    assert "windows" in lines_of(tmp_path, SCORES)
    assert "windows" not in lines_of(tmp_path, rows)


def test_files_elsewhere_keep_their_address(tmp_path):
    memory = fsspec.filesystem("memory")
    with memory.open("/bucket/rows.csv", "w") as file:
        SCORES.to_csv(file, index=False)
    draft = drafted("grade", read_table("memory://bucket/rows.csv"), None, Named(label="grade"))
    memory.rm("/bucket", recursive=True)
    assert '  path: "memory://bucket/rows.csv" ' in spec_text(draft, tmp_path)


def test_an_order_of_day_and_month_that_was_said_stands_beside_the_path(tmp_path):
    days = pd.date_range("2024-01-01", periods=2_000, freq="h").strftime("%d/%m/%Y %H:%M")
    SCORES.assign(at=days).to_csv(tmp_path / "rows.csv", index=False)
    rows = read_table(str(tmp_path / "rows.csv"), "day-first")
    text = spec_text(drafted("grade", rows, None, Named(label="grade")), tmp_path)
    (tmp_path / "grade.yaml").write_text(text)
    assert load_spec(tmp_path / "grade.yaml").source.features.time_format == "day-first"
