"""Every subcommand of `retrain` as a person types it: what it prints, its exit code, and what it leaves behind."""

import re

import click
import dagster as dg
import yaml

from benchmarks.worlds.parcels import SPEC
from retrain_assets.cli import main
from retrain_assets_tests.commanded import CHANGES, PERIODS, retrain


def test_the_help_of_every_command_shows_an_example_that_names_it_and_its_options():
    for name, command in main.main.commands.items():
        example = re.search(rf"Example: retrain {name}\b(.*)", retrain(name, "--help").output)
        assert example, name
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", example[1])) <= known, name


def test_the_commands_of_the_first_version_are_there():
    wanted = {"demo", "check", "run", "monitor", "status", "history", "explain", "rollback", "verify"}
    assert wanted <= set(main.main.commands)


def test_hard_cases_of_a_period_outside_the_spec_are_bad_input(at_home):
    sentence = retrain("suite", "harvest", "delivery", "--period", "1999-01-04", code=2).stderr
    assert "delivery has no period 1999-01-04" in sentence


def test_the_runs_of_the_demo_stay_in_the_instance_that_the_ui_shows(at_home):
    with dg.DagsterInstance.get() as instance:
        assert instance.root_directory == str(at_home / "dagster")
        key = dg.AssetKey(["delivery", "raw_data"])
        assert instance.get_materialized_partitions(key) == set(PERIODS)
        users = {run.tags["dagster/user"] for run in instance.get_runs()}
    assert users == {"ada in a replay"}


def test_the_spec_of_these_tests_is_the_one_of_the_small_world(replayed):
    spec = yaml.safe_load((replayed[0] / "models" / "delivery.yaml").read_text())
    assert spec == yaml.safe_load(yaml.safe_dump(SPEC | CHANGES))
    assert isinstance(main.main, click.Group)
