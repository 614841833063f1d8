"""LightGBM's text format, read and checked line by line without LightGBM, which trusts whatever it is given.

LightGBM reads past the end of a short list, follows a child that is no node, and looks up a feature that a row does not
have; any of these ends the process, some of them only for certain rows. `read_model_text` accepts a text only where
each tree is whole: every list as long as the tree is large, every node and leaf reached exactly once, every feature,
category set and number in range.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrain_assets.errors import ForeignModel

MODEL_FILE = "model.bst"
"""How a version's model text is called among its files."""

Level = str | int | float | bool
"""A value of a categorical feature as pandas had it."""

LARGEST_BYTES = 1 << 29
LARGEST_LEAF = 1e100
DEEPEST = 1_000
"""Splits from the top to a leaf; what explains a score goes down a tree by recursion."""
_LARGEST_INT = 2**31 - 1
_HEAD = frozenset(
    {"version", "num_class", "num_tree_per_iteration", "label_index", "max_feature_idx", "objective",
     "average_output", "feature_names", "monotone_constraints", "feature_infos", "tree_sizes"}
)  # fmt: skip
_BARE = frozenset({"average_output"})
"""Lines that say something by being there; of any other without a sign LightGBM reads on into the next."""
_NODE_LISTS = ("split_feature", "decision_type", "left_child", "right_child")
"""Whole numbers of every node."""
_NODE_FACTS = ("split_gain", "internal_value", "internal_weight", "internal_count")
_LEAF_FACTS = ("leaf_weight", "leaf_count")
_TREE = frozenset(
    (*_NODE_LISTS, *_NODE_FACTS, *_LEAF_FACTS, "threshold", "leaf_value", "num_leaves", "num_cat", "cat_boundaries",
     "cat_threshold", "is_linear", "shrinkage")
)  # fmt: skip
_PANDAS = "pandas_categorical:"
_AFTER_TREES = re.compile(
    r"end of trees\n+(feature_importances:\n([^\s=]+=[0-9]+\n)*\n)?"
    r"(parameters:\n(\[\w+: [^\n]*\]\n)*\n?end of parameters\n)?"
    r"\n*(pandas_categorical:[^\n]*\n*)?"
)
_INTEGERS = re.compile(r"(-?[0-9]{1,10}( -?[0-9]{1,10})*)?")
_NUMBERS = re.compile(r"[-+0-9.eEinfa]{1,40}( [-+0-9.eEinfa]{1,40})*")
_CATEGORICAL, _MISSING_TYPES = 1, (0, 1, 2)


@dataclass(frozen=True)
class ModelText:
    """What the head and the end of a model's text say; its trees have been checked.

    Attributes:
        names: Its features as it calls them, in its order.
        infos: What it saw of each feature: `[low:high]` of a number, codes of a category, `none` of a constant.
        objective: Name and settings, like `binary sigmoid:1`; empty for a function of one's own.
        classes: Number of scores per row.
        trees: How many there are.
        values: The values of each categorical feature in the order of their codes, as pandas had them; None where the
            text does not say.
    """

    names: tuple[str, ...]
    infos: tuple[str, ...]
    objective: str
    classes: int
    trees: int
    values: tuple[tuple[Level, ...], ...] | None

    @property
    def rounds(self) -> int:
        """Boosting rounds: one tree each, or one per class."""
        return self.trees // self.classes

    def codes(self, position: int) -> tuple[int, ...] | None:
        """The codes that it saw of a feature, None where that is no category to it."""
        info = self.infos[position]
        if info == "none" or info.startswith("["):
            return None
        return tuple(int(code) for code in info.split(":") if code != "-1")


