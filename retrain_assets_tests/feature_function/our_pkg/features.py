"""Functions that keep to what is asked of them, and functions that do not, one way each."""

import random

import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets_tests.feature_function.our_pkg.units import MINUTES

NUMBER = 3


def add(table: pa.Table) -> pa.Table:
    """A number and a category."""
    table = table.append_column("pace", pc.multiply(pc.cast(table["distance"], pa.float64()), MINUTES))
    return weekday(table)


def other_rows(table: pa.Table) -> pa.Table:
    return add(table).slice(1)


def changed(table: pa.Table) -> pa.Table:
    return add(table).set_column(table.column_names.index("id"), "id", pc.add(table["id"], 1))


def outcome(table: pa.Table) -> pa.Table:
    return table.append_column("minutes", table["distance"])


def chance(table: pa.Table) -> pa.Table:
    return table.append_column("pace", pa.array([random.random() for _ in range(table.num_rows)]))


def among_others(table: pa.Table) -> pa.Table:
    return table.append_column("pace", pc.subtract(table["distance"], pc.mean(table["distance"])))


def no_table(table: pa.Table) -> object:
    return table.to_pydict()


def fault(table: pa.Table) -> pa.Table:
    return table.append_column("pace", table["speed"])


def weekday(table: pa.Table) -> pa.Table:
    return table.append_column("weekday", pc.cast(pc.day_of_week(table["at"]), pa.string()))


def twice(table: pa.Table) -> pa.Table:
    return weekday(weekday(table))


def of_many(table: pa.Table) -> pa.Table:
    return weekday(table) if table.num_rows > 60 else table
