"""One way to score, whatever the rows come as, and nothing but numpy and LightGBM needed for it."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from retrain_assets.errors import DataError
from retrain_assets.scoring.scorer import score_columns, scores_of
from retrain_assets_tests.serving.world import ROWS, expected

BARRED = """
import sys
ALLOWED = {"numpy", "lightgbm", "scipy", "narwhals", "retrain_assets"}  # scipy and narwhals are LightGBM's own
class Barred:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in ALLOWED and top not in sys.stdlib_module_names and not top.startswith("_"):
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Barred())
"""
"""What lets only numpy and LightGBM be imported."""

ALONE = f"""{BARRED}
import json
from retrain_assets.scoring.scorer import Scorer
files = {{name: open(sys.argv[1] + "/" + name, "rb").read() for name in ("model.bst", "features.json")}}
scored = Scorer.from_files(files, "v3", "9f").score({{"c": ["11", "12", None, "new"], "x": [0.5, 1.5, None, 2.5]}})
print(json.dumps([scored.scores.tolist(), scored.unseen, scored.version]))
"""


def test_it_scores_where_only_numpy_and_lightgbm_can_be_imported(live, tmp_path):
    (tmp_path / "model.bst").write_text(live.scorer.booster.model_to_string())
    (tmp_path / "features.json").write_text(json.dumps(live.scorer.contract.to_dict()))
    done = subprocess.run([sys.executable, "-c", ALONE, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert json.loads(done.stdout) == [expected(live), {"c": 1}, "v3"]


@pytest.mark.parametrize(
    "rows",
    [
        ROWS,
        ROWS.to_pandas(),
        ROWS.to_pydict(),
        {name: ROWS[name].to_numpy(zero_copy_only=False) for name in ("c", "x")},
        pd.DataFrame(ROWS.to_pydict()).sample(frac=1, axis=1, random_state=1),
    ],
    ids=["Arrow", "pandas", "lists", "arrays", "shuffled columns"],
)
def test_the_same_rows_get_the_same_scores_whatever_they_come_as(live, rows):
    scored = live.scorer.score(rows)
    np.testing.assert_array_equal(scored.scores, expected(live))
    assert scored.unseen == {"c": 1}


def test_no_rows_give_no_scores(live):
    assert live.scorer.scores({"x": [], "c": []}).shape == (0,)
    assert live.scorer.scores(pa.table({"x": pa.array([], pa.float64()), "c": pa.array([], pa.string())})).shape == (0,)


@pytest.mark.parametrize("shape", [(3,), (3, 12)])
def test_scores_come_back_from_a_table_with_their_classes_in_order(shape):
    scores = np.arange(float(np.prod(shape))).reshape(shape)
    columns = score_columns(scores)
    assert list(columns) == (["score"] if len(shape) == 1 else [f"score_{number}" for number in range(12)])
    table = pa.table(dict(sorted(columns.items())))
    np.testing.assert_array_equal(scores_of(table), scores)


def test_features_that_cannot_be_made_where_only_numpy_is_are_asked_for(live, monkeypatch):
    made = {"function": "pkg:add", "sha256": "9f", "inputs": {"y": "number"}, "columns": ["x"]}
    scorer = replace(live.scorer, contract=replace(live.scorer.contract, made=made))
    monkeypatch.setitem(sys.modules, "retrain_assets.scoring.made_features", None)  # cannot be imported
    with pytest.raises(DataError, match=r"v3 reads columns that pkg:add makes, .*: give rows that have x, c$"):
        scorer.score({"y": [1], "c": ["11"]})
    assert scorer.score(ROWS.to_pydict()).scores.tolist() == expected(live)
