"""The probation report as a document: what is asked of a person first, in the model's units."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from retrain_assets.documents.page import html_page
from retrain_assets.periods import Calendar
from retrain_assets.production.probation.anytime_valid import Conclusion
from retrain_assets.production.probation.page import BY_ITSELF, harm_found, probation_document, withdrawal
from retrain_assets.production.probation.record import ProbationRecord, Status
from retrain_assets.registry.journal.events import Entry, Event
from retrain_assets.store import PeriodStore
from retrain_assets_tests.monitoring import stored
from retrain_assets_tests.production.probation.test_group_watch import account, after
from retrain_assets_tests.production.probation.test_record import COMPARED, FOUND, SUMS
from retrain_assets_tests.rendered import NASTY, Page

TAXI = replace(stored.TAXI, calendar=Calendar(every="week", start="2024-01-01"))
RECORD = ProbationRecord("2024-02-05", Status.OPEN, "It goes on", "2024-02-05", COMPARED, None, SUMS, FOUND)


@pytest.mark.parametrize(
    ("status", "tone"),
    [(Status.HARMED, "broken"), (Status.TRIPWIRE, "broken"), (Status.CONFIRMED, "well"), (Status.UNPROVEN, "unknown"),
     (Status.BLIND, "unknown"), (Status.OPEN, "note"), (Status.IDLE, "note")],
)  # fmt: skip
def test_only_what_asks_for_a_rollback_looks_broken(status, tone):
    assert probation_document(TAXI, replace(RECORD, status=status))[0].tone == tone


def test_a_page_that_asks_for_a_rollback_says_that_nobody_has_to_do_it():
    document, _ = probation_document(TAXI, replace(RECORD, status=Status.HARMED))
    assert document.answer == ("It goes on.", BY_ITSELF)


def rolled_back(left=COMPARED.digest, period="2024-02-05"):
    told = {"action": "rolled_back", "period": period, "at": datetime(2024, 2, 12, 8), "actor": "ann", "reason": "harm"}
    moved = {"from_version": "v2", "from_digest": left, "to_version": "v1", "to_digest": "1" * 64}
    return Event.seal(Entry(**told, **moved, evidence=None, gate=None), 7, "0" * 64)


@pytest.mark.parametrize(
    ("status", "found", "told"),
    [
        (Status.HARMED, "v2 is worse than v1", "v2 was worse than v1 and was taken back on 2024-02-12."),
        (Status.TRIPWIRE, "v2 must go at once: x", "v2 had to go at once: x; v2 was taken back on 2024-02-12."),
    ],
)
def test_a_page_whose_rollback_was_made_says_so_and_orders_nothing(status, found, told):
    record = replace(RECORD, status=status, sentence=f"{RECORD.period}: {found}; the evidence is 12")
    document, _ = probation_document(TAXI, record, [rolled_back()])
    assert document.answer == (told, "The evidence is 12.")


def test_harm_is_told_in_the_performance_report_only_where_the_comparison_showed_it(tmp_path):
    def told(status, ruling):
        record = replace(RECORD, status=status, measurement=replace(FOUND, ruling=ruling))
        store = PeriodStore(tmp_path)
        store.write_json("probation_report", "2024-02-05", record.to_dict())
        return harm_found(TAXI, store, "2024-02-05")

    assert told(Status.HARMED, Conclusion.WORSE) == (
        "But v2 did worse than v1 would have: off by $12.50 a ride on average against $12.25 on the same 840 rides, "
        "each counted up to $200; see the probation report."
    )
    assert told(Status.OPEN, Conclusion.OPEN) == told(Status.HARMED, Conclusion.OPEN) == ""
    assert harm_found(TAXI, PeriodStore(tmp_path), "2024-02-12") == ""


@pytest.mark.parametrize("other", [rolled_back(left="9" * 64), rolled_back(period="2024-01-29")])
def test_a_rollback_of_another_version_or_of_an_earlier_period_is_not_the_one_asked_for(other):
    assert withdrawal(replace(RECORD, status=Status.HARMED), [other]) is None
    assert withdrawal(RECORD, [rolled_back()]) is None


def test_losses_stand_in_the_models_units_and_the_picture_is_placed():
    document, pictures = probation_document(TAXI, RECORD)
    page = document.markdown
    assert document.answer == ("It goes on.",)
    assert "| loss a ride of v2 in this period | \\$12.50 |" in page
    assert "| mean difference so far | worse by \\$0.12 (-\\$3.00 to \\$3.25, 95 % each) |" in page
    better = replace(RECORD, measurement=replace(FOUND, mean=-0.6, low=-0.75, high=-0.45))
    said = "| mean difference so far | better by \\$0.60 (\\$0.45 to \\$0.75, 95 % each) |"
    assert said in probation_document(TAXI, better)[0].markdown
    assert "2 blocks of 1 d" in page
    assert "Each limit of the mean difference holds with 95 % confidence, at every look." in page
    assert "A ride's loss counts up to $200 here, so that one huge miss cannot decide" in page
    uncapped, _ = probation_document(TAXI, replace(RECORD, measurement=replace(FOUND, loss_cap=None, line=20.0)))
    assert "97.5 % each" in uncapped.markdown
    assert "huge miss" not in uncapped.markdown
    assert set(pictures) == {"probation"}
    assert b"<img" in html_page("p", document, pictures=pictures)


def test_a_period_without_a_comparison_has_a_page_without_a_picture():
    document, pictures = probation_document(TAXI, ProbationRecord("2024-02-05", Status.IDLE, "None", "2024-02-05"))
    assert (document.parts, pictures) == ((), {})


def test_watched_groups_have_a_table_the_worst_first_and_nothing_in_it_becomes_markup():
    harmed = after(account(), 2.0 + np.tile([0.5, -0.5], 20))
    mild = after(account(), [0.5] * 4)
    nasty = replace(account(), watched=replace(account().watched, group=NASTY))
    document, _ = probation_document(TAXI, replace(RECORD, groups=(nasty, mild, harmed)))
    rows = [line for line in document.markdown.splitlines() if "| mae |" in line]
    assert ["harmed" in rows[0], "\\$0.50" in rows[1], "script" in rows[2]] == [True, True, True]
    assert "| than with v1 |" in document.markdown
    assert "| worse by \\$0.50 |" in rows[1]
    gained, _ = probation_document(TAXI, replace(RECORD, groups=(replace(mild, harm=-1.55),)))
    assert "| better by \\$1.55 |" in gained.markdown
    assert "script" not in {tag for tag, _ in Page(html_page("p", document)).tags}


def test_a_page_says_as_of_which_period_it_is_and_when_its_record_was_written():
    record = ProbationRecord.from_dict(replace(RECORD, written="2024-02-13").to_dict())
    dated = "As of the week of 5 February 2024, which ended on 2024-02-12; written on 2024-02-13."
    assert probation_document(TAXI, record)[0].dated == dated
