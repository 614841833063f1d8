"""`retrain dev` that a script began in the background, with SIGINT ignored, ends as one in a terminal does."""

import os
import signal
import time

import dagster as dg
import pytest

from benchmarks.worlds.parcels import make_world, rows_of
from retrain_assets_tests.served import serve

SECONDS = 30.0


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_a_background_ui_and_its_daemon_end_within_seconds_of_a_signal(tmp_path, told):
    with dg.DagsterInstance.ephemeral() as instance:
        make_world(tmp_path, rows_of(1), instance)
    with serve(tmp_path, in_background=True) as running:
        running.wait(lambda: running.runs("delivery__monitor"), "the UI did not come up", 120)
        running.process.send_signal(told)
        running.process.wait(SECONDS)
        until = time.monotonic() + SECONDS
        while anything_left(running.process.pid):
            assert time.monotonic() < until, "a service outlives the command that began it"
            time.sleep(0.2)


def anything_left(group):
    """Whether a process of the group lives."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
