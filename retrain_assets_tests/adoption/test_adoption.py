"""`retrain adopt`: a model that was trained elsewhere is the first version, and one like any other from then on."""

import json
import re
import shutil
from dataclasses import replace
from datetime import date, datetime

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from benchmarks.worlds.parcels import World, make_world, open_world, rows_of
from retrain_assets.adoption.adoption import GivenModel
from retrain_assets.alerts import read as read_alerts
from retrain_assets.errors import ForeignModel, NotEnoughData
from retrain_assets.model import PeriodAccess
from retrain_assets.pipeline import adoption
from retrain_assets.raw.policy import Columns
from retrain_assets.registry.journal.history import History
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.rulings import Signature
from retrain_assets.registry.training_record import TrainingRecord
from retrain_assets.scoring.model_text import read_model_text
from retrain_assets.store import PeriodStore
from retrain_assets.validation.attempt import LoadedVersion
from retrain_assets_tests.adoption.elsewhere import FEATURES, parcels_model, trained
from retrain_assets_tests.backtest.worlds import parcels
from retrain_assets_tests.commanded import CHANGES, PERIODS, environment, retrain

GIVEN = ("--trained-until", "2024-01-14", "--reason", "in use since 2023")


@pytest.fixture(scope="module")
def adopted(tmp_path_factory):
    """The folder in which a model of two weeks was adopted as of the third, and what the command printed."""
    folder = tmp_path_factory.mktemp("adopted")
    rows = rows_of(5, slower_from=4)
    with dg.DagsterInstance.ephemeral() as instance, pytest.MonkeyPatch.context() as patch:
        make_world(folder / "models", rows, instance, **CHANGES)
        parcels_model(rows[rows["at"] < "2024-01-15"]).save_model(str(folder / "model.txt"))
        environment(patch, folder, folder / "models" / "home")
        said = retrain("adopt", "delivery", "model.txt", "--period", PERIODS[2], *GIVEN).output
    return folder, said


@pytest.fixture
def world(adopted, monkeypatch, instance) -> World:
    environment(monkeypatch, adopted[0], adopted[0] / "models" / "home")
    return open_world(adopted[0] / "models", instance)


def test_the_decision_is_an_event_of_the_person_with_what_was_measured(adopted, world):
    event = world.registry.history()[-1]
    assert (event.action, event.to_version, event.actor, event.person) == ("adopted", "v1", "ada", True)
    assert event.reason == "in use since 2023"
    verdict = world.registry.verdict(world.registry.live())
    assert (verdict.gate.start, verdict.gate.end) == ("2024-01-15T00:00:00", "2024-01-21T00:00:00")
    assert verdict.evidence["trained_until"] == "2024-01-15T00:00:00"
    assert "adopted: model.txt is v1 of delivery" in adopted[1]
    assert "It serves from 2024-01-22 on" in adopted[1]
    assert [alert.kind for alert in read_alerts(adopted[0] / "models" / "home")] == ["promoted"]
    assert world.registry.verify() == []


def test_its_explanation_speaks_of_no_floor_and_says_what_is_not_asked_once(adopted, world):
    said = retrain("explain", "delivery").stdout
    assert "against a constant, for there was no live model; it is live because a person decided so." in said
    assert "not asked: not asked" not in said


def test_its_scores_are_those_of_the_file_bit_by_bit(adopted, world):
    import lightgbm as lgb

    rows = rows_of(5, slower_from=4).tail(700)
    coded = rows[FEATURES].assign(vehicle=pd.Categorical(rows.vehicle, categories=["van", "bike", "car"]))
    expected = lgb.Booster(model_file=str(adopted[0] / "model.txt")).predict(coded)
    from retrain_assets.serving.live import load_live

    scores = load_live("delivery").predict({name: rows[name].tolist() for name in FEATURES})
    assert np.array_equal(scores["score"], expected)


def test_the_baseline_is_its_loss_on_the_rows_of_the_gate(adopted, world):
    import lightgbm as lgb

    rows = rows_of(5, slower_from=4)
    rows = rows[(rows["at"] >= "2024-01-15") & (rows["at"] < "2024-01-21")]
    coded = rows[FEATURES].assign(vehicle=pd.Categorical(rows.vehicle, categories=["van", "bike", "car"]))
    error = np.abs(lgb.Booster(model_file=str(adopted[0] / "model.txt")).predict(coded) - rows.minutes).mean()
    held = world.registry.verdict(world.registry.live()).evidence["baseline"]
    assert held["mean"] == pytest.approx(error, abs=1e-8)


