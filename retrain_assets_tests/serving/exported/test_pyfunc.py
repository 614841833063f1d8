"""What MLflow calls: raw columns of a data frame in, the version's scores out; MLflow itself where it is installed.

python3.11 -m venv mlflow && mlflow/bin/pip install mlflow==3.17.2 lightgbm==4.7.0
RETRAIN_MLFLOW_PYTHON=mlflow/bin/python make test
"""

import json
import os
import subprocess

import pandas as pd
import pytest

from retrain_assets.serving.export import export
from retrain_assets.serving.exported.pyfunc import PyfuncModel, _load_pyfunc
from retrain_assets.serving.live import loaded
from retrain_assets_tests.serving.world import ROWS, expected, live_model, promoted, registry_in

PYTHON = os.environ.get("RETRAIN_MLFLOW_PYTHON", "")
LOADED = """
import json, sys
import numpy as np, pandas as pd
import mlflow.lightgbm, mlflow.pyfunc
folder, rows = sys.argv[1], json.loads(sys.argv[2])
model = mlflow.pyfunc.load_model(folder)
booster = mlflow.lightgbm.load_model(folder)
print(json.dumps({
    "raw": list(model.predict(pd.DataFrame(rows))),
    "encoded": list(booster.predict(np.array([[0.5, 0.0], [1.5, 1.0]]))),
    "digest": model.metadata.metadata["digest"],
}))
"""


def test_a_data_frame_gets_the_scores_of_its_rows():
    live = live_model()
    frame = pd.DataFrame(ROWS.to_pydict())
    assert PyfuncModel(live.scorer).predict(frame).tolist() == expected(live)
    assert PyfuncModel(live.scorer).predict(frame.astype({"c": "category"})).tolist() == expected(live)


def test_the_folder_that_mlflow_hands_over_scores_like_the_registrys_own_version(tmp_path):
    registry = registry_in(tmp_path)
    promoted(registry, 1)
    export(registry, registry.live(), tmp_path / "out")
    scores = loaded(registry, registry.live()).score(ROWS).scores
    assert _load_pyfunc(str(tmp_path / "out")).predict(ROWS.to_pydict()).tolist() == scores.tolist()


@pytest.mark.skipif(not PYTHON, reason="RETRAIN_MLFLOW_PYTHON names no Python with MLflow")
def test_mlflow_loads_both_flavors_and_scores_alike_to_the_last_bit(tmp_path):
    registry = registry_in(tmp_path)
    promoted(registry, 1)
    export(registry, registry.live(), tmp_path / "out")
    rows = {"x": ROWS["x"].to_pylist(), "c": ROWS["c"].to_pylist()}
    done = subprocess.run(
        [PYTHON, "-c", LOADED, str(tmp_path / "out"), json.dumps(rows)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told, scores = json.loads(done.stdout.splitlines()[-1]), loaded(registry, registry.live()).score(ROWS).scores
    assert told == {"raw": scores.tolist(), "encoded": scores[:2].tolist(), "digest": registry.live().digest}
