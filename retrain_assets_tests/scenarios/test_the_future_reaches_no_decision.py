"""As of P: rows dated after the end of P, and outcomes that had not arrived by then, reach no decision at P.

The loop runs up to a week twice: on the full source, and on one in which everything that was not known at the week's
end is replaced by extreme values. Every decision up to that week must be the same to the last bit. The last test is the
control: the same planting one week earlier changes them.
"""

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from benchmarks.worlds.parcels import SPEC, failure_of, make_world, rows_of
from retrain_assets_tests.past_worlds import undrawn

WEEKS, FIRST, DECIDED, SLOWER_FROM = 7, 3, 5, 3
"""Weeks in the source, the weeks before the first model and before the decision compared, and those before a change."""

CHANGES = {
    "windows": SPEC["windows"] | {"min_train_periods": 2, "recent_periods": 2, "selection_origins": 1},
    "training": SPEC["training"] | {"max_rounds": 20},
}

END = pd.Timestamp("2024-01-01") + pd.Timedelta(weeks=DECIDED)
DELAY = pd.Timedelta(days=1)
NUMBERS = ("distance", "weight", "minutes")
PLANTED = {"distance": (0.0, 100.0), "weight": (-1e12, 1e12), "minutes": (-1e9, 1e9)}
"""The most extreme values that the contract lets through."""


def known_as_rows():
    """Rows with their outcomes in one table; an outcome is known a day after its row."""
    return rows_of(WEEKS, SLOWER_FROM), None


def known_by_date():
    """Outcomes in their own table, each known after an hour to nine days; a tenth is corrected a week later."""
    rows = rows_of(WEEKS, SLOWER_FROM)
    random = np.random.default_rng(11)
    outcomes = rows[["id", "minutes"]].assign(
        known_at=rows["at"] + pd.to_timedelta(random.integers(3600, 9 * 86400, len(rows)), "s")
    )
    corrected = outcomes.sample(frac=0.1, random_state=3)
    corrected = corrected.assign(
        minutes=corrected["minutes"] + 5, known_at=corrected["known_at"] + pd.Timedelta(weeks=1)
    )
    return rows.drop(columns="minutes"), pd.concat([outcomes, corrected], ignore_index=True)


SOURCES = {"one table": known_as_rows, "known_at": known_by_date}


