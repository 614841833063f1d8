"""The facts of a model, as tests of monitoring need them."""

from datetime import timedelta
from typing import Any

from retrain_assets.model import Model
from retrain_assets.periods import Calendar


def delivery(calendar: Calendar, **changed: Any) -> Model:
    """A binary model of deliveries, with some facts changed."""
    facts: dict[str, Any] = {
        "name": "delivery", "task": "binary", "classes": 2, "calendar": calendar, "key": "id", "time": "time",
        "label": "late", "label_delay": timedelta(0), "loss": "log_loss",
    }  # fmt: skip
    return Model(**facts | changed)
