"""What people decided, in words, as long as it stands; and the decisions of a registry without their bookkeeping."""

from dataclasses import replace
from datetime import datetime, timedelta
from shutil import rmtree
from types import SimpleNamespace

import pytest

from benchmarks.worlds.verdicts import MODEL, candidate, findings, fresh, moment, period, promoted, rolled_back, verdict
from retrain_assets.audit.model_status import Fault, ModelStatus
from retrain_assets.audit.status import (
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
    assert (said.retired, said.holds, said.approvals) == (None, "v1 by ann until the end of 2019-05-31: audit", None)
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


def test_a_version_whose_files_retention_deleted_since_is_not_told_as_damaged(tmp_path, monkeypatch):
    registry = fresh(tmp_path)
    promoted(registry, [0, 1])
    first = registry.versions()[0]
    rmtree(registry.folder / "versions" / first.digest)
    access = PeriodAccess(PeriodStore(tmp_path / "data"), registry, period(0))
    assert status_of(access, Watched, moment(1)).health == "damaged"
    monkeypatch.setattr(type(registry), "deleted", lambda _: frozenset({first.digest}))
    found = status_of(access, Watched, moment(1))
    assert (found.live, found.health, found.damaged) == ("v1", "not monitored yet", None)


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


def test_the_first_model_says_which_rows_it_waits_for():
    watch = SimpleNamespace(model=TAXI, calendar=TAXI.calendar)
    said = _first_model(watch, Wait(2, "too few months"), "too few months", "2019-01")
    assert said == "the first model is trained once the rides of March 2019 are in: 2 months more are needed"
    assert _first_model(watch, Wait(2, "too few months"), "retired by ann", "2019-01") is None


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
