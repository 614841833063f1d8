"""Fitting: the same rows give the same bytes, early stopping finds the best round, unusable rows are refused."""

import hashlib
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError
from sklearn.metrics import brier_score_loss, log_loss, mean_absolute_error, mean_pinball_loss, mean_squared_error

from retrain_assets.candidates.boosting.lightgbm_model import (
    Examples,
    Learner,
    check_labels,
    fit,
    fit_early_stopped,
    parameters,
)
from retrain_assets.candidates.policy import TrainingPolicy
from retrain_assets.errors import DataError, NotEnoughData, SpecError
from retrain_assets.scoring.booster import load, predict

POLICIES = {
    task: TrainingPolicy(objective=objective, num_leaves=15, max_rounds=60, early_stopping_rounds=60)
    for task, objective in (("binary", "binary"), ("multiclass", "multiclass"), ("regression", "regression_l1"))
}
LABELS = {
    "binary": lambda value: (value > 1).astype(float),
    "multiclass": lambda value: np.digitize(value, [0.5, 1.5]).astype(float),
    "regression": lambda value: value,
}


def rows(count: int = 1500, seed: int = 5) -> tuple[pa.Table, np.ndarray]:
    """Features with missing values, and a value that depends on two of the three."""
    rng = np.random.default_rng(seed)
    x, code = rng.normal(size=(count, 2)), rng.integers(0, 9, count)
    table = pa.table(
        {
            "x": pa.array(x[:, 0], mask=rng.random(count) < 0.1),
            "noise": pa.array(x[:, 1].astype(np.float32)),
            "code": pa.array(code, pa.int16()),
        }
    )
    return table, x[:, 0] + code % 3 + rng.normal(size=count)


def learner(task: str, **changes: object) -> Learner:
    """How a task's models are fitted."""
    return Learner(POLICIES[task].model_copy(update=changes), task, 3)


def model_of(task: str, table: pa.Table, value: np.ndarray, weight: np.ndarray | None = None) -> bytes:
    """A model of 20 rounds."""
    return fit(learner(task), Examples(table, LABELS[task](value), weight, ["code"]), rounds=20)


def digest() -> str:
    """SHA-256 of a model that another process trains too."""
    return hashlib.sha256(model_of("binary", *rows())).hexdigest()


def test_another_process_trains_the_same_bytes() -> None:
    program = f"from {__name__} import digest; print(digest())"
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == digest()


@pytest.mark.parametrize("task", POLICIES)
def test_slices_chunks_and_copies_of_the_same_rows_give_the_same_bytes(task: str) -> None:
    table, value = rows()
    part = table.slice(13, 1000)
    chunked = pa.concat_tables([table.slice(13, 333), table.slice(346, 1), table.slice(347, 666)])
    copied = pa.table({name: pa.array(part[name].to_pylist(), part[name].type) for name in part.column_names})
    models = {model_of(task, variant, value[13:1013]) for variant in (part, chunked, copied)}
    assert len(models) == 1
    model = models.pop()
    np.testing.assert_array_equal(predict(model, part), predict(model, copied))


def test_another_row_changes_the_bytes() -> None:
    table, value = rows()
    assert model_of("regression", table, value) != model_of("regression", table.slice(1), value[1:])


