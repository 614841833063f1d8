"""`retrain score`: the live model's predictions for a file of new rows."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from retrain_assets.cli.shared import guarded, now, spec_of


@click.command()
@click.argument("name")
@click.argument("rows", metavar="IN")
@click.argument("out", metavar="OUT", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--version", help="Another version than the live one, like v3.")
@click.option("--at", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%d %H:%M:%S"]), help="The version that was live then.")
@guarded
def score(name: str, rows: str, out: Path, version: str | None, at: datetime | None) -> None:
    """Score new rows (Parquet or CSV: a file, a glob or a folder) with the live version.

    OUT has the key and time of each row, its scores, and the version, digest and moment they come from.

    Example: retrain score taxi_charge new_rides.parquet scores.parquet
    """
    from retrain_assets.serving.batch import score_file
    from retrain_assets.serving.live import load_live

    spec = spec_of(name)
    live = load_live(name, version, at)
    table = spec.source.features.model_copy(update={"path": rows, "sql": None, "url_env": None})
    kept = (spec.source.key, spec.source.time)
    result = score_file(live, table, out, kept, now(), _progress)
    click.echo("", err=True)
    click.echo(f"{name} {live.version.name} scored {result.rows:,} rows into {out}.")
    for feature, count in sorted(result.unseen.items()):
        click.echo(f"{feature}: {count:,} rows have a category that {live.version.name} never saw, scored as missing.")


def _progress(rows: int) -> None:
    click.echo(f"\r{rows:,} rows", nl=False, err=True)


SCORE_COMMANDS = (score,)
