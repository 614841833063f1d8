"""Model texts crafted so that LightGBM reads or writes where it may not, each with the sizes of its trees right.

    python -m retrain_assets_tests.scoring.crafted_models < model.txt

loads and scores every kind in one process, as whatever scores a version does, and prints what came of each; with
--unchecked and a kind's name it gives that one to LightGBM itself.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable

import numpy as np

from retrain_assets.errors import DataError

CHAIN = 20_000
HOSTILE = np.array([[np.nan] * 6, [1e300] * 6, [-1e300] * 6, [31.0] * 6, [2**31] * 6, [0.0] * 6])


def resized(model: bytes) -> bytes:
    """The model with the sizes of its trees made right again."""
    parts = re.split(rb"(?=Tree=\d+\n)", model.split(b"end of trees")[0])[1:]
    sizes = b" ".join(str(len(part)).encode() for part in parts)
    return re.sub(rb"tree_sizes=[^\n]*", b"tree_sizes=" + sizes, model, count=1)


def line(name: str, change: Callable[[list[bytes]], list[bytes]]) -> Callable[[bytes], bytes]:
    """Change the words of a line of the first tree (or of the head) that has it."""

    def crafted(model: bytes) -> bytes:
        found = re.search(rf"^{name}=([^\n]*)$".encode(), model, re.MULTILINE)
        assert found, name
        words = b" ".join(change(found[1].split(b" ")))
        return model[: found.start(1)] + words + model[found.end(1) :]

    return crafted


def first(word: str) -> Callable[[list[bytes]], list[bytes]]:
    """Another first word."""
    return lambda words: [word.encode(), *words[1:]]


def every(word: str) -> Callable[[list[bytes]], list[bytes]]:
    """The same word everywhere."""
    return lambda words: [word.encode()] * len(words)


def shorter(words: list[bytes]) -> list[bytes]:
    """Without its last word."""
    return words[:-1]


def only(word: str) -> Callable[[list[bytes]], list[bytes]]:
    """One word, however many there were."""
    return lambda words: [word.encode()]


def without(name: str) -> Callable[[bytes], bytes]:
    """Without a line."""
    return lambda model: re.sub(rf"^{name}=[^\n]*\n".encode(), b"", model, count=1, flags=re.MULTILINE)


def after(name: str, more: bytes) -> Callable[[bytes], bytes]:
    """With more at the end of a line."""
    line_of = re.compile(rf"^{name}=[^\n]*".encode(), re.MULTILINE)
    return lambda model: line_of.sub(lambda found: found[0] + more, model, count=1)


def chain(model: bytes) -> bytes:
    """One tree that goes down twenty thousand splits, whole in every other way."""
    nodes = CHAIN
    left = " ".join([*map(str, range(1, nodes)), str(~0)])
    right = " ".join(str(~leaf) for leaf in range(1, nodes + 1))
    zeros, leaves = " ".join(["0"] * nodes), " ".join(["1"] * (nodes + 1))
    tree = (
        f"Tree=0\nnum_leaves={nodes + 1}\nnum_cat=0\nsplit_feature={zeros}\nsplit_gain={zeros}\nthreshold={zeros}\n"
        f"decision_type={zeros}\nleft_child={left}\nright_child={right}\nleaf_value={leaves}\nleaf_weight={leaves}\n"
        f"leaf_count={leaves}\ninternal_value={zeros}\ninternal_weight={zeros}\ninternal_count={zeros}\nis_linear=0\n"
        "shrinkage=1\n\n\n"
    )
    head, rest = model.split(b"Tree=0\n", 1)
    return head + tree.encode() + rest[rest.index(b"end of trees") :]


KINDS: dict[str, Callable[[bytes], bytes]] = {
    "leaves without entries": line("num_leaves", only("60")),
    "a million leaves": line("num_leaves", only("1000000")),
    "leaves beyond an int": line("num_leaves", only("4294967297")),
    "leaves in other digits": line("num_leaves", only("\u0666")),
    "trees a round in other digits": line("num_tree_per_iteration", only("\u0661")),
    "leaves after a carriage return": after("shrinkage", b"\rnum_leaves=9999"),
    "no tree a round after a carriage return": after("label_index", b"\rnum_tree_per_iteration=0"),
    "a zero in a line": after("shrinkage", b"\0"),
    "shrinkage of letters": line("shrinkage", only("x")),
    "linear leaves after a space": line("is_linear", lambda words: [b"", b"1"]),
    "linear leaves twice over": line("is_linear", only("2")),
    "a line without a sign in a tree of one leaf": lambda model: re.sub(
        rb"Tree=0\n(.+\n)*", b"Tree=0\nnum_leaves=1\nnum_cat=0\nsplit_gain\nleaf_value=1\n", model, count=1
    ),
    "leaves below zero": line("num_leaves", only("-5")),
    "no leaf": line("num_leaves", only("0")),
    "one leaf less": line("num_leaves", only("5")),
    "one leaf with splits": line("num_leaves", only("1")),
    "a left child far away": line("left_child", first("99999999")),
    "a right child far away": line("right_child", first("99999999")),
    "a left child that is no leaf": line("left_child", first("-99999999")),
    "a right child that is no leaf": line("right_child", first("-1000")),
    "a left child that is itself": line("left_child", first("0")),
    "every left child the top": line("left_child", every("0")),
    "both children the top": lambda model: line("right_child", every("0"))(line("left_child", every("0"))(model)),
    "a child beyond an int": line("left_child", first("9999999999")),
    "the least int as child": line("left_child", first("-2147483648")),
    "left children cut": line("left_child", shorter),
    "right children cut": line("right_child", shorter),
    "no left children": without("left_child"),
    "no right children": without("right_child"),
    "a feature that is not there": line("split_feature", first("6")),
    "a feature far away": line("split_feature", every("99999999")),
    "a feature below zero": line("split_feature", every("-7")),
    "features cut": line("split_feature", shorter),
    "no features": without("split_feature"),
    "a split of no kind": line("decision_type", every("127")),
    "a split below any kind": line("decision_type", every("-1")),
    "every split of a category": line("decision_type", every("1")),
    "kinds cut": line("decision_type", shorter),
    "no kinds": without("decision_type"),
    "thresholds that are no number": line("threshold", every("nan")),
    "thresholds without end": line("threshold", every("inf")),
    "thresholds cut": line("threshold", shorter),
    "thresholds of letters": line("threshold", every("x")),
    "category sets without bounds": line("num_cat", only("99999999")),
    "category sets below zero": line("num_cat", only("-3")),
    "bounds far away": line("cat_boundaries", lambda words: [words[0], *[b"99999999"] * (len(words) - 1)]),
    "bounds below zero": line("cat_boundaries", lambda words: [b"-99999", *words[1:]]),
    "bounds that fall": line("cat_boundaries", lambda words: list(reversed(words))),
    "bounds cut": line("cat_boundaries", shorter),
    "no bounds": without("cat_boundaries"),
    "category words cut": line("cat_threshold", lambda words: words[:1] if len(words) > 1 else [b""]),
    "no category words": without("cat_threshold"),
    "a leaf that is no number": line("leaf_value", every("nan")),
    "leaves without end": line("leaf_value", every("1e308")),
    "leaf values cut": line("leaf_value", shorter),
    "no leaf values": without("leaf_value"),
    "linear leaves that are not there": line("is_linear", only("1")),
    "twenty thousand splits deep": chain,
    "features that the head does not have": line("max_feature_idx", only("0")),
    "more features than names": line("max_feature_idx", only("99999999")),
    "features below zero": line("max_feature_idx", only("-2")),
    "more classes than trees": line("num_class", only("1000")),
    "more trees a round than there are": line("num_tree_per_iteration", only("1000")),
    "no tree a round": line("num_tree_per_iteration", only("0")),
    "no class": line("num_class", only("0")),
    "classes below zero": line("num_class", only("-1")),
    "an objective of more classes": line("objective", lambda words: [b"multiclass", b"num_class:1000"]),
    "an objective that is none": line("objective", lambda words: [b"x" * 100_000]),
    "an objective that cannot be": line("objective", lambda words: [b"binary", b"sigmoid:-1"]),
    "names cut": line("feature_names", shorter),
    "infos cut": line("feature_infos", shorter),
    "constraints of other features": lambda model: model.replace(
        b"\nfeature_infos=", b"\nmonotone_constraints=1 1 1 1 1 1 1 1\nfeature_infos=", 1
    ),
    "a tree twice": lambda model: model.replace(b"Tree=1\n", b"Tree=0\n", 1),
    "a parameter of letters": lambda model: re.sub(rb"\[num_leaves: [^\n]*\]", b"[num_leaves: x]", model),
    "parameters without an end": lambda model: model.replace(b"\nend of parameters", b"\n"),
    "categories of pandas nested deep": lambda model: re.sub(
        rb"pandas_categorical:.*", b"pandas_categorical:" + b"[" * 100_000, model
    ),
}
"""What is done to a model of two trees or more with categories, by name."""

KINDS_OF_SIZES: dict[str, Callable[[bytes], bytes]] = {
    "sizes that are huge": line("tree_sizes", every("99999999")),
    "sizes below zero": line("tree_sizes", every("-1")),
    "sizes cut": line("tree_sizes", shorter),
    "no sizes and no trees": line("tree_sizes", only("")),
    "cut in a tree": lambda model: model[: model.index(b"left_child=") + 12],
}
"""What is done to the sizes themselves."""


def crafted(model: bytes) -> dict[str, bytes]:
    """Every kind made of a model, by name."""
    made = {name: resized(make(model)) for name, make in KINDS.items()}
    return made | {name: make(model) for name, make in KINDS_OF_SIZES.items()}


def main() -> None:
    """Print what comes of each kind: the refusal, or that it loads and scores."""
    made = crafted(sys.stdin.buffer.read())
    if sys.argv[1:2] == ["--unchecked"]:
        import lightgbm

        booster = lightgbm.Booster(model_str=made[sys.argv[2]].decode())
        booster.predict(HOSTILE[:, : booster.num_feature()])
        booster.predict(HOSTILE[:1, : booster.num_feature()], pred_contrib=True)
        return
    from retrain_assets.scoring.booster import predict

    found = {}
    for name, data in made.items():
        try:
            predict(data, HOSTILE)
            found[name] = "scores"
        except DataError as refused:
            found[name] = str(refused)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
