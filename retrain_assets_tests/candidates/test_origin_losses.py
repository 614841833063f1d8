"""Daily losses of rolling origins: summed as pandas sums them, and read from a version's files as they were written."""

import numpy as np
import pandas as pd

from retrain_assets.candidates.origin_losses import FILE, DailyLosses, OriginLosses, paired

TIME = np.sort(
    np.datetime64("2019-01-01", "us") + np.random.default_rng(1).integers(0, 9 * 86_400, 200).astype("m8[s]")
)
LOST = np.random.default_rng(2).random((2, 200))


def test_losses_are_summed_and_paired_by_day():
    one, other = (DailyLosses.of("2019-01-01", name, TIME, lost) for name, lost in zip("ab", LOST, strict=True))
    by_day = pd.Series(LOST[0] - LOST[1]).groupby(pd.Series(TIME).dt.date)
    days, rows, differences = paired(one, other)
    assert days == list(by_day.sum().index)
    assert rows == by_day.count().tolist()
    np.testing.assert_allclose(differences, by_day.sum())


def test_the_file_of_a_version_is_read_as_it_was_written():
    record = OriginLosses("mae", (DailyLosses.of("2019-01-01", "recent", TIME, LOST[0]),))
    assert OriginLosses.from_files({FILE: record.to_bytes()}) == record
    assert OriginLosses.from_files({}) is None