def read_model_text(model: bytes) -> ModelText:
    """Read a text model and check every tree of it.

    Raises:
        ForeignModel: It is no LightGBM text model, or not a whole one; the sentence names the line that is wrong.
    """
    text = _decoded(model)
    head_text, _, rest = text.partition("\n\n")
    head = _fields(head_text.split("\n")[1:], "the head", _HEAD)
    names, infos = (tuple(_required(head, name, "the head").split(" ")) for name in ("feature_names", "feature_infos"))
    classes = _whole(head, "num_class", "the head", 1, 10_000)
    per_round = _whole(head, "num_tree_per_iteration", "the head", 1, 10_000)
    features = _whole(head, "max_feature_idx", "the head", 0, 1_000_000) + 1
    if not len(names) == len(infos) == features:
        raise ForeignModel(
            f"its head names {len(names)} features, describes {len(infos)} and counts {features}: it was cut or "
            "changed. Save it again"
        )
    if len(set(names)) != len(names):
        raise ForeignModel("two of its features have the same name. Train it on columns of different names")
    version, objective = _required(head, "version", "the head"), head.get("objective", "")
    if not re.fullmatch(r"v[234]", version):
        raise ForeignModel(f"it is of version {version[:20]!r}, v2 to v4 are read. Save it with LightGBM 3 or 4")
    if per_round != classes:
        raise ForeignModel(f"it was changed: trees a round {per_round}, classes {classes}. Save it again")
    for name, info in zip(names, infos, strict=True):
        if not re.fullmatch(r"none|\[[^:\[\]]+:[^:\[\]]+\]|-?[0-9]{1,9}(:-?[0-9]{1,9})*", info):
            raise ForeignModel(f"feature_infos says {info[:40]!r} of {name}, which is neither a range nor codes")
    _check_objective(objective, classes)
    trees = _trees(rest, _required(head, "tree_sizes", "the head"), features)
    if trees % classes:
        raise ForeignModel(f"it has {trees} trees for {classes} classes: it was cut. Save it again")
    return ModelText(names, infos, objective, classes, trees, _values(text))


def renamed(model: bytes, names: Mapping[str, str]) -> bytes:
    """The same model with other names of its features; `names` goes from its own to the new ones, in its order."""
    line = f"\nfeature_names={' '.join(names)}\n".encode()
    return model.replace(line, f"\nfeature_names={' '.join(names.values())}\n".encode(), 1)


def _check_objective(objective: str, classes: int) -> None:
    """LightGBM turns sums into scores for as many classes as the objective says, whatever the head says."""
    if not re.fullmatch(r"(\w{1,40}( \w{1,40}(:[-+.\w]{1,40})?){0,10})?", objective, re.ASCII):
        raise ForeignModel(f"its objective is {objective[:40]!r}, which LightGBM does not write")
    name, *settings = objective.split(" ")
    said = [word.removeprefix("num_class:") for word in settings if word.startswith("num_class:")]
    several = name.startswith("multiclass")
    if said != ([str(classes)] if several else []) or (classes > 1 and name and not several):
        raise ForeignModel(f"its objective {objective!r} does not go with num_class={classes}: it was changed")


def _decoded(model: bytes) -> str:
    if len(model) > LARGEST_BYTES:
        raise ForeignModel(f"it has {len(model):,} bytes, more than the {LARGEST_BYTES:,} that are read")
    if not model.startswith(b"tree\n"):
        started = f"begins with {model[:20]!r}" if model else "is empty"
        hint = " It has Windows line ends: copy it as it was saved." if model.startswith(b"tree\r\n") else ""
        raise ForeignModel(
            f"it {started}, which is no LightGBM text model.{hint} Write one with booster.save_model('model.txt'); "
            "a pickle is not read"
        )
    for byte, what in ((b"\r", "a carriage return"), (b"\0", "a zero")):  # LightGBM ends a line, or the text, there
        if byte in model:
            raise ForeignModel(f"byte {model.index(byte):,} is {what}: it was damaged. Copy it again")
    try:
        return model.decode()
    except UnicodeDecodeError as error:
        raise ForeignModel(f"byte {error.start:,} is no text: it was damaged. Copy it again") from None


