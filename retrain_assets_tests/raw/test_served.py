"""What the version in charge of a period reads of its rows, and which files of the served log are read."""

import json
from types import SimpleNamespace

import pytest

from retrain_assets.errors import IntegrityError, NotFound, SourceError
from retrain_assets.raw.policy import Table
from retrain_assets.raw.served import served_files, served_folder, served_kinds
from retrain_assets.scoring.feature_contract import FeatureContract

KINDS = {"miles": "numeric", "zone": "categorical"}
CONTRACT = json.dumps(FeatureContract(("miles", "zone"), KINDS, {"zone": ("JFK",)}).to_dict()).encode()
SERVED = {"2019-02": SimpleNamespace(digest="d1")}


def test_the_kinds_are_those_of_the_version_in_charge_of_the_period():
    registry = SimpleNamespace(served_in=SERVED.get, read={"d1": {"features.json": CONTRACT}}.get)
    assert served_kinds(registry, "2019-02") == KINDS
    assert served_kinds(registry, "2019-01") == {}


@pytest.mark.parametrize("error", [IntegrityError, NotFound])
def test_a_damaged_version_asks_for_nothing_and_keeps_no_data_out(error):
    def damaged(digest):
        raise error(digest)

    assert served_kinds(SimpleNamespace(served_in=SERVED.get, read=damaged), "2019-02") == {}


def test_a_gathered_hour_takes_the_place_of_its_pieces_and_files_being_written_are_passed_over(tmp_path):
    names = [
        "2026-03-01T10-a.parquet",
        "parts/2026-03-01T10-a/000001.parquet",
        "parts/2026-03-01T11-a/000002.parquet",
        "parts/2026-03-01T11-a/.000003.parquet.partial",
        "parts/2026-03-01T11-b/000001.parquet",
        ".2026-03-01T11-b.parquet.partial",
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = [name.removeprefix(f"{tmp_path}/") for name in served_files(tmp_path)]
    assert sorted(found) == sorted([names[0], names[2], names[4]])


def test_nothing_served_yet_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("RETRAIN_HOME", str(tmp_path))
    with pytest.raises(SourceError, match="taxi_charge: nothing was served yet. Start `retrain serve`"):
        served_files(served_folder("taxi_charge"))


@pytest.mark.parametrize("name", ["../other", "Taxi", ""])
def test_a_served_source_names_a_model(name):
    with pytest.raises(ValueError, match="should match pattern"):
        Table(served=name)
