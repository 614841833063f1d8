"""The worlds of `benchmarks.gate`: what is drawn the short way is distributed as what it stands for."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from benchmarks.gate import cases, worlds
from retrain_assets.validation.policy import ValidationPolicy


def test_a_day_drawn_at_once_varies_as_the_mean_of_its_rows_and_is_as_much_like_the_day_before():
    rng, alike = np.random.default_rng(5), {"autocorrelation": 0.6, "shared": 0.05}
    drawn = np.stack([worlds.alike_means(rng, 20, 40, **alike) for _ in range(4_000)])
    rows = np.stack([worlds.alike_days(rng, 20, 40, **alike).reshape(20, 40).mean(axis=1) for _ in range(4_000)])
    for means in (drawn, rows):
        assert means.var() == pytest.approx(0.05 + 0.95 / 40, rel=0.03)
        assert np.mean(means[:, 1:] * means[:, :-1]) == pytest.approx(0.6 * 0.05, rel=0.05)


def test_a_history_is_rehearsals_of_four_weeks_that_end_the_day_before_the_gate():
    known = worlds.past_days(np.random.default_rng(1), 84, 10)
    days = [day for record in known.records for day in record.days]
    assert [len(record.days) for record in known.records] == [28, 28, 28]
    assert (days[0], days[-1]) == ("2023-10-09", "2023-12-31")
    assert {rows for record in known.records for rows in record.rows} == {10}


@pytest.mark.parametrize(
    ("question", "base", "changes"),
    [
        (partial(cases.better_on_days, world=cases.Days(14, 50)), worlds.VALUES, {"unit": "auto"}),
        (cases.equal_on_clusters, worlds.CLASSES, {"primary": "auc", "unit": "vehicle"}),
    ],
)
def test_guardrails_and_groups_do_not_change_the_answer_of_the_primary_metric(question, base, changes):
    asked = ValidationPolicy.model_validate(base | changes)
    alone = worlds.primary_alone(base, **changes)
    both = [[question(np.random.default_rng(seed), policy=policy) for seed in range(30)] for policy in (asked, alone)]
    assert both[0] == both[1]
    assert len(set(both[0])) == 2
