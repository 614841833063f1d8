"""Parameters that a spec passes on reach LightGBM; names that are unknown or ours are refused with a reason."""

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from retrain_assets.candidates.boosting.lightgbm_model import Examples, Learner, fit, predict
from retrain_assets.candidates.boosting.passed_parameters import misfits
from retrain_assets.candidates.policy import TrainingPolicy
from retrain_assets.errors import SpecError
from retrain_assets.scoring.booster import load

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


def test_features_that_may_not_stand_in_one_tree_are_named_like_the_columns():
    random = np.random.default_rng(3)
    rows = pa.table({name: random.normal(size=500) for name in ("age", "fee", "tenure")})
    value = rows["age"].to_numpy() * rows["fee"].to_numpy() + rows["tenure"].to_numpy()
    learner = Learner(
        TrainingPolicy(objective="regression", lightgbm={"interaction_constraints": [["age"], ["fee", 2]]}),
        "regression",
    )
    trees = load(fit(learner, Examples(rows, value), rounds=10)).trees_to_dataframe()
    together = [set(tree["split_feature"].dropna()) for _, tree in trees.groupby("tree_index")]
    assert any(len(names) > 1 for names in together)
    assert all(names <= {"age"} or names <= {"fee", "tenure"} for names in together)


@pytest.mark.parametrize(
    ("groups", "sentence"),
    [
        ([["tenur"]], "tenur is no feature"),
        ([[0, 2]], "2 is no feature"),
        ([[["tenure"]]], r"\['tenure'\] is no feature"),
        (["tenure"], r"write groups of features, like \[\[tenure, fee\], \[age\]\]"),
    ],
)
def test_groups_of_what_is_no_feature_are_refused(groups, sentence):
    with pytest.raises(SpecError, match=f"training.lightgbm.interaction_constraints: {sentence}"):
        scored(interaction_constraints=groups)


def test_without_any_parameter_nothing_is_wrong():
    assert misfits({}) == []
