"""What a model declares about its data: sources, columns with their ranges, and how much may be wrong."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from retrain_assets.policy import Duration, Policy
from retrain_assets.raw.notation.dialect import Notation
from retrain_assets.store import OWN

OUR_COLUMNS = frozenset({"label", "known_at", "version", "score"})
"""Columns of stored outcomes and predictions, beside the key and the time of their rows."""


DAY_FIRST, MONTH_FIRST = "day-first", "month-first"
"""The two readings of 01/02/2023, as `time_format` names them."""


_LOGIN = re.compile(
    r"://[^/?#]*:[^/?#]*@|[?&](sig|token|password|secret|key|[a-z_-]*(token|secret|password|key))=", re.I
)


WRITTEN = frozenset({"encoding", "separator", "decimal", "thousands", "time_format", "null_values", "rename"})
"""The keys beside a path that say how its files are written."""


class Table(Policy):
    """One table: a file or glob (Parquet or CSV, local or any fsspec URL), a SQL query, or what a model server logged.

    A relative `path` is resolved against the folder of the spec file when the spec is loaded. `sql` gets the bounds of
    the period as the bound parameters `:start` and `:end`; `url_env` names the environment variable with the SQLAlchemy
    URL. A folder stands for every file in it; parts of its path like `month=2023-01` are columns.

    How a CSV is written needs to be declared only where it has two readings: `encoding`, `separator`, `decimal` and
    `thousands` of its numbers; `time_format` of its times is `day-first`, `month-first` or a pattern like
    `%d/%m/%y`. `null_values` are words that mean a missing value, besides an empty field. `rename` gives columns the
    name that the spec calls them by, `{customer: account_id}`, in files that have only the other.

    `served` names the model whose server (`retrain serve`) logged these rows.
    """

    path: str | None = None
    served: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,62}$")
    sql: str | None = None
    url_env: str | None = None
    encoding: str | None = None
    separator: str | None = Field(default=None, min_length=1, max_length=1)
    decimal: Literal[".", ","] | None = None
    thousands: Literal[",", ".", " ", "'", ""] | None = None
    time_format: str | None = None
    null_values: tuple[str, ...] = ()
    rename: dict[str, str] = {}

    @model_validator(mode="before")
    @classmethod
    def _from_path(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(one is not None for one in (self.path, self.sql, self.served)) != 1:
            raise ValueError(
                "declare either path (a file or glob), sql (a query) or served (a model whose server logs its rows)"
            )
        if (self.sql is None) != (self.url_env is None):
            raise ValueError("sql needs url_env, the environment variable that holds the database URL")
        written = {"encoding", "separator", "decimal", "thousands"} & self.model_fields_set
        if self.path is None and written:
            raise ValueError(f"{', '.join(sorted(written))}: a query gives typed values, only a file is written so")
        if self.thousands and self.thousands == self.decimal:
            raise ValueError(f"decimal and thousands are both {self.thousands!r}")
        return self

    @field_validator("path")
    @classmethod
    def _without_login(cls, path: str | None) -> str | None:
        if path is not None and _LOGIN.search(path):
            raise ValueError(
                "a login or a key stands in the address, which Dagster would store and errors would show. Take it out, "
                "and give it to the file system by its own environment variables or configuration file"
            )
        return path

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, encoding: str | None) -> str | None:
        try:
            return encoding if encoding is None else codecs.lookup(encoding).name
        except LookupError:
            raise ValueError(f"unknown encoding {encoding!r}: write one like utf-8, latin-1 or cp1252") from None

    @field_validator("time_format")
    @classmethod
    def _known_form(cls, form: str | None) -> str | None:
        if form is None or form in (DAY_FIRST, MONTH_FIRST) or "%Y" in form or "%y" in form:
            return form
        raise ValueError(f"{form!r} is no form of times: write {DAY_FIRST}, {MONTH_FIRST} or a pattern like %d/%m/%Y")

    @field_validator("null_values", mode="before")
    @classmethod
    def _as_words(cls, value: Any) -> Any:
        words = [value] if isinstance(value, str) else value
        return ["" if word is None else str(word) for word in words] if isinstance(words, list | tuple) else words

    @property
    def notation(self) -> Notation | None:
        """How its numbers are declared to be written; None where they tell it themselves."""
        if self.decimal is None and self.thousands is None:
            return None
        decimal = self.decimal or ("," if self.thousands == "." else ".")
        return Notation(decimal, self.thousands or "")

    def resolved(self, folder: Path) -> Self:
        """The same table with a relative local path made absolute."""
        if self.path is None or "://" in self.path:
            return self
        return self.model_copy(update={"path": str((folder / self.path).resolve())})


class Source(Policy):
    """Where rows and outcomes are, and when an outcome is known.

    The outcome of a row is known `label_delay` after the row's own time, or at the time in the column `known_at` of the
    outcomes table where one is named. `label_unit` is what the label is counted in, such as `USD`, for every sentence
    about an error.

    `depends_on` are assets of the team's own Dagster project, like `warehouse/churn_rows`, that make these files.

    `label` is the outcome's column, or maps its values to classes or numbers: `label: {churned: {Y: 1, N: 0}}`.
    """

    features: Table
    outcomes: Table | None = None
    key: str
    time: str
    label: str
    label_delay: Duration
    known_at: str | None = None
    depends_on: tuple[str, ...] = ()
    label_unit: str | None = Field(default=None, min_length=1, max_length=20)
    label_values: dict[str, float] = {}

    @model_validator(mode="before")
    @classmethod
    def _mapped_label(cls, record: Any) -> Any:
        if not isinstance(record, dict) or not isinstance(record.get("label"), dict):
            return record
        (column, values), *more = record["label"].items() or [(None, None)]
        if more or not isinstance(values, dict) or "label_values" in record:
            raise ValueError("label: write the column and its values, like label: {churned: {Y: 1, N: 0}}")
        return {**record, "label": column, "label_values": values}

    @field_validator("label_values", mode="before")
    @classmethod
    def _as_text(cls, values: Any) -> Any:
        return {str(value): number for value, number in values.items()} if isinstance(values, dict) else values

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        """Read a table's keys beside key and time as those of `features`."""
        if not isinstance(value, dict) or "features" in value:
            return value
        table = {name: value[name] for name in Table.model_fields if name in value}
        rest = {name: given for name, given in value.items() if name not in table}
        return {"features": table, **rest} if table else value

    @field_validator("key", "time")
    @classmethod
    def _not_ours(cls, name: str, info: ValidationInfo) -> str:
        taken = OUR_COLUMNS if info.field_name == "time" else {*OUR_COLUMNS, "time"}
        if name in taken or re.fullmatch(r"score_\d+", name):
            raise ValueError(f"{name!r} is a column that stands beside it in what we store: rename it in the source")
        return _theirs(name)

    @model_validator(mode="after")
    def _needs_outcomes(self) -> Self:
        if self.known_at and not self.outcomes:
            raise ValueError("known_at is a column of the outcomes table: declare source.outcomes")
        if self.features.served and not self.outcomes:
            raise ValueError("rows that were served have no outcome: declare source.outcomes")
        return self


