"""Parameters that a spec passes on reach LightGBM; names that are unknown or ours are refused with a reason."""

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from retrain_assets.candidates.boosting.lightgbm_model import Examples, Learner, fit, predict
from retrain_assets.candidates.policy import TrainingPolicy
from retrain_assets.errors import SpecError

X = np.linspace(0, 1, 400)
ROWS = pa.table({"noise": np.random.default_rng(1).normal(size=400), "tenure": X})
WAVE = 2 * X + np.sin(20 * X)


def scored(**passed):
    learner = Learner(TrainingPolicy(objective="regression", lightgbm=passed), "regression")
    return predict(fit(learner, Examples(ROWS, WAVE), rounds=40), ROWS.set_column(0, "noise", pa.array(np.zeros(400))))


def test_a_constraint_by_column_is_kept_by_the_model():
    assert (np.diff(scored()) < 0).any()
    assert (np.diff(scored(monotone_constraints={"tenure": 1})) >= 0).all()


def test_a_weight_of_the_positives_raises_the_probabilities():
    late = (np.random.default_rng(2).random(400) < 0.1).astype(float)
    means = []
    for passed in ({}, {"scale_pos_weight": 5.0}):
        learner = Learner(TrainingPolicy(objective="binary", lightgbm=passed), "binary")
        means.append(predict(fit(learner, Examples(ROWS, late), rounds=20), ROWS).mean())
    assert means[1] > 2 * means[0]


@pytest.mark.parametrize(
    ("passed", "sentence"),
    [
        ({"scale_pos_wieght": 3}, "no parameter scale_pos_wieght. Did you mean scale_pos_weight?"),
        ({"n_estimators": 500}, "n_estimators is ours to set: the rolling origins find it, up to training.max_rounds"),
        ({"device": "gpu"}, "device is ours to set: it stays cpu, the same window must give the same model"),
        ({"deterministic": False}, "deterministic is ours to set: it stays true"),
        ({"qqqq": 1}, "no parameter qqqq. Look it up"),
    ],
)
def test_a_name_that_is_unknown_or_ours_is_refused_with_the_reason(passed, sentence):
    with pytest.raises(ValidationError, match=sentence.replace("?", r"\?")):
        TrainingPolicy(objective="binary", lightgbm=passed)


def test_a_constraint_on_a_column_that_is_no_feature_is_refused():
    with pytest.raises(SpecError, match=r"training.lightgbm.monotone_constraints: tenur is no feature"):
        scored(monotone_constraints={"tenur": 1})
