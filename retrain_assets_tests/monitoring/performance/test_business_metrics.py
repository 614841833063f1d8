"""Business metrics against pandas and a plain loop, their grammar against hostile text, and simulation."""

import ast
import math

import numpy as np
import pandas as pd
import pytest

from retrain_assets.monitoring.performance.business_metrics import measure_business, parsed_metrics
from retrain_assets.monitoring.performance.expression import cost_expression, parse
from retrain_assets.monitoring.performance.report import Quality
from retrain_assets.monitoring.policy import BusinessMetric
from retrain_assets.store import own

DAYS = np.repeat(np.arange("2019-01-01", "2019-01-31", dtype="datetime64[D]"), 20)


def metric(expression, better="lower", threshold=1.0):
    return BusinessMetric(name="cost", expression=expression, unit="dollars", better=better, threshold=threshold)


def world(seed=3, rows=DAYS.size):
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "label": random.integers(0, 2, rows).astype(float),
            "score": random.uniform(0, 1, rows),
            "fare": random.gamma(2, 5, rows),
            "origin": random.choice(["JFK", "LGA"], rows).astype(object),
        }
    )
    frame.loc[::50, "fare"] = np.nan
    frame.loc[1::70, "origin"] = None
    return frame


def measured(expression, frame, block_days=1, **options):
    parsed = parse(expression, ["fare"], ["origin"])
    rows = {own(name) if name in ("label", "score") else name: frame[name].to_numpy() for name in frame}
    return measure_business(metric(expression, **options), parsed, rows, DAYS[: len(frame)], block_days)


@pytest.mark.parametrize(
    ("expression", "with_pandas"),
    [
        ("sum(fare) / count()", lambda f: f.fare.sum() / len(f)),
        ("mean(fare)", lambda f: f.fare.mean()),
        ("-sum(fare * label) + 2 * count()", lambda f: -(f.fare * f.label).sum() + 2 * len(f)),
        ("mean(abs(label - score))", lambda f: (f.label - f.score).abs().mean()),
        ("mean(abs(label() - score()))", lambda f: (f.label - f.score).abs().mean()),
        ("share(score >= 0.5 and label == 0)", lambda f: ((f.score >= 0.5) & (f.label == 0)).mean()),
        ("share(not label == 1 or score < 0.2)", lambda f: ((f.label != 1) | (f.score < 0.2)).mean()),
        ("share(origin == 'JFK')", lambda f: (f.origin.dropna() == "JFK").mean()),
        ("mean(max(fare, 10)) - mean(min(fare, 10))", lambda f: f.fare.dropna().sub(10).abs().mean()),
    ],
)
def test_an_expression_has_the_value_that_pandas_gives(expression, with_pandas):
    frame = world()
    assert measured(expression, frame).value == pytest.approx(with_pandas(frame), rel=1e-12)


def test_a_cost_matrix_is_the_mean_cost_of_the_decisions():
    frame, costs = world(), [[1.0, 5.0], [40.0, -2.0]]
    decision = (frame.score >= 0.4).astype(int)
    by_hand = np.mean([costs[int(label)][made] for label, made in zip(frame.label, decision, strict=True)])
    assert measured(cost_expression(costs, 0.4), frame).value == pytest.approx(by_hand, rel=1e-12)


def test_the_interval_is_the_jackknife_over_blocks():
    frame = world()
    found = measured("sum(fare) / sum(score)", frame, block_days=3)
    block = (DAYS - DAYS[0]).astype(int) // 3
    left_out = [frame[block != one] for one in np.unique(block)]
    ratios = np.array([part.fare.sum() / part.score.sum() for part in left_out])
    error = math.sqrt((len(ratios) - 1) / len(ratios) * np.sum((ratios - ratios.mean()) ** 2))
    assert (found.high - found.low) / 2 == pytest.approx(error * 1.8331129, rel=1e-6)  # t of 9 degrees, one-sided 5 %


def test_a_metric_truly_at_its_threshold_warns_in_one_report_of_twenty():
    warned = 0
    for seed in range(1500):
        random = np.random.default_rng(seed)
        day = np.repeat(random.normal(0, 0.3, 30), 20)
        rows = {own("label"): 5 + day + random.normal(0, 1, DAYS.size), own("score"): np.zeros(DAYS.size)}
        found = measure_business(metric("mean(label)", threshold=5.0), parse("mean(label)", [], []), rows, DAYS, 1)
        warned += found.outcome is Quality.WARN
    assert warned / 1500 == pytest.approx(0.05, abs=0.012)  # 2 standard errors


@pytest.mark.parametrize(
    ("better", "threshold", "outcome"),
    [
        ("lower", 0.2, Quality.WARN),
        ("lower", 0.8, Quality.QUIET),
        ("higher", 0.8, Quality.WARN),
        ("higher", 0.2, Quality.QUIET),
    ],
)
def test_only_the_wrong_side_of_the_threshold_warns(better, threshold, outcome):
    assert measured("mean(score)", world(), better=better, threshold=threshold).outcome is outcome


def test_a_value_beyond_the_threshold_by_chance_is_not_surely_beyond():
    frame = world()
    found = measured("mean(score)", frame, threshold=frame.score.mean() - 1e-6)
    assert found.outcome is Quality.INSUFFICIENT
    assert "above the limit, but not beyond chance: " in found.sentence


@pytest.mark.parametrize("rows", [0, 20])
def test_too_few_days_never_warn_and_no_rows_have_no_value(rows):
    found = measured("mean(score)", world().iloc[:rows], threshold=0.001)
    assert found.outcome is Quality.INSUFFICIENT
    assert (found.value is None) is (rows == 0)
    assert found.low is None


def test_an_undefined_ratio_has_no_value():
    found = measured("sum(fare) / (count() - count())", world())
    assert found.value is None
    assert found.sentence == "cost cannot be measured on 600 rows."


def test_declared_metrics_come_with_their_expressions():
    matrix = BusinessMetric(name="risk", cost_matrix=[[0, 1], [9, 0]], unit="dollars", better="lower", threshold=2)
    ((one, expression),) = parsed_metrics([matrix], [], [], 0.3)
    assert one is matrix
    assert ast.unparse(expression.tree) == ast.unparse(ast.parse(cost_expression([[0, 1], [9, 0]], 0.3)))


@pytest.mark.parametrize("name", ["score", "label"])
def test_a_column_called_like_a_word_of_ours_is_that_column_and_ours_keeps_its_function(name):
    frame = world()
    rows = {own(word): frame[word].to_numpy() for word in ("label", "score")} | {name: 600.0 + frame[name].to_numpy()}
    for expression, expected in ((f"mean({name})", 600 + frame[name].mean()), (f"mean({name}())", frame[name].mean())):
        parsed = parse(expression, [name], [])
        assert measure_business(metric(expression), parsed, rows, DAYS, 1).value == pytest.approx(expected)
