"""What a person is told of where a model stands: headline, answers, what to do, a line of the overview."""

from dataclasses import replace

import pytest

from benchmarks.worlds.verdicts import MODEL
from retrain_assets.audit.model_status import Fault, ModelStatus, Standing
from retrain_assets_tests.monitoring.stored import TAXI

ENDED = ModelStatus("taxi", live="v6", health="as expected", performance="v6 lost $1", ended="2021-01-01")


def test_what_comes_next_is_the_next_period_unless_a_retrain_is_due():
    look, waits = "March 2019 is monitored from 2019-04-01 on", "no retrain due"
    status = ModelStatus(MODEL, next_retrain=waits, next_look=look)
    assert status.coming == f"{look}; {waits}"
    assert replace(status, next_retrain="a retrain is due: loss", due=True).coming == f"a retrain is due: loss; {look}"


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


def test_a_model_that_nobody_looks_after_any_more_says_so_in_its_headline():
    assert ENDED.headline == "v6 was well when it was looked at last, watching has ended"
    assert ENDED.answers["is it well"] == "it was when looked at last, but watching ended on 2021-01-01: v6 lost $1"
    late = replace(ENDED, ended=None, next_look="overdue since 2021-01-05: the rides")
    assert late.headline == "v6 was well when it was looked at last, its rows are overdue"
    assert late.answers["is it well"] == "it was when looked at last, but the next rows are overdue: v6 lost $1"
    assert late.to_do == "find out why no rows come"
    status = replace(ENDED, next_look="watching has ended", next_retrain="no retrain due")
    assert status.coming == "watching has ended"
    assert replace(status, due=True).coming == "no retrain due; watching has ended"


def test_where_no_rows_come_nobody_knows_how_the_model_does():
    gap = "no rides came for 2 months, since 2019-02-01"
    status = ModelStatus("taxi", live="v1", health="no rows came", gap=gap, performance="v1 lost $1")
    assert status.headline == f"Not known: {gap}"
    assert status.answers["is it well"] == f"not known: {gap}. Measured last: v1 lost $1"


@pytest.mark.parametrize(
    ("changes", "task"),
    [
        ({}, ""),
        ({"standing": Standing(holds="the model by monitor: the outcomes jumped", open_ended=("",))},
         "settle the hold, then `retrain release taxi --reason TEXT`: nothing is promoted before (team:a owns it)"),
        ({"standing": Standing(holds="v1 by ann, v2 by ann", open_ended=("v1", "v2"))},
         "settle the hold, then `retrain release taxi v1 --reason TEXT` and `retrain release taxi v2 --reason TEXT`: "
         "nothing is promoted before (team:a owns it)"),
        ({"standing": Standing(holds="the model by ann until the end of 2026-12-24: a freeze")}, ""),
        ({"damaged": "v1: model.bst has another digest", "health": "damaged"},
         "`retrain verify taxi` says what to restore (team:a owns it)"),
        ({"live": "v0", "health": "a constant answers"},
         "restore the version before (`retrain verify taxi`), or train anew: `retrain run taxi --period P` "
         "(team:a owns it)"),
        ({"live": None, "left_on": "2021-01-01", "health": "no live model yet",
          "way_back": "`retrain rollback taxi --reason TEXT` puts v1 back"},
         "`retrain rollback taxi --reason TEXT` puts v1 back, or "
         "`retrain run taxi --period P` of a later period trains anew (team:a owns it)"),
        ({"tested_broken": "miles", "health": "just went live"},
         "v1 was tested while miles was broken: watch its probation, or go back with "
         "`retrain rollback taxi --reason TEXT` (team:a owns it)"),
        ({"tested_broken": "miles"}, ""),
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


def test_a_model_that_few_outcomes_call_well_is_well_as_far_as_they_tell():
    status = ModelStatus("taxi", live="v2", last_period="2019-03", health="as expected", performance="v2 lost $1.")
    assert (status.headline, status.answers["is it well"]) == ("Well: v2", "yes: v2 lost $1.")
    few = replace(status, told_by="89 rides")
    assert few.headline == "Well, as far as 89 rides tell: v2"
    assert few.answers["is it well"] == "yes, as far as 89 rides tell: v2 lost $1."
    worse = replace(few, health="worse than expected")
    assert worse.answers["is it well"] == "no: v2 lost $1."


def test_a_model_that_waits_for_rows_of_an_ended_period_says_which():
    waits = "April 2019, ended 2019-05-01, is monitored once its rides are there"
    well = ModelStatus("taxi", live="v2", last_period="2019-03", health="as expected", next_look=waits)
    assert well.cells[-1] == "waits for April 2019"
    later = replace(well, next_look="April 2019 is monitored from 2019-05-01 on")
    assert later.cells[-1] == "retrain not due"


def test_a_model_that_nothing_is_live_of_any_more_is_not_told_like_a_new_one():
    never = ModelStatus("taxi", health="no live model yet")
    assert (never.headline, never.answers["what is live"]) == ("No model is live yet", "none yet")
    left = replace(never, left_on="2019-04-01")
    assert (left.headline, left.answers["what is live"]) == (
        "No model is live since 2019-04-01",
        "none since 2019-04-01",
    )


def test_a_broken_column_is_what_a_person_has_to_look_at():
    fault = "miles: all 9,882 values are missing, where the reference has most of them"
    status = ModelStatus(
        "taxi", live="v2", last_period="2019-03", health="its data broke", broken=fault, ended="2019-04-01"
    )
    assert status.headline == "The data of v2 broke, watching has ended"
    assert status.answers["is it well"] == f"no, its data broke: {fault}"
    assert status.to_do == "mend the source, then `retrain monitor taxi --period 2019-03`"
    assert status.cells[-1] == "look at the data"
    held = replace(status, standing=Standing(holds="the model by ann", open_ended=("",)))
    assert held.to_do == f"{status.to_do}; then settle the hold, then `retrain release taxi --reason TEXT`"


@pytest.mark.parametrize(
    ("changes", "headline", "well"),
    [
        ({"live": "v0", "health": "a constant answers"}, "Only a constant is live: v0",
         "no: v0 is a constant, every row gets the same answer"),
        ({"health": "damaged", "damaged": "v1: model.bst has another digest"}, "v1 is damaged",
         "no: v1: model.bst has another digest"),
        ({"live": None, "health": "damaged", "damaged": "there was a history"}, "The history is damaged",
         "no: there was a history"),
    ],
)  # fmt: skip
def test_what_cannot_answer_is_not_well(changes, headline, well):
    status = replace(ModelStatus("taxi", live="v1", last_period="2020-12", performance="v1 lost $1"), **changes)
    assert (status.headline, status.answers["is it well"]) == (headline, well)


def test_a_retired_model_asks_nothing_and_says_how_it_comes_back():
    retired = ModelStatus(
        "taxi", last_period="2020-12", health="retired", left_on="2021-01-01", due=True,
        standing=Standing(retired="by ann in 2020-12: fixed by law", holds="v1 by ann", open_ended=("v1",)),
    )  # fmt: skip
    assert retired.answers == {
        "is it well": "retired: by ann in 2020-12: fixed by law; nothing is live",
        "what to do now": "nothing",
        "what is live": "none since 2021-01-01, the model is retired",
        "what happened last": "nothing was decided yet",
        "what comes next": "nothing, until somebody releases it: `retrain release taxi --reason TEXT`",
        "what did people decide": "retired: by ann in 2020-12: fixed by law; held: v1 by ann",
    }
    assert retired.cells[-1] == "nothing"
