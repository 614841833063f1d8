"""Match the features of a model from elsewhere with a spec's columns: by name, by kind, and category by category.

A category reaches LightGBM as a code. A text model holds the values behind the codes only where it was trained on
pandas' category dtype (`pandas_categorical`); these are matched with the texts of the column, as ingestion would match
two spellings. Where the file does not hold them the coding cannot be known, and nothing is guessed.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from retrain_assets.documents.units import percent
from retrain_assets.errors import ForeignModel
from retrain_assets.model import Task
from retrain_assets.raw.notation.values import same_levels
from retrain_assets.raw.policy import Columns
from retrain_assets.scoring.feature_contract import FeatureContract, Kind
from retrain_assets.scoring.model_text import Level, ModelText

OBJECTIVES: Mapping[Task, frozenset[str]] = {
    "binary": frozenset({"binary"}),
    "multiclass": frozenset({"multiclass"}),
    "regression": frozenset(
        {"regression", "regression_l1", "huber", "fair", "poisson", "quantile", "mape", "gamma", "tweedie"}
    ),
}
MOST_UNKNOWN_SHARE = 0.5
"""Share of a column's rows with a value that the model does not know, above which the coding is not believed."""

_NEAREST, _SHOWN = 3, 5


@dataclass(frozen=True)
class ColumnValues:
    """The texts that a categorical column holds in stored rows, and in how many rows each."""

    rows: Mapping[str, int]

    def unknown_share(self, known: Sequence[str]) -> float:
        """Share of the rows whose value is none of the known ones; 0 without rows."""
        total = sum(self.rows.values())
        return sum(count for value, count in self.rows.items() if value not in known) / total if total else 0.0


@dataclass(frozen=True)
class FeatureMatch:
    """The contract that a model's features make with the columns.

    Attributes:
        contract: Columns in the model's order, each kind, each category's values in the order of the model's codes.
        names: From the model's name of each feature to the column's.
        unknown: Share of the stored rows whose value the model does not know, by column, where there are any.
        unused: Features of the spec that the model does not read.
    """

    contract: FeatureContract
    names: Mapping[str, str]
    unknown: Mapping[str, float] = field(default_factory=dict)
    unused: tuple[str, ...] = ()


def check_objective(text: ModelText, task: Task, classes: int) -> None:
    """Refuse a model that predicts something else than the task asks for.

    Raises:
        ForeignModel: It does.
    """
    name = text.objective.split(" ")[0]
    if not name:
        raise ForeignModel(
            "it names no objective (it was trained with a function of one's own), so that its scores are sums of trees "
            f"and no prediction. Train it with one of {', '.join(sorted(OBJECTIVES[task]))}"
        )
    if name not in OBJECTIVES[task]:
        fitting = next((known for known, names in OBJECTIVES.items() if name in names), None)
        other = f", which is of task {fitting}" if fitting else ""
        raise ForeignModel(
            f"its objective is {name}{other}; the spec's task {task} needs {', '.join(sorted(OBJECTIVES[task]))}"
        )
    if task == "multiclass" and text.classes != classes:
        raise ForeignModel(f"it tells {text.classes} classes apart, the spec says classes: {classes}")


def matched(text: ModelText, columns: Columns, values: Mapping[str, ColumnValues]) -> FeatureMatch:
    """Match a model's features with the columns of a spec.

    Args:
        text: The model's head.
        columns: The spec's columns.
        values: What each categorical column holds in stored rows.

    Raises:
        ForeignModel: A feature is no column, is of another kind, or a category's coding cannot be known or does not
            fit what the column holds.
    """
    names = _columns_of(text, columns)
    order = tuple(names.values())
    kinds: dict[str, Kind] = {name: "numeric" if name in columns.numeric else "categorical" for name in order}
    levels = _levels(text, order, kinds)
    spelled = {name: _as_column(name, given, values.get(name, ColumnValues({}))) for name, given in levels.items()}
    unknown = {name: values[name].unknown_share(known) for name, known in spelled.items() if name in values}
    for name, share in unknown.items():
        if share > MOST_UNKNOWN_SHARE:
            raise ForeignModel(
                f"{name}: {percent(share)} of the stored rows have a value that the model does not know; it knows "
                f"{_some(spelled[name])}, the rows hold {_some(sorted(values[name].rows))}. Bring the column's values "
                "into the form that the model was trained on"
            )
    return FeatureMatch(
        FeatureContract(order, kinds, spelled),
        names,
        {name: share for name, share in unknown.items() if share},
        tuple(name for name in columns.features if name not in order),
    )


