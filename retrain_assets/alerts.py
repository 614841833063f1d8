"""One event per fact that somebody should hear of: a log line, a row in `alerts.jsonl`, and a message where configured.

The facts that come up together for one model and period go out as one message. Receivers are Apprise URLs in the
environment variable RETRAIN_ALERT_URLS (separated by white space), so that no secret stands in a spec; RETRAIN_UI_URL
is where people open the Dagster UI, and makes every message link to the pages that show its facts. A dead receiver is
logged and never fails the caller.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from itertools import groupby
from pathlib import Path
from typing import BinaryIO, Literal
from urllib.parse import quote, urlencode

from retrain_assets.documents.plain_text import plain
from retrain_assets.documents.redaction import silent, without_secrets
from retrain_assets.documents.server import declared_url, is_plain_address, report_path
from retrain_assets.errors import require_extra

_LOG = logging.getLogger("retrain_assets.alerts")

FILE = "alerts.jsonl"

Kind = Literal[
    "stale",
    "drift",
    "broken",
    "business",
    "performance",
    "label_jump",
    "estimate",
    "skew",
    "probation",
    "rejected",
    "insufficient",
    "identical",
    "held_back",
    "promoted",
    "rolled_back",
    "held",
    "refused",
    "crash",
]
Severity = Literal["success", "info", "warning", "failure"]

SEVERITIES: dict[str, Severity] = {
    "promoted": "success",
    "identical": "info",
    "held_back": "info",
    "rejected": "info",
    "insufficient": "info",
    "drift": "info",
    "estimate": "info",
    "probation": "failure",
    "held": "failure",
    "crash": "failure",
}
"""Of the kinds that are no warning, in Apprise's words, by what they ask of a person: info nothing, failure now."""

NEXT_STEP: dict[str, str] = {
    "broken": "mend the source of that column, then materialize raw_data of the period again",
    "business": "open the performance report",
    "performance": "open the performance report; a retrain starts by itself once it pays",
    "label_jump": "check how outcomes are recorded, then `retrain release {model} --reason TEXT`",
    "probation": "open the probation report; go back with `retrain rollback {model}` if it does not by itself",
    "skew": "compare how the caller of the server and the source make that column",
    "held": "`retrain release {model} --reason TEXT`, or `retrain rollback {model} --reason TEXT` at once",
    "rolled_back": "`retrain explain {model}` tells why",
    "rejected": "nothing; `retrain explain {model}` tells why",
    "insufficient": "nothing; `retrain explain {model}` tells why",
    "identical": "nothing",
    "held_back": "nothing, or what the sentence ends with",
    "estimate": "usually nothing; the outcomes will tell",
    "refused": "open the run; its last line says the next step",
    "crash": "open the run and mend the cause",
}
"""What a person is to do; the kinds that are not here ask nothing, or their sentence says it."""

WORST_FIRST: tuple[Severity, ...] = ("failure", "warning", "info", "success")

PASSED_OVER = ". Passed over "
"""What a rollback's reason goes on with where older versions are damaged; a person has to restore them."""

ONE_ANSWER = ". Every row gets the same answer now"
"""What a rollback to the constant says; a person has to put a model back."""

PAGES: dict[str, str] = {
    "stale": "raw_data",
    "skew": "predictions",
    "drift": "drift_report",
    "broken": "drift_report",
    "business": "performance_report",
    "performance": "performance_report",
    "estimate": "performance_report",
    "label_jump": "performance_report",
    "probation": "probation_report",
    "held": "probation_report",
    "rejected": "validation_report",
    "insufficient": "validation_report",
    "identical": "validation_report",
    "held_back": "model_status",
    "promoted": "model_status",
    "rolled_back": "model_status",
}
"""The asset whose page shows a fact; the others are about a run."""

REPORTED = ("drift_report", "performance_report", "probation_report", "validation_report", "model_status")
"""The assets of which a period has a report."""

LONGEST = 200
"""Signs that a phone shows of a message, about."""

_CLAUSE_ENDS = re.compile(r"(; |(?<=[a-z0-9%)])\. (?=[A-Z]))(?![^(]*\))")
"""Where one part of a sentence of ours ends and the next begins, outside of brackets."""


