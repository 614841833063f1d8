import subprocess
import sys

HEAVY = ("lightgbm", "sklearn", "pyarrow.parquet", "matplotlib")


def test_a_record_that_stands_is_answered_without_what_trains_and_draws():
    program = f"import sys, retrain_assets.backtest.backtest; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
