from dataclasses import replace
from datetime import datetime

from retrain_assets.backtest.matrix.evaluation_matrix import ROWS
from retrain_assets.backtest.matrix.losses import TrainedModels
from retrain_assets.backtest.matrix.origins import origin_at
from retrain_assets.backtest.matrix.work import Crew, MatrixWork, WorkPlace
from retrain_assets_tests.backtest.worlds import matrix_recipe

UNTIL = datetime(2024, 3, 4)


def place_of(own_build):
    spec, _, results = own_build
    rows = results.path(ROWS, results.periods(ROWS, "arrow")[0], "arrow")
    return spec, WorkPlace(rows, matrix_recipe(spec), results.root, UNTIL)


def test_an_origin_that_cannot_be_trained_is_recorded_with_the_reason(own_build):
    spec, place = place_of(own_build)
    work = MatrixWork.at(place)
    origin = origin_at(spec.model, spec.windows, datetime(2024, 1, 1))
    record = work.fit(origin, "recent", "key", True)
    assert "had an outcome by 2024-01-01" in record.problem
    assert work.fits.read(origin.key, "recent") == record


def test_rows_that_are_not_mature_stop_no_training(own_build):
    spec, place = place_of(own_build)
    work = MatrixWork.at(place)
    early, late = (origin_at(spec.model, spec.windows, datetime(2024, 2, day)) for day in (5, 26))
    assert work.stop_known(early)
    assert not work.stop_known(late)
    assert work.fit(late, "recent", "key", False).stopped_at is None


def test_processes_do_the_same_as_one(own_build):
    spec, place = place_of(own_build)
    origins = [origin_at(spec.model, spec.windows, datetime(2024, 2, day)) for day in (5, 12)]
    pieces = [("fit", (origin, name, "key", False)) for origin in origins for name in ("recent", "history")]
    told = []
    with Crew(place, 2, lambda *said: told.append(said)) as crew:
        shared = dict(crew.done("fit", pieces))
    with Crew(place, 1) as crew:
        alone = dict(crew.done("fit", pieces))
    assert {at: (one.trees, one.stopped_at) for at, one in shared.items()} == {
        at: (one.trees, one.stopped_at) for at, one in alone.items()
    }
    assert told[0] == ("fit", 0, 4)
    assert told[-1] == ("fit", 4, 4)


def test_a_model_that_is_trained_again_for_more_rounds_counts_as_training_time(own_build, monkeypatch):
    spec, place = place_of(own_build)
    work, clock = MatrixWork.at(place), iter(range(0, 1000, 7))
    origin = origin_at(spec.model, spec.windows, datetime(2024, 2, 5))
    record = work.fit(origin, "recent", "key", False)
    monkeypatch.setattr("retrain_assets.backtest.matrix.work.time.process_time", lambda: next(clock))
    short, long = (
        work.score(origin, TrainedModels({}, {"recent": rounds}, {}), f"{rounds}", {}).seconds
        for rounds in (record.trees, record.trees + 1)
    )
    assert (short, long) == (0, 7)


def test_without_rows_that_tell_when_to_stop_a_record_stays_as_it_is(own_build):
    spec, place = place_of(own_build)
    work = MatrixWork.at(place)
    origin = origin_at(spec.model, spec.windows, datetime(2024, 2, 26))
    record = work.fit(origin, "recent", "key", False)
    assert work.stop(origin, "recent", record).stopped_at is not None
    gone = replace(origin, stop=replace(origin.stop, end=origin.stop.start))
    assert work.stop(gone, "recent", record) == record
