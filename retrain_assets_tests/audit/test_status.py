"""What people decided, in words, as long as it stands; and the decisions of a registry without their bookkeeping."""

from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest

from benchmarks.worlds.verdicts import MODEL, candidate, findings, fresh, moment, period, promoted, rolled_back, verdict
from retrain_assets.audit.status import (
    Fault,
    ModelStatus,
    Standing,
    _first_model,
    _next_look,
    decision_record,
    decisions,
    no_way_back,
    standing,
    status_of,
    with_fault,
)
from retrain_assets.model import PeriodAccess
from retrain_assets.periods import Calendar, Length
from retrain_assets.registry.journal.history import History
from retrain_assets.registry.rulings import Hold, Release, Retire, Signature
from retrain_assets.store import PeriodStore
from retrain_assets.verdict import Outcome
from retrain_assets.windows.cut import Wait
from retrain_assets_tests.monitoring.stored import TAXI


def ann(why="audit"):
    return Signature("ann", why, moment(2), period(2))


def test_a_hold_is_said_until_it_ends_and_a_retirement_until_it_is_released(tmp_path):
    registry = fresh(tmp_path)
    promoted(registry, [0])
    registry.rule(Hold(ann(), registry.live().digest, datetime(2019, 6, 1)))
    said = standing(History(registry.history()), datetime(2019, 5, 31))
    assert (said.retired, said.holds, said.approvals) == (None, "v1 by ann until 2019-06-01 00:00: audit", None)
    assert standing(History(registry.history()), datetime(2019, 6, 1)).holds is None
    registry.rule(Retire(ann("the product ends")))
    assert standing(History(registry.history()), moment(3)).retired == f"by ann in {period(2)}: the product ends"
    registry.rule(Release(ann("it does not")))
    assert standing(History(registry.history()), moment(3)).retired is None


def test_a_promotion_is_one_decision_and_a_verdict_that_waits_is_one_too(tmp_path):
    registry = fresh(tmp_path)
    promoted(registry, [0])
    registry.record(verdict(registry, 1, candidate(registry, "b")), at=moment(1), actor="run 2")
    failed = verdict(registry, 2, candidate(registry, "c"), findings=findings(Outcome.FAIL))
    registry.record(failed, at=moment(2), actor="run 3")
    assert [event.action for event in decisions(registry)] == ["bootstrap", "passed", "rejected"]
    assert decision_record(decisions(registry)[-1]) == {
        "at": moment(2).isoformat(), "period": period(2), "action": "rejected", "from_version": "v1",
        "to_version": "v1", "actor": "run 3", "reason": "fairness: JFK: 41 rows",
    }  # fmt: skip
    assert registry.model == MODEL


def test_a_model_whose_first_run_failed_is_none_that_never_ran():
    new = ModelStatus(MODEL, next_retrain="Start it.")
    failed = with_fault(new, Fault("2019-01", "rows.csv: no such file."))
    assert (new.ran, failed.ran) == (False, True)
    assert failed.to_do == f"mend the cause, then `retrain monitor {MODEL} --period 2019-01`, unless sensors are on"
    assert failed.answers["what happened last"] == "the run of 2019-01 failed"
    retrain = with_fault(
        replace(new, last_decision="2019-01-01: kept v1"), Fault("2019-01", "no memory.", monitored=True)
    )
    assert retrain.to_do == f"mend the cause, then `retrain run {MODEL} --period 2019-01`"
    assert retrain.answers["what happened last"] == "the run of 2019-01 failed; before it, 2019-01-01: kept v1"
    assert retrain.waits == "2019-01 is run again once the cause is mended"
    assert replace(retrain, live="v1").coming == f"v1 stays live and answers; {retrain.waits}"


class Watched:
    """What `status_of` needs of the trigger policy where nothing is monitored."""

    class model:  # noqa: N801
        name, calendar = MODEL, Calendar(every="day", start="2019-01-01")

    rollback_cooldown = Length.parse("2w")


