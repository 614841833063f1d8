"""What MLflow calls: raw columns of a data frame in, the version's scores out."""

import pandas as pd

from retrain_assets.serving.exported.pyfunc import PyfuncModel
from retrain_assets_tests.serving.world import ROWS, expected, live_model


def test_a_data_frame_gets_the_scores_of_its_rows():
    live = live_model()
    frame = pd.DataFrame(ROWS.to_pydict())
    assert PyfuncModel(live.scorer).predict(frame).tolist() == expected(live)
    assert PyfuncModel(live.scorer).predict(frame.astype({"c": "category"})).tolist() == expected(live)
