"""The tags of runs and assets that the project reads again."""

MODEL_TAG = "retrain/model"
TRIGGER_TAG = "retrain/trigger_id"
KIND_TAG = "retrain/trigger"
EVENT_TAG = "retrain/event"
"""On a run that moved the live pointer, the number of its event in the journal."""
OUTCOME_TAG = "retrain/outcome"