def test_a_version_that_was_put_in_charge_before_any_period_was_monitored_says_what_to_run(tmp_path):
    registry = fresh(tmp_path)
    promoted(registry, [0])
    found = status_of(PeriodAccess(PeriodStore(tmp_path / "data"), registry, period(0)), Watched, moment(1))
    following = Watched.model.calendar.shift(period(0), 1)
    assert (found.live, found.health) == ("v1", "not monitored yet")
    assert found.answers["what comes next"] == (
        f"the first monitored period: `retrain monitor {MODEL} --period {following}`"
    )
    assert found.answers["is it well"] == "not monitored yet"


def test_of_a_promotion_the_answer_is_what_decided_it_and_the_record_has_the_rest(tmp_path):
    registry = fresh(tmp_path)
    promoted(registry, [0])
    found = status_of(PeriodAccess(PeriodStore(tmp_path / "data"), registry, period(0)), Watched, moment(1))
    (event,) = decisions(registry)
    assert found.last_decision == f"{moment(0):%Y-%m-%d}: first model v1, {event.reason}"
    assert found.answers["what happened last"] == found.last_decision.partition("; ")[0]


def test_of_a_refused_candidate_the_answer_is_what_was_kept_and_why(tmp_path):
    registry = fresh(tmp_path)
    promoted(registry, [0])
    failed = verdict(registry, 1, candidate(registry, "b"), findings=findings(Outcome.FAIL))
    registry.record(failed, at=moment(1), actor="run 2")
    found = status_of(PeriodAccess(PeriodStore(tmp_path / "data"), registry, period(1)), Watched, moment(2))
    kept = f"{moment(1):%Y-%m-%d}: kept v1, the candidate failed the check fairness: JFK: 41 rows"
    assert found.answers["what happened last"] == kept


def test_a_version_that_is_back_is_none_that_was_never_away(tmp_path):
    registry = fresh(tmp_path)
    promoted(registry, [0, 1])
    rolled_back(registry, 2)
    found = status_of(PeriodAccess(PeriodStore(tmp_path / "data"), registry, period(2)), Watched, moment(3))
    assert found.answers["what is live"] == (
        f"v1, first live on {moment(0):%Y-%m-%d}, back since the rollback of {moment(2):%Y-%m-%d}"
    )


def test_the_overview_says_until_when_a_rollback_lets_nothing_be_promoted(tmp_path):
    registry = fresh(tmp_path)
    promoted(registry, [0, 1])
    rolled_back(registry, 2)
    found = status_of(PeriodAccess(PeriodStore(tmp_path / "data"), registry, period(2)), Watched, moment(3))
    assert found.cooldown == f"no promotion before {found.rest_until} (cool-down after the rollback of v2)"
    assert found.cells[-1] == f"rest to {found.rest_until}"


def test_what_comes_next_is_the_next_period_unless_a_retrain_is_due():
    look, waits = "March 2019 is monitored from 2019-04-01 on", "no retrain due"
    status = ModelStatus(MODEL, next_retrain=waits, next_look=look)
    assert status.coming == f"{look}; {waits}"
    assert replace(status, next_retrain="a retrain is due: loss", due=True).coming == f"a retrain is due: loss; {look}"


@pytest.mark.parametrize(
    ("last", "now", "said"),
    [
        ("2020-10", datetime(2020, 11, 3), "November 2020 is monitored from 2020-12-01 on"),
        (
            "2020-10",
            datetime(2020, 12, 1),
            "November 2020, ended 2020-12-01, is monitored once its rides are there",
        ),
        (
            "2020-10",
            datetime(2020, 12, 5),
            "overdue since 2020-12-04: the rides of November 2020, ended 2020-12-01",
        ),
        (
            "2020-12",
            datetime(2020, 12, 1),
            "watching ended on 2021-01-01, nobody looks after v6",
        ),
    ],
)
def test_the_next_look_has_its_date_or_says_what_it_waits_for(last, now, said):
    months = Calendar(every="month", start="2018-01-01", end="2021-01-01")
    watch = SimpleNamespace(model=replace(TAXI, calendar=months), max_delay=timedelta(days=3))
    assert _next_look(watch, last, now, "v6") == said


