"""What a hostile name, spec, source or receiver cannot do: climb out, run code, or bring a secret to light."""

from __future__ import annotations

import ast
import logging
import os
import sqlite3
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa
import yaml
from sqlalchemy import event as sa_event

import retrain_assets_tests
from benchmarks.worlds.parcels import SPEC, make_world, rows_of
from retrain_assets.alerts import Alert, publish
from retrain_assets.documents.redaction import without_secrets
from retrain_assets.errors import SourceError, SpecError
from retrain_assets.periods import Calendar
from retrain_assets.raw.policy import Source, Table
from retrain_assets.raw.sources import read_outcomes, read_rows
from retrain_assets.registry.registry import Registry
from retrain_assets.spec.loading import load_spec
from retrain_assets.store import PeriodStore
from retrain_assets_tests.commanded import CHANGES, FIRST, environment, retrain

PACKAGE = Path(__file__).parents[2] / "retrain_assets"
HOSTILE = [
    "..",
    "../x",
    "../../etc/passwd",
    "/etc/passwd",
    "a/../../b",
    "a\0b",
    "",
    ".hidden",
    "a\\b",
    "~",
    "a\n",
    "%2e%2e/x",
]


# ---- names


@pytest.mark.parametrize("name", HOSTILE)
def test_no_asset_period_or_suffix_leads_out_of_a_models_folder(tmp_path: Path, name: str) -> None:
    store = PeriodStore(tmp_path / "data" / "delivery")
    for act in (
        lambda: store.path(name, "2019-01"),
        lambda: store.path("raw_data", name),
        lambda: store.path("raw_data", "2019-01", name),
        lambda: store.periods(name),
        lambda: store.write_json("report", name, {}),
        lambda: store.read_json(name, "2019-01"),
        lambda: store.write_bytes("report", "2019-01", name, b""),
        lambda: store.read_table("raw_data", [name]),
        lambda: store.write_table(name, "2019-01", pa.table({"a": [1]})),
    ):
        with pytest.raises(ValueError, match="is no plain name"):
            act()
    assert not list(tmp_path.rglob("*"))


@pytest.mark.parametrize("every", ["hour", "day", "week", "month", "quarter", "year"])
def test_every_period_of_every_calendar_is_a_plain_name(tmp_path: Path, every: str) -> None:
    calendar = Calendar.model_validate({"every": every, "start": "2019-01-01"})
    store = PeriodStore(tmp_path)
    store.write_json("report", calendar.first, {"a": 1})
    assert store.periods("report", "json") == [calendar.first]


@pytest.mark.parametrize("name", [*HOSTILE, "Taxi", "taxi charge", "taxi\n"])
def test_a_hostile_model_name_is_refused_by_spec_and_registry(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="is no model name"):
        Registry(tmp_path, name)
    path = tmp_path / "delivery.yaml"
    path.write_text(yaml.safe_dump(SPEC | {"name": name}))
    with pytest.raises(SpecError, match="name"):
        load_spec(path)


@pytest.mark.parametrize(
    "period", ["../../x", "2024-01-01/../../x", "/etc/passwd", "2024-01-01\n", "2024-1-1", "２０２４-01-01"]
)
def test_a_hostile_period_on_the_command_line_is_bad_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, period: str
) -> None:
    (tmp_path / "models").mkdir()
    environment(monkeypatch, tmp_path, tmp_path / "home")
    for words in (("run", "taxi_charge"), ("monitor", "taxi_charge")):
        assert "is not one of this model's" in retrain(*words, "--period", period, code=2).stderr
    assert "no model" in retrain("status", "../taxi_charge", code=2).stderr
    assert "no decision" in retrain("explain", "taxi_charge", period, code=2).stderr


def test_links_in_the_versions_folder_are_reported_and_not_served(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "registry", "delivery")
    digest = registry.add({"model.bst": b"tree"})
    folder = registry.folder / "versions" / digest
    os.rename(folder, tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", folder)
    (problem,) = registry.verify()
    assert f"{folder} is a symbolic link" in problem
    os.unlink(folder)
    os.rename(tmp_path / "elsewhere", folder)
    os.rename(folder / "model.bst", tmp_path / "model.bst")
    os.symlink(tmp_path / "model.bst", folder / "model.bst")
    (problem,) = registry.verify()
    assert "model.bst is a symbolic link" in problem


# ---- code


FORBIDDEN_MODULES = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "subprocess"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "breakpoint"}
FORBIDDEN_ATTRIBUTES = {
    "system", "popen", "spawnl", "spawnv", "read_pickle", "to_pickle", "unsafe_load", "full_load", "load_all",
    "getoutput", "getstatusoutput", "check_output", "literal_column",
}  # fmt: skip


