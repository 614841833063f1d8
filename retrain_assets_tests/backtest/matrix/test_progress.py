from retrain_assets.backtest.matrix.progress import silent


def test_nobody_is_told():
    assert silent("fit", 1, 2) is None