@pytest.mark.parametrize(
    ("health", "said"),
    [
        ("as expected", "Well: v2"),
        ("worse than expected", "Worse than expected: v2"),
        ("safe again", "Safe again: v2"),
        ("just went live", "Not known yet: v2 just went live"),
        ("too few outcomes", "Not known: too few outcomes of v2"),
        ("its last run failed", "Not known: the last run failed"),
    ],
)
def test_the_headline_is_the_verdict(health, said):
    assert ModelStatus(MODEL, live="v2", health=health).headline == said


def test_without_a_version_the_headline_says_so():
    assert ModelStatus(MODEL, health="no live model yet").headline == "No model is live yet"
    assert ModelStatus(MODEL).headline == "Never ran"


def test_after_a_rollback_the_model_is_safe_again_and_no_period_of_the_other_version_counts():
    status = ModelStatus(MODEL, live="v1", health="safe again", performance="v2 lost", recovery="v1 is live.")
    assert status.answers["is it well"] == "safe again: v1 is live."


def test_the_first_model_says_which_rows_it_waits_for():
    watch = SimpleNamespace(model=TAXI, calendar=TAXI.calendar)
    said = _first_model(watch, Wait(2, "too few months"), "too few months", "2019-01")
    assert said == "the first model is trained once the rides of March 2019 are in: 2 months more are needed"
    assert _first_model(watch, Wait(2, "too few months"), "retired by ann", "2019-01") is None


ENDED = ModelStatus("taxi", live="v6", health="as expected", performance="v6 lost $1", ended="2021-01-01")


def test_a_model_that_nobody_looks_after_any_more_says_so_in_its_headline():
    assert ENDED.headline == "v6 was well when it was looked at last, watching has ended"
    assert ENDED.answers["is it well"] == "not known, watching ended on 2021-01-01: v6 lost $1"
    late = replace(ENDED, ended=None, next_look="overdue since 2021-01-05: the rides")
    assert late.headline == "v6 was well when it was looked at last, its rows are overdue"
    assert late.answers["is it well"] == "not known, the next rows are overdue: v6 lost $1"
    assert late.to_do == "find out why no rows come"
    status = replace(ENDED, next_look="watching has ended", next_retrain="no retrain due")
    assert status.coming == "watching has ended"
    assert replace(status, due=True).coming == "no retrain due; watching has ended"


def test_where_no_rows_come_nobody_knows_how_the_model_does():
    gap = "no rides came for 2 months, since 2019-02-01"
    status = ModelStatus("taxi", live="v1", health="no rows came", gap=gap, performance="v1 lost $1")
    assert status.headline == f"Not known: {gap}"
    assert status.answers["is it well"] == f"not known: {gap}. Measured last: v1 lost $1"


def test_after_two_retrains_in_vain_the_owner_is_told_to_look_at_the_data():
    status = ModelStatus("taxi", live="v1", health="worse than expected", next_retrain="no retrain before May")
    assert replace(status, in_vain=1).to_do == "nothing"
    assert replace(status, in_vain=2, owners=("team:a",), no_way_back=", nor does going back").to_do == (
        "look at the outcomes and the inputs (team:a owns it): 2 retrains in a row found nothing better, new training "
        "does not help, nor does going back"
    )
    assert replace(status, in_vain=2).coming == "no retrain before May"
    assert replace(status, in_vain=2).cells[-1] == "look at the data"
    assert replace(status, in_vain=2, health="as expected").to_do == "nothing"


