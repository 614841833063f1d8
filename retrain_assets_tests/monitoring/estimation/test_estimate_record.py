"""What a performance record says of rows without outcomes: in numbers of its own, and through its file."""

import json

import pytest

from retrain_assets.monitoring.estimation.estimate_record import EstimateRecord, PastEstimate, Truth
from retrain_assets.monitoring.estimation.estimator import ASSUMES
from retrain_assets_tests.monitoring.stored import estimated, past


def through_json(kind, record):
    return kind.from_dict(json.loads(json.dumps(record.to_dict())))


def test_the_excess_to_be_expected_is_what_lies_beyond_the_promise_on_all_rows():
    assert estimated(1.5, 1.2, 1.8, rows=40).excess_sum == pytest.approx(20.0)
    assert estimated(0.75, 0.5, 1.0, rows=40).excess_sum == pytest.approx(-10.0)


def test_an_estimate_survives_json_and_says_what_it_takes_for_granted():
    record = estimated(1.5, 1.2, 1.8)
    assert through_json(EstimateRecord, record) == record
    assert record.to_dict()["assumes"] == ASSUMES


def test_the_error_is_the_estimate_minus_the_truth_and_unknown_before():
    assert past("2019-01", 1.25, truth=1.375).error == pytest.approx(-0.125)
    assert past("2019-01", 1.25).error is None


@pytest.mark.parametrize(
    "entry",
    [
        past("2019-01", 1.25),
        past("2019-01", 1.25, truth=1.375),
        PastEstimate(
            "2019-01", "v1", 30, ("2019-01", "2019-02"), 1.0, 0.5, 1.5, 30, True, Truth(2.0, 1.75, 2.25, True)
        ),
    ],
    ids=["awaited", "without limits", "contradicted"],
)
def test_an_earlier_estimate_survives_json_with_what_is_known_of_its_truth(entry):
    assert through_json(PastEstimate, entry) == entry