@dataclass(frozen=True)
class Alert:
    """One fact: when, which model and period, what kind, and a sentence of signs that show, on one line.

    `fact` is the whole of what is known, where the sentence is short of it. It tells one fact from another, so that a
    sentence that is worded anew is not sent again.
    """

    at: str
    model: str
    period: str
    kind: Kind
    sentence: str
    fact: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "sentence", plain(self.sentence))
        object.__setattr__(self, "fact", plain(self.fact))

    @property
    def severity(self) -> Severity:
        """How urgent it is.

        >>> Alert("2024-03-01", "taxi", "2024-02", "rolled_back", "v1 is live, it was v2").severity
        'warning'
        >>> Alert("2024-03-01", "taxi", "2024-02", "rolled_back", "v1 is live. Passed over v2: damaged").severity
        'failure'
        """
        if self.kind == "rolled_back" and (PASSED_OVER in self.sentence or ONE_ANSWER in self.sentence):
            return "failure"
        return SEVERITIES.get(self.kind, "warning")


def brief(sentence: str, longest: int = LONGEST) -> str:
    """The beginning of a sentence that fits a phone: as many of its parts as do, the first one whatever its length.

    >>> brief("v2 was off by $1.69 a ride (v1 by $1.43; 9 days). It is at least $1.50; $80 more so far.", 60)
    'v2 was off by $1.69 a ride (v1 by $1.43; 9 days).'
    """
    parts = _CLAUSE_ENDS.split(sentence)
    said, shown = parts[0], parts[0]
    for end, part in zip(parts[1::2], parts[2::2], strict=True):
        said += end + part
        if len(said) > longest:
            return f"{shown}{end.strip().replace(';', '.')}"
        shown = said
    return shown


def publish(alert: Alert, home: Path) -> bool:
    """Publish one alert.

    Returns:
        False when the same fact (model, period, kind and the whole of it) was published already; nothing is sent then.
    """
    return bool(publish_all([alert], home))


def publish_all(alerts: Sequence[Alert], home: Path) -> list[Alert]:
    """Log alerts, append them to `<home>/alerts.jsonl`, and send one message for each model and period among them.

    A fact is published once. Its mark is an empty file under `<home>/alerts`, named by the fact's digest, so that the
    work follows the new facts and not the old ones, and of two processes that see one fact a single one sends it. The
    row is written before the mark: after a crash in between the fact is published again rather than never.

    Returns:
        The alerts that were new.
    """
    marks = _marks(home)
    new = [alert for alert in dict.fromkeys(alerts) if not _mark(alert, marks).exists()]
    if new:
        rows = [json.dumps({**asdict(alert), "severity": alert.severity}) for alert in new]
        with (home / FILE).open("ab+") as file:
            file.write(_apart(file) + "".join(f"{row}\n" for row in rows).encode())
    told = [alert for alert in new if _first(_mark(alert, marks))]
    for alert in told:
        _LOG.warning("%s %s %s: %s", alert.model, alert.period, alert.kind, alert.sentence)
    for _, together in groupby(sorted(told, key=_about), key=_about):
        _send(list(together))
    return told


def read(home: Path) -> list[Alert]:
    """Every alert so far, oldest first, each fact once.

    A row that is none, as a process leaves it that was killed while it wrote, is named in the log and passed over. Its
    fact has no mark, so it is published again by the next one who sees it.
    """
    path = home / FILE
    lines = path.read_bytes().splitlines() if path.exists() else []
    known = [alert for number, line in enumerate(lines, start=1) if (alert := _row(line, f"{path}, line {number}"))]
    return list({_fact(alert): alert for alert in reversed(known)}.values())[::-1]


def _row(line: bytes, where: str) -> Alert | None:
    """The alert in a row of the file; None, and a line in the log, where it holds none."""
    try:
        record = {"fact": ""} | json.loads(line)
        return Alert(**{field.name: record[field.name] for field in fields(Alert)})
    except (ValueError, TypeError, KeyError):
        text = line[:80].decode(errors="replace")
        _LOG.warning("%s: no alert, but %r. The row stays, and is passed over.", where, text)
        return None


def _apart(file: BinaryIO) -> bytes:
    """What has to stand before the next row: an end of line, where a torn row has none."""
    if not file.seek(0, os.SEEK_END):
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read(1) == b"\n" else b"\n"


def page_url(alert: Alert) -> str:
    """Where the Dagster UI at RETRAIN_UI_URL shows a fact; empty without that variable.

    A fact about an asset links to the asset's page of the period, one about a run to the runs of model and period.
    """
    base = _ui()
    if not base:
        return ""
    if asset := PAGES.get(alert.kind):
        page = f"{base}/assets/{quote(alert.model)}/{asset}"
        return f"{page}?view=partitions&partition={quote(alert.period, safe='')}" if alert.period else page
    tags = [f"tag:retrain/model={alert.model}", *([f"tag:dagster/partition={alert.period}"] if alert.period else [])]
    return f"{base}/runs?{urlencode({f'q[{at}]': tag for at, tag in enumerate(tags)})}"


