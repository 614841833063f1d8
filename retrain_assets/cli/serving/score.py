"""`retrain score`: the live model's predictions for new rows."""

from __future__ import annotations

import json
from datetime import datetime

import click

from retrain_assets.cli.shared import DONE_AS_JSON, VERSION, guarded, now, spec_of
from retrain_assets.documents.terminal import say
from retrain_assets.documents.units import counted


@click.command()
@click.argument("name")
@click.argument("rows", metavar="IN")
@click.argument("out", metavar="OUT")
@VERSION
@click.option("--at", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%d %H:%M:%S"]), help="The version that was live then.")
@click.option("--reasons", type=click.IntRange(min=0), default=0, help="Name so many features that moved each score.")
@DONE_AS_JSON
@guarded
def score(name: str, rows: str, out: str, reasons: int, as_json: bool, **which: str | datetime | None) -> None:
    """Score new rows with the live version.

    IN and OUT are Parquet or CSV (IN a file, a glob or a folder), or sql:VARIABLE/TABLE, where VARIABLE is the
    environment variable that holds a database's URL; as IN, TABLE may be a query. OUT has the key and time of each row,
    its scores, and the version, digest and moment they come from; a file is replaced, a table appended to.

    Example: retrain score taxi_charge new_rides.parquet scores.parquet --reasons 3
    """
    from retrain_assets.serving.batch import Batch
    from retrain_assets.serving.live import load_live

    spec = spec_of(name)
    live = load_live(name, **which)  # type: ignore[arg-type]
    batch = Batch(live, (spec.source.key, spec.source.time), now(), reasons)
    result = batch.score(rows, spec.source.features, out, _progress)
    click.echo("", err=True)
    if as_json:
        record = {"model": name, "version": live.version.name, "digest": live.version.digest}
        click.echo(
            json.dumps({**record, "rows": result.rows, "out": out, "unseen": dict(sorted(result.unseen.items()))})
        )
        return
    say(f"{name} {live.version.name} scored {result.rows:,} rows into {out}.")
    for feature, count in sorted(result.unseen.items()):
        say(
            f"{feature}: {counted(count, 'row')} with a category that {live.version.name} never saw, scored as missing."
        )


def _progress(rows: int) -> None:
    click.echo(f"\r{rows:,} rows", nl=False, err=True)


SCORE_COMMANDS = (score,)
