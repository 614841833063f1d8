"""`retrain export`: the live model laid out for other servers."""

from __future__ import annotations

import json
from pathlib import Path

import click

from retrain_assets.cli.shared import DONE_AS_JSON, VERSION, guarded, opened
from retrain_assets.documents.terminal import say


@click.command()
@click.argument("name")
@click.option(
    "--to", required=True, type=click.Path(file_okay=False, path_type=Path), help="A folder that is not there."
)
@VERSION
@click.option("--storage-uri", help="Where KServe will read the folder from: gs://bucket/model, pvc://volume/model.")
@click.option("--image", help="The container that the Containerfile makes.")
@click.option("--canary", type=click.IntRange(1, 100), default=100, help="Percent of the traffic for this version.")
@DONE_AS_JSON
@guarded
def export(name: str, to: Path, version: str | None, as_json: bool, **deployment: str | int | None) -> None:
    """Write the live version as a folder for MLflow, KServe or a program of your own.

    It holds the model, its feature contract, the scorer with numpy and LightGBM as its only needs, an MLmodel file, an
    example request with its answer, a KServe InferenceService and a Containerfile.

    Example: retrain export taxi_charge --to exports/taxi_charge_v5 --canary 10
    """
    from retrain_assets.serving.export import Deployment
    from retrain_assets.serving.export import export as write
    from retrain_assets.serving.live import version_of

    model = opened(name)
    found = version_of(model.registry, version)
    told = {key: value for key, value in deployment.items() if value is not None}
    write(model.registry, found, to, Deployment(**told))  # type: ignore[arg-type]
    if as_json:
        click.echo(json.dumps({"model": name, "version": found.name, "digest": found.digest, "to": str(to)}))
    else:
        say(f"{name} {found.name} is in {to}.")


EXPORT_COMMANDS = (export,)
