"""What the asset pages show without a click, in the worst month too."""

from dataclasses import replace

import pytest

from retrain_assets.documents.page import text
from retrain_assets.monitoring.drift.report import ColumnDrift, Drift, DriftReport
from retrain_assets.monitoring.pages.summary import (
    FOLDED_AT,
    MORE,
    drift_fact,
    drift_summary,
    drift_verdict,
    group_table,
    loss_table,
    performance_summary,
    summary,
)
from retrain_assets.monitoring.performance.report import GroupLoss, Quality
from retrain_assets.monitoring.records.drift_record import DriftRecord
from retrain_assets_tests.monitoring.stored import TAXI, estimated, jump, performance
from retrain_assets_tests.rendered import NASTY


def column(name, outcome=Drift.QUIET, confirmed=False):
    return ColumnDrift(
        name, "numeric", "mean", outcome, 0.01, 3.0, 0.2, 0.1, 0.3, 0.4, 0.25, 0.05, 0.0, confirmed,
        f"{name}: mean 1 -> 2 (p below 0.0001)",
    )  # fmt: skip


def drift(columns, triggers=False, **more):
    report = DriftReport("2019-02", 100, 6, 8, tuple(columns), triggers, "")
    return DriftRecord("2019-02", "v1", features=report, **more)


@pytest.mark.parametrize("sentence", ["fare <b>moved</b> | *far*. ", NASTY + ". ", "x" * 700 + ". "])
def test_however_much_is_said_it_stays_under_the_length_that_dagster_folds(sentence):
    said = [f"The answer. {sentence * 20}", sentence * 40, "The end."]
    shown = summary(said)
    assert len(shown) < FOLDED_AT
    assert shown.startswith("**The answer.**")
    assert shown.endswith(MORE)
    assert "<b>" not in shown.replace("\\<b>", "")


def test_a_single_sentence_that_is_too_long_is_cut():
    shown = summary([NASTY * 40])
    assert len(shown) < FOLDED_AT
    assert shown.startswith("**\\<script>")
    assert shown.endswith(f"…**\n\n{MORE}")


def test_what_fits_is_said_whole():
    assert summary(["One. Two.", "Three."]) == "**One.** Two.\n\nThree."


def test_the_worst_month_is_answered_without_a_click():
    words = "a very long description of the part of a column that grew, " * 4
    record = performance(
        "2019-02",
        2.3,
        outcome="warn",
        label_jump=jump(f"mean label jumped: {words}"),
        impact_sentence=f"{words}. {words}.",
        estimated=estimated(1.5, 1.2, 1.8),
    )
    said = summary(performance_summary(record))
    assert len(said) < FOLDED_AT
    assert said.startswith("**mean label jumped")
    assert text("2019-02: v1 lost 2.3") in said


@pytest.mark.parametrize(
    ("columns", "triggers", "verdict"),
    [
        ([column("fare"), column("zone")], False, "No drift in February 2019: 2 features as in training."),
        ([column("fare", Drift.INSUFFICIENT)], False, "Drift cannot be told yet in February 2019: too few periods"),
        (
            [column("fare", Drift.WARN), column("zone")],
            False,
            "1 of 2 features drifted in February 2019. It asks for no",
        ),
        (
            [column("fare", Drift.WARN, confirmed=True)],
            True,
            "1 of 1 feature drifted in February 2019, fare as in the month before. It asks for a retrain where",
        ),
    ],
)
def test_the_verdict_on_drift_comes_first(columns, triggers, verdict):
    assert drift_verdict(TAXI, drift(columns, triggers)).startswith(verdict)


def test_features_and_what_is_watched_of_the_scores_are_counted_apart():
    record = drift([column("fare"), column("zone")])
    watched = DriftReport(
        "2019-02", 100, 6, 8, (column("(prediction)", Drift.WARN), column("(uncertainty)")), False, ""
    )
    said = drift_verdict(TAXI, replace(record, scores=watched))
    assert said.startswith("1 of 2 score properties drifted in February 2019. ")
    both = replace(record, features=drift([column("fare", Drift.WARN)]).features, scores=watched)
    assert drift_fact(both).startswith("1 of 1 feature and 1 of 2 score properties drifted: fare, (prediction); ")
    quiet = replace(record, scores=replace(watched, columns=watched.columns[1:]))
    assert drift_verdict(TAXI, quiet) == "No drift in February 2019: 2 features and 1 score property as in training."


