"""A text model is accepted only whole: every fault by which LightGBM ends a process, or reads what is not there."""

import re

import numpy as np
import pytest

from retrain_assets.errors import ForeignModel
from retrain_assets.scoring import model_text
from retrain_assets.scoring.booster import lgb
from retrain_assets.scoring.model_text import read_model_text, renamed
from retrain_assets_tests.adoption.elsewhere import text_model
from retrain_assets_tests.scoring.crafted_models import KINDS_OF_SIZES, chain, resized


@pytest.fixture(scope="module")
def model() -> bytes:
    return text_model()


def test_the_head_and_the_values_of_the_categories_are_read(model):
    text = read_model_text(model)
    assert text.names == ("tenure", "Monthly_Fee", "plan", "size", "land", "zone")
    assert (text.objective, text.classes, text.trees, text.rounds) == ("binary sigmoid:1", 1, 3, 3)
    assert text.values == (("f", "b", "c", "d", "e", "a"), ("low", "high"), ("x",), (9, 3, 7))
    assert sorted(text.codes(2)) == [0, 1, 2, 3, 4, 5]
    assert [text.codes(place) for place in (0, 3, 4)] == [None, None, None]


def test_several_classes_have_a_tree_each_a_round():
    text = read_model_text(text_model(objective="multiclass", num_class=3))
    assert (text.classes, text.trees, text.rounds) == (3, 9, 3)


LABELS = {
    "regression": lambda y: y, "tweedie": np.exp, "quantile": lambda y: y, "binary": lambda y: y > 1,
    "cross_entropy": lambda y: y > 1, "multiclassova": lambda y: np.digitize(y, [0, 1]),
}  # fmt: skip


@pytest.mark.parametrize(
    ("objective", "setting"),
    [
        ("regression", {}), ("tweedie", {"zero_as_missing": True}), ("quantile", {"use_missing": False}),
        ("binary", {"extra_trees": True}), ("cross_entropy", {"boosting": "dart"}),
        ("binary", {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}),
        ("regression", {"use_quantized_grad": True}), ("quantile", {"max_bin": 4}),
        ("multiclassova", {"max_cat_to_onehot": 1, "cat_smooth": 1, "min_data_per_group": 1}),
        ("multiclassova", {"min_gain_to_split": 1e9}), ("tweedie", {"min_data_in_leaf": 1, "num_leaves": 100}),
        ("cross_entropy", {"path_smooth": 2.0}), ("binary", {"interaction_constraints": [[0, 1], [2, 3]]}),
    ],
)  # fmt: skip
def test_whatever_lightgbm_writes_of_missing_infinite_constant_and_categorical_columns_is_read(objective, setting):
    columns, y = mixed_rows(400)
    parameters = {"objective": objective, "num_class": 3 if objective == "multiclassova" else 1} | setting
    label = LABELS[objective](y).astype(float)
    data = lgb.Dataset(columns, label, categorical_feature=[3, 5], params={"verbosity": -1})
    booster = lgb.train({"verbosity": -1, "num_threads": 1, **parameters}, data, 3)
    assert read_model_text(booster.model_to_string().encode()).trees == booster.num_trees()


def test_a_split_between_missing_and_known_values_has_an_infinite_threshold_and_is_read():
    known = np.random.default_rng(0).normal(size=400)
    column = np.where(np.arange(400) % 2, np.nan, known)
    data = lgb.Dataset(column[:, None], np.isnan(column).astype(float), params={"verbosity": -1})
    text = lgb.train({"objective": "regression", "num_leaves": 2, "verbosity": -1}, data, 1).model_to_string()
    assert "\nthreshold=inf\n" in text
    assert read_model_text(text.encode()).trees == 1


