"""The files of a version: what each scores, counts and promises again when it is loaded."""

import json

import pyarrow as pa
import pytest

from benchmarks.worlds.changes import RECIPE, fares, span
from benchmarks.worlds.training_records import record_of
from retrain_assets.candidates.origin_losses import OriginLosses
from retrain_assets.candidates.strategies import HeldRows, train_strategy
from retrain_assets.candidates.version_files import PROBE_ROWS, version_files
from retrain_assets.monitoring.profiles.files import EDGES_FILE, PROFILES_FILE
from retrain_assets.scoring.booster import predict
from retrain_assets.scoring.feature_contract import FeatureContract
from retrain_assets.store import PeriodStore

MONTHS = ["2018-01", "2018-02", "2018-03"]
TRIPS = fares(3, lambda month, miles, zone: 3 * miles)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    store = PeriodStore(tmp_path_factory.mktemp("store"))
    for number, month in enumerate(MONTHS):
        store.write_table("raw_data", month, TRIPS.slice(300 * number, 300))
    trained = train_strategy(HeldRows(TRIPS, RECIPE), span("2018-01-01", "2018-04-01"), "recent", 5, RECIPE)

    def of(reference):
        return version_files(store, RECIPE.columns, reference, trained, record_of(), OriginLosses("mae", ()))

    return of, trained


def test_a_version_has_every_file_that_loading_scoring_and_monitoring_read(built):
    of, trained = built
    files = of(MONTHS)
    assert set(files) == {
        "model.bst", "features.json", "training.json", "rolling_origins.json", EDGES_FILE, PROFILES_FILE, "probe.json",
    }  # fmt: skip
    assert files["model.bst"] == trained.model
    assert FeatureContract.from_dict(json.loads(files["features.json"])) == trained.contract
    assert of(MONTHS) == files, "the same rows give the same bytes"


def test_the_probe_holds_the_first_rows_and_the_scores_they_must_get(built):
    of, trained = built
    probe = json.loads(of(MONTHS)["probe.json"])
    assert len(probe["rows"]) == PROBE_ROWS
    columns = [pa.array(column, pa.float64()) for column in zip(*probe["rows"], strict=True)]
    assert [row[0] for row in probe["rows"]] == TRIPS["miles"].to_pylist()[:PROBE_ROWS]
    assert predict(trained.model, pa.table(columns, list(trained.contract.names))).tolist() == probe["scores"]


def test_the_reference_is_of_the_named_periods_alone(built):
    of, _ = built
    assert of(MONTHS)[PROFILES_FILE] != of(MONTHS[1:])[PROFILES_FILE]
