import subprocess
import sys

HEAVY = ("lightgbm", "sklearn", "pyarrow.parquet", "matplotlib", "dagster", "pandas", "scipy.special")


def test_a_record_that_stands_is_answered_without_what_trains_and_draws():
    read = "retrain_assets.cli.backtest, retrain_assets.onboarding.replayed_history, retrain_assets.backtest.backtest"
    program = f"import sys, {read}; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
