"""A version that cannot serve is withdrawn at once, for the period that it could not score."""

from __future__ import annotations

import json
from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.worlds.parcels import failure_of
from retrain_assets.audit.status import last_period, status_of
from retrain_assets.errors import CoolingDown
from retrain_assets.model import PeriodAccess
from retrain_assets.pipeline import probation, promotion, watch
from retrain_assets.production.policy import ProbationPolicy, ScoreRate
from retrain_assets.registry.journal.events import Event
from retrain_assets.registry.journal.history import History
from retrain_assets.registry.rules import refuse_resting
from retrain_assets.scoring.scorer import Scorer
from retrain_assets_tests.production.bad_deploy import MODEL, NEXT_WEEK, back, damage, promote, report, tick, verdict


def test_a_model_that_does_not_load_asks_at_once_for_the_period_that_it_did_not_serve(own):
    weeks = own.weeks(8)
    damage(own, own.registry.live())
    result = own.run("monitor", weeks[7])
    assert not result.success  # it cannot score the week, yet the report is there
    record = report(own, weeks[7])
    assert record["status"] == "tripwire"
    assert "v2 must go at once: it does not load (IntegrityError" in record["sentence"]
    assert record["decided_in"] == weeks[6]
    assert back(own, period=record["decided_in"], actor="run 1", person=False).to_version == "v1"
    assert own.registry.served_in(weeks[7]).name == "v1"


def test_the_cool_down_after_a_tripwire_counts_from_the_period_that_failed_not_from_the_one_it_is_booked_in(own):
    weeks = own.weeks(10)
    damage(own, own.registry.live())
    own.run("monitor", weeks[7])
    (request,) = tick(own, "rollback_trigger", now=NEXT_WEEK).run_requests
    config = request.run_config["ops"][f"{MODEL}__roll_back"]["config"]
    assert (config["period"], config["failed_in"]) == (weeks[6], weeks[7])
    result = own.run("rollback", None, run_config=dict(request.run_config), tags=dict(request.tags))
    assert result.success, failure_of(result)
    event = own.registry.history()[-1]
    assert (event.period, event.failed_in, event.failure_period) == (weeks[6], weeks[7], weeks[7])
    assert Event.from_dict(event.to_dict()) == event
    assert [problem for problem in own.registry.verify() if "model.bst has digest" not in problem] == []
    assert own.registry.served_in(weeks[7]).name == "v1", "the period that failed is scored by the version that is back"

    rest = promotion(own.spec).rest
    assert rest(event.failure_period).first_period == weeks[9]
    assert rest(event.failure_period).trained_until == own.spec.period.bounds(weeks[7])[1] - own.spec.source.label_delay
    refused = {"history": History(own.registry.history()), "rest": rest, "trained_until": lambda: datetime(2030, 1, 1)}
    with pytest.raises(CoolingDown, match=f"v2 in {weeks[7]} the model rests; {weeks[9]} is the first"):
        refuse_resting("here", weeks[8], **refused)
    refuse_resting("here", weeks[9], **refused)
    assert watch(own.spec).evidence(own.store, own.registry, weeks[7]).last_rollback_period == weeks[7]
    shown = status_of(
        PeriodAccess(own.store, own.registry, last_period(own.store, own.registry)),
        watch(own.spec),
        datetime(2024, 3, 1),
    )
    assert shown.cooldown == "no promotion before 2024-03-11 (cool-down after the rollback of v2)"


def test_a_rollback_on_rows_that_were_served_is_booked_where_they_are(own):
    (request,) = tick(own, "rollback_trigger").run_requests
    assert "failed_in" not in request.run_config["ops"][f"{MODEL}__roll_back"]["config"]
    event = back(own, failed_in=own.weeks(7)[-1])
    assert (event.failed_in, event.failure_period) == (None, own.weeks(7)[-1])
    assert "failed_in" not in event.to_dict()