def _theirs(name: str) -> str:
    if name.startswith(OWN):
        raise ValueError(f"{name!r}: names that begin with {OWN!r} are our own: rename the column in the source")
    return name


class Column(Policy):
    """What one column may hold.

    A number outside [min, max] becomes missing (`outside: missing`) or takes its row out (`outside: reject`); either
    way it is counted and reported. A larger share of missing values than `max_missing` breaks the contract.
    """

    min: float | None = None
    max: float | None = None
    outside: Literal["missing", "reject"] = "missing"
    max_missing: float = Field(default=1.0, ge=0, le=1)


class Columns(Policy):
    """The model's features by kind, and columns that are features only if listed so too.

    `groups` split rows; `amounts` are numbers that price a row's errors (see `validation.metrics`).
    """

    numeric: dict[str, Column] = {}
    categorical: dict[str, Column] = {}
    groups: tuple[str, ...] = ()
    amounts: dict[str, Column] = {}

    @field_validator("numeric", "categorical", "amounts", mode="before")
    @classmethod
    def _from_list(cls, value: Any) -> Any:
        if isinstance(value, list):
            if odd := [name for name in value if not isinstance(name, str)]:
                raise ValueError(
                    f"{odd[0]!r} is no name: list names, or give each its rule, like {{miles: {{min: 0}}}}"
                )
            return {name: {} for name in value}
        if isinstance(value, dict):
            return {name: rule if rule is not None else {} for name, rule in value.items()}
        return value

    @field_validator("numeric", "categorical", "groups", "amounts")
    @classmethod
    def _not_ours(cls, names: Any) -> Any:
        for name in names:
            _theirs(name)
        return names

    @model_validator(mode="after")
    def _some_and_once(self) -> Self:
        twice = sorted(set(self.amounts) & {*self.numeric, *self.groups})
        if twice:
            raise ValueError(
                f"amounts: {', '.join(twice)} is listed elsewhere too. A numeric feature is an amount already"
            )
        both = sorted({*self.numeric, *self.amounts} & set(self.categorical))
        if both:
            raise ValueError(f"listed as numeric and as categorical: {', '.join(both)}")
        if not self.numeric and not self.categorical:
            raise ValueError("no feature is declared: list columns under numeric or categorical")
        ranged = sorted(name for name, rule in self.categorical.items() if rule.min is not None or rule.max is not None)
        if ranged:
            raise ValueError(f"a category has no range: take min and max from {', '.join(ranged)}")
        return self

    @property
    def features(self) -> tuple[str, ...]:
        """Feature names in declared order, numeric first."""
        return (*self.numeric, *self.categorical)

    @property
    def all(self) -> tuple[str, ...]:
        """Every declared column once: features, then groups that are no features, then amounts."""
        return tuple(dict.fromkeys((*self.features, *self.groups, *self.amounts)))


class Contract(Policy):
    """How much of a period may be wrong before it is refused, and how late its rows may come.

    `max_delay` counts from the end of the period; rows that are not there by then are an alert.
    """

    min_rows: int = Field(default=1, gt=0)
    max_delay: Duration | None = None
    max_rejected_share: float = Field(default=0.02, ge=0, le=1)
    max_outside_share: float = Field(default=0.05, ge=0, le=1)