PROBE = "scoring/isolated_probe.py"
"""The one module that starts a process: a model file of unknown origin is tried in it."""


def offences(tree: ast.AST) -> list[str]:
    """Every way in a module in which data could become code or a command of the shell."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [
                alias.name for alias in node.names if alias.name.split(".")[0] in {*FORBIDDEN_MODULES, "subprocess"}
            ]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module] if node.module.split(".")[0] in {*FORBIDDEN_MODULES, "subprocess"} else []
        elif isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            plain_call = isinstance(node.func, ast.Name) and name in FORBIDDEN_CALLS
            yaml_load = name == "load" and getattr(getattr(node.func, "value", None), "id", "") == "yaml"
            shell = any(keyword.arg in ("shell", "allow_pickle") for keyword in node.keywords)
            found += [name] if plain_call or yaml_load or shell or name in FORBIDDEN_ATTRIBUTES else []
    return found


def test_nothing_in_the_package_turns_data_into_code() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix(): offences(ast.parse(path.read_text())) for path in PACKAGE.rglob("*.py")
    }
    assert {path: names for path, names in found.items() if names} == {PROBE: ["subprocess"]}


def test_the_probe_of_a_model_starts_this_python_with_a_module_of_its_own_and_nothing_of_the_model() -> None:
    (call,) = [
        node
        for node in ast.walk(ast.parse((PACKAGE / PROBE).read_text()))
        if isinstance(node, ast.Call) and getattr(getattr(node.func, "value", None), "id", "") == "subprocess"
    ]
    assert ast.unparse(call.args[0]) == "[sys.executable, '-m', 'retrain_assets.scoring.isolated_probe']"


@pytest.mark.parametrize(
    "source",
    ["import pickle", "from pickle import loads", "eval(x)", "exec(x)", "os.system(x)", "subprocess.run(x, shell=True)",
     "yaml.load(x)", "np.load(x, allow_pickle=True)", "import subprocess", "pd.read_pickle(x)"],
)  # fmt: skip
def test_the_search_for_code_finds_it(source: str) -> None:
    assert offences(ast.parse(source))


def test_a_spec_with_a_python_tag_is_no_spec(tmp_path: Path) -> None:
    path, mark = tmp_path / "delivery.yaml", tmp_path / "mark"
    path.write_text(f"name: !!python/object/apply:os.system ['touch {mark}']\n")
    with pytest.raises((SpecError, yaml.YAMLError), match="could not determine a constructor"):
        load_spec(path)
    assert not mark.exists()


# ---- SQL


HOSTILE_COLUMN = 'minutes"; DROP TABLE parcels; --'
SQL = "SELECT * FROM parcels WHERE at >= :start AND at < :end"


@pytest.fixture
def parcels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "parcels.db"
    connection = sqlite3.connect(path)
    quoted = HOSTILE_COLUMN.replace('"', '""')
    connection.execute(f'CREATE TABLE parcels (id INTEGER, at TEXT, "{quoted}" REAL)')
    connection.execute("INSERT INTO parcels VALUES (1, '2024-01-02 00:00:00.000000', 5.0)")
    connection.commit()
    connection.close()
    monkeypatch.setenv("PARCELS_URL", f"sqlite:///{path}")
    return path


def test_a_query_gets_the_bounds_as_parameters_and_is_never_rewritten(parcels: Path) -> None:
    sent: list[tuple[str, object]] = []

    def note(connection: object, cursor: object, statement: str, parameters: object, *_: object) -> None:
        sent.append((statement, parameters))

    source = Source(
        features=Table(sql=SQL, url_env="PARCELS_URL"), key="id", time="at", label=HOSTILE_COLUMN, label_delay="0d"
    )
    bounds = (datetime(2024, 1, 1), datetime(2024, 1, 8))
    before = parcels.read_bytes()
    sa_event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        rows = read_rows(source, [HOSTILE_COLUMN], *bounds).table
        outcomes = read_outcomes(source, *bounds).table
    finally:
        sa_event.remove(sa.Engine, "before_cursor_execute", note)
    assert rows[HOSTILE_COLUMN].to_pylist() == outcomes["label"].to_pylist() == [5.0]
    assert [statement for statement, _ in sent] == [SQL.replace(":start", "?").replace(":end", "?")] * 2
    assert all(str(parameters[0]).startswith("2024-01-01") for _, parameters in sent)  # type: ignore[index]
    assert parcels.read_bytes() == before


@pytest.mark.parametrize("column", [HOSTILE_COLUMN, "id' OR '1'='1", "at; DELETE FROM parcels"])
def test_a_hostile_column_name_is_looked_up_and_not_run(parcels: Path, column: str) -> None:
    source = Source(features=Table(sql=SQL, url_env="PARCELS_URL"), key=column, time="at", label="x", label_delay="0d")
    before = parcels.read_bytes()
    if column == HOSTILE_COLUMN:
        read_rows(source, [], datetime(2024, 1, 1), datetime(2024, 1, 8))
    else:
        with pytest.raises(SourceError, match="no column"):
            read_rows(source, [], datetime(2024, 1, 1), datetime(2024, 1, 8))
    assert parcels.read_bytes() == before


# ---- secrets

SECRET = "hunter2-S3CRET/tok+en"
ESCAPED = "hunter2-S3CRET%2Ftok%2Ben"
TRACES = ("hunter2", "S3CRET", "tok+en", "tok%2Ben")


def leaks(text: str | bytes) -> bool:
    data = text if isinstance(text, bytes) else text.encode()
    return any(trace.encode() in data for trace in TRACES)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://ann:{ESCAPED}@db.example:5432/prod",
        f"postgresql://ann:{ESCAPED}@db.example:no_port/prod",
        f"mssql+pyodbc:///?odbc_connect=DRIVER%3DX%3BPWD%3D{ESCAPED}",
        f"no_such_dialect://ann:{ESCAPED}@db/prod",
        f"sqlite:////nowhere/no_such_folder/x.db?key={ESCAPED}",
        f"sqlite:///x.db?isolation_level={ESCAPED}&timeout={ESCAPED}",
        "hunter2-S3CRET is no url [",
    ],
)
def test_a_database_url_that_does_not_work_is_not_shown(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("PARCELS_URL", url)
    source = Source(features=Table(sql=SQL, url_env="PARCELS_URL"), key="id", time="at", label="m", label_delay="0d")
    with pytest.raises(SourceError, match="PARCELS_URL") as caught:
        read_rows(source, [], datetime(2024, 1, 1), datetime(2024, 1, 8))
    assert not leaks(str(caught.value))
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("form", [SECRET, ESCAPED])
def test_a_drivers_own_words_are_blotted(form: str) -> None:
    url = f"postgresql://ann:{ESCAPED}@db.example/prod"
    for said in (f"bad password {form} for ann", f"cannot open {url}", f"dsn: password={form} host=db.example"):
        assert not leaks(without_secrets(said, [url], paths=False))
    assert without_secrets("no such table: prod", [url], paths=False) == "no such table: prod"


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
@pytest.mark.parametrize(
    "url",
    [
        f"json://ann:{ESCAPED}@127.0.0.1:9/hook/{ESCAPED}",
        f"nonsense://{ESCAPED}",
        f"slack://{ESCAPED}",
        f"json://127.0.0.1:9/{ESCAPED}?token={ESCAPED}",
        f"mailto://ann:{ESCAPED}@127.0.0.1:9?smtp=127.0.0.1&timeout=1",
    ],
)
def test_a_receivers_url_is_in_no_log_line_and_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    monkeypatch.setenv("RETRAIN_ALERT_URLS", url)
    for name in ("apprise", "retrain_assets.alerts"):
        caplog.set_level(logging.DEBUG, logger=name)
    assert publish(Alert("2024-03-01T00:00:00", "delivery", "2024-02-05", "rejected", "worse"), tmp_path)
    assert "did not take the message" in caplog.text
    assert not leaks(caplog.text)
    assert not any(leaks(path.read_bytes()) for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_a_library_that_breaks_with_the_url_in_its_error_gives_nothing_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import apprise

    def broken(self: object, *args: object, **options: object) -> bool:
        raise RuntimeError(f"cannot reach https://hook/{SECRET}?x={ESCAPED}")

    monkeypatch.setattr(apprise.Apprise, "notify", broken)
    monkeypatch.setenv("RETRAIN_ALERT_URLS", f"json://127.0.0.1:9/{ESCAPED}")
    assert publish(Alert("2024-03-01T00:00:00", "delivery", "2024-02-05", "rejected", "worse"), tmp_path)
    assert "cannot reach" in caplog.text
    assert not leaks(caplog.text)


DAY = """
import logging, os, sys
logging.basicConfig(level=logging.INFO)
from retrain_assets.cli.main import main
from retrain_assets.definitions import defs
from retrain_assets.pipeline import frame_of
from retrain_assets.production.sensors import failure_alerts, publish_all, success_alerts
from retrain_assets.dagster_glue.resources import Clock, Home
from retrain_assets.cli.runner import prepare_instance
from retrain_assets.store import retrain_home
from retrain_assets.spec.loading import load_specs
from retrain_assets_tests.run_records import write_quickly