def test_rows_before_the_declared_day_never_judge_it(world):
    record = TrainingRecord.from_files(world.registry.read(world.registry.live().digest))
    assert (record.trained_from, record.trained_until) == ("2024-01-01T00:00:00", "2024-01-15T00:00:00")
    assert record.rows == 0
    assert len(str(record.adopted)) == 64


def test_every_page_tells_of_it(adopted, world):
    assert "v1, trained elsewhere, was adopted" in retrain("explain", "delivery").output
    assert json.loads(retrain("history", "delivery", "--json").output)[0]["action"] == "adopted"
    assert "rows that are not known; by declaration none from 2024-01-15 on" in retrain("card", "delivery").output
    assert "v1" in retrain("status", "delivery").output
    assert History(world.registry.history()).anchor.name == "v1"


def test_it_is_monitored_and_has_to_be_beaten_by_the_next(world):
    world.monitor(PERIODS[3:5])
    assert world.store.read_json("performance_report", PERIODS[4])["version"] == "v1"
    result = world.run("retrain", PERIODS[4])
    assert result.success
    verdict = world.store.read_json("validation_report", PERIODS[4])
    assert verdict["champion_digest"] == world.registry.versions()[0].digest


def test_a_second_one_is_refused_while_a_version_is_live(adopted, world):
    refusal = retrain("adopt", "delivery", "model.txt", *GIVEN, code=1).stderr
    assert "is live, and a model from elsewhere does not take its place unjudged" in refusal


@pytest.fixture
def untouched(adopted, monkeypatch, tmp_path):
    """The same specs and file, in a home in which nothing has happened."""
    environment(monkeypatch, adopted[0], tmp_path / "home")
    return tmp_path / "home"


@pytest.mark.parametrize(
    ("file", "given", "sentence"),
    [
        ("models/rows.parquet", GIVEN, "rows.parquet: it begins with .*no LightGBM text model"),
        ("model.txt", ("--period", "2023-05-01", *GIVEN), "has no period 2023-05-01|2023-05-01"),
        ("nothing.txt", GIVEN, "'nothing.txt' does not exist"),
        ("model.txt", ("--reason", "x"), "Missing option '--trained-until'"),
        ("model.txt", ("--by", "run 4f2a91bc", *GIVEN), "is the name of a run, no person's"),
    ],
)
def test_bad_input_is_a_sentence_and_leaves_nothing_behind(untouched, file, given, sentence):
    ended = retrain("adopt", "delivery", file, *given, code=2)
    assert re.search(sentence, " ".join(ended.stderr.split()))
    assert not (untouched / "registry").exists()


def test_an_unknown_model_is_refused_with_the_known_names(untouched):
    refusal = retrain("adopt", "parcel", "model.txt", *GIVEN, code=2).stderr
    assert re.search(r"no model 'parcel'; known: .*delivery", " ".join(refusal.split()))


BLANKS = {"distance": "the distance"}
NUMBERS = {"the distance": {"min": 0, "max": 100}, "weight": None}


@pytest.fixture(scope="module")
def blank(tmp_path_factory):
    """Three weeks of parcels whose distance is called with a blank, taken in, and a model of the first two."""
    folder = tmp_path_factory.mktemp("blank")
    rows = rows_of(3).rename(columns=BLANKS)
    columns = {"numeric": NUMBERS, "categorical": ["vehicle"], "groups": ["district"]}
    spec, store = parcels(folder, weeks=3, rows=rows, columns=columns)
    features = rows[["the distance", "weight", "vehicle"]].astype({"vehicle": "category"})
    first = rows["at"] < "2024-01-15"
    booster = trained(features[first], rows.minutes[first].to_numpy(), 20, objective="regression_l1")
    return spec, store, booster, features


def access_of(blank, folder, period=PERIODS[2]):
    spec, store, _, _ = blank
    own = PeriodStore(folder / "stored")
    shutil.copytree(store.root, own.root)
    return PeriodAccess(own, Registry(folder / "registry", spec.name), period)


def given_of(blank, until="2024-01-14"):
    data = blank[2].model_to_string().encode()
    return GivenModel("model.txt", data, read_model_text(data), date.fromisoformat(until))


SIGNED = Signature("ada", "in use since 2023", datetime(2024, 2, 1), PERIODS[2])


def test_a_feature_whose_blanks_lightgbm_rewrote_scores_as_in_its_file(blank, tmp_path):
    spec, _, booster, features = blank
    access = access_of(blank, tmp_path)
    done = adoption(spec).adopt(access, given_of(blank), SIGNED)
    assert done.match.names["the_distance"] == "the distance"
    version = LoadedVersion.of(access.registry, access.registry.live().digest)
    rows = pa.Table.from_pandas(features.astype({"vehicle": str}), preserve_index=False)
    assert np.array_equal(version.scorer.scores(rows), booster.predict(features))