def _columns_of(text: ModelText, columns: Columns) -> dict[str, str]:
    """The column behind each feature: of the same name, or of the name before LightGBM rewrote its blanks."""
    if all(name == f"Column_{number}" for number, name in enumerate(text.names)):
        raise ForeignModel(
            "its features are called Column_0, Column_1, ...: it was trained on an array without names. Train it on a "
            "table with the spec's column names, or give them as feature_name"
        )
    known = {**{name.replace(" ", "_"): name for name in columns.features}, **{name: name for name in columns.features}}
    found = {name: known.get(name) or known.get(unquote(name)) for name in text.names}
    lacking = []
    for name in (name for name, column in found.items() if column is None):
        near = difflib.get_close_matches(name, columns.features, _NEAREST)
        lacking.append(f"{name} (nearest: {', '.join(near)})" if near else name)
    if lacking:
        raise ForeignModel(
            f"the spec has no feature {'; '.join(lacking)}, which the model reads. List it under columns.numeric or "
            f"columns.categorical; the spec has {', '.join(columns.features)}"
        )
    order = [column for column in found.values() if column is not None]
    if len(set(order)) != len(order):
        raise ForeignModel(f"two of its features, of {', '.join(text.names)}, are the same column of the spec")
    return dict(zip(text.names, order, strict=True))


def _levels(text: ModelText, order: Sequence[str], kinds: Mapping[str, Kind]) -> dict[str, tuple[Level, ...]]:
    """The values behind the codes of each categorical column, as the file has them."""
    declared = [name for name in order if kinds[name] == "categorical"]
    coded = [name for position, name in enumerate(order) if text.codes(position) is not None]
    if wrong := [name for name in coded if kinds[name] == "numeric"]:
        raise ForeignModel(f"{_listed(wrong)} a category to the model and a number to the spec. {_move('categorical')}")
    if not declared:
        return {}
    if text.values is None:
        raise ForeignModel(
            f"the file does not say which code stands for which value of {', '.join(declared)}: it has no "
            "pandas_categorical. Train it on a pandas table with these columns as dtype category, or append a line "
            'like pandas_categorical:[["Basic", "Plus"]] to a copy of the file: one list per categorical feature, in '
            "the order of the features, its values in the order of their codes from 0 on"
        )
    if len(text.values) != len(declared):
        numbers = [name for name in declared if name not in coded]
        hint = f" Of these the model treats {', '.join(numbers)} as numbers or not at all." if numbers else ""
        raise ForeignModel(
            f"the file holds the values of {len(text.values)} categorical features, the spec lists {len(declared)} of "
            f"its features as categorical ({', '.join(declared)}).{hint} List those as categorical that were of "
            "pandas' dtype category, and no other"
        )
    given = dict(zip(declared, text.values, strict=True))
    for position, name in enumerate(order):
        if name in given:
            _check_codes(name, text.infos[position], text.codes(position), given[name])
    return given


def _check_codes(name: str, info: str, codes: tuple[int, ...] | None, values: Sequence[Level]) -> None:
    """Refuse values that are fewer than the codes that the model saw, which are then those of another column."""
    if codes is None and info.startswith("["):
        bounds = [float(bound) for bound in info.strip("[]").split(":")]
        if any(bound != int(bound) for bound in bounds) or bounds[0] < 0 or bounds[1] >= len(values):
            raise ForeignModel(
                f"{name} is a category to the spec, and to the model a number from {bounds[0]:g} to {bounds[1]:g}. "
                f"{_move('numeric')}"
            )
    if codes and max(codes) >= len(values):
        raise ForeignModel(
            f"{name}: the model saw the code {max(codes)}, the file holds {len(values)} values of it: the lists of "
            "pandas_categorical belong to other columns. List those as categorical that were of pandas' dtype category"
        )


def _as_column(name: str, values: Sequence[Level], held: ColumnValues) -> tuple[str, ...]:
    """The values as the column spells them, in the order of their codes."""
    texts = [_text(value) for value in values]
    spelling = same_levels(texts, held.rows.keys())
    spelled = tuple(spelling.get(text, text) for text in texts)
    if len(set(spelled)) != len(spelled):
        twice = sorted({text for text in spelled if spelled.count(text) > 1})
        raise ForeignModel(
            f"{name}: two of the model's values are the same text {_some(twice)} of the column, so that its code "
            "cannot be known"
        )
    if held.rows and not set(spelled) & held.rows.keys():
        raise ForeignModel(
            f"{name}: none of the model's values ({_some(spelled)}) stands in the column, which holds "
            f"{_some(sorted(held.rows))}. Bring the column's values into the form that the model was trained on"
        )
    return spelled


def _text(value: Level) -> str:
    """A value as ingestion would write it: codes without a decimal point."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _some(values: Sequence[str]) -> str:
    return ", ".join(map(repr, values[:_SHOWN])) + (", ..." if len(values) > _SHOWN else "")


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"


def _move(kind: str) -> str:
    return f"List it under columns.{kind}"
