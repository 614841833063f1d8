"""NannyML's estimate of accuracy per chunk, run by the python of an environment of its own: FOLDER [package].

Reads reference.parquet and analysis.parquet of the folder (columns `probability`, `called`, and in the reference
`truth`), or, with `package`, first puts the census frames there that come with NannyML. Writes estimates.json.
"""

import json
import sys
import time
import warnings
from pathlib import Path

import nannyml
import pandas as pd

CHUNK = 5000
NAMES = {"predicted_probability": "probability", "prediction": "called", "employed": "truth"}


def put_package_frames(folder: Path) -> None:
    """Write the census frames of the package, with the later truth beside the analysis."""
    data = Path(nannyml.__file__).parent / "datasets" / "data"
    pd.read_parquet(data / "employment_MA_reference.pq").rename(columns=NAMES).to_parquet(folder / "reference.parquet")
    truth = pd.read_parquet(data / "employment_MA_analysis_target.pq")
    analysis = pd.read_parquet(data / "employment_MA_analysis.pq").merge(truth, on="id", validate="1:1")
    analysis.rename(columns=NAMES).to_parquet(folder / "analysis.parquet")


def main() -> None:
    """Estimate, and write one accuracy per whole chunk with the CPU seconds of all."""
    folder = Path(sys.argv[1])
    if "package" in sys.argv[2:]:
        put_package_frames(folder)
    reference = pd.read_parquet(folder / "reference.parquet")
    analysis = pd.read_parquet(folder / "analysis.parquet").drop(columns="truth")
    began = time.process_time()
    estimator = nannyml.CBPE(
        problem_type="classification_binary",
        y_pred="called",
        y_pred_proba="probability",
        y_true="truth",
        metrics=["accuracy"],
        chunk_size=CHUNK,
    ).fit(reference)
    found = estimator.estimate(analysis).filter(period="analysis").to_df(multilevel=False)
    took = time.process_time() - began
    whole = found[found["chunk_end_index"] - found["chunk_start_index"] + 1 == CHUNK]
    record = {"accuracy": whole["accuracy_value"].tolist(), "cpu_seconds": took}
    (folder / "estimates.json").write_text(json.dumps(record))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
