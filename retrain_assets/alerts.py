"""One event per fact that somebody should hear of: a log line, a row in `alerts.jsonl`, and a message where configured.

Receivers are Apprise URLs in the environment variable RETRAIN_ALERT_URLS (separated by white space), so that no secret
stands in a spec. A dead receiver is logged and never fails the caller.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from retrain_assets.redaction import silent, without_secrets

_LOG = logging.getLogger("retrain_assets.alerts")

Kind = Literal[
    "stale",
    "drift",
    "business",
    "performance",
    "label_jump",
    "estimate",
    "probation",
    "rejected",
    "insufficient",
    "identical",
    "promoted",
    "rolled_back",
    "held",
    "refused",
    "crash",
]


@dataclass(frozen=True)
class Alert:
    """One fact: when, which model and period, what kind, and a sentence."""

    at: str
    model: str
    period: str
    kind: Kind
    sentence: str


def publish(alert: Alert, home: Path) -> bool:
    """Log an alert, append it to `<home>/alerts.jsonl` once, and send it to the configured receivers.

    Returns:
        False when the same fact (model, period, kind, sentence) stands in the file already; nothing is sent then.
    """
    path = home / "alerts.jsonl"
    if any(_fact(known) == _fact(alert) for known in read(home)):
        return False
    _LOG.warning("%s %s %s: %s", alert.model, alert.period, alert.kind, alert.sentence)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(asdict(alert)) + "\n")
    _send(alert)
    return True


def read(home: Path) -> list[Alert]:
    """Every alert so far, oldest first."""
    path = home / "alerts.jsonl"
    return [Alert(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []


def _fact(alert: Alert) -> tuple[str, str, str, str]:
    return alert.model, alert.period, alert.kind, alert.sentence


def _send(alert: Alert) -> None:
    urls = os.environ.get("RETRAIN_ALERT_URLS", "").split()
    if not urls:
        return
    title = f"{alert.model} {alert.period}: {alert.kind}"
    for number, url in enumerate(urls, start=1):
        receiver = f"alert receiver {number} of {len(urls)} in RETRAIN_ALERT_URLS"
        try:
            with silent(logging.getLogger("apprise")):
                taken = _sent(url, title, alert.sentence)
        except Exception as error:  # whatever a receiver's library raises, the run that had something to say goes on
            cause = without_secrets(f"{type(error).__name__}: {error}", urls)  # a traceback would show the URL
            _LOG.error("%s failed at the message %r: %s", receiver, title, cause)
            continue
        if not taken:
            _LOG.error("%s did not take the message %r", receiver, title)


def _sent(url: str, title: str, body: str) -> bool:
    """Whether a receiver took a message."""
    import apprise

    receivers = apprise.Apprise()
    return bool(receivers.add(url)) and bool(receivers.notify(title=title, body=body))
