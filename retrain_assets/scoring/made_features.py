"""Rows from outside with the features that a version's function makes, as they were made of its training rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from retrain_assets.errors import DataError, SpecError
from retrain_assets.feature_function.feature_function import as_inputs, feature_function
from retrain_assets.feature_function.made_columns import MadeColumns
from retrain_assets.raw.notation.numbers import plain_numbers
from retrain_assets.scoring.feature_contract import FeatureContract
from retrain_assets.store import Json


def with_made_features(rows: pa.Table | Mapping[str, Sequence[object]], contract: FeatureContract) -> pa.Table:
    """The rows with the columns that the function of a version's contract makes; rows that have them stay as they are.

    The function gets those of its columns that the rows have, in the kinds that it got them in when the version was
    trained; columns that the rows have already stay.

    Args:
        rows: Columns by name, or a table.
        contract: Of the version.

    Raises:
        DataError: The function cannot be imported, raised, or did what it may not.
    """
    table = rows if isinstance(rows, pa.Table) else pa.table(dict(rows) if isinstance(rows, Mapping) else rows)
    if contract.made is None or all(name in table.column_names for name in contract.names):
        return table
    made = MadeColumns.from_dict(contract.made)
    inputs = {name: kind for name, kind in made.inputs.items() if name in table.column_names}
    table, _ = plain_numbers(table, [name for name, kind in inputs.items() if kind == "number"], None)
    try:
        new, _ = feature_function(made.function).made(as_inputs(table, inputs), inputs, ())
    except SpecError as fault:
        raise DataError(f"the version reads {', '.join(made.columns)}, which {made.function} makes. {fault}") from None
    except DataError as fault:
        lacking = ", ".join(name for name in made.inputs if name not in inputs)
        hint = f" The rows lack {lacking}, which it was given in training." if lacking else ""
        raise DataError(f"{str(fault).rstrip('.')}.{hint}") from None
    for name in new.column_names:
        if name not in table.column_names:
            table = table.append_column(name, new[name])
    return table


def other_source(record: Json | None, version: str) -> str:
    """Say that the function's source is another today than when a version was trained; empty where it is not.

    A version without made features, and a function that cannot be imported here, which scoring names by itself, are
    nothing to say.
    """
    if record is None:
        return ""
    made = MadeColumns.from_dict(record)
    try:
        today = feature_function(made.function).sha256
    except SpecError:
        return ""
    if today == made.sha256:
        return ""
    return (
        f"{version} was trained on columns that {made.function} made with another source ({made.sha256[:12]}) than "
        f"today's ({today[:12]}): its features may mean something else. Bring that source back, or retrain."
    )
