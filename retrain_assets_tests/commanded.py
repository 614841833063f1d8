"""The `retrain` command in a home of its own: how the tests type it, and over which weeks."""

from click.testing import CliRunner

from benchmarks.worlds.parcels import SPEC
from retrain_assets.cli import main
from retrain_assets.registry.registry import Registry

PERIODS = [f"2024-{day}" for day in ("01-01", "01-08", "01-15", "01-22", "01-29", "02-05", "02-12")]
FIRST = PERIODS[2]
"""The week that has enough behind it for a first model: two to train on, one to judge by."""

CHANGES = {
    "period": {"every": "week", "start": "2024-01-01", "end": "2024-02-19"},
    "windows": SPEC["windows"] | {"min_train_periods": 2, "recent_periods": 2, "selection_origins": 1},
}
DECISION = {"at", "period", "action", "from_version", "to_version", "actor", "reason"}


def environment(patch, folder, home):
    """A home and a folder of specs of their own, and nobody's DAGSTER_HOME; all of it is put back afterwards."""
    patch.setenv("RETRAIN_HOME", str(home))
    patch.setenv("RETRAIN_MODELS", str(folder / "models"))
    patch.setenv("DAGSTER_HOME", str(home / "dagster"))
    patch.setenv("USER", "ada")
    patch.delenv("COLUMNS", raising=False)
    patch.delenv("RETRAIN_ALERT_URLS", raising=False)
    patch.chdir(folder)


def retrain(*words, code=0):
    """Run the command and require its exit code; the result with what it printed."""
    result = CliRunner().invoke(main.main, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def registry(home):
    return Registry(home / "registry", "delivery")
