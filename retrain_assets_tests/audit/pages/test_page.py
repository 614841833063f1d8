"""The status of a model as a document: the answers in the box, every version, links that lead beside it."""

from dataclasses import replace

import pytest

from retrain_assets.audit.figures import figures
from retrain_assets.audit.model_status import ModelStatus
from retrain_assets.audit.pages.page import REPORTS, SHORT, newest_reports, so_far, status_report
from retrain_assets.documents.page import html_page
from retrain_assets.monitoring.records.performance_record import PerformanceRecord, write_performance
from retrain_assets.store import PeriodStore
from retrain_assets_tests.audit.journals import MONTHS
from retrain_assets_tests.rendered import Page

FOUND = figures("2019-03", MONTHS, (), {}, (), ())
STATUS = ModelStatus(
    "taxi", live="v2", live_since="2019-04-01", health="as expected", performance="v2 lost $1.40 a ride"
)


def row(number):
    names = ("from", "to", "in objective", "no outcomes in", "probation", "left", "put there", "how", "by", "because")
    return {"version": f"v{number}", **{name: f"{name} {number}" for name in names}}


@pytest.mark.parametrize(
    ("health", "tone"),
    [("as expected", "well"), ("safe again", "note"), ("worse than expected", "broken"),
     ("its last run failed", "broken"), ("too few outcomes", "unknown"), ("no live model yet", "note"),
     ("retired", "note"), ("no rows came", "unknown")],
)  # fmt: skip
def test_only_a_model_that_is_worse_than_expected_looks_broken(health, tone):
    assert status_report(replace(STATUS, health=health), FOUND, [row(2)], {}).tone == tone


def test_the_verdict_leads_the_box_and_what_it_rests_on_follows():
    answer = status_report(STATUS, FOUND, [row(2)], {}).answer
    assert answer[:3] == ("Well: v2.", "v2 lost $1.40 a ride.", "What to do now? Nothing.")
    assert answer[3] == "What is live? v2, since 2019-04-01."
    assert len(answer) == 6


def test_each_question_stands_out_from_its_answer():
    page = html_page("s", status_report(STATUS, FOUND, [row(2)], {})).decode()
    assert "<p><strong>What is live?</strong> v2, since 2019-04-01.</p>" in page


def test_every_version_is_there_the_long_past_folded():
    rows = [row(number) for number in range(SHORT + 3, 0, -1)]
    document = status_report(STATUS, FOUND, rows, {})
    folded = {part.title: part.folded for part in document.parts}
    assert folded["Earlier versions (3)"]
    assert not folded["Which version was live when"]
    words = document.markdown
    assert all(f"| v{number} | from {number} |" in words for number in range(1, SHORT + 4))
    assert "| v1 | how 1 | by 1 | put there 1 | because 1 |" in words


def test_a_model_that_waits_for_its_first_data_has_no_empty_picture_and_no_term_of_which_nothing_is_told():
    untried = replace(
        FOUND, attempts=0, promoted=0, rejected=0, insufficient=0, identical=0, rollbacks=0, judged_periods=0,
        blind_periods=0, share_within_objective=None,
    )  # fmt: skip
    document = status_report(ModelStatus("taxi", health="no live model yet"), untried, [], {})
    assert [part.title for part in document.parts] == ["So far", "Newest reports"]
    assert "No model was trained yet." in document.markdown
    assert "quality objective" not in document.markdown


def test_the_newest_reports_up_to_the_period_are_linked_beside_the_page(tmp_path):
    store = PeriodStore(tmp_path)
    for period in ("2019-01", "2019-03", "2019-05"):
        store.write_json("drift_report", period, {})
    assert newest_reports(store, "2019-04") == {"drift_report": "2019-03"}
    page = Page(html_page("s", status_report(STATUS, FOUND, [], newest_reports(store, "2019-04"))))
    assert [found["href"] for tag, found in page.tags if tag == "a"] == ["../drift_report/2019-03.html"]
    assert "drift_report" in REPORTS


def test_reports_of_periods_that_no_version_served_are_not_linked(tmp_path):
    store = PeriodStore(tmp_path)
    store.write_json("drift_report", "2019-01", {})
    write_performance(store, PerformanceRecord("2019-01"))
    assert newest_reports(store, "2019-01") == {}
    write_performance(store, PerformanceRecord("2019-01", "v1"))
    assert newest_reports(store, "2019-01") == {"drift_report": "2019-01", "performance_report": "2019-01"}


def test_so_far_counts_what_came_of_the_attempts():
    one = replace(FOUND, attempts=1, promoted=1, rejected=0, insufficient=0, identical=0)
    assert so_far(one).startswith("1 candidate judged: 1 promoted; ")
    assert so_far(replace(one, attempts=2, insufficient=1)).startswith("2 candidates judged: 1 promoted, 1 undecided; ")


def test_a_model_that_nobody_looks_after_any_more_does_not_look_well():
    document = status_report(replace(STATUS, ended="2021-01-01"), FOUND, [row(2)], {})
    assert (document.tone, document.answer[0]) == (
        "note",
        "v2 was well when it was looked at last, watching has ended.",
    )


def test_the_box_ends_with_the_period_and_the_owner():
    answer = status_report(replace(STATUS, last_period="2019-03", owners=("team:a",)), FOUND, [], {}).answer
    assert answer[-1] == "As of 2019-03; owner: team:a."
