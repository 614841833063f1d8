"""How often the gate is wrong: a fast subset of the acceptance simulations, with fixed seeds.

Each tolerance is the accepted rate plus about three Monte-Carlo standard errors; the full tables are in `benchmarks`.
"""

from __future__ import annotations

import numpy as np
import pytest

from retrain_assets.metrics import metric
from retrain_assets.validation.comparison import Level, compare
from retrain_assets.validation.estimate import estimate
from retrain_assets.validation.fairness import fairness
from retrain_assets.validation.guardrails import guardrails
from retrain_assets.validation.significance import significance
from retrain_assets.validation.units import Units, units_of
from retrain_assets.verdict import Outcome, combine
from retrain_assets_tests.validation.worlds import VALUE_RULES, classifier, gate_rows, policy

LEVEL = Level(alpha=0.05, power=0.8)


def share(outcomes, wanted) -> float:
    return float(np.mean([outcome is wanted for outcome in outcomes]))


def test_of_equal_models_one_in_twenty_passes_on_independent_rows():
    rng, rules = np.random.default_rng(11), policy()
    found = []
    for _ in range(3000):
        label, champion, candidate = classifier(rng, 400)
        found.append(combine(significance(rules, "binary", gate_rows(label), champion, candidate, LEVEL)))
    assert share(found, Outcome.PASS) == pytest.approx(0.05, abs=0.012)


def test_a_better_model_is_found():
    rng, rules = np.random.default_rng(12), policy()
    found = []
    for _ in range(200):
        label, champion, candidate = classifier(rng, 2000, skill=(1.0, 2.0))
        found.append(combine(significance(rules, "binary", gate_rows(label), champion, candidate, LEVEL)))
    assert share(found, Outcome.PASS) >= 0.95


def autocorrelated_days(rng, days=56, per_day=200, icc=0.01, autocorrelation=0.6):
    level = np.empty(days)
    level[0] = rng.normal()
    for day in range(1, days):
        level[day] = autocorrelation * level[day - 1] + np.sqrt(1 - autocorrelation**2) * rng.normal()
    return np.repeat(level * np.sqrt(icc), per_day) + rng.normal(0, np.sqrt(1 - icc), days * per_day)


def test_days_that_resemble_each_other_do_not_promote_equal_models_where_a_row_test_does():
    rng = np.random.default_rng(13)
    time = np.datetime64("2024-01-01", "us") + np.repeat(np.arange(56), 200).astype("m8[D]")
    rows = gate_rows(np.zeros(56 * 200), time=time)
    auto, naive = [], []
    for _ in range(1200):
        psi = autocorrelated_days(rng)
        auto.append(estimate(psi, units_of("auto", psi, rows)).low(0.05) > 0)
        naive.append(estimate(psi, units_of("row", psi, rows)).low(0.05) > 0)
    assert np.mean(auto) <= 0.08 + 0.015
    assert np.mean(naive) >= 0.15


def test_auto_units_keep_the_level_on_independent_rows():
    rng = np.random.default_rng(14)
    rows = gate_rows(np.zeros(30 * 20))
    wrong = []
    for _ in range(2000):
        psi = rng.standard_t(4, 600)
        wrong.append(estimate(psi, units_of("auto", psi, rows)).low(0.05) > 0)
    assert 0.03 <= np.mean(wrong) <= 0.065


def test_the_auc_of_fifty_clusters_keeps_the_level():
    rng, auc = np.random.default_rng(15), metric("auc")
    cluster = np.repeat(np.arange(50), 20)
    wrong, naive = [], []
    for _ in range(1000):
        shared, *own = rng.normal(size=(3, 50))[:, cluster]
        label = (rng.random(1000) < 1 / (1 + np.exp(-shared - rng.normal(size=1000)))).astype(float)
        scores = [label + shared + 0.7 * level + rng.normal(0, 1, 1000) for level in own]
        psi = auc.influence(label, *scores)
        wrong.append(estimate(psi, Units(cluster, "vehicle")).low(0.05) > 0)
        naive.append(estimate(psi, Units(np.arange(1000), "row")).low(0.05) > 0)
    assert np.mean(wrong) <= 0.08
    assert np.mean(naive) > np.mean(wrong)


@pytest.mark.parametrize("rails", [1, 2, 4])
def test_a_guardrail_truly_at_its_margin_lets_one_in_twenty_through_however_many_there_are(rails):
    others = [{"metric": name, "margin": 2.0} for name in ("rmse", "mse", "wape")][: rails - 1]
    rules = policy(VALUE_RULES, guardrails=[{"metric": "mae", "margin": 0.1}, *others])
    rng, found = np.random.default_rng(16), []
    for _ in range(1500):
        label = rng.gamma(2, 5, 400)
        champion, candidate = label + rng.laplace(0, 1, 400), label + rng.laplace(0, 1.1, 400)
        found.append(combine(guardrails(rules, gate_rows(label), champion, candidate, LEVEL)))
    assert share(found, Outcome.PASS) <= 0.06 + 0.01


