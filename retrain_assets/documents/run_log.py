"""What a run's failure says in the terminal of `retrain dev`: the sentence that was written for people, and no more.

Dagster writes the stack trace of whatever stops a step, twice, and a line for every step that is left out because of
it. The page of the run has all of that. What nobody foresaw keeps its stack trace.
"""

from __future__ import annotations

import logging
import os
import re
from typing import Any

PLAIN_LOG = "RETRAIN_PLAIN_LOG"
"""Set by `retrain dev` for its processes, of which each run is one."""

_FAILURE = re.compile(
    r"(?P<job>\S+) - (?P<run>[0-9a-f]{8})[0-9a-f-]{28} - .*?\b(?P<of>STEP|RUN)_FAILURE - [^\n]*\n\n"
    r"(?:[\w.]+\.DagsterExecutionStepExecutionError: [^\n]*\n\n"
    r"(?:Stack Trace:\n.*?The above exception was caused by the following exception:\n)?)?"
    r"(?:dagster\.[\w.]*\bFailure|retrain_assets\.errors\.\w+): (?P<said>.*?)\n+Stack Trace:\n",
    re.DOTALL,
)
_LEFT_OUT = re.compile(
    r"\S+ - [0-9a-f-]{36} - .*"
    r"(Dependencies for step \S+ .*Not executing\.|RUN_FAILURE - [^\n]* failed\. Steps failed: \[[^\n]*\]\.)\s*"
)


def shorten_failures() -> None:
    """From now on, if `retrain dev` asks for it, log a refusal in one line in this process."""
    if os.environ.get(PLAIN_LOG):
        logging.setLogRecordFactory(_Plain(logging.getLogRecordFactory()))


class _Plain:
    """Makes records as before, and shortens those that Dagster's console shows of a failure."""

    def __init__(self, make: Any) -> None:
        self.make = make

    def __call__(self, *args: Any, **named: Any) -> logging.LogRecord:
        record: logging.LogRecord = self.make(*args, **named)
        if record.name == "dagster" and isinstance(record.msg, str):
            said = plain_failure(record.msg)
            if said is None:
                record.levelno = logging.NOTSET
            else:
                record.msg = said
        return record


def plain_failure(message: str) -> str | None:
    r"""What a terminal shows of a line of a run's log; None for what says nothing new.

    >>> run = "churn__monitor - 8c156e8a-7840-4cd9-beb8-dddffc839949"
    >>> cause = "dagster._core.definitions.events.Failure: a.csv, line 3: 8 values.\n\nStack Trace:\n  File ..."
    >>> plain_failure(f'{run} - 16734 - raw_data - STEP_FAILURE - Execution of step "raw_data" failed.\n\n{cause}')
    'churn__monitor stopped: a.csv, line 3: 8 values. (run 8c156e8a)'
    >>> plain_failure(f"{run} - 16734 - RUN_FAILURE - Execution of run failed.\n\n{cause}") is None
    True
    >>> plain_failure(f"{run} - 16734 - RUN_FAILURE - Execution of run failed. Steps failed: ['raw_data'].") is None
    True
    """
    if _LEFT_OUT.fullmatch(message):
        return None
    found = _FAILURE.match(message)
    if found is None:
        return message
    return f"{found['job']} stopped: {found['said']} (run {found['run']})" if found["of"] == "STEP" else None
