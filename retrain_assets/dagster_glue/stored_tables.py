"""How an asset of the team takes a stored table as its input: an IO manager that reads, and writes nothing."""

from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    import pyarrow as pa

    from retrain_assets.store import PeriodStore

KEY = "retrain_tables"
"""Name of the IO manager among a code location's resources."""


class StoredTables(dg.IOManager):
    """Hands a model's stored table to a downstream asset as an Arrow table."""

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Leave what the asset wrote as it is."""

    def load_input(self, context: dg.InputContext) -> "pa.Table":
        """Read the rows of the periods that the downstream asset is for: its own, or all where it has no partitions.

        Of `scored_batch`, which has no periods, it reads the scores of every file.

        Raises:
            dagster.Failure: None of these periods is stored.
        """
        model, asset = context.asset_key.path
        store: PeriodStore = context.resources.home.store(model)
        periods = list(context.asset_partition_keys) if context.has_asset_partitions else store.periods(asset)
        table = store.read_table(asset, periods)
        if table is None:
            span = periods[0] if len(periods) == 1 else f"{periods[0]} to {periods[-1]}" if periods else "any time"
            raise dg.Failure(
                f"{model}: no {asset} of {span} to read. Materialize it first, once a model is live.",
                allow_retries=False,
            )
        return table


@dg.io_manager(required_resource_keys={"home"})
def stored_tables() -> StoredTables:
    """The reader of the tables under the resource `home`, the same for every model."""
    return StoredTables()
