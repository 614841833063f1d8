"""How the probation of a version went, from the records of the periods that it served."""

from dataclasses import replace

from retrain_assets.audit.probations import course_of
from retrain_assets.production.probation.group_watch import GroupAccount
from retrain_assets.production.probation.record import ComparedVersions, ProbationRecord, Status
from retrain_assets.store import PeriodStore
from retrain_assets.validation.watched_groups import WatchedGroup

COMPARED = ComparedVersions("v2", "2" * 64, "v1", "1" * 64, "2019-01", "2019-05")
OPEN = ProbationRecord("2019-02", Status.OPEN, "2019-02: it goes on", "2019-02", COMPARED)


def stored(tmp_path, *records):
    store = PeriodStore(tmp_path)
    for record in records:
        store.write_json("probation_report", record.period, record.to_dict())
    return store


def test_the_last_word_counts_and_what_comes_after_the_end_is_none(tmp_path):
    ended = replace(OPEN, period="2019-03", status=Status.UNPROVEN, sentence="2019-03: it ends unproven")
    after = replace(OPEN, period="2019-04", status=Status.IDLE)
    course = course_of(stored(tmp_path, OPEN, ended, after), "2" * 64, ["2019-02", "2019-03", "2019-04"])
    assert (course.status, course.period, course.sentence) == (Status.UNPROVEN, "2019-03", "2019-03: it ends unproven")
    assert course.words == "unproven in 2019-03"


def test_groups_that_are_watched_beyond_the_end_are_told_where_they_stood_last(tmp_path):
    ended = replace(OPEN, period="2019-03", status=Status.CONFIRMED, sentence="2019-03: confirmed, 1 group still open")
    watched = GroupAccount(
        WatchedGroup("zone=a", "mae", "zone", ("a",), 1.0, 0.5), "v1", "1", "2019-02-01", 1, 0.05, ""
    )
    told = "2019-04: no probation; 1 small group shown to lose no more than the margin"
    after = replace(OPEN, period="2019-04", status=Status.IDLE, sentence=told, groups=(watched,))
    course = course_of(stored(tmp_path, ended, after), "2" * 64, ["2019-03", "2019-04"])
    assert (course.status, course.period) == (Status.CONFIRMED, "2019-03")
    assert course.groups == "2019-04: 1 small group shown to lose no more than the margin"


def test_another_versions_probation_and_another_period_count_for_nothing(tmp_path):
    store = stored(tmp_path, OPEN)
    assert course_of(store, "1" * 64, ["2019-02"]) is None
    assert course_of(store, "2" * 64, ["2019-01", "2019-03"]) is None
    assert course_of(store, "2" * 64, ["2019-02"]).words == "still open in 2019-02"
