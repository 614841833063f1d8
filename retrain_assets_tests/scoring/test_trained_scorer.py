"""What a judge reads beside the scores: what trained the version, and what its trivial baseline says."""

import json

import numpy as np

from benchmarks.worlds.training_records import record_of
from retrain_assets.scoring.trained_scorer import TrainedScorer
from retrain_assets_tests.serving.world import ROWS, expected


def loaded(live, **changes):
    files = {
        "model.bst": live.scorer.booster.model_to_string().encode(),
        "features.json": json.dumps(live.scorer.contract.to_dict()).encode(),
        "training.json": record_of(**changes).to_bytes(),
    }
    return TrainedScorer.from_files(files, "v3", "9f")


def test_it_scores_like_the_plain_scorer_and_knows_its_training(live):
    scorer = loaded(live, strategy="history")
    assert scorer.scores(ROWS).tolist() == expected(live)
    assert (scorer.version, scorer.training.strategy) == ("v3", "history")


def test_the_baseline_says_the_same_for_every_row(live):
    np.testing.assert_array_equal(loaded(live, baseline=2.5).baseline_scores(2), [2.5, 2.5])
    np.testing.assert_array_equal(loaded(live, baseline=(0.25, 0.75)).baseline_scores(2), [[0.25, 0.75]] * 2)