@pytest.mark.parametrize(
    ("changes", "task"),
    [
        ({}, ""),
        ({"standing": Standing(holds="the model by monitor: the outcomes jumped")},
         "settle the hold, then `retrain release taxi`: nothing is promoted before (team:a owns it)"),
        ({"health": "no rows came", "gap": "no rides came for 2 weeks"}, "find out why no rows come (team:a owns it)"),
        ({"next_look": "overdue since 2021-01-05: the rides"}, "find out why no rows come (team:a owns it)"),
        ({"health": "not monitored yet"}, "start watching"),
    ],
)  # fmt: skip
def test_what_has_to_be_done_by_a_person_comes_before_what_comes_by_itself(changes, task):
    known = ModelStatus("taxi", live="v1", last_period="2020-12", health="as expected", owners=("team:a",))
    status = replace(known, next_retrain="no retrain due", **changes)
    assert status.to_do == (task or "nothing")
    assert status.steps == "; ".join(filter(None, [task, status.coming]))


@pytest.mark.parametrize(
    ("live", "before", "said"),
    [
        (
            "v2",
            51.5,
            ", nor does going back: on the same 420 rides v1 was off by $51.50 a ride on average, v2 by $51.40",
        ),
        ("v2", 50.0, ""),
        ("v2", None, ""),
        ("v3", 51.5, ""),
    ],
)
def test_going_back_is_called_useless_only_where_the_version_before_was_measured_and_no_better(live, before, said):
    compared = SimpleNamespace(version="v2", previous="v1")
    probation = SimpleNamespace(
        comparison=compared, measurement=SimpleNamespace(rows=420, loss=51.4, previous_loss=before)
    )
    assert no_way_back(live, probation, TAXI) == said
    assert no_way_back(live, None, TAXI) == ""


def test_the_retrains_in_vain_are_counted_since_the_last_move(tmp_path):
    registry = fresh(tmp_path)
    promoted(registry, [0])
    for week in (1, 3):
        failed = verdict(registry, week, candidate(registry, f"of {week}"), findings=findings(Outcome.FAIL))
        registry.record(failed, at=moment(week), actor="run")
    found = status_of(PeriodAccess(PeriodStore(tmp_path / "data"), registry, period(3)), Watched, moment(4))
    assert (found.in_vain, found.last_action) == (2, "kept v1")
    promoted(registry, [9])
    found = status_of(PeriodAccess(PeriodStore(tmp_path / "data"), registry, period(9)), Watched, moment(10))
    assert (found.in_vain, found.last_action) == (0, "promoted v2")


def test_the_constant_that_a_rollback_of_the_first_model_left_is_called_one():
    status = replace(ENDED, live="v0", live_since="2019-03-01", back_since=None)
    assert status.answers["what is live"] == (
        "v0, a constant, every row gets the same answer until a new model passes, since 2019-03-01"
    )


def test_the_status_says_of_which_period_it_is_and_who_owns_the_model():
    status = replace(ENDED, last_period="2020-12", calendar=TAXI.calendar, owners=("team:a",))
    assert status.as_of == "as of December 2020; owner: team:a"
    assert replace(status, written="2021-01-03").dated == "as of December 2020; owner: team:a; written on 2021-01-03"
    assert ModelStatus("taxi").as_of is None


@pytest.mark.parametrize(
    ("changes", "last", "then"),
    [
        ({}, "-", "watching ended"),
        ({"due": True}, "-", "retrain due"),
        ({"fault": Fault("2020-12", "no file")}, "run failed", "mend, run again"),
        ({"ended": None, "next_look": "overdue since 2021-01-05: the rides"}, "-", "rows overdue"),
        ({"ended": None, "rest_until": "2021-03-01", "cooldown": "it rests"}, "-", "rest to 2021-03-01"),
        ({"ended": None, "last_action": "kept v6", "next_retrain": "no retrain due"}, "kept v6", "retrain not due"),
        ({"ended": None, "live": None, "last_period": "2018-01"}, "-", "first model"),
        ({"ended": None, "live": None}, "-", "`retrain replay taxi`"),
    ],
)
def test_a_line_of_the_overview_has_few_words(changes, last, then):
    status = replace(ENDED, **changes)
    health = "was well" if status.ended or then == "rows overdue" else "well"
    assert status.cells == ("taxi", status.live or "-", health, last, then)
