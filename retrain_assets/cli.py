"""The `retrain` command. Exit code 0: done; 1: the answer is no; 2: bad input, with a sentence that says what to do."""

from __future__ import annotations

import click

from retrain_assets.commands import guarded, opened
from retrain_assets.people_commands import PEOPLE_COMMANDS
from retrain_assets.registry_commands import REGISTRY_COMMANDS
from retrain_assets.report_commands import report_commands
from retrain_assets.run_commands import RUN_COMMANDS
from retrain_assets.suite_commands import suite_group


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Keep a deployed tabular model good: monitor, retrain, judge, promote, roll back.

    Data, registry and run history live under RETRAIN_HOME (default: .retrain in the current folder).
    """


for command in (*RUN_COMMANDS, *REGISTRY_COMMANDS, *PEOPLE_COMMANDS, *report_commands(guarded, opened)):
    main.add_command(command)
main.add_command(suite_group(guarded, opened))
