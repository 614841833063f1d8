from datetime import datetime

from retrain_assets.backtest.matrix.stored_digests import StoredDigests


def digests(built):
    spec, rows, _, _ = built
    return StoredDigests.of(rows, spec.model, dated=False), spec


def test_what_comes_later_does_not_change_the_digest_of_what_came_before(built):
    found, _ = digests(built)
    earlier = found.before(datetime(2024, 2, 5))
    found.rows["2024-02-26"] = "changed"
    assert found.before(datetime(2024, 2, 5)) == earlier
    found.rows["2024-01-29"] = "changed"
    assert found.before(datetime(2024, 2, 5)) != earlier


def test_the_outcomes_of_a_period_are_those_that_a_label_delay_can_bring(built):
    found, _ = digests(built)
    before = found.of_rows_in(["2024-01-15"])
    found.outcomes["2024-02-05"] = "changed"
    assert found.of_rows_in(["2024-01-15"]) == before
    found.outcomes["2024-01-22"] = "changed"
    assert found.of_rows_in(["2024-01-15"]) != before


def test_dated_outcomes_may_correct_any_earlier_row(built):
    found, spec = digests(built)
    dated = StoredDigests(spec.model, True, dict(found.rows), dict(found.outcomes))
    before = dated.of_rows_in(["2024-01-15"])
    dated.outcomes["2024-02-05"] = "changed"
    assert dated.of_rows_in(["2024-01-15"]) != before