def report_url(alert: Alert) -> str:
    """Where RETRAIN_REPORTS_URL has the report of a fact, which a phone can show; empty where either is not there."""
    base, asset = declared_url(), PAGES.get(alert.kind)
    if not base or asset not in REPORTED or not alert.period:
        return ""
    return f"Report: {base}{report_path(alert.model, asset, alert.period)}"


def _ui() -> str:
    """RETRAIN_UI_URL, where it is the plain address of a page."""
    base = os.environ.get("RETRAIN_UI_URL", "").strip().rstrip("/")
    if not base:
        return ""
    if is_plain_address(base):
        return base
    _LOG.error("RETRAIN_UI_URL is no address like http://dagster.example:3000 without a login: messages have no links")
    return ""


def _marks(home: Path) -> Path:
    """The folder of marks; made, where it is missing, from the alerts that the file holds already, and as a whole."""
    marks = home / "alerts"
    if not marks.exists():
        home.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".alerts.", dir=home))
        for alert in read(home):
            _first(_mark(alert, made))
        try:
            made.rename(marks)
        except OSError:  # another process was faster
            shutil.rmtree(made)
    return marks


def _mark(alert: Alert, marks: Path) -> Path:
    return marks / hashlib.sha256(json.dumps(_fact(alert)).encode()).hexdigest()


def _first(mark: Path) -> bool:
    """Whether this call made the mark; of two processes one does."""
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _fact(alert: Alert) -> tuple[str, str, str, str]:
    return alert.model, alert.period, alert.kind, alert.fact or alert.sentence


def _about(alert: Alert) -> tuple[str, str]:
    return alert.model, alert.period


def message(alerts: Sequence[Alert]) -> tuple[str, str, Severity]:
    r"""Title, text and severity of the one message about the facts of one model and period, the gravest first.

    Each fact is a line, then what to do about it, then the links.

    >>> drift = Alert("2024-03-01", "taxi", "2024-02", "drift", "fare moved")
    >>> title, text, severity = message([drift, Alert("2024-03-01", "taxi", "2024-02", "crash", "the run failed")])
    >>> title, severity
    ('taxi 2024-02: crash, drift', 'failure')
    >>> text
    'crash: the run failed\nTo do: open the run and mend the cause.\n\ndrift: fare moved'
    """
    ordered = sorted(alerts, key=lambda alert: WORST_FIRST.index(alert.severity))
    first = ordered[0]
    kinds = ", ".join(dict.fromkeys(_in_words(alert.kind) for alert in ordered))
    said = [alert.sentence if len(ordered) == 1 else f"{_in_words(alert.kind)}: {alert.sentence}" for alert in ordered]
    steps = [_next_step(alert) for alert in ordered]
    links = [(report_url(alert), page_url(alert)) for alert in ordered]
    parts = ["\n".join(filter(None, (one, step, *ways))) for one, step, ways in zip(said, steps, links, strict=True)]
    title = " ".join(filter(None, _about(first)))
    return f"{title}: {kinds}", "\n\n".join(parts), first.severity


def _in_words(kind: Kind) -> str:
    return kind.replace("_", " ")


def _next_step(alert: Alert) -> str:
    step = NEXT_STEP.get(alert.kind, "")
    return f"To do: {step.format(model=alert.model)}." if step else ""


def _send(alerts: Sequence[Alert]) -> None:
    urls = os.environ.get("RETRAIN_ALERT_URLS", "").split()
    if not urls:
        return
    title, text, severity = message(alerts)
    for number, url in enumerate(urls, start=1):
        receiver = f"alert receiver {number} of {len(urls)} in RETRAIN_ALERT_URLS"
        try:
            with silent(logging.getLogger("apprise")):
                taken = _sent(url, title, text, severity)
        except Exception as error:  # whatever a receiver's library raises, the run that had something to say goes on
            cause = without_secrets(f"{type(error).__name__}: {error}", urls)  # a traceback would show the URL
            _LOG.error("%s failed at the message %r: %s", receiver, title, cause)
            continue
        if not taken:
            _LOG.error("%s did not take the message %r", receiver, title)


def _sent(url: str, title: str, text: str, severity: Severity) -> bool:
    """Whether a receiver took a message; as plain text, which Apprise escapes for receivers that show HTML."""
    require_extra("apprise", "alerts", "RETRAIN_ALERT_URLS")
    import apprise

    receivers = apprise.Apprise()
    return bool(receivers.add(url)) and bool(
        receivers.notify(
            title=title, body=text, notify_type=apprise.NotifyType(severity), body_format=apprise.NotifyFormat.TEXT
        )
    )
