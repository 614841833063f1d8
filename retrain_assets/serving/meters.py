"""What Prometheus reads of a model server: requests, latency, rows, version, unseen categories, age, the served log."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from retrain_assets.scoring.scorer import Scored
from retrain_assets.serving.follower import Follower, age_seconds
from retrain_assets.serving.served_log import ServedLog

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)


class Meters:
    """The counters of one server, in a registry of their own."""

    def __init__(self, model: str) -> None:
        self._registry = CollectorRegistry()
        labels = ["model"]
        self._requests = Counter("retrain_requests", "Requests.", [*labels, "route", "status"], registry=self._registry)
        self._seconds = Histogram(
            "retrain_request_seconds", "Time to answer.", [*labels, "route"], buckets=_SECONDS, registry=self._registry
        )
        self._rows = Counter("retrain_rows", "Rows that were scored.", [*labels, "version"], registry=self._registry)
        self._unseen = Counter(
            "retrain_unseen_categories",
            "Rows with a category that the version never saw.",
            [*labels, "feature"],
            registry=self._registry,
        )
        self._version = Gauge(
            "retrain_version",
            "1 for the version that answers.",
            [*labels, "version", "digest"],
            registry=self._registry,
        )
        self._age = self._gauge("retrain_model_age_seconds", "Time since the version was promoted.")
        self._changes = self._gauge("retrain_version_changes", "Changes of the version since the start.")
        self._fault = self._gauge("retrain_version_fault", "1 while the live version cannot be served.")
        self._written = self._gauge("retrain_served_log_rows", "Rows in the served log since the start.")
        self._lost = self._gauge("retrain_served_log_lost_rows", "Rows that could not be logged.")
        self._model = model
        self._answers: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, ["model"], registry=self._registry)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        known = self._answers.get((route, status))
        if known is None:
            known = self._requests.labels(self._model, route, status), self._seconds.labels(self._model, route)
            self._answers[route, status] = known
        requests, took = known
        requests.inc()
        took.observe(seconds)

    def scored(self, scored: Scored) -> None:
        """Count rows."""
        self._rows.labels(self._model, scored.version).inc(len(scored.scores))
        for name, count in scored.unseen.items():
            self._unseen.labels(self._model, name).inc(count)

    def text(self, follower: Follower, log: ServedLog | None) -> bytes:
        """Everything in the format of Prometheus, as of now."""
        self._version.clear()
        served = follower.served
        if served is not None:
            version = served.live.version
            self._version.labels(self._model, version.name, version.digest).set(1)
            self._age.labels(self._model).set(age_seconds(served.live))
        self._changes.labels(self._model).set(follower.changes)
        self._fault.labels(self._model).set(bool(follower.fault))
        if log is not None:
            self._written.labels(self._model).set(log.written)
            self._lost.labels(self._model).set(log.lost)
        return generate_latest(self._registry)
