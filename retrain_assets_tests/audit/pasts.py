"""Explanations of a small built past, whose periods are the weeks of `verdicts`."""

from datetime import datetime, timedelta

from benchmarks.worlds.verdicts import MODEL, period
from retrain_assets.audit.explanation import explained
from retrain_assets.audit.pages.explanation_text import in_words


class Days:
    """The weeks of `verdicts`, which begin on Tuesdays."""

    first, format = period(0), "%Y-%m-%d"

    def key(self, at):
        return period((at - datetime(2019, 1, 1)) // timedelta(weeks=1))

    def bounds(self, key):
        start = datetime.fromisoformat(key)
        return start, start + timedelta(weeks=1)

    def shift(self, key, steps):
        return self.key(datetime.fromisoformat(key) + steps * timedelta(weeks=1))

    def between(self, first, last):
        found = []
        while first <= last:
            found.append(first)
            first = self.shift(first, 1)
        return found


def explanation(past, which=None, at=None):
    registry, store = past
    return explained(MODEL, registry, store, Days(), which, at)


def ask(past, which=None, at=None):
    """The explanation as programs read it."""
    return explanation(past, which, at).to_dict()


def told(past, which=None, at=None):
    """The explanation as people read it."""
    return in_words(explanation(past, which, at))
