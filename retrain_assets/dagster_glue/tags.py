"""The tags of runs and assets that the project reads again."""

MODEL_TAG = "retrain/model"
TRIGGER_TAG = "retrain/trigger_id"
KIND_TAG = "retrain/trigger"
EVENT_TAG = "retrain/event"
"""On a run that moved the live pointer, the number of its event in the journal."""
OUTCOME_TAG = "retrain/outcome"
AGAIN_TAG = "retrain/again"
"""On a retrain that is asked for once more, the id of the run that was killed."""
KEPT = ("rejected", "insufficient", "identical")
"""The outcomes of a retrain that kept the live version; its run succeeded all the same."""
