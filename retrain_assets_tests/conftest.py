import gc
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import hypothesis
import pytest

from benchmarks.worlds.parcels import World, make_world, rows_of
from retrain_assets_tests.commanded import CHANGES, FIRST, environment, retrain
from retrain_assets_tests.past_worlds import PastWorlds, once, past, undrawn
from retrain_assets_tests.run_records import write_quickly
from retrain_assets_tests.served import TWO_WEEKS, Served, serve

MEMORY, ENOUGH_BYTES = Path("/dev/shm"), 4_000_000_000
"""Where files live in memory on Linux, and how much must be free there for the tests to write into it."""

LONGEST_FIRST = ("scenarios/test_the_ui", "cli/scenarios", "scenarios", "validation", "cli", "production", "registry")
"""The tests that are handed out first, so that no worker sits over one of them when the other has nothing left."""


def pytest_configure() -> None:
    """Look for garbage seldom: most of what a test process holds is modules, which are looked through each time."""
    gc.set_threshold(100_000, 20, 100)
    hypothesis.settings.register_profile("project", deadline=None, derandomize=True, database=None)
    hypothesis.settings.load_profile("project")
    _write_into_memory()
    for name in ("OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # the workers share the cores; threads of each would wait
    write_quickly()


def pytest_collection_finish() -> None:
    """What is there before the first test is never garbage."""
    gc.freeze()


def _write_into_memory() -> None:
    """Write into memory where there is room and nobody has chosen a folder: the registry waits for the disk often."""
    if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ENOUGH_BYTES:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give all tests of a file to one worker, so that what they share is built once; the longest files first."""
    here = Path(__file__).parent
    ranks = {}
    for item in items:
        name = item.path.relative_to(here).as_posix() if item.path.is_relative_to(here) else item.path.stem
        found = (rank for rank, prefix in enumerate(LONGEST_FIRST) if name.startswith(prefix))
        ranks[item] = next(found, len(LONGEST_FIRST))
        if not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    items.sort(key=ranks.__getitem__)


@pytest.fixture(autouse=True)
def own_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the terminal or the receivers of whoever runs the tests, unless a test asks for it."""
    names = ("ALERT_URLS", "UI_URL", "REPORTS_URL", "SIGNING_KEY", "TRUSTED_KEYS")
    for name in (*(f"RETRAIN_{name}" for name in names), "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A web server on this machine that keeps what it is sent."""
    received: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"json://127.0.0.1:{server.server_port}", received
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def pictures(request: pytest.FixtureRequest) -> Iterator[None]:
    """Runs draw their pictures only for a test that is marked to look at them."""
    with nullcontext() if request.node.get_closest_marker("drawn") else undrawn():
        yield


@pytest.fixture
def instance(pictures: None) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all workers of this test run use."""
    own = tmp_path_factory.getbasetemp()
    return (own if worker_id == "master" else own.parent) / "shared"


@pytest.fixture(scope="session")
def past_worlds(shared_folder: Path) -> PastWorlds:
    return PastWorlds(shared_folder)


@pytest.fixture
def world_after(past_worlds: PastWorlds, tmp_path: Path, instance: dg.DagsterInstance) -> Callable[..., World]:
    """A small model after so many monitored weeks and the retrains of some, of the fifth where nothing else is said."""

    def copy(monitored: int, *, retrained: Sequence[int] = (5,), **recipe: Any) -> World:
        return past_worlds.copy(past(**recipe).up_to(monitored, retrained), tmp_path, instance)

    return copy


@pytest.fixture
def world(tmp_path: Path, instance: dg.DagsterInstance) -> Callable[..., World]:
    """Builds a small model; `slower_from` is the week from which the world is another."""

    def build(weeks: int = 9, slower_from: int | None = None, **changes: Any) -> World:
        return make_world(tmp_path, rows_of(weeks, slower_from), instance, **changes)

    return build


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The real webserver and daemon over the small model, in a home of their own; a person launches its first run."""
    folder = tmp_path_factory.mktemp("served")
    with dg.DagsterInstance.ephemeral() as instance:
        make_world(folder, rows_of(3), instance, **TWO_WEEKS)
    with serve(folder) as running:
        for sensor in ("new_data", "retrain_trigger"):
            running.first_tick(f"delivery__{sensor}")
        running.launch("delivery__monitor", "2024-01-01")
        yield running


@pytest.fixture(scope="session")
def replayed(shared_folder):
    """A folder in which `retrain demo` has replayed seven weeks with a change after the third, in two calls.

    `young` is the home after the first call, which ends with the first model, and `home` after the second.
    """
    folder = shared_folder / "replayed"
    printed = folder / "printed.json"
    with once(printed) as missing, pytest.MonkeyPatch.context() as patch:
        if missing:
            make_world(folder / "models", rows_of(7, slower_from=3), None, **CHANGES)
            environment(patch, folder, folder / "home")
            first = retrain("demo", "--model", "delivery", "--until", FIRST).output
            shutil.copytree(folder / "home", folder / "young")
            second = retrain("demo", "--model", "delivery").output
            printed.write_text(json.dumps([first, second]))
    return folder, json.loads(printed.read_text())


@pytest.fixture
def at_home(replayed, monkeypatch):
    """The replayed home, for commands that only read it."""
    environment(monkeypatch, replayed[0], replayed[0] / "home")
    return replayed[0] / "home"


@pytest.fixture
def own_home(replayed, pictures, monkeypatch, tmp_path):
    """A copy of the replayed home, for commands that change it."""
    environment(monkeypatch, replayed[0], tmp_path / "home")
    return Path(shutil.copytree(replayed[0] / "home", tmp_path / "home"))


@pytest.fixture
def young_home(replayed, pictures, monkeypatch, tmp_path):
    """A copy of the home in which the first model has just become live."""
    environment(monkeypatch, replayed[0], tmp_path / "home")
    return Path(shutil.copytree(replayed[0] / "young", tmp_path / "home"))


@pytest.fixture
def empty_home(replayed, pictures, monkeypatch, tmp_path):
    """A home in which nothing has happened yet."""
    folder, _ = replayed
    environment(monkeypatch, folder, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def spec_folder(tmp_path: Path) -> Path:
    """A folder for specs of the small model, with its suite."""
    (tmp_path / "delivery.suite.yaml").write_text("cases: []\n")
    return tmp_path


@pytest.fixture
def started(instance: dg.DagsterInstance) -> Callable[[dict[str, str]], str]:
    """Makes a run that is under way, with some tags."""

    @dg.op
    def nothing() -> None: ...

    @dg.job(name="delivery__retrain")
    def empty() -> None:
        nothing()

    def start(tags: dict[str, str]) -> str:
        run = instance.create_run_for_job(empty, tags=tags)
        instance.handle_run_event(
            run.run_id,
            dg.DagsterEvent(event_type_value="PIPELINE_START", job_name="delivery__retrain", message=""),
        )
        return run.run_id

    return start