def test_what_does_not_fit_is_named_with_the_file(blank):
    spec = blank[0]
    narrow = replace(adoption(spec), columns=Columns(numeric=["weight"], categorical=["vehicle"]))
    with pytest.raises(ForeignModel, match=r"^model.txt: the spec has no feature the_distance"):
        narrow.matched(given_of(blank), {})


def test_a_model_that_may_have_seen_every_row_is_not_measured(blank, tmp_path):
    with pytest.raises(NotEnoughData, match=r"the model may have seen rows until 2024-01-20: no fresh row is left"):
        adoption(blank[0]).adopt(access_of(blank, tmp_path), given_of(blank, "2024-01-20"), SIGNED)


def test_fresh_rows_without_an_outcome_measure_nothing(blank, tmp_path):
    access = access_of(blank, tmp_path)
    access.store.path("outcomes", PERIODS[2]).unlink()
    with pytest.raises(
        NotEnoughData, match=r"delivery 2024-01-15: no row of .* has an outcome yet. Wait, or name a later"
    ):
        adoption(blank[0]).adopt(access, given_of(blank), SIGNED)


def test_without_a_stored_row_there_is_nothing_to_measure_on(blank, tmp_path):
    access = access_of(blank, tmp_path)
    for period in PERIODS[:3]:
        access.store.path("raw_data", period).unlink()
    with pytest.raises(NotEnoughData, match="delivery: no rows up to 2024-01-15 are stored. Name a period that has"):
        adoption(blank[0]).adopt(access, given_of(blank), SIGNED)


def test_a_model_of_numbers_alone_is_adopted_without_a_category_in_the_spec(blank, tmp_path):
    spec, _, _, features = blank
    numbers = features[["the distance", "weight"]].head(400)
    data = trained(numbers, numbers["weight"].to_numpy(), 5, objective="regression_l1").model_to_string().encode()
    columns = Columns(numeric=NUMBERS, groups=("district",))
    access = access_of(blank, tmp_path)
    given = GivenModel("model.txt", data, read_model_text(data), date(2024, 1, 14))
    done = replace(adoption(spec), columns=columns).adopt(access, given, SIGNED)
    assert (done.match.contract.levels, done.event.action) == ({}, "adopted")


@pytest.fixture
def taken_in(adopted, monkeypatch, tmp_path):
    """A source of three weeks that are taken in already, and a model that knows no cars and reads no weights."""
    folder = tmp_path / "models"
    rows = rows_of(5, slower_from=4)
    with dg.DagsterInstance.ephemeral() as instance:
        make_world(folder, rows[rows["at"] < "2024-01-22"], instance, **CHANGES)
    for asset in ("raw_data", "outcomes"):
        shutil.copytree(
            adopted[0] / "models" / "home" / "data" / "delivery" / asset, folder / "home/data/delivery" / asset
        )
    known = rows[(rows["at"] < "2024-01-15") & (rows["vehicle"] != "car")]
    coded = known[["distance", "vehicle"]].assign(vehicle=pd.Categorical(known.vehicle, categories=["van", "bike"]))
    trained(coded, known.minutes.to_numpy(), objective="regression_l1").save_model(str(tmp_path / "model.txt"))
    environment(monkeypatch, tmp_path, folder / "home")


@pytest.mark.usefixtures("taken_in")
def test_what_it_does_not_know_and_does_not_read_is_said():
    said = retrain("adopt", "delivery", "model.txt", "--period", PERIODS[2], *GIVEN).output
    assert re.search(
        r"vehicle: \d+\.\d % of the stored rows have a value that it does not know, scored as missing", said
    )
    assert "It does not read weight." in said


@pytest.mark.usefixtures("taken_in")
def test_the_newest_period_measures_it_where_none_is_named_and_a_program_gets_the_decision():
    told = json.loads(retrain("adopt", "delivery", "model.txt", "--json", *GIVEN).stdout)
    assert (told["action"], told["to_version"], told["period"]) == ("adopted", "v1", PERIODS[2])


def test_a_source_whose_rows_all_lie_before_its_first_period_measures_no_model(adopted, monkeypatch, tmp_path):
    with dg.DagsterInstance.ephemeral() as instance:
        make_world(tmp_path / "models", rows_of(1), instance, period={"every": "week", "start": "2199-01-07"})
    environment(monkeypatch, tmp_path, tmp_path / "home")
    model = adopted[0] / "model.txt"
    refusal = " ".join(retrain("adopt", "delivery", model, *GIVEN, code=2).stderr.split())
    assert "delivery: the source has no rows of a period that has ended. Check source.path." in refusal
