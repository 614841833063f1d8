"""Daily losses of rolling origins: summed as pandas sums them, and read from a version's files as they were written."""

import numpy as np
import pandas as pd

from retrain_assets.candidates.origin_losses import FILE, DailyLosses, OriginLosses

TIME = np.sort(
    np.datetime64("2019-01-01", "us") + np.random.default_rng(1).integers(0, 9 * 86_400, 200).astype("m8[s]")
)
LOST = np.random.default_rng(2).random((2, 200))


def test_losses_are_summed_by_day():
    found = DailyLosses.of("2019-01-01", "recent", TIME, LOST[0])
    by_day = pd.Series(LOST[0]).groupby(pd.Series(TIME).dt.date)
    assert list(found.days) == list(by_day.sum().index)
    assert list(found.rows) == by_day.count().tolist()
    np.testing.assert_allclose(found.losses, by_day.sum())


def test_the_file_of_a_version_is_read_as_it_was_written():
    record = OriginLosses("mae", (DailyLosses.of("2019-01-01", "recent", TIME, LOST[0]),))
    assert OriginLosses.from_files({FILE: record.to_bytes()}) == record
    assert OriginLosses.from_files({}) is None
