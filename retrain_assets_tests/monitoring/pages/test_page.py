"""The monitoring reports as Markdown, HTML and words: what must stand in them, and what nothing can put into them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

import pytest

from retrain_assets.documents.figure import new_figure, png
from retrain_assets.documents.page import ALLOWED, Drawing, html_page
from retrain_assets.errors import NotFound
from retrain_assets.monitoring.drift.report import ColumnDrift, Drift, DriftReport
from retrain_assets.monitoring.impact.cost import Change, ColumnCost
from retrain_assets.monitoring.impact.grown_share import GrownPart
from retrain_assets.monitoring.pages.page import (
    DRIFT,
    PERFORMANCE,
    column_rows,
    drift_lead,
    drift_report,
    monitored_period,
    monitoring_words,
    performance_lead,
    performance_report,
)
from retrain_assets.monitoring.pages.performance_plot import PerformanceHistory
from retrain_assets.monitoring.performance.business_metrics import BusinessMeasurement
from retrain_assets.monitoring.performance.report import GroupLoss, Quality
from retrain_assets.monitoring.records.drift_record import DriftRecord, write_drift
from retrain_assets.monitoring.records.performance_record import read_performance, write_performance
from retrain_assets.registry.journal.events import Entry, Event
from retrain_assets.store import PeriodStore
from retrain_assets_tests.monitoring.stored import TAXI, estimated, jump, past, performance
from retrain_assets_tests.rendered import LIMIT_BYTES, NASTY, Page


def column(name, outcome=Drift.QUIET, sentence="mean 1 -> 2", confirmed=False):
    return ColumnDrift(
        name, "numeric", "mean", outcome, 0.01, 3.0, 0.2, 0.1, 0.3, 0.4, 0.25, 0.05, 0.0, confirmed,
        f"{name}: {sentence}",
    )  # fmt: skip


def drift(columns, period="2024-01", **more):
    report = DriftReport(period, 100, 6, 8, tuple(columns), False, "")
    return DriftRecord(period, "v1", report, **{"sentence": "1 drifted.", **more})


def with_groups(record, groups):
    return replace(record, report=replace(record.report, by_group=tuple(groups)))


# ---- drift


def test_what_changed_comes_first_and_columns_stand_by_outcome_and_impact():
    columns = [column("quiet"), column("cheap", Drift.WARN), column("dear", Drift.WARN, confirmed=True)]
    said = "2024-01: dear (40 % of the model) changed since 2023-11; it cost 90."
    impact = (Change("dear", "2023-11", 0.4, 0.5, 0.2, None), Change("cheap", "2024-01", 0.1, 0.1, 0.01, None))
    record = drift(columns, impact=impact, impact_sentence=said)

    assert drift_lead(record) == [said, "1 drifted."]
    rows = column_rows(record)
    assert [(row["column"], row["outcome"], row["since"], row["weight"]) for row in rows] == [
        ("dear", "confirmed", "2023-11", 0.2), ("cheap", "warn", "2024-01", 0.01), ("quiet", "quiet", None, None),
    ]  # fmt: skip
    page = drift_report(TAXI, record).markdown
    assert (
        page.index("2 of 3 features drifted in January 2024")
        < page.index("changed since 2023-11")
        < page.index("| dear |")
        < page.index("| quiet |")
    )


def test_the_table_names_the_part_that_grew_as_the_first_sentence_does_unless_the_column_has_a_fault():
    grown = GrownPart(((3, 5),), (), False, False, 0.5, 0.66, "miles 548 to 1094")
    impact = (Change("miles", "2024-01", 0.1, 0.2, 0.02, grown),)
    moved = column("miles", Drift.WARN, "share up to 421: 11.0 -> 4.4 % (p 0.01)")
    assert column_rows(drift([moved], impact=impact))[0]["what moved"] == "548 to 1094: 50 % → 66 %"
    faulty = replace(moved, problem="constant", sentence="miles: constant")
    assert column_rows(drift([faulty], impact=impact))[0]["what moved"] == "constant"


def test_without_an_impact_there_is_no_column_of_weights():
    assert not {"since", "weight"} & set(column_rows(drift([column("a")]))[0])


@pytest.mark.parametrize(
    ("share", "said"), [(0.0000806, "under 0.1 %"), (0.0, "0 %"), (0.001, "0.1 %"), (0.914, "91.4 %")]
)
def test_the_share_of_the_model_is_shown_of_every_feature_as_far_as_its_digits_matter(share, said):
    page = drift_report(TAXI, drift([column("a")], importance={"a": share})).markdown
    assert f"| a | quiet | mean 1 → 2 | {said} | 0.01 |" in page


@pytest.mark.parametrize(
    ("periods", "tests", "said"),
    [
        (6, 8, "Each is compared with 6 reference months, the month being the unit of evidence. Every p-value is "),
        (3, 8, "With fewer than 4 reference periods (here 3) the days are shuffled between these and the\nmonth, "),
        (1, 0, "Nothing was tested with 1 reference month: 4 are needed, or enough days"),
    ],
)
def test_the_test_that_was_used_is_named(periods, tests, said):
    report = DriftReport("2024-01", 100, periods, tests, (column("a"),), False, "")
    page = drift_report(TAXI, DriftRecord("2024-01", "v1", report)).markdown
    assert said in page
    assert ("(Holm)" in page) == (periods > 3)
    scored = DriftReport("2024-01", 100, 0, 0, (), False, "")
    page = drift_report(TAXI, DriftRecord("2024-01", "v1", report, scored)).markdown
    assert f"Features: {said}" in page
    assert "Score properties: Nothing was tested with 0 reference months" in page


def test_the_picture_says_what_the_reference_is_also_of_a_record_that_does_not_name_it():
    words = "the latest 12 of the 21 months that v3 was trained on"
    assert (
        f"grey is the reference, {words}, in colour"
        in drift_report(TAXI, drift([column("a")], reference=words)).markdown
    )
    assert (
        "grey is the reference, 6 months that v1 was trained on, in"
        in drift_report(TAXI, drift([column("a")])).markdown
    )


def test_an_impact_that_the_sentence_begins_with_is_not_said_twice():
    record = drift([column("a")], impact_sentence="a costs 9.", sentence="a costs 9. 1 drifted.")
    assert drift_lead(record) == ["a costs 9.", "1 drifted."]


# ---- performance


def test_measured_and_estimated_are_told_apart_and_the_later_truth_is_beside_the_estimate():
    earlier = past("2023-12", 1.25, truth=1.375)
    record = performance("2024-01", 1.0625, estimated=estimated(1.5, 1.2, 1.8), estimates=(earlier,))

    assert performance_lead(record) == [
        "2024-01: v1 lost 1.0625", "estimated, not measured: 1.5",
    ]  # fmt: skip
    page = performance_report("delivery", "2024-01", PerformanceHistory([record], {}, [])).markdown
    assert "| measured | 1.06 | 0.963 | 1.16 | 1 | 0 | 1 | 100 |" in page
    assert "| estimated | 1.5 | 1.2 | 1.8 | 1 | 20 | 1 |" in page
    limit = replace(record, report=replace(record.report, excess_per_row=0.0125))
    page = performance_report("delivery", "2024-01", PerformanceHistory([limit], {}, [])).markdown
    assert "| excess error, all rows together | counted from |" in page
    assert "| measured | 1.06 | 0.963 | 1.16 | 1 | 0 | 1.05 | 100 |" in page
    assert "| 2023-12 | v1 | 30 | 1.25 | 1 | 1.5 | 1.375 | -0.125 |" in page


def test_a_period_without_outcomes_says_so_and_still_has_a_page():
    record = performance("2024-01", None)
    assert performance_lead(record) == ["Nothing is measured: no outcome of its rows arrived."]
    assert "None." in performance_report("delivery", "2024-01", PerformanceHistory([record], {}, [])).markdown


def test_a_jump_of_the_labels_comes_before_everything_else():
    record = performance("2024-01", 1.0, label_jump=jump("labels jumped"), impact_sentence="fare changed")
    said = performance_lead(record)
    assert [said[0], said[2]] == ["labels jumped; promotion is held until a person releases it.", "fare changed"]


@pytest.mark.parametrize(("outcome", "said"), [(Drift.WARN, ["2024-01: labels moved"]), (Drift.QUIET, [])])
def test_outcomes_that_drifted_are_told(outcome, said):
    report = DriftReport("2024-01", 100, 6, 1, (column("(label)", outcome),), False, "2024-01: labels moved")
    record = performance("2024-01", 1.0, label_drift=report)
    assert performance_lead(record)[1:] == said


def test_what_the_drifted_rows_lose_has_a_table():
    cost = ColumnCost("fare", "fare above 50", 9, 3.0, 1.25, 15.75)
    record = performance("2024-01", 1.0, impact=(cost,), impact_sentence="fare changed")
    assert performance_lead(record)[1] == "fare changed"
    page = performance_report("delivery", "2024-01", PerformanceHistory([record], {}, [])).markdown
    assert "| fare above 50 | 9 | 3 | 1.25 | 15.8 |" in page
    noise = performance("2024-01", 1.0, impact=(replace(cost, low=-0.5),), impact_sentence="fare changed")
    page = performance_report("delivery", "2024-01", PerformanceHistory([noise], {}, [])).markdown
    assert "| fare above 50 | 9 | 3 | 1.25 | no difference that shows |" in page


def test_a_group_that_is_only_counted_shows_no_loss_and_the_page_says_from_how_many_rows_on_one_has_it():
    record = performance("2024-01", 1.0)
    groups = (
        GroupLoss("race", "white", 900, 1.0, -0.25, 2.0, 3.0),
        GroupLoss("race", "other", 1, None, None, None, 0.0),
    )
    report = replace(record.report, by_group=groups, group_minimum=100)
    page = performance_report(
        "delivery", "2024-01", PerformanceHistory([replace(record, report=report)], {}, [])
    ).markdown
    assert "| race=other |  |  |  |  | 1 |" in page
    assert "| race=white | 1 | 0 | 2 | 3 | 900 |" in page, "no mean loss is below 0"
    assert "A group of fewer than 100 rows is only counted" in page
    old = performance_report("delivery", "2024-01", PerformanceHistory([with_groups(record, groups)], {}, [])).markdown
    assert "only counted" not in old


def test_a_slice_of_few_rows_is_only_counted():
    few = ColumnCost("fare", "fare 0", 3, 9.0, None, 0.0)
    record = performance("2024-01", 1.0, impact=(few,), impact_sentence="fare changed")
    page = performance_report("delivery", "2024-01", PerformanceHistory([record], {}, [])).markdown
    assert "| fare 0 | 3 |  |  | too few to compare |" in page


def test_every_decision_up_to_the_period_has_a_line_the_first_model_included():
    actions = (
        ("2023-06", "bootstrap", None, "v1"), ("2023-09", "rejected", "v1", "v1"),
        ("2023-10", "insufficient", "v1", "v1"), ("2024-01", "promoted", "v1", "v2"),
    )  # fmt: skip
    events = [
        Event.seal(
            Entry(datetime(2024, 1, 1), period, action, old, new, None, None, "run", f"why {action}", None, None), n, ""
        )
        for n, (period, action, old, new) in enumerate(actions, 1)
    ]
    page = performance_report(
        "delivery", "2024-01", PerformanceHistory([performance("2024-01", 1.0)], {}, events)
    ).markdown
    decided = page[page.index("## Decisions up to 2024-01, the newest first") :]
    assert [line for line in decided.splitlines() if line.startswith("| 20")] == [
        "| 2024-01 | promoted v2 | v2 | why promoted |",
        "| 2023-10 | kept v1 (undecided) | v1 | why insufficient |",
        "| 2023-09 | kept v1 (rejected) | v1 | why rejected |",
        "| 2023-06 | first model v1 | v1 | why bootstrap |",
    ]
    assert "That of the period itself is taken after this\nreport" in decided


def test_business_metrics_have_a_table_and_a_sentence_each():
    one = BusinessMeasurement("late share", "share", 0.25, 0.2, 0.3, 0.1, 9, Quality.WARN, "late share 0.25")
    record = performance("2024-01", 1.0, business=(one,))
    assert performance_lead(record)[-1] == "late share 0.25"
    page = performance_report("delivery", "2024-01", PerformanceHistory([record], {}, [])).markdown
    assert "| late share | 0.25 | 0.2 | 0.3 | 0.1 | share | 9 | warn |" in page


# ---- the file


@pytest.fixture(scope="module")
def nasty_page():
    record = drift([column(NASTY, Drift.WARN, NASTY)], sentence=NASTY, impact_sentence=f"{NASTY} cost")
    earned = BusinessMeasurement(NASTY, NASTY, 1.0, None, None, 1.0, 9, Quality.QUIET, NASTY)
    groups = [GroupLoss(NASTY, NASTY, 1, 1.0, None, None, 0.0)]
    history = PerformanceHistory([with_groups(performance("2024-01", 1.0, business=(earned,)), groups)], {}, [])
    pictures = {name: Drawing(png(new_figure(2, 2))) for name in (DRIFT, PERFORMANCE)}
    documents = drift_report(replace(TAXI, name=NASTY), record), performance_report(NASTY, "2024-01", history)
    return html_page(NASTY, *documents, pictures=pictures)


def test_nothing_that_data_or_a_spec_say_becomes_markup(nasty_page):
    page = Page(nasty_page)
    assert {tag for tag, _ in page.tags} <= {
        "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "div", "p", "strong", "ul", "li",
        "details", "summary", "figure", "img", "table", "thead", "tbody", "tr", "th", "td",
    }  # fmt: skip
    words = "".join(page.words)
    assert words.count(NASTY.replace("  ", " ")) >= 8


def test_a_page_holds_its_pictures_and_loads_nothing(nasty_page):
    page = Page(nasty_page)
    addresses = [value for _, found in page.tags for name, value in found.items() if name in ("src", "href")]
    assert len(addresses) == 2
    assert all(address.startswith("data:image/png;base64,") for address in addresses)
    assert ("meta", {"http-equiv": "Content-Security-Policy", "content": ALLOWED}) in page.tags
    assert "default-src 'none'" in ALLOWED


def test_a_model_of_many_columns_and_groups_stays_under_a_megabyte():
    record = drift([column(f"column_{number}", Drift.WARN) for number in range(500)])
    groups = [GroupLoss("zone", f"zone {number}", 9, 1.0, 0.5, 1.5, 3.0) for number in range(1000)]
    history = PerformanceHistory([with_groups(performance("2024-01", 1.0), groups)], {}, [])
    page = html_page("taxi", drift_report(TAXI, record), performance_report("m", "2024-01", history))
    assert b"column_499" in page
    assert b"zone 999" in page
    assert len(page) + 2 * 100_000 < LIMIT_BYTES


# ---- which period, and words


def test_the_last_period_is_the_default_and_an_unknown_one_is_named(tmp_path):
    store = PeriodStore(tmp_path)
    with pytest.raises(NotFound, match="Run `retrain monitor delivery --period P`"):
        monitored_period("delivery", store)
    for period in ("2024-01", "2024-02"):
        store.write_json("drift_report", period, {})
    assert monitored_period("delivery", store) == "2024-02"
    assert monitored_period("delivery", store, "2024-01") == "2024-01"
    with pytest.raises(NotFound, match="no monitoring report of '2023-12'. Known: 2 periods from 2024-01 to 2024-02"):
        monitored_period("delivery", store, "2023-12")


def test_the_words_are_the_sentences_and_the_columns_that_are_not_quiet(tmp_path):
    store = PeriodStore(tmp_path)
    write_drift(store, drift([column("a", Drift.WARN), column("b")]))
    write_performance(store, performance("2024-01", 1.5))
    words = monitoring_words(store, "2024-01")
    assert words[0] == "1 drifted."
    assert words[1].split() == ["warn", "a", "mean", "1", "→", "2"]
    assert words[2:] == ["2024-01: v1 lost 1.5"]


def test_in_words_a_loss_above_the_baseline_comes_before_the_features_and_is_said_once(tmp_path):
    store = PeriodStore(tmp_path)
    write_drift(store, drift([column("a", Drift.WARN)]))
    write_performance(store, performance("2024-01", 1.5, outcome="warn", loss_since="2023-12"))
    words = monitoring_words(store, "2024-01")
    assert words[:2] == ["2024-01: v1 lost 1.5", "1 drifted."]
    assert len(words) == 3


def test_in_words_what_changed_is_said_once_with_what_it_costs(tmp_path):
    store = PeriodStore(tmp_path)
    impact = (Change("a", "2023-11", 0.4, 0.5, 0.2, None),)
    write_drift(store, drift([column("a", Drift.WARN)], impact=impact, impact_sentence="a changed."))
    write_performance(store, performance("2024-01", 1.5))
    assert monitoring_words(store, "2024-01")[0] == "a changed."
    write_performance(store, performance("2024-01", 1.5, impact_sentence="a changed and cost 9."))
    words = monitoring_words(store, "2024-01")
    assert words[0] == "1 drifted."
    assert words.count("a changed and cost 9.") == 1


def test_a_period_without_a_model_says_so_in_every_form(tmp_path):
    store = PeriodStore(tmp_path)
    write_drift(store, DriftRecord("2024-01", None))
    assert monitoring_words(store, "2024-01") == ["2024-01: no model was live."]
    assert "No model was live in 2024-01" in drift_report(TAXI, DriftRecord("2024-01", None)).markdown
    assert "No model was live in 2024-01" in performance_report("m", "2024-01", PerformanceHistory([], {}, [])).markdown


# ---- how a page is read


def test_the_answer_comes_first_and_its_box_looks_broken_only_where_loss_is_surely_above_the_promise():
    for outcome, tone in (("quiet", "well"), ("warn", "broken"), ("insufficient", "unknown")):
        record = performance("2024-01", 1.5, outcome=outcome)
        document = performance_report("delivery", "2024-01", PerformanceHistory([record], {}, []))
        assert (document.tone, document.answer[0]) == (tone, "2024-01: v1 lost 1.5")
    assert drift_report(TAXI, drift([column("a")])).tone == "well"
    assert drift_report(TAXI, drift([column("a"), column("b", Drift.INSUFFICIENT)])).tone == "unknown"
    assert drift_report(TAXI, drift([column("a", Drift.WARN)])).tone == "note"


def test_a_kept_promise_is_not_shown_as_well_where_the_version_before_would_have_done_better():
    harm = "But v2 did worse than v1 would have."
    history = PerformanceHistory([performance("2024-01", 1.5)], {}, [])
    document = performance_report("delivery", "2024-01", history, harm=harm)
    assert (document.tone, document.answer[1]) == ("note", harm)


def test_losses_stand_in_the_units_of_the_model():
    document = performance_report(
        "taxi", "2024-01", PerformanceHistory([performance("2024-01", 1.5)], {}, []), TAXI.units
    )
    losses = next(part for part in document.parts if part.title == "Loss a ride")
    assert "| measured | \\$1.50 | \\$1.40 | \\$1.60 | \\$1.00 | \\$0 | \\$1.00 | 100 |" in losses.body


def test_every_distance_is_there_but_folded():
    document = drift_report(TAXI, drift([column("a", Drift.WARN)]))
    folded = {part.title: part.folded for part in document.parts}
    assert folded["Every column with every distance"]
    assert not folded["Every column, those that matter first"]
    assert "Wasserstein" not in next(part for part in document.parts if part.title.startswith("Every column, th")).body


def test_the_drift_report_calls_a_row_what_the_spec_calls_it():
    page = drift_report(TAXI, drift([column("miles", Drift.WARN)])).markdown
    assert TAXI.row_name == "ride"
    assert not re.search(r"\brows?\b", page, re.IGNORECASE)


def test_a_page_says_as_of_which_period_it_is_and_when_its_record_was_written(tmp_path):
    record = drift([column("a")], written="2024-02-03")
    assert drift_report(TAXI, record).dated == "As of January 2024, which ended on 2024-02-01; written on 2024-02-03."
    assert DriftRecord.from_dict(record.to_dict()).written == "2024-02-03"
    store = PeriodStore(tmp_path)
    written = write_performance(store, performance("2024-01", 1.5, written="2024-02-03"))
    assert read_performance(store, "2024-01") == written
    page = html_page("x", drift_report(TAXI, record)).decode()
    assert '<p class="dated">As of January 2024' in page


def test_the_first_clause_of_the_loss_stands_alone_and_what_probation_found_comes_after_the_rest():
    said = "v2 has been worse than expected since the week of 29 January 2024: off by 51.4 minutes a parcel on average."
    record = performance("2024-01", 1.5)
    record = replace(record, report=replace(record.report, sentence=said))
    history = PerformanceHistory([record], {}, [])
    assert performance_report("m", "2024-01", history, harm="But v2 did worse.").answer[:3] == (
        "v2 has been worse than expected since the week of 29 January 2024.",
        "Off by 51.4 minutes a parcel on average.",
        "But v2 did worse.",
    )