def test_the_seed_decides_the_random_choices() -> None:
    table, value = rows()
    first, again, other = (
        fit(learner("regression", feature_fraction=0.5, seed=seed), Examples(table, value, None, ["code"]), rounds=20)
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize("rounds", [1, 17])
def test_a_model_has_the_rounds_asked_for(rounds: int) -> None:
    table, value = rows()
    model = fit(learner("regression"), Examples(table, value, None, ["code"]), rounds)
    assert load(model).num_trees() == rounds


@pytest.mark.parametrize(
    ("task", "loss", "independent"),
    [
        ("binary", "log_loss", log_loss),
        ("binary", "brier", brier_score_loss),
        ("multiclass", "log_loss", log_loss),
        ("regression", "mae", mean_absolute_error),
        ("regression", "mse", mean_squared_error),
    ],
)
def test_early_stopping_keeps_the_round_that_is_best_by_scikit_learns_loss(task: str, loss: str, independent) -> None:
    table, value = rows()
    later, later_value = rows(count=600, seed=6)
    label, later_label = LABELS[task](value), LABELS[task](later_value)
    quick, examples = learner(task, learning_rate=0.3), Examples(table, label, None, ["code"])
    policy = quick.policy
    model, best = fit_early_stopped(quick, examples, Examples(later, later_label), loss)
    whole = load(fit(quick, examples, policy.max_rounds))
    losses = [independent(later_label, whole.predict(later, num_iteration=n)) for n in range(1, policy.max_rounds + 1)]
    assert best == 1 + int(np.argmin(losses))
    assert 1 < best < policy.max_rounds
    np.testing.assert_allclose(predict(model, later), whole.predict(later, num_iteration=best), rtol=1e-12)


def test_a_quantile_is_forecast_and_stopped_on_its_pinball_loss() -> None:
    table, value = rows()
    later, later_value = rows(count=600, seed=6)
    policy = TrainingPolicy(
        objective="quantile", quantile=0.9, num_leaves=15, learning_rate=0.3, max_rounds=60, early_stopping_rounds=60
    )
    quantile, examples = Learner(policy, "regression"), Examples(table, value, None, ["code"])
    model, best = fit_early_stopped(quantile, examples, Examples(later, later_value), "pinball[0.90]")
    whole = load(fit(quantile, examples, policy.max_rounds))
    losses = [
        mean_pinball_loss(later_value, whole.predict(later, num_iteration=n), alpha=0.9)
        for n in range(1, policy.max_rounds + 1)
    ]
    assert best == 1 + int(np.argmin(losses))
    assert np.mean(later_value <= predict(model, later)) == pytest.approx(0.9, abs=0.05)
    for wrong in ({"objective": "quantile"}, {"objective": "regression", "quantile": 0.9}):
        with pytest.raises(ValidationError, match="declare both or none"):
            TrainingPolicy(**wrong)


def test_early_stopping_on_a_loss_of_another_task_is_refused() -> None:
    table, value = rows()
    with pytest.raises(SpecError, match="a regression model cannot be early stopped on 'log_loss'"):
        fit_early_stopped(learner("regression"), Examples(table, value), Examples(table, value), "log_loss")


def test_class_probabilities_sum_to_one() -> None:
    table, value = rows()
    scores = predict(model_of("multiclass", table, value), table)
    assert scores.shape == (1500, 3)
    np.testing.assert_allclose(scores.sum(axis=1), 1)


def test_rows_of_no_weight_do_not_move_the_model() -> None:
    table, value = rows()
    weight = np.r_[np.ones(1000), np.zeros(500)]
    spoiled = np.r_[value[:1000], -value[1000:]]
    np.testing.assert_allclose(
        predict(model_of("binary", table, spoiled, weight), table),
        predict(model_of("binary", table, value, weight), table),
    )
    assert (LABELS["binary"](spoiled) != LABELS["binary"](value)).any()


@pytest.mark.parametrize("worst", [-1.0, np.nan, np.inf])
def test_an_impossible_weight_is_refused(worst: float) -> None:
    table, value = rows()
    with pytest.raises(DataError, match="1,500 weights for 1,500 rows: one finite weight of 0 or more"):
        model_of("regression", table, value, np.r_[np.ones(1499), worst])


@pytest.mark.parametrize("weight", [np.ones(7), np.zeros(1500)])
def test_weights_that_do_not_fit_the_rows_are_refused(weight: np.ndarray) -> None:
    table, value = rows()
    with pytest.raises(DataError, match="weights for 1,500 rows"):
        model_of("regression", table, value, weight)


@pytest.mark.parametrize(
    ("task", "label", "message"),
    [
        ("binary", [0, 1, np.nan], "1 of 3 labels are missing or infinite"),
        ("regression", [1.0, np.inf, -np.inf], "2 of 3 labels are missing or infinite"),
        ("binary", [0, 1, 2], r"1 of 3 labels are no class 0\.\.1, the first is 2"),
        ("binary", [0, 0.5, 1], "the first is 0.5"),
        ("multiclass", [1, 2, 3], r"no class 0\.\.2, the first is 3"),
    ],
)
def test_an_impossible_label_is_refused_with_its_count(task: str, label: list[float], message: str) -> None:
    with pytest.raises(DataError, match=message):
        check_labels(label, task, 3)


def test_no_labels_are_not_enough_data() -> None:
    with pytest.raises(NotEnoughData, match="no labelled row in the training window"):
        check_labels([], "binary", 2)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_one_class_is_not_enough_to_learn_from(task: str) -> None:
    table, value = rows()
    with pytest.raises(NotEnoughData, match="all 1,500 training labels are 1: a classifier needs two classes"):
        fit(learner(task), Examples(table, np.ones(len(value))), rounds=20)


def test_a_negative_label_of_a_poisson_model_is_refused() -> None:
    table, value = rows()
    poisson = TrainingPolicy(objective="poisson")
    with pytest.raises(DataError, match="a poisson objective needs labels of 0 or more, the smallest is -1"):
        fit(Learner(poisson, "regression"), Examples(table, np.r_[np.abs(value[1:]), -1]), rounds=20)


def test_a_row_without_a_label_is_refused() -> None:
    table, value = rows()
    with pytest.raises(DataError, match="1,500 rows of features and 1,499 labels"):
        model_of("regression", table, value[1:])


def test_a_text_column_is_refused_before_it_can_end_the_process() -> None:
    table, value = rows()
    text = table.append_column("zone", pa.array(["JFK"] * 1500).dictionary_encode())
    with pytest.raises(DataError, match="'zone' is dictionary"):
        model_of("regression", text, value)


@pytest.mark.parametrize(
    "column",
    [pa.nulls(1500, pa.float32()), pa.array(np.full(1500, np.inf)), pa.array(np.zeros(1500))],
    ids=["all null", "infinite", "constant"],
)
def test_a_column_that_says_nothing_changes_no_score(column: pa.Array) -> None:
    table, value = rows()
    wider = table.append_column("dull", column)
    np.testing.assert_allclose(
        predict(model_of("regression", wider, value), wider), predict(model_of("regression", table, value), table)
    )


@pytest.mark.parametrize(
    ("objective", "task", "message"),
    [
        ("binary", "regression", "use regression, regression_l1, huber"),
        ("regression", "binary", "'regression' is not for task 'binary': use binary"),
        ("binary", "ranking", "use none, the task must be one of binary, multiclass, regression"),
    ],
)
def test_an_objective_of_another_task_is_refused(objective: str, task: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        parameters(Learner(TrainingPolicy(objective=objective), task))


def test_two_classes_are_not_multiclass() -> None:
    with pytest.raises(SpecError, match="a multiclass model has 2 classes"):
        parameters(Learner(TrainingPolicy(objective="multiclass"), "multiclass"))


@pytest.mark.parametrize(
    ("passed", "cause"),
    [
        ({"max_bin": 1}, r"Check failed: \(max_bin\) > \(1\)$"),
        ({"feature_contri": [1.0]}, "Check failed: .*feature_contri"),
    ],
)
def test_what_lightgbm_itself_refuses_is_told_in_its_words(passed, cause):
    table, value = rows(200)
    odd = Learner(TrainingPolicy(objective="regression", lightgbm=passed), "regression")
    with pytest.raises(DataError, match=f"LightGBM cannot train on these rows with these parameters: {cause}"):
        fit(odd, Examples(table, value), rounds=2)