def _trees(rest: str, sizes: str, features: int) -> int:
    """Check every tree and return their number; the sizes are what LightGBM cuts the text by."""
    found = _integers(sizes, "tree_sizes", "the head") if sizes else np.empty(0, dtype=np.int64)
    data, at, largest = rest.encode(), 0, 0.0
    if not len(found):
        raise ForeignModel("it has no tree. Train it for at least one round")
    for number, size in enumerate(found.tolist()):
        block = data[at : at + size]
        at += size
        if size < 1 or len(block) != size or not block.startswith(f"Tree={number}\n".encode()):
            raise ForeignModel(f"tree {number} does not stand where tree_sizes says: it was cut or changed")
        largest += _tree(block.decode(errors="replace").rstrip("\n"), f"tree {number}", features)
    _check_end(data[at:].decode(errors="replace").lstrip("\n"))
    if not largest <= LARGEST_LEAF:
        raise ForeignModel(f"its leaves add up to {largest:.3g}, which is no score")
    return len(found)


def _tree(block: str, where: str, features: int) -> float:
    """Check one tree; returns its largest leaf value, without its sign."""
    if re.search(r"\nis_linear=(?!0(\n|$))", block):
        raise ForeignModel(f"{where} has linear leaves (linear_tree), which are not read. Train without them")
    fields = _fields(block.split("\n")[1:], where, _TREE)
    if "shrinkage" in fields:
        _numbers(fields, "shrinkage", where, 1)
    leaves = _whole(fields, "num_leaves", where, 1, 1_000_000)
    values = _numbers(fields, "leaf_value", where, leaves)
    if not np.isfinite(values).all():
        raise ForeignModel(f"{where} has a leaf that is no finite number")
    categories = _whole(fields, "num_cat", where, 0, 1_000_000)
    if leaves == 1:
        if categories:
            raise ForeignModel(f"{where} has one leaf and {categories} category sets")
        return float(np.abs(values).max())
    nodes = leaves - 1
    for names, length in ((_NODE_FACTS, nodes), (_LEAF_FACTS, leaves)):
        for name in names:
            if name in fields:
                _numbers(fields, name, where, length)
    split, kinds, left, right = (_integers(fields.get(name, ""), name, where, nodes) for name in _NODE_LISTS)
    thresholds = _numbers(fields, "threshold", where, nodes)
    if (split < 0).any() or (split >= features).any():
        raise ForeignModel(f"{where} splits by a feature beyond the {features} that there are")
    _check_kinds(kinds, thresholds, categories, where)
    _check_children(left, right, leaves, where)
    _check_categories(fields, categories, where)
    return float(np.abs(values).max())


def _check_kinds(kinds: NDArray[np.int64], thresholds: NDArray[np.float64], categories: int, where: str) -> None:
    """Every split has a kind that LightGBM writes, and a threshold of that kind."""
    of_category = (kinds & _CATEGORICAL).astype(bool)
    if (kinds < 0).any() or not np.isin(kinds >> 2, _MISSING_TYPES).all():
        raise ForeignModel(f"{where} has a split of an unknown kind in decision_type")
    if np.isnan(thresholds).any():  # infinite is a split between missing and known values
        raise ForeignModel(f"{where} has a threshold that is no number")
    sets = thresholds[of_category]
    if ((sets < 0) | (sets >= categories) | (sets != np.floor(sets))).any():
        raise ForeignModel(f"{where} splits by a category set beyond the {categories} that there are")


def _check_children(left: NDArray[np.int64], right: NDArray[np.int64], leaves: int, where: str) -> None:
    """From the first node every other node, and every leaf, is reached exactly once; children come after parents."""
    children = np.concatenate([left, right])
    nodes, ends = children[children >= 0], ~children[children < 0]
    parents = np.concatenate([np.arange(leaves - 1)] * 2)[children >= 0]
    whole = np.array_equal(np.sort(nodes), np.arange(1, leaves - 1)) and np.array_equal(
        np.sort(ends), np.arange(leaves)
    )
    if not whole or (nodes <= parents).any():
        raise ForeignModel(f"{where} is no tree: a node or a leaf of its {leaves} leaves is not reached exactly once")
    depth = [1] * (leaves - 1)
    for parent, node in sorted(zip(parents.tolist(), nodes.tolist(), strict=True)):
        depth[node] = depth[parent] + 1
    if max(depth) > DEEPEST:
        raise ForeignModel(f"{where} has {max(depth):,} splits one below the other, {DEEPEST:,} are read")


