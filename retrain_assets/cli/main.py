"""The `retrain` command. Exit code 0: done; 1: the answer is no; 2: bad input, with a sentence that says what to do."""

from __future__ import annotations

import click

from retrain_assets.cli.backtest import backtest
from retrain_assets.cli.check import check
from retrain_assets.cli.documents import DOCUMENT_COMMANDS
from retrain_assets.cli.new import new
from retrain_assets.cli.people import PEOPLE_COMMANDS
from retrain_assets.cli.registry import REGISTRY_COMMANDS
from retrain_assets.cli.run import RUN_COMMANDS
from retrain_assets.cli.serving.export import EXPORT_COMMANDS
from retrain_assets.cli.serving.score import SCORE_COMMANDS
from retrain_assets.cli.serving.serve import SERVE_COMMANDS
from retrain_assets.cli.status import STATUS_COMMANDS
from retrain_assets.cli.suite import suite


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Keep a deployed tabular model good: monitor, retrain, judge, promote, roll back.

    Data, registry and run history live under RETRAIN_HOME (default: .retrain in the current folder).
    """


GROUPS = (
    RUN_COMMANDS,
    SCORE_COMMANDS,
    SERVE_COMMANDS,
    EXPORT_COMMANDS,
    STATUS_COMMANDS,
    REGISTRY_COMMANDS,
    PEOPLE_COMMANDS,
    DOCUMENT_COMMANDS,
)
for command in (new, check, backtest, *(one for group in GROUPS for one in group), suite):
    main.add_command(command)
