"""The benchmark of decisions: the oracle is the best sequence, every target counts, a shuffle only moves times."""

from __future__ import annotations

from itertools import product

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.decisions.__main__ import lines, main
from benchmarks.decisions.loop import Played, cheapest
from benchmarks.decisions.streams import STREAMS, Stream, prepare


def test_the_oracle_is_the_cheapest_of_all_sequences_that_never_go_back():
    rng = np.random.default_rng(2)
    losses = [{number: float(rng.random()) for number in range(-1, period)} for period in range(1, 6)]
    every = [
        sum(of_model[chosen] for of_model, chosen in zip(losses, sequence, strict=True))
        for sequence in product(range(-1, 5), repeat=5)
        if list(sequence) == sorted(sequence) and all(chosen < period for period, chosen in enumerate(sequence, 1))
    ]
    assert cheapest(losses) == pytest.approx(min(every))


def played(served: float, undecided: int = 0, promoted: int = 4) -> Played:
    """20 attempts on a stream on which retraining always takes the loss from 1 to .8."""
    ended = ["insufficient"] * undecided + ["promoted"] * promoted
    attempts = [("2024-01", outcome, "") for outcome in [*ended, *["reject"] * (20 - len(ended))]]
    losses = {"served": served, "never": 1.0, "recent": 0.9, "history": 0.8, "preferred": 0.85, "oracle": 0.75}
    return Played(attempts, "2023-12", [], 0, 1000, losses)


@pytest.mark.parametrize(
    ("real", "shuffled", "met"),
    [
        (played(0.83), played(1.0, promoted=1), True),
        (played(0.85), played(1.0, promoted=1), False),
        (played(0.83, undecided=3), played(1.0, promoted=1), False),
        (played(0.83), played(1.0, promoted=2), False),
        (played(1.02), None, False),
    ],
)
def test_a_stream_meets_its_targets_only_if_every_one_is_met(real, shuffled, met):
    ((line, fine),) = lines("birds", real, shuffled)
    assert fine is met
    assert f"{(1 - real.losses['served']) / 0.2:.0%}" in line


def test_a_shuffled_copy_has_the_same_rows_and_the_same_times_in_another_order(tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    at = np.datetime64("2024-01-01", "us") + np.sort(rng.integers(0, 300, 2000)).astype("m8[D]")
    rows = pa.table({"id": np.arange(2000), "at": at, "x": rng.normal(size=2000), "y": rng.integers(0, 2, 2000)})
    pq.write_table(rows, tmp_path / "made.parquet")
    monkeypatch.setitem(STREAMS, "made", Stream("made.parquet", "id", "at", "y", "1d", "month"))
    tables = []
    for shuffled in (False, True):
        spec = prepare("made", tmp_path, tmp_path / str(shuffled), shuffled=shuffled)
        assert (spec.name, spec.task, spec.source.key) == ("made", "binary", "id")
        tables.append(pq.read_table(tmp_path / str(shuffled) / "made.parquet").sort_by("id"))
    plain, moved = tables
    assert plain.drop_columns(["at"]).equals(moved.drop_columns(["at"]))
    assert not plain["at"].equals(moved["at"])
    assert sorted(plain["at"].to_pylist()) == sorted(moved["at"].to_pylist())


def test_a_table_that_was_played_before_is_printed_and_a_missed_target_is_the_exit_code(tmp_path, capsys):
    import json

    (tmp_path / "birds.json").write_text(json.dumps(played(0.9).to_dict()))
    assert main(["--results", str(tmp_path), "--print"]) == 1
    said = capsys.readouterr().out
    assert "birds" in said
    assert "MISSED" in said
    assert "noaa_weather" not in said