def retrain(*words, code=0):
    try:
        main([*words])
    except SystemExit as end:
        assert end.code == code, (words, end.code)


write_quickly()
for week in {weeks}:
    retrain("monitor", "delivery", "--period", week)
retrain("run", "delivery", "--period", {weeks}[-1])
works = os.environ["PARCELS_URL"]
for broken in (os.environ["NO_DRIVER"], works.replace("rows.db", "gone.db")):
    os.environ["PARCELS_URL"] = broken
    retrain("monitor", "delivery", "--period", "2024-01-22", code=1)
for words in (("status", "delivery", "--json"), ("history", "delivery"), ("explain", "delivery"), ("verify",)):
    retrain(*words)
instance, home = prepare_instance(retrain_home()), Home(path=str(retrain_home()))
frame = frame_of(load_specs()["delivery"])
for run in instance.get_runs():
    facts = (
        failure_alerts(instance, run, frame, home, Clock())
        if run.is_failure
        else success_alerts(instance, run, frame, home, Clock())
    )
    publish_all(facts, home)
"""


def test_a_planted_secret_is_nowhere_after_monitoring_retraining_a_failing_source_and_a_failing_alert(
    tmp_path: Path,
) -> None:
    """A real process: what it prints, and every file that it leaves, Dagster's databases and logs included."""
    make_world(tmp_path / "world", rows_of(4), None, **CHANGES)  # type: ignore[arg-type]
    _into_a_database(tmp_path / "world")
    home = tmp_path / "home"
    environment = os.environ | {
        "RETRAIN_HOME": str(home),
        "DAGSTER_HOME": str(home / "dagster"),
        "RETRAIN_MODELS": str(tmp_path / "world" / "models"),
        "RETRAIN_SHIPPED": "0",
        "PYTHONPATH": str(Path(retrain_assets_tests.__file__).parents[1]),
        "PARCELS_URL": f"sqlite:///file:{tmp_path}/world/rows.db?uri=true&mode=ro&token={ESCAPED}",
        "NO_DRIVER": f"postgresql+nodriver://ann:{ESCAPED}@db/prod",
        "RETRAIN_ALERT_URLS": f"json://ann:{ESCAPED}@127.0.0.1:9/hook/{ESCAPED} nonsense://{ESCAPED}",
    }
    script = DAY.replace("{weeks}", repr(("2024-01-01", "2024-01-08", FIRST)))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], env=environment, capture_output=True, text=True, cwd=tmp_path
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    for said in ("promoted", "PARCELS_URL: ", "the query on PARCELS_URL failed", "did not take the message"):
        assert said in output
    assert not leaks(output)
    files = [path for path in home.rglob("*") if path.is_file()]
    assert [path for path in files if path.suffix == ".db"], "Dagster's databases are among them"
    assert (home / "alerts.jsonl").read_text().count("crash") == 2
    assert [str(path) for path in files if leaks(str(path)) or leaks(path.read_bytes())] == []


def _into_a_database(world: Path) -> None:
    """The small world's rows behind a query, and its spec among the specs of a folder of its own."""
    import pandas as pd

    rows = pd.read_parquet(world / "rows.parquet")
    connection = sqlite3.connect(world / "rows.db")
    rows.assign(at=rows["at"].astype(str)).to_sql("parcels", connection, index=False)
    connection.close()
    spec = yaml.safe_load((world / "delivery.yaml").read_text())
    spec["source"]["features"] = {"sql": SQL, "url_env": "PARCELS_URL"}
    (world / "models").mkdir()
    (world / "models" / "delivery.yaml").write_text(yaml.safe_dump(spec))
    os.rename(world / "delivery.suite.yaml", world / "models" / "delivery.suite.yaml")