def plant(source, seed, moment):
    """The source with everything that was not known at a moment replaced, dropped or invented."""
    rows, outcomes = (None if table is None else table.copy() for table in source)
    random = np.random.default_rng(seed)
    later = (rows["at"] >= moment).to_numpy()
    for name in (name for name in NUMBERS if name in rows):
        rows.loc[later, name] = random.choice(PLANTED[name], later.sum())
    rows.loc[later, "vehicle"] = random.choice(["bike", "zeppelin"], later.sum())
    rows.loc[later, "district"] = random.choice(["north", "atlantis"], later.sum())
    kept = ~later | (random.random(len(rows)) < random.uniform(0.3, 1.0))
    if outcomes is None:
        unknown = (rows["at"] + DELAY >= moment).to_numpy()
        rows.loc[unknown, "minutes"] = random.choice(PLANTED["minutes"], unknown.sum())
        return rows[kept], None
    unknown = (outcomes["known_at"] >= moment).to_numpy()
    outcomes.loc[unknown, "minutes"] = random.choice(PLANTED["minutes"], unknown.sum())
    keys = rows["id"].sample(len(rows) // 2, random_state=seed)
    invented = pd.DataFrame({"id": keys, "minutes": 1e9, "known_at": moment + pd.Timedelta(hours=1)})
    return rows[kept], pd.concat([outcomes, invented], ignore_index=True)


def decisions(folder, source, ahead=0, **training):
    """Everything decided up to the week, after monitoring `ahead` further weeks before the last decision is taken."""
    rows, outcomes = source
    changes = CHANGES | {"training": CHANGES["training"] | training}
    if outcomes is not None:
        folder.mkdir(parents=True, exist_ok=True)
        outcomes.astype({"known_at": "datetime64[us]"}).to_parquet(folder / "outcomes.parquet")
        changes["source"] = SPEC["source"] | {"outcomes": {"path": "outcomes.parquet"}, "known_at": "known_at"}
        changes["validation"] = SPEC["validation"] | {"max_unlabelled_share": 0.9}  # many are known only days later
    with dg.DagsterInstance.ephemeral() as instance, undrawn():
        world = make_world(folder, rows, instance, **changes)
        weeks = world.weeks(DECIDED + ahead)
        world.monitor(weeks[:FIRST])
        first = world.run("retrain", weeks[FIRST - 1])
        assert first.success, failure_of(first)
        world.monitor(weeks[FIRST:])
        week = weeks[DECIDED - 1]
        result = world.run("retrain", week)
        assert result.success, failure_of(result)
        return recorded(world, weeks[:DECIDED], week)


def recorded(world, weeks, week):
    """The decisions of a world: windows, candidate, verdict, every report so far, and the journal."""
    store = world.store
    reports = ("drift_report", "performance_report")
    names = ("period", "action", "from_version", "to_version", "to_digest", "reason", "evidence")
    return {
        "windows": store.read_json("feature_windows", week),
        "candidate": store.read_json("candidate_model", week),
        "verdict": store.read_json("validation_report", week),
        "predictions": [store.path("predictions", past).read_bytes() for past in weeks[FIRST:]],
        "journal": [
            tuple(getattr(event, name) for name in names)
            for event in world.registry.history()
            if event.period <= week  # the planted outcomes of a later week make the monitor hold as of that week
        ],
        **{(report, past): store.read_json(report, past) for report in reports for past in weeks},
    }


def differences(one, other):
    return [name for name in one if one[name] != other[name]]


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    """The decisions on the full source, one set per kind of source."""
    return {kind: decisions(tmp_path_factory.mktemp("truth"), make()) for kind, make in SOURCES.items()}


def test_the_decisions_compared_are_real_ones(truth):
    for found in truth.values():
        actions = [event[1] for event in found["journal"]]
        assert actions[:2] == ["passed", "bootstrap"]
        assert len(actions) > 2, "only the first model was decided on"
        assert found["verdict"]["gate"]["rows"] > 100
        last = found["performance_report", found["windows"]["as_of"]]
        assert last["report"]["rows"] > 100


@pytest.mark.parametrize(("seed", "kind"), [*enumerate(SOURCES, start=7)])
def test_nothing_that_was_not_known_at_the_end_of_the_week_changes_a_decision(kind, seed, truth, tmp_path):
    planted = plant(SOURCES[kind](), seed, END)
    assert differences(truth[kind], decisions(tmp_path, planted)) == []


@pytest.mark.parametrize("kind", SOURCES)
def test_weeks_taken_in_already_do_not_reach_a_decision_as_of_an_earlier_one(kind, truth, tmp_path):
    rows, outcomes = plant(SOURCES[kind](), 1, END)
    assert differences(truth[kind], decisions(tmp_path, (rows, outcomes), ahead=1)) == []


def test_kept_rows_coverage_the_average_and_a_refit_know_nothing_of_the_future_either(tmp_path):
    training = {
        "strategies": ["recent", "history", "average"],
        "coverage": {"categories": ["vehicle"], "rare": [{"column": "vehicle", "value": "bike", "min_rows": 100}]},
        "refit": True,
        "agreement": {"tolerance": 30},
    }
    known = decisions(tmp_path / "known", known_by_date(), **training)
    assert "refitted on all before" in known["journal"][0][5]
    planted = plant(known_by_date(), 2, END)
    assert differences(known, decisions(tmp_path / "planted", planted, **training)) == []


def test_the_same_planting_a_week_earlier_changes_the_decisions(truth, tmp_path):
    planted = plant(known_by_date(), 1, END - pd.Timedelta(weeks=1))
    changed = differences(truth["known_at"], decisions(tmp_path, planted))
    assert {"candidate", "verdict", "journal"} <= set(changed)
