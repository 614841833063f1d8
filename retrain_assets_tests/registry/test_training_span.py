"""What trained a version, as its own record says it, against the rows that are to judge it: through real runs too."""

from __future__ import annotations

import pytest

from benchmarks.worlds.parcels import SPEC, failure_of, make_world, rows_of
from benchmarks.worlds.verdicts import gate
from retrain_assets.errors import TrainedOnGate
from retrain_assets.registry.training_span import TrainingSpan, refuse_seen_rows
from retrain_assets_tests.served import TWO_WEEKS

FOUR_WEEKS = TWO_WEEKS | {"period": {"every": "week", "start": "2024-01-01", "end": "2024-01-29"}}
WEEK = "2024-01-22"
GATE = gate(1)  # 2019-01-08 to 2019-01-15


@pytest.mark.parametrize(
    ("first", "last", "refused"),
    [
        ("2019-01-01", "2019-01-08", False),
        ("2019-01-01", "2019-01-08T00:00:01", True),
        ("2019-01-15", "2019-02-01", False),
        ("2019-01-01", "2019-01-08T02:00:00+02:00", False),
        ("2019-01-01", "2019-02-01", True),
    ],
)
def test_training_may_end_where_the_gate_begins_and_not_a_moment_later(first, last, refused):
    span = TrainingSpan.of(first, last)
    if not refused:
        refuse_seen_rows("here", GATE, {"the candidate": span})
        return
    with pytest.raises(TrainedOnGate, match="here: the candidate was trained on rows up to 2019"):
        refuse_seen_rows("here", GATE, {"the candidate": span})


@pytest.mark.parametrize("files", [{}, {"training.json": b"[]"}, {"training.json": b'{"trained_until": "May"}'}])
def test_a_version_whose_record_does_not_say_has_no_span(files):
    assert TrainingSpan.in_files(files) is None


def test_windows_cut_anew_after_the_training_do_not_let_a_candidate_be_judged_on_what_it_saw(tmp_path, instance):
    built = make_world(tmp_path / "world", rows_of(4), instance, **FOUR_WEEKS)
    built.monitor(built.weeks(4))
    result = built.run(
        "retrain", WEEK, assets=["feature_windows", "candidate_recent", "candidate_history", "candidate_model"]
    )
    assert result.success, failure_of(result)
    later = {"source": SPEC["source"] | {"label_delay": "8d"}}  # the gate moves back, over the training rows
    built = make_world(tmp_path / "world", rows_of(4), instance, **FOUR_WEEKS | later)
    result = built.run("retrain", WEEK, assets=["feature_windows", "validation_report", "production_model"])
    assert not result.success
    said = f"judgement refused: TrainedOnGate: delivery {WEEK}: the candidate was trained on rows up to 2024-01-2"
    assert said in failure_of(result)
    assert built.registry.live() is None
    assert built.registry.spent() == ()
