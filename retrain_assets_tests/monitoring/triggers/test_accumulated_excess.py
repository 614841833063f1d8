"""The excess that piles up: over which periods, and what is not counted while it is suspected."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from retrain_assets.monitoring.records.performance_record import read_performance, write_performance
from retrain_assets.monitoring.triggers import accumulated_excess
from retrain_assets.monitoring.triggers.accumulated_excess import excess_before, outcomes_suspected
from retrain_assets.registry.journal.history import History
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.rulings import Release, Signature
from retrain_assets.store import PeriodStore
from retrain_assets_tests.monitoring.stored import jump, performance

JUMP = jump()
MONTHS = [f"2024-{month:02}" for month in range(1, 10)]


@pytest.fixture
def model(tmp_path):
    return PeriodStore(tmp_path / "data"), Registry(tmp_path / "registry", "parcels")


def told(store, period, amount, version="v1", jump=None, accumulated=0.0):
    """The performance record of a period as the step writes it, as far as the excess goes."""
    record = performance(period, amount and 1.0, version, accumulated, label_jump=jump)
    if record.report:
        record = replace(record, report=replace(record.report, excess_sum=amount))
    write_performance(store, record)


def begun(model, period, version="v1"):
    store, registry = model
    return excess_before(store, History(registry.history()), version, period)


def test_the_sum_never_falls_below_nothing_and_forgets_what_was_won(model):
    rng = np.random.default_rng(4)
    amounts = rng.normal(0, 10, len(MONTHS) - 1).round(1)
    for period, amount in zip(MONTHS, amounts, strict=False):
        told(model[0], period, amount)
    # Page (1954), Biometrika 41: the distance of the walk from its lowest point
    walk = np.concatenate([[0.0], np.cumsum(amounts)])
    assert begun(model, MONTHS[-1]).excess == pytest.approx(walk[-1] - walk.min())


def test_another_version_or_a_period_without_outcomes_adds_nothing(model):
    for period, amount, version in zip(MONTHS, (50.0, 7.0, None, 3.0), ("v1", "v2", "v2", "v2"), strict=False):
        told(model[0], period, amount, version)
    assert begun(model, "2024-05", "v2").excess == 10.0
    assert begun(model, "2024-05", "v1").excess == 0.0


def test_suspected_outcomes_count_once_a_person_has_released_the_hold(model):
    store, registry = model
    told(store, "2024-01", 5.0)
    told(store, "2024-02", 900.0, jump=JUMP)
    assert (begun(model, "2024-03").excess, begun(model, "2024-03").suspected) == (5.0, 900.0)  # before the hold too
    registry.hold(reason="mean label jumped", at=datetime(2024, 3, 1), period="2024-02")
    assert (begun(model, "2024-03").excess, begun(model, "2024-03").suspected) == (5.0, 900.0)
    assert outcomes_suspected(read_performance(store, "2024-02"), History(registry.history()))
    registry.rule(Release(Signature("ann", "prices did rise", datetime(2024, 3, 2), "2024-02")))
    assert (begun(model, "2024-03").excess, begun(model, "2024-03").suspected) == (905.0, 0.0)


def test_a_report_made_again_on_mended_outcomes_counts_as_mended_although_later_ones_were_told_the_old_sum(model):
    store, _ = model
    told(store, "2024-01", 900.0, accumulated=900.0)
    told(store, "2024-02", 2.0, accumulated=902.0)
    assert begun(model, "2024-03").excess == 902.0
    told(store, "2024-01", 1.0, accumulated=1.0)
    assert begun(model, "2024-03").excess == 3.0


def test_a_long_history_is_read_no_further_back_than_so_many_reports(model, monkeypatch):
    monkeypatch.setattr(accumulated_excess, "REMEMBERED", 3)
    for period in MONTHS[:6]:
        told(model[0], period, 1.0, accumulated=40.0)
    assert begun(model, MONTHS[6]).excess == 43.0
