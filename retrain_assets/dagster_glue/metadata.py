"""Records as Dagster metadata: sentences, tables, schemas, digests."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import dagster as dg

from retrain_assets.documents.page import filled, text, unmarked
from retrain_assets.documents.units import called

Metadata = dict[str, dg.MetadataValue | dg.TableSchema | str | int | float]
"""What an asset's page shows, by name."""

Materialized = dg.MaterializeResult[Any]
"""The end of a step whose asset wrote its file itself and hands no value on."""


def sentence(template: str, *values: object) -> dg.MarkdownMetadataValue:
    r"""A sentence of our own Markdown with values put in for its `{}`; whatever they hold, none is read as markup.

    >>> sentence("**{}** rows of {}.", "12", "![x](http://elsewhere)").value
    '**12** rows of !\\[x\\](http\\://elsewhere).'
    """
    return dg.MetadataValue.md(filled(template, *values))


def column_schema(columns: Mapping[str, tuple[str, str]]) -> dg.TableSchema:
    """Dagster's column schema from name -> (type, description), which the UI shows as Markdown."""
    return dg.TableSchema(
        columns=[dg.TableColumn(name, type=kind, description=text(said)) for name, (kind, said) in columns.items()]
    )


def table(records: Sequence[Mapping[str, object]], row: str = "row") -> dg.TableMetadataValue:
    """Records as an inline table; an empty list shows a line that says so.

    Args:
        records: What stands in it, by the names of the columns.
        row: What the model's spec calls a row; the names of the columns call it so.
    """
    rows = [{called(key, row): _cell(value) for key, value in record.items()} for record in records]
    rows = rows or [{"entries": "none"}]
    return dg.MetadataValue.table([dg.TableRecord(line) for line in rows], schema=_schema(rows))


def pick(record: Mapping[str, object], *names: str) -> dict[str, object]:
    """Some of a record's entries.

    A table on an asset page has room for about five narrow columns; a wider one pushes everything there off the edge.
    """
    return {name: record[name] for name in names}


def short(digest: str | None) -> str:
    """The start of a digest, as the `retrain` command quotes it; a whole one is wider than the page."""
    return digest[:12] if digest else "none"


def _cell(value: object) -> str | int | float:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, int | bool):
        return value
    return "" if value is None else unmarked(value)


def _schema(rows: Sequence[Mapping[str, object]]) -> dg.TableSchema:
    kinds = {bool: "bool", int: "int", float: "float"}
    return dg.TableSchema([dg.TableColumn(name, kinds.get(type(value), "string")) for name, value in rows[0].items()])
