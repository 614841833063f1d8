"""A backtest answers what it knows at once, and says what it had to do again."""

import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from retrain_assets.backtest.backtest import Incumbent
from retrain_assets.model import PeriodAccess
from retrain_assets.registry.registry import Registry
from retrain_assets.store import PeriodStore

HEAVY = ("lightgbm", "sklearn", "pyarrow.parquet", "matplotlib", "dagster", "pandas", "scipy.special")


def test_a_record_that_stands_is_answered_without_what_trains_and_draws():
    read = "retrain_assets.cli.backtest, retrain_assets.onboarding.replayed_history, retrain_assets.backtest.backtest"
    program = f"import sys, {read}; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


LIVE = Incumbent("v1", datetime(2024, 1, 29), datetime(2024, 2, 5), datetime(2024, 2, 5))


@pytest.fixture
def known(own_build):
    """The backtest of a model that retrains on what it forgoes, and a store that holds its rows and its matrix."""
    spec, store, results = own_build
    shutil.copytree(results.root, store.root, dirs_exist_ok=True)
    found = spec.backtest
    return replace(found, triggers=found.triggers.model_copy(update={"on_forgone_gain": 0.5})), store


def test_what_the_live_version_forgoes_is_asked_only_where_the_spec_retrains_on_it(known):
    asks, store = known
    found = asks.forgone(store, LIVE)
    assert (found.version, found.period, found.certainty) == ("v1", store.periods("raw_data")[-1], 0.5)
    silent = replace(asks, triggers=asks.triggers.model_copy(update={"on_forgone_gain": None}))
    assert silent.forgone(store, LIVE) is None


def test_a_record_that_stands_is_kept_and_one_of_changed_rows_says_so(known):
    asks, store = known
    first = asks.run(store, store, workers=1)
    found, again = asks.keep_up(store, LIVE)
    assert again == first
    assert found == asks.forgone(store, LIVE)
    period = store.periods("raw_data")[0]
    store.write_table("raw_data", period, store.require_table("raw_data", period).slice(1))
    anew = asks.run(store, store, workers=1)
    assert anew.problems[0].startswith("The spec or stored rows changed since the last backtest: ")


def test_a_procedure_without_history_proves_nothing_and_says_why(known, tmp_path):
    asks, _ = known
    access = PeriodAccess(PeriodStore(tmp_path / "empty"), Registry(tmp_path / "registry", "delivery"), "2024-02-26")
    found = asks.procedure(access, datetime(2024, 2, 5), 0.02, timedelta(weeks=4))
    assert not found.proven
    assert "no period with rows is stored" in found.sentence