EMPTIED = replace(
    column("zone", Drift.WARN),
    problem="emptied",
    signals=("emptied",),
    sentence="zone: all 9,882 values are missing, where the reference has most; missing share: 1 -> 100 % (p < 0.01)",
)


def test_a_column_that_broke_comes_first_and_asks_for_a_repair_and_no_retrain():
    record = drift([column("fare", Drift.WARN, confirmed=True), EMPTIED], triggers=True)
    assert [one.column for one in record.columns] == ["zone", "fare"]
    assert drift_verdict(TAXI, record) == (
        "zone broke in February 2019: all 9,882 values are missing, where the reference has most. "
        "Mend the source before you retrain. 2 of 2 features drifted, fare as in the month before."
    )
    said = "zone broke: all 9,882 values are missing, where the reference has most; 2 of 2 features drifted."
    assert drift_fact(record) == said
    two = drift([EMPTIED, replace(EMPTIED, column="miles")])
    assert drift_fact(two).startswith("zone and 1 more column broke: ")


def test_what_cannot_be_told_yet_is_counted_apart_from_what_is_as_in_training():
    scores = drift([column("(prediction)", Drift.INSUFFICIENT)]).features
    record = replace(drift([column("fare"), column("zone")]), scores=scores)
    said = "No drift in February 2019: 2 features as in training; 1 score property cannot be told yet."
    assert drift_verdict(TAXI, record) == said


def test_the_alert_of_a_drift_is_one_line_that_names_a_few_columns():
    columns = [column(name, Drift.WARN) for name in ("fare", "zone", "miles", "vendor")]
    assert (
        drift_fact(drift(columns)) == "4 of 4 features drifted: fare, zone, miles and 1 more; no retrain is asked for."
    )
    assert (
        drift_fact(drift(columns[:1], triggers=True))
        == "1 of 1 feature drifted: fare; a retrain is asked for where the spec lets drift ask."
    )


def test_what_moved_is_said_where_no_impact_is_known():
    said = drift_summary(TAXI, drift([column("fare", Drift.WARN)]))
    assert said[1] == "fare: mean 1 → 2 (p below 0.0001)."
    weighed = drift([column("fare", Drift.WARN)], impact_sentence="fare has changed.")
    assert drift_summary(TAXI, weighed)[1:] == ["fare has changed."]


def test_tables_have_their_unit_and_round_as_a_person_would():
    record = performance("2019-02", 2.30411, estimated=estimated(1.5, 1.2, 1.8))
    measured, guessed = loss_table(TAXI, record)
    assert measured == {
        "loss a ride": "measured", "mean": "$2.30", "at least": "$2.20", "at most": "$2.40", "rides": "100",
    }  # fmt: skip
    assert (guessed["loss a ride"], guessed["mean"], guessed["rides"]) == ("estimated", "$1.50", "40")
    groups = (
        GroupLoss("borough", "Queens", 1200, 3.0, None, None, 1860.4),
        GroupLoss("borough", "Bronx", 9, 1.0, None, None, -2.0),
    )
    costly, cheap = group_table(TAXI, replace(record.report, by_group=groups), 20)
    assert costly == {
        "group": "Queens",
        "a ride": "$3.00",
        "excess": "$1,860",
        "rides": "1,200",
    }
    assert cheap["excess"] == "$0"
    zones = (*groups, GroupLoss("zone", "Queens", 9, 1.0, None, None, 2.0))
    named = [row["group"] for row in group_table(TAXI, replace(record.report, by_group=zones), 20)]
    assert named == ["borough Queens", "borough Bronx", "zone Queens"]
    counted = (*groups, GroupLoss("borough", "Staten Island", 1, None, None, None, 0.0))
    assert len(group_table(TAXI, replace(record.report, by_group=counted), 20)) == 2, (
        "what is only counted lost nothing"
    )
    assert group_table(TAXI, None, 20) == []


def test_why_nothing_is_estimated_is_left_to_the_report():
    nothing = replace(estimated(1.5, 1.2, 1.8), estimate=None, outcome=None, sentence="Nothing is estimated: why.")
    record = performance("2019-02", 1.0, outcome=Quality.QUIET, estimated=nothing)
    assert performance_summary(record) == ["2019-02: v1 lost 1.0"]