def test_where_neither_version_loads_an_older_one_that_does_takes_over(own):
    weeks = own.weeks(8)
    for version in own.registry.versions():
        damage(own, version)
    own.run("monitor", weeks[7])
    record = report(own, weeks[7])
    assert record["status"] == "tripwire"
    assert record["sentence"].endswith("; v0 answers the same rows")
    (request,) = tick(own, "rollback_trigger", now=NEXT_WEEK).run_requests
    own.run("rollback", None, run_config=dict(request.run_config), tags=dict(request.tags))
    assert own.registry.live().name == "v0"
    assert "Passed over v1, which is damaged" in own.registry.history()[-1].reason


def test_nothing_can_be_told_where_the_previous_version_fails_too(own):
    week = own.weeks(7)[-1]
    good, bad = own.registry.versions()
    damage(own, good)
    record = probation(own.spec).report(PeriodAccess(own.store, own.registry, week))
    assert record.status == "blind"
    damage(own, bad)
    damage(own, own.registry.rollback_targets()[-1])
    assert probation(own.spec).report(PeriodAccess(own.store, own.registry, week)).status == "blind"


def limited(built, limits):
    """The probation report of week seven with hard limits of the mean score."""
    spec = built.spec.model_copy(update={"probation": ProbationPolicy(score_rate=limits)})
    return probation(spec).report(PeriodAccess(built.store, built.registry, built.weeks(7)[-1]))


def test_a_mean_score_outside_its_limits_is_a_tripwire(own):
    week = own.weeks(7)[-1]
    previous = Scorer.from_files(own.registry.read(own.registry.versions()[0].digest))
    rows = own.store.require_table("raw_data", week, list(previous.contract.names))
    live = float(own.store.require_table("predictions", week)["score"].to_numpy().mean())
    middle = (live + float(previous.scores(rows).mean())) / 2
    limits = ScoreRate(at_most=middle) if live > middle else ScoreRate(at_least=middle)
    record = limited(own, limits)
    assert record.status == "tripwire"
    assert f"its mean score {live:.4g} is outside" in record.sentence
    assert record.decided_in == week


def test_limits_that_the_previous_version_breaks_too_withdraw_nothing(own):
    record = limited(own, ScoreRate(at_least=0.0, at_most=1.0))
    assert record.status == "blind"
    assert record.sentence.count("is outside 0.0 to 1.0") == 2


def test_scores_that_are_not_finite_are_a_tripwire(own):
    week = own.weeks(7)[-1]
    served = own.store.require_table("predictions", week)
    (name,) = [column for column in served.column_names if column.startswith("score")]
    scores = served[name].to_numpy().copy()
    scores[:3] = [np.nan, np.inf, -np.inf]
    at = served.column_names.index(name)
    own.store.write_table("predictions", week, served.set_column(at, name, pa.array(scores)))
    record = probation(own.spec).report(PeriodAccess(own.store, own.registry, week))
    assert record.status == "tripwire"
    assert f"v2 must go at once: 3 of {len(scores)} scores are not finite; v1 answers" in record.sentence
    assert record.decided_in == week


def test_a_model_that_reads_a_column_which_is_not_there_is_a_tripwire(own):
    weeks, registry = own.weeks(8), own.registry
    files = registry.read(registry.live().digest)
    contract = json.loads(files["features.json"])
    contract["names"].append("humidity")
    contract["kinds"]["humidity"] = "numeric"
    thirsty = registry.add(files | {"features.json": json.dumps(contract).encode()})
    promote(own, verdict(own, weeks[6], thirsty), own.spec.period.bounds(weeks[6])[1])
    assert own.run("monitor", weeks[7], assets=["raw_data", "outcomes"]).success
    record = probation(own.spec).report(PeriodAccess(own.store, own.registry, weeks[7]))
    assert record.status == "tripwire"
    assert "v3 must go at once: its feature contract is broken" in record.sentence
    assert "humidity" in record.sentence
    assert record.decided_in == weeks[6]
