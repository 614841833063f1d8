"""What the terminal of `retrain dev` shows of a run that failed."""

import logging

import dagster as dg
import pytest

from retrain_assets.documents import run_log
from retrain_assets.errors import DataError


@pytest.fixture
def factory():
    before = logging.getLogRecordFactory()
    yield before
    logging.setLogRecordFactory(before)


def shown(monkeypatch, capfd, error):
    """What Dagster's console writes of a job whose first step raises an error."""

    @dg.op
    def first():
        raise error

    @dg.op
    def second(first):
        pass

    @dg.job
    def work():
        second(first())

    run_log.shorten_failures()
    work.execute_in_process(raise_on_error=False)
    return [line for line in capfd.readouterr().err.splitlines() if " - ERROR - " in line or "Stack Trace" in line]


@pytest.mark.parametrize("error", [dg.Failure("a.csv, line 3: 8 values."), DataError("a.csv, line 3: 8 values.")])
def test_a_refusal_is_one_line_without_a_stack_trace(monkeypatch, capfd, factory, error):
    monkeypatch.setenv(run_log.PLAIN_LOG, "1")
    (line,) = shown(monkeypatch, capfd, error)
    assert "work stopped: a.csv, line 3: 8 values. (run " in line


def test_what_nobody_foresaw_keeps_its_stack_trace(monkeypatch, capfd, factory):
    monkeypatch.setenv(run_log.PLAIN_LOG, "1")
    assert "Stack Trace:" in shown(monkeypatch, capfd, KeyError("x"))


def test_nothing_is_shortened_where_nobody_asked_for_it(monkeypatch, capfd, factory):
    monkeypatch.delenv(run_log.PLAIN_LOG, raising=False)
    assert "Stack Trace:" in shown(monkeypatch, capfd, dg.Failure("a.csv, line 3: 8 values."))
    assert logging.getLogRecordFactory() is factory
