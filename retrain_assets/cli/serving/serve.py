"""`retrain serve`: the live model behind HTTP."""

from __future__ import annotations

import os

import click

from retrain_assets.cli.shared import guarded, opened
from retrain_assets.errors import SpecError


@click.command()
@click.argument("name")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8080, show_default=True, help="Port to listen on; 0 takes a free one.")
@click.option("--max-rows", default=10_000, show_default=True, help="Most rows of one request.")
@click.option("--max-mb", default=8, show_default=True, help="Most megabytes of one request.")
@click.option("--log/--no-log", default=True, help="Log what was served, as Parquet under RETRAIN_HOME/served.")
@guarded
def serve(name: str, host: str, port: int, max_rows: int, max_mb: int, log: bool) -> None:
    """Serve the live version over HTTP: Open Inference Protocol v2, and rows by name at /predict.

    A promotion or a rollback is served within two seconds. Where other machines reach the address,
    RETRAIN_SERVE_TOKEN holds the token that requests must carry. Needs pip install 'retrain-assets[serve]'.

    Example: retrain serve taxi_charge --port 8080
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # one core a server: the threads of one row wait for each other
    try:
        from retrain_assets.serving.app import Limits, Server
        from retrain_assets.serving.process import Address
        from retrain_assets.serving.process import serve as serve_until_told
    except ModuleNotFoundError as missing:
        raise SpecError(f"{missing.name} is not installed: pip install 'retrain-assets[serve]'.") from None
    from retrain_assets.raw.served import served_folder
    from retrain_assets.serving.follower import Follower
    from retrain_assets.serving.served_log import ServedLog

    model = opened(name)
    server = Server(
        name,
        Follower(model.registry, model.store),
        model.spec.model,
        ServedLog(served_folder(name), model.spec.model) if log else None,
        Limits(max_mb << 20, max_rows),
    )
    serve_until_told(server, Address(host, port), lambda version, url: click.echo(f"{name} {version} on {url}"))


SERVE_COMMANDS = (serve,)