def _check_categories(fields: Mapping[str, str], categories: int, where: str) -> None:
    if not categories:
        return
    bounds = _integers(fields.get("cat_boundaries", ""), "cat_boundaries", where, categories + 1)
    if bounds[0] != 0 or (np.diff(bounds) < 1).any():
        raise ForeignModel(f"{where} has category sets whose bounds do not rise from 0")
    words = _integers(fields.get("cat_threshold", ""), "cat_threshold", where, int(bounds[-1]), 2**32 - 1)
    if (words < 0).any():
        raise ForeignModel(f"{where} has a negative category set")


def _check_end(end: str) -> None:
    """What follows the trees: importances, parameters, the values of categories; LightGBM parses the parameters too."""
    if not end.startswith("end of trees\n"):
        raise ForeignModel("after the last tree it does not say 'end of trees': it was cut. Save it again")
    if not _AFTER_TREES.fullmatch(end):
        raise ForeignModel(
            "after the trees it does not go on as LightGBM writes it: it was cut or changed. Save it again"
        )


def _fields(lines: list[str], where: str, known: frozenset[str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in lines:
        name, sign, value = line.partition("=")
        if name not in known or name in fields or (not sign and name not in _BARE):
            what = "stands twice in" if name in fields else "is no line that LightGBM writes in"
            raise ForeignModel(f"{line[:40]!r} {what} {where}: it was changed, or is of a version that is not known")
        fields[name] = value
    return fields


def _required(fields: Mapping[str, str], name: str, where: str) -> str:
    if name not in fields:
        raise ForeignModel(f"{where} has no {name}: it was cut or changed. Save it again")
    return fields[name]


def _whole(fields: Mapping[str, str], name: str, where: str, least: int, most: int) -> int:
    text = _required(fields, name, where)
    if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
        raise ForeignModel(f"{where} says {name}={text[:20]}, which cannot be: {least} to {most:,} are possible")
    return int(text)


def _integers(
    text: str, name: str, where: str, length: int | None = None, most: int = _LARGEST_INT
) -> NDArray[np.int64]:
    words = text.split(" ") if text else []
    _check_length(words, name, where, length)
    found = list(map(int, words)) if _INTEGERS.fullmatch(text) else None
    if found is None or (found and not -most <= min(found) <= max(found) <= most):
        raise ForeignModel(f"{name} of {where} holds something that is no whole number of that size")
    return np.array(found, dtype=np.int64)


def _numbers(fields: Mapping[str, str], name: str, where: str, length: int) -> NDArray[np.float64]:
    text = _required(fields, name, where)
    words = text.split(" ")
    _check_length(words, name, where, length)
    try:
        if _NUMBERS.fullmatch(text):
            return np.array(list(map(float, words)))
    except ValueError:
        pass
    raise ForeignModel(f"{name} of {where} holds something that is no number")


def _check_length(words: list[str], name: str, where: str, length: int | None) -> None:
    if length is not None and len(words) != length:
        raise ForeignModel(f"{name} of {where} has {len(words)} entries, {length} are needed: it was cut or changed")


def _values(text: str) -> tuple[tuple[Level, ...], ...] | None:
    """The values of the categorical features, from the line that LightGBM's Python package adds at the end."""
    line = next((line for line in reversed(text.rstrip("\n").split("\n")[-2:]) if line.startswith(_PANDAS)), None)
    if line is None:
        return None
    try:
        found = json.loads(line.removeprefix(_PANDAS))
    except (ValueError, RecursionError):
        raise ForeignModel(f"its line {_PANDAS} is no JSON: it was changed. Save it again") from None
    if found is None or found == []:
        return None
    plain = (str, int, float, bool)
    if not (isinstance(found, list) and all(isinstance(one, list) and one for one in found)) or not all(
        isinstance(value, plain) and (not isinstance(value, float) or math.isfinite(value))
        for one in found
        for value in one
    ):
        raise ForeignModel(f"its line {_PANDAS} holds something else than lists of texts, numbers, true and false")
    return tuple(tuple(one) for one in found)