def mixed_rows(count):
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(count, 6))
    columns[rng.random((count, 6)) < 0.2] = np.nan
    columns[:, 1] *= 1e200
    columns[:, 3] = rng.integers(0, 40, count)
    columns[:, 4] = 1.0
    columns[:, 5] = rng.integers(0, 3, count)
    y = np.nan_to_num(columns[:, 2]) + 2 * np.isnan(columns[:, 0]) + (columns[:, 3] % 3 == 0)
    for value in (np.inf, -np.inf):
        columns[rng.random(count) < 0.05, 0] = value
    return columns, y


def test_a_model_without_pandas_categories_does_not_say_them(model):
    bare = re.sub(rb"\npandas_categorical:.*\n", b"\n", model)
    assert read_model_text(bare).values is None
    assert read_model_text(bare + b"\npandas_categorical:null\n").values is None


@pytest.mark.parametrize(
    ("line", "instead", "sentence"),
    [
        (rb"split_feature=\d+", b"split_feature=6", "tree 0 splits by a feature beyond the 6"),
        (rb"split_feature=\d+", b"split_feature=-1", "tree 0 splits by a feature beyond the 6"),
        (rb"num_leaves=6", b"num_leaves=60", "has 6 entries, 60 are needed"),
        (rb"num_leaves=6", b"num_leaves=999999999", "num_leaves=999999999, which cannot be"),
        (rb"(threshold=\S+) \S+", rb"\1", "threshold of tree 0 has 4 entries, 5 are needed"),
        (rb"left_child=\S+", b"left_child=0", "is not reached exactly once"),
        (rb"left_child=\S+", b"left_child=99", "is not reached exactly once"),
        (rb"right_child=\S+", b"right_child=-40", "is not reached exactly once"),
        (rb"leaf_value=\S+", b"leaf_value=nan", "a leaf that is no finite number"),
        (rb"leaf_value=\S+", b"leaf_value=1e308", "add up to 1e\\+308"),
        (rb"leaf_value=\S+", b"leaf_value=x", "holds something that is no number"),
        (rb"leaf_value=\S+", b"leaf_value=1e", "holds something that is no number"),
        (rb"split_feature=\d+", b"split_feature=x", "split_feature of tree 0 holds something that is no whole number"),
        (rb"split_feature=\d+", b"split_feature=4000000000", "no whole number of that size"),
        (rb"num_leaves=6", "num_leaves=\u0666".encode(), "num_leaves=\u0666, which cannot be"),
        (rb"shrinkage=1", b"shrinkage=x", "shrinkage of tree 0 holds something that is no number"),
        (rb"shrinkage=1", b"shrinkage=1\rnum_leaves=99", "is a carriage return"),
        (rb"shrinkage=1", b"shrinkage=1\0", "is a zero"),
        (rb"\nshrinkage=1", b"\nshrinkage", "'shrinkage' is no line that LightGBM writes in tree 0"),
        (rb"decision_type=\S+", b"decision_type=13", "an unknown kind"),
        (rb"decision_type=.*", b"decision_type=1 1 1 1 1", "a category set beyond"),
        (rb"threshold=\S+", b"threshold=nan", "a threshold that is no number"),
        (rb"cat_boundaries=0 \d+", b"cat_boundaries=0 9", "cat_(threshold|boundaries)|bounds do not rise"),
        (rb"cat_boundaries=0 \d+", b"cat_boundaries=1 2", "whose bounds do not rise from 0"),
        (rb"cat_threshold=\d+", b"cat_threshold=-5", "a negative category set"),
        (rb"is_linear=0", b"is_linear=1", "linear leaves"),
        (rb"is_linear=0", b"is_linear= 1", "linear leaves"),
        (rb"shrinkage=1", b"shrinkage=1\nnum_leaves=2", "stands twice in tree 0"),
        (rb"max_feature_idx=5", b"max_feature_idx=50", "names 6 features, describes 6 and counts 51"),
        (rb"num_class=1", b"num_class=3", "trees a round 1, classes 3"),
        (rb"objective=binary sigmoid:1", b"objective=multiclass num_class:9", "does not go with num_class=1"),
        (rb"objective=binary sigmoid:1", b"objective=binary (sigmoid)", "which LightGBM does not write"),
        (rb"Monthly_Fee", b"tenure", "two of its features have the same name"),
        (rb"version=v4", b"version=v9", "v2 to v4 are read"),
        (rb"\nparameters:\n", b"\nparameters:\nTree=2\n", "does not go on as LightGBM writes it"),
        (rb"pandas_categorical:.*", b"pandas_categorical:[[[", "is no JSON"),
        (rb"pandas_categorical:.*", b'pandas_categorical:[[{"a": 1}]]', "something else than lists"),
    ],
)  # fmt: skip
def test_what_would_be_read_past_its_end_or_cannot_be_is_refused_by_its_place(model, line, instead, sentence):
    changed = resized(re.sub(line, instead, model, count=1))
    assert changed != model
    with pytest.raises(ForeignModel, match=sentence):
        read_model_text(changed)