def test_a_model_twice_the_margin_worse_does_not_slip_through_a_small_window():
    rules = policy(VALUE_RULES, guardrails=[{"metric": "mae", "margin": 0.05}])
    rng, found = np.random.default_rng(17), []
    for _ in range(1500):
        label = rng.gamma(2, 5, 500)
        shared = rng.laplace(0, 1, 500)
        champion = label + shared
        candidate = label + shared * 1.1 + rng.normal(0, 0.05, 500)
        found.append(combine(guardrails(rules, gate_rows(label), champion, candidate, LEVEL)))
    assert share(found, Outcome.PASS) <= 0.03


def answers(rng, positives: int, lost: float, gained: float):
    """Two groups of positives, the smaller one of `positives`; there the shares `lost` and `gained` are flipped."""
    n = positives + 600
    group = np.where(np.arange(n) < positives, "small", "large").astype(object)
    draw = rng.random(n)
    worse = np.where(group == "small", lost, 0.03)
    better = np.where(group == "small", gained, 0.03)
    champion = np.where(draw < worse, 0.9, np.where(draw < worse + better, 0.1, 0.8))
    candidate = np.where(draw < worse, 0.1, np.where(draw < worse + better, 0.9, 0.8))
    return gate_rows(np.ones(n), {"sex": group}), champion, candidate


def small_group(rng, reps: int, positives: int, lost: float, gained: float, margin: float = 0.05):
    limits = {"metrics": ["tpr"], "pool_below": min(positives, 200), "margin": margin}
    rules = policy(fairness=limits)
    for _ in range(reps):
        rows, champion, candidate = answers(rng, positives, lost, gained)
        found = fairness(rules, "binary", rows, champion, candidate, LEVEL)
        yield combine(found), next(finding.outcome for finding in found if finding.group == "sex=small")


def test_a_drop_of_a_tenth_with_two_hundred_positives_is_caught():
    found = [both for both, _ in small_group(np.random.default_rng(18), 400, 200, lost=0.12, gained=0.02)]
    assert share(found, Outcome.FAIL) >= 0.95


def test_equal_models_are_seldom_called_unfair():
    found = [both for both, _ in small_group(np.random.default_rng(19), 1000, 200, lost=0.05, gained=0.05)]
    assert share(found, Outcome.FAIL) <= 0.07


@pytest.mark.parametrize("margin", [0.05, 0.1])
def test_twenty_positives_never_pass_silently_while_their_rate_drops_by_a_tenth(margin):
    found = [one for _, one in small_group(np.random.default_rng(20), 400, 20, lost=0.1, gained=0.0, margin=margin)]
    assert share(found, Outcome.PASS) <= 0.05


def test_nineteen_equal_slices_of_three_hundred_rows_are_rejected_less_than_one_time_in_ten():
    rules = policy(VALUE_RULES, fairness={"pool_below": 300, "margin": 0.5})
    rng, found = np.random.default_rng(21), []
    group = np.repeat([f"slice {number}" for number in range(19)], 300).astype(object)
    for _ in range(200):
        label = np.zeros(19 * 300)
        champion, candidate = rng.laplace(size=(2, 19 * 300))
        found.append(
            combine(fairness(rules, "regression", gate_rows(label, {"sex": group}), champion, candidate, LEVEL))
        )
    assert share(found, Outcome.FAIL) <= 0.10


def test_the_better_of_two_chosen_elsewhere_keeps_the_level_of_the_gate():
    rng, rules = np.random.default_rng(22), policy(VALUE_RULES)
    passed, reused = [], []
    for _ in range(2000):
        losses = rng.gamma(2, 1, (3, 2, 200))
        chosen = 1 + int(losses[2, 0].mean() < losses[1, 0].mean())
        rows = gate_rows(np.zeros(200))
        fresh = compare(metric("mae"), rules, rows, losses[0, 1], losses[chosen, 1]).estimate
        same = compare(metric("mae"), rules, rows, losses[0, 0], losses[chosen, 0]).estimate
        passed.append(fresh.low(0.05) > 0)
        reused.append(same.low(0.05) > 0)
    assert np.mean(passed) == pytest.approx(0.05, abs=0.015)
    assert np.mean(reused) > 0.06
