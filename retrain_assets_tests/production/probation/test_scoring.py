"""A version answers rows with scores, or with the fault that keeps it from answering; nothing of it is raised."""

import numpy as np
import pyarrow as pa
import pytest

from retrain_assets.errors import DataError
from retrain_assets.production.probation.scoring import ScoringResult, ServedVersion


class Contract:
    names = ("distance",)


class Model:
    """A model that doubles the distance, or fails."""

    contract = Contract()

    def scores(self, table):
        if "distance" not in table.column_names:
            raise DataError("feature 'distance' is missing")
        return 2 * table["distance"].to_numpy()


class Broken:
    def read(self, digest):
        raise DataError(f"{digest} is torn")


def test_a_version_that_loads_scores_rows():
    version = ServedVersion("v2", Model())
    assert version.answer(pa.table({"distance": [1.0, 2.0]})).scores.tolist() == [2.0, 4.0]
    assert version.features == {"distance"}


def test_no_rows_are_no_answer_and_no_fault():
    given = ServedVersion("v2", Model()).answer(pa.table({"distance": pa.array([], pa.float64())}))
    assert (given.scores, given.fault) == (None, "")


def test_a_missing_column_and_a_damaged_file_are_faults_of_the_version():
    lacking = ServedVersion("v2", Model()).answer(pa.table({"weight": [1.0]}))
    assert lacking.fault == "its feature contract is broken (DataError: feature 'distance' is missing)"
    torn = ServedVersion.load(Broken(), "v1", "9f")
    assert torn.fault == "it does not load (DataError: 9f is torn)"
    assert torn.answer(pa.table({"distance": [1.0]})).fault == torn.fault
    assert torn.features == frozenset()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_row_of_class_scores_is_bad_when_one_of_them_is_no_number(bad):
    assert ScoringResult.of(np.array([[0.5, 0.5], [bad, 0.5]])).fault == "1 of 2 scores are not finite"