def test_as_many_classes_as_its_trees_cannot_be_shared_out_to_are_refused(model):
    head = {b"num_class=1": b"num_class=2", b"per_iteration=1": b"per_iteration=2"}
    head[b"objective=binary sigmoid:1"] = b"objective=multiclass num_class:2"
    for one, other in head.items():
        model = model.replace(one, other, 1)
    with pytest.raises(ForeignModel, match="it has 3 trees for 2 classes: it was cut"):
        read_model_text(resized(model))


def test_a_model_without_a_tree_is_refused(model):
    with pytest.raises(ForeignModel, match="it has no tree. Train it for at least one round"):
        read_model_text(KINDS_OF_SIZES["no sizes and no trees"](model))


def test_a_tree_of_one_leaf_has_no_category_sets():
    model = text_model(min_data_in_leaf=400).replace(b"num_cat=0", b"num_cat=2", 1)
    with pytest.raises(ForeignModel, match="tree 0 has one leaf and 2 category sets"):
        read_model_text(model)


def test_a_text_that_is_larger_than_any_model_is_not_read(model, monkeypatch):
    monkeypatch.setattr(model_text, "LARGEST_BYTES", 1_000)
    with pytest.raises(ForeignModel, match=r"bytes, more than the 1,000 that are read"):
        read_model_text(model)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (b"", "is empty, which is no LightGBM text model"),
        (b"\x80\x04\x95\x12pickled", "a pickle is not read"),
        (b"tree\r\nversion=v4\r\n", "Windows line ends"),
        (b"tree\n\xff\xfe", "is no text"),
    ],
)
def test_what_is_no_text_model_is_refused_with_what_to_write(given, sentence):
    with pytest.raises(ForeignModel, match=sentence):
        read_model_text(given)


def test_a_model_that_was_cut_anywhere_is_refused(model):
    whole = model.rstrip(b"\n")
    end = whole.index(b"end of parameters")
    for length in range(0, end, 97):
        with pytest.raises(ForeignModel, match="LightGBM|cut|changed|needed|holds|has no"):
            read_model_text(whole[:length])


def test_renaming_changes_the_names_alone(model):
    names = {name: name.upper() for name in read_model_text(model).names}
    changed = renamed(model, names)
    assert read_model_text(changed).names == tuple(names.values())
    assert len(changed) == len(model)


def test_linear_leaves_are_refused_as_such():
    with pytest.raises(ForeignModel, match="tree 0 has linear leaves"):
        read_model_text(text_model(objective="regression", linear_tree=True))


@pytest.mark.parametrize(
    "parameters",
    [
        {"objective": "regression", "reg_sqrt": True},
        {"objective": "tweedie"},
        {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5},
        {"boosting": "dart"},
        {"objective": "multiclassova", "num_class": 3},
        {"min_data_in_leaf": 400},
    ],
)
def test_whatever_lightgbm_writes_is_read(parameters):
    assert read_model_text(text_model(**parameters)).trees >= 1


def test_a_tree_that_goes_down_too_far_is_refused(model):
    with pytest.raises(ForeignModel, match="tree 0 has 20,000 splits one below the other, 1,000 are read"):
        read_model_text(resized(chain(model)))
