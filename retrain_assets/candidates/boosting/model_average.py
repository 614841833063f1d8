"""The average of two models as one model: their trees in one LightGBM text, every leaf worth half.

What is averaged are raw scores: values for regression, log-odds for two classes, one raw score per class for several.
The two models may know different levels of a category; the merged one reads the union of both, and a level that one of
them never saw goes on being unseen for its trees.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retrain_assets.errors import DataError
from retrain_assets.scoring.feature_contract import FeatureContract

_CATEGORICAL, _WORD = 1, 32
_SPLITS = ("cat_boundaries", "cat_threshold", "split_feature", "threshold", "decision_type")
"""Lines of a tree that say which categories go left at which node."""
_FREE = ("feature_infos", "tree_sizes")
"""Lines of the head in which two models of the same task and columns may differ."""


@dataclass(frozen=True)
class _Text:
    """A LightGBM text model in its parts; a tree is its lines in order, `head` too."""

    head: dict[str, str]
    trees: tuple[dict[str, str], ...]
    importances: dict[str, int]
    tail: str


def average_models(
    first: bytes, first_contract: FeatureContract, second: bytes, second_contract: FeatureContract
) -> tuple[bytes, FeatureContract]:
    """One model whose raw score is the mean of two models' raw scores, and the contract that it reads.

    Halving is exact in binary floating point, so that only the order of summation differs from the mean of the two.

    Args:
        first: A model's text.
        first_contract: What it reads.
        second: Another model of the same task, objective and features.
        second_contract: What that one reads; levels may differ.

    Returns:
        The merged text, the first model's trees before the second's, and the contract with every level of both.

    Raises:
        DataError: The two read other features, have another objective, or a text cannot be merged.
    """
    contract = union(first_contract, second_contract)
    texts = [_parse(first), _parse(second)]
    for name in sorted((texts[0].head.keys() | texts[1].head.keys()) - set(_FREE)):
        one, other = (text.head.get(name) for text in texts)
        if one != other:
            raise DataError(f"two models cannot be averaged: {name} is {one!r} in one, {other!r} in the other")
    maps = [_codes(old, contract) for old in (first_contract, second_contract)]
    trees = [_half(tree, codes) for text, codes in zip(texts, maps, strict=True) for tree in text.trees]
    infos = _feature_infos([text.head["feature_infos"].split(" ") for text in texts], maps)
    counts = {name: sum(text.importances.get(name, 0) for text in texts) for name in _by_use(texts)}
    head = texts[0].head | {"feature_infos": " ".join(infos)}
    return _render(_Text(head, tuple(trees), counts, texts[0].tail)), contract


def union(one: FeatureContract, other: FeatureContract) -> FeatureContract:
    """The contract that knows every level of both.

    Raises:
        DataError: They name other features, another order or other kinds.

    >>> zones = [FeatureContract(("zone",), {"zone": "categorical"}, {"zone": held}) for held in (("JFK",), ("EWR",))]
    >>> union(*zones).levels
    {'zone': ('EWR', 'JFK')}
    """
    if one.names != other.names or dict(one.kinds) != dict(other.kinds):
        raise DataError(
            f"two models cannot be averaged: one reads {', '.join(one.names)}, the other {', '.join(other.names)}"
        )
    levels = {name: tuple(sorted({*one.levels[name], *other.levels[name]})) for name in one.categorical}
    return FeatureContract(one.names, dict(one.kinds), levels)


def from_raw(raw: ArrayLike, objective: str) -> NDArray[np.float64]:
    """Scores of raw scores: probabilities of log-odds, and so on by the objective's link.

    Args:
        raw: Shape (n,), or (n, k) for k classes.
        objective: LightGBM's name of it.

    >>> from_raw([0.0, 2.0], "binary").round(3).tolist(), from_raw([[0.0, 0.0]], "multiclass").tolist()
    ([0.5, 0.881], [[0.5, 0.5]])
    """
    values = np.asarray(raw, dtype=np.float64)
    if objective == "binary":
        from scipy.special import expit

        return np.asarray(expit(values))
    if objective == "multiclass":
        from scipy.special import softmax

        return np.asarray(softmax(values, axis=1))
    return np.exp(values) if objective == "poisson" else values


def _by_use(texts: Sequence[_Text]) -> list[str]:
    """Features that some tree splits on, the most used first, as LightGBM lists them."""
    used = dict.fromkeys(texts[0].head["feature_names"].split(" "), 0)
    for text in texts:
        for name, count in text.importances.items():
            used[name] += count
    return sorted((name for name in used if used[name]), key=lambda name: -used[name])


def _parse(model: bytes) -> _Text:
    text = model.decode()
    start, end = text.find("\n\n"), text.find("end of trees")
    if not text.startswith("tree\n") or min(start, end) < 0:
        raise DataError(f"{len(model):,} bytes that begin with {model[:20]!r} are no LightGBM text model")
    head, body, rest = text[5:start], text[start + 2 : end], text[end:]
    found = re.search(r"\nfeature_importances:\n(.*?)\n*\nparameters:\n", rest, re.DOTALL)
    if found is None or "average_output" in head.split("\n"):
        raise DataError("a LightGBM model without importances and parameters, or a forest, cannot be averaged")
    counts = dict(line.rsplit("=", 1) for line in found[1].split("\n") if line)
    trees = tuple(_lines(block) for block in re.split(r"^Tree=\d+\n", body, flags=re.MULTILINE)[1:])
    return _Text(_lines(head), trees, {name: int(count) for name, count in counts.items()}, rest[found.end() :])


def _lines(block: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in block.split("\n") if line)


def _codes(old: FeatureContract, new: FeatureContract) -> dict[int, NDArray[np.int64]]:
    """For each categorical feature, by place, the new code of every old one."""
    return {
        place: np.array([new.levels[name].index(level) for level in old.levels[name]], dtype=np.int64)
        for place, name in enumerate(old.names)
        if old.kinds[name] == "categorical"
    }


def _half(tree: Mapping[str, str], codes: Mapping[int, NDArray[np.int64]]) -> dict[str, str]:
    """A tree of half the output, its categories under their new codes."""
    if tree.get("is_linear", "0") != "0":
        raise DataError("a LightGBM model with linear leaves cannot be averaged")
    changed = dict(tree)
    for name, form in (("leaf_value", ".17g"), ("internal_value", "g"), ("shrinkage", "g")):
        changed[name] = " ".join(format(float(value) / 2, form) for value in tree.get(name, "").split())
    if int(tree["num_cat"]):
        changed["cat_boundaries"], changed["cat_threshold"] = _recoded(tree, codes)
    return changed


def _recoded(tree: Mapping[str, str], codes: Mapping[int, NDArray[np.int64]]) -> tuple[str, str]:
    """The sets of categories that go left, as bits in words of 32, under their new codes."""
    ends_of, sets_of, split_on, threshold, kinds = (tree[name].split() for name in _SPLITS)
    bounds, words = [int(bound) for bound in ends_of], np.array(sets_of, dtype=np.uint32)
    feature = {
        int(float(place)): int(column)
        for column, place, kind in zip(split_on, threshold, kinds, strict=True)
        if int(kind) & _CATEGORICAL
    }
    sets = [
        _bits(codes[feature[place]][_members(words[begin:end])])
        for place, (begin, end) in enumerate(zip(bounds, bounds[1:], strict=False))
    ]
    ends = np.cumsum([0, *(len(words) for words in sets)])
    return " ".join(map(str, ends)), " ".join(str(word) for words in sets for word in words)


def _members(words: NDArray[np.uint32]) -> NDArray[np.int64]:
    bits = np.unpackbits(words.view(np.uint8), bitorder="little")
    return np.flatnonzero(bits)


def _bits(members: NDArray[np.int64]) -> NDArray[np.uint32]:
    bits = np.zeros((int(members.max()) // _WORD + 1) * _WORD, dtype=np.uint8)
    bits[members] = 1
    return np.packbits(bits, bitorder="little").view("<u4")


def _feature_infos(infos: Sequence[Sequence[str]], maps: Sequence[Mapping[int, NDArray[np.int64]]]) -> list[str]:
    """What each feature held in training: a range of numbers, a list of codes, or `none`."""
    return [
        _info([_renamed(info[place], codes.get(place)) for info, codes in zip(infos, maps, strict=True)])
        for place in range(len(infos[0]))
    ]


def _renamed(info: str, codes: NDArray[np.int64] | None) -> str:
    if codes is None or info == "none":
        return info
    return ":".join(code if int(code) < 0 else str(codes[int(code)]) for code in info.split(":"))


def _info(infos: Sequence[str]) -> str:
    known = [info for info in infos if info != "none"]
    if not known:
        return "none"
    if known[0].startswith("["):
        bounds = [[float(bound) for bound in info[1:-1].split(":")] for info in known]
        return f"[{min(low for low, _ in bounds):.17g}:{max(high for _, high in bounds):.17g}]"
    return ":".join(map(str, sorted({int(code) for info in known for code in info.split(":")})))


def _render(text: _Text) -> bytes:
    blocks = [f"Tree={number}\n{_joined(tree)}\n\n\n" for number, tree in enumerate(text.trees)]
    head = text.head | {"tree_sizes": " ".join(str(len(block.encode())) for block in blocks)}
    counts = "".join(f"{name}={count}\n" for name, count in text.importances.items())
    end = f"end of trees\n\nfeature_importances:\n{counts}\nparameters:\n{text.tail}"
    return f"tree\n{_joined(head)}\n\n{''.join(blocks)}{end}".encode()


def _joined(lines: Mapping[str, str]) -> str:
    return "\n".join(f"{name}={value}" for name, value in lines.items())
