"""What the pipeline costs over the same work in one plain script, and the whole demo.

    python -m benchmarks.loop [--fast]

Measures, each against a baseline in the same run: loading the code location against `import dagster`; one monitor and
one retrain run on 40 weeks of flights against pandas and LightGBM in one script; the peak memory of that retrain
against its training window; a retrain launched in a running UI; the whole taxi demo. `--fast` leaves the last two out.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

WEEKS = 40
FIRST_MODEL = 15
TURNS = 5
TARGETS = {"retrain run / plain script": 1.5, "peak memory / training window": 3.0, "demo seconds": 180.0}


def seconds(work: Callable[[], Any]) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def load_seconds(statement: str, repeats: int = 5) -> float:
    """Median wall time of a fresh interpreter that runs one statement."""
    command = [sys.executable, "-W", "ignore", "-c", statement]
    return statistics.median(seconds(lambda: subprocess.run(command, check=True)) for _ in range(repeats))


def flights_home(home: Path) -> Any:
    """40 monitored weeks of flights and a first model; a `Runner` on them."""
    os.environ["RETRAIN_HOME"] = str(home)
    from retrain_assets.cli.runner import Runner, prepare_instance
    from retrain_assets.spec.loading import load_specs

    spec = load_specs()["flight_delays"]
    runner = Runner(spec, prepare_instance(home))
    for number, week in enumerate(weeks(spec)[:WEEKS]):
        assert runner.run("monitor", week, at=spec.period.bounds(week)[1]).success
        if number + 1 == FIRST_MODEL:
            end = runner.run("retrain", week, at=spec.period.bounds(week)[1])
            assert end.success, end.cause
    return runner


def weeks(spec: Any) -> list[str]:
    """Every week of the model's calendar."""
    return spec.period.between(spec.period.first, spec.period.shift(spec.period.key(spec.period.end), -1))


def retrain_week(runner: Any, week: str) -> None:
    """One retrain run; rejected is a normal end, a crash is not."""
    end = runner.run("retrain", week, at=runner.spec.period.bounds(week)[1])
    assert end.outcome in ("promoted", "rejected", "insufficient"), end.cause


# ---- the same work in one plain script


def plain_monitor(spec: Any, week: str, model: Any, columns: list[str]) -> float:
    """Read the week and its outcomes, score it, two-sample tests per column, mean loss."""
    import numpy as np
    import pandas as pd
    from scipy import stats

    start, end = spec.period.bounds(week)
    rows = read(spec, start, end)
    assert not rows.flight_id.duplicated().any()
    scores = model.predict(rows[columns])
    before = read(spec, start - (end - start) * 4, start)
    p = [
        stats.ks_2samp(before[name].dropna(), rows[name].dropna()).pvalue
        if pd.api.types.is_numeric_dtype(rows[name])
        else stats.chi2_contingency(
            pd.concat([before[name].value_counts(), rows[name].value_counts()], axis=1).fillna(0) + 1
        ).pvalue
        for name in columns
    ]
    loss = -np.log(np.where(rows.late == 1, scores, 1 - scores).clip(1e-9)).mean()
    return float(loss + min(p))


Fit = tuple[int, int, int]
"""Training rows and rounds of one of the pipeline's fits, early stopping included, and the rows it was tried on."""


def plain_retrain(spec: Any, week: str, fits: Mapping[str, list[Fit]], columns: list[str]) -> Any:
    """As many rows and rounds as the pipeline trained; the first and the last model on the gate rows, a paired test."""
    import lightgbm as lgb
    import numpy as np
    from scipy import stats

    policy, end = spec.training, spec.period.bounds(week)[1]
    rows = read(spec, spec.period.start, end).sort_values("sched_dep", ignore_index=True)
    gate_start = spec.windows.gate.start(spec.period, end)
    gate, train = rows[rows.sched_dep >= gate_start], rows[rows.sched_dep < gate_start]
    params = {
        "objective": "binary",
        "learning_rate": policy.learning_rate,
        "num_leaves": policy.num_leaves,
        "num_threads": policy.threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }
    models = []
    for strategy, numbers in fits.items():
        for many, rounds, tried in numbers:
            used = train[:many]
            age = (used.sched_dep.iloc[-1] - used.sched_dep) / spec.windows.half_life.time
            weight = 0.5**age if strategy == "history" else None
            models.append(lgb.train(params, lgb.Dataset(used[columns], used.late, weight=weight), rounds))
            if tried:
                models[-1].predict(train[columns][many : many + tried])
    live, candidate = (np.abs(gate.late - model.predict(gate[columns])) for model in (models[0], models[-1]))
    stats.ttest_rel(live, candidate)
    return models[-1]


def read(spec: Any, start: Any, end: Any) -> Any:
    """The flights between two moments with their outcomes, as pandas."""
    import pandas as pd

    names = ["flight_id", "sched_dep", *spec.columns.features]
    when = [("sched_dep", ">=", start), ("sched_dep", "<", end)]
    rows = pd.read_parquet(spec.source.features.path, columns=names, filters=when)
    known = [("flight_id", ">=", int(rows.flight_id.min())), ("flight_id", "<=", int(rows.flight_id.max()))]
    outcomes = pd.read_parquet(spec.source.outcomes.path, columns=["flight_id", "late"], filters=known)
    rows = rows.merge(outcomes, on="flight_id")
    kinds = dict.fromkeys(spec.columns.numeric, "float32") | dict.fromkeys(spec.columns.categorical, "category")
    return rows.astype(kinds)


# ---- measurements


def against_script(home: Path) -> dict[str, float]:
    """Monitor and retrain of one week: the pipeline's seconds, the script's seconds, and the ratio.

    Pipeline and script take turns; the medians are reported, and beside them the first retrain, which also imports.
    """
    runner = flights_home(home)
    spec, week = runner.spec, weeks(runner.spec)[WEEKS]
    columns = list(spec.columns.features)
    monitor = seconds(lambda: runner.run("monitor", week, at=spec.period.bounds(week)[1]))
    first = seconds(lambda: retrain_week(runner, week))
    from retrain_assets.store import PeriodStore

    store = PeriodStore(home / "data" / spec.name)
    records = {name: store.read_json(f"candidate_{name}", week) for name in spec.training.trained}
    stop = spec.training.early_stopping_rounds
    fits = {
        name: [
            *((one["train_rows"], one["rounds"] + stop, one["selection_rows"]) for one in record["origins"]),
            (record["rows"], record["rounds"], 0),
        ]
        for name, record in records.items()
    }
    models: list[Any] = []
    turns = [
        (
            seconds(lambda: retrain_week(runner, week)),
            seconds(lambda: models.append(plain_retrain(spec, week, fits, columns))),
        )
        for _ in range(TURNS)
    ]
    retrain, script_retrain = (statistics.median(side) for side in zip(*turns, strict=True))
    script_monitor = seconds(lambda: plain_monitor(spec, week, models[0], columns))
    return {
        "monitor run, s": monitor,
        "monitor script, s": script_monitor,
        "monitor run / plain script": monitor / script_monitor,
        "first retrain of a process, s": first,
        "retrain run, s": retrain,
        "retrain script, s": script_retrain,
        "retrain run / plain script": retrain / script_retrain,
    }


def memory(home: Path, repeats: int = 5) -> dict[str, float]:
    """Peak memory of a retrain beyond the loaded process, over the bytes of its training window as Arrow.

    The largest of several processes, for threads make single ones differ.
    """
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.loop", "--memory-of", str(home)]
    runs = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(repeats)]
    figures = [json.loads(printed.splitlines()[-1]) for printed in runs]
    return {name: max(figure[name] for figure in figures) for name in figures[0]}


def memory_of(home: Path) -> dict[str, float]:
    """`memory`, inside a process of its own: the run is repeated, so that only the second one is measured."""
    os.environ["RETRAIN_HOME"] = str(home)
    from retrain_assets.cli.runner import Runner, prepare_instance
    from retrain_assets.spec.loading import load_specs
    from retrain_assets.store import PeriodStore
    from retrain_assets.windows.manifest import read_manifest
    from retrain_assets.windows.rows import load_window

    spec, store = load_specs()["flight_delays"], PeriodStore(home / "data" / "flight_delays")
    week, runner = weeks(spec)[WEEKS], Runner(spec, prepare_instance(home))
    retrain_week(runner, week)
    gc.collect()
    before = rss_bytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    retrain_week(runner, week)
    peak = rss_bytes("VmHWM")
    window = read_manifest(store, week).windows.history
    rows = load_window(store, spec.model, window, list(spec.columns.features), week)
    return {
        "training window, MB": rows.nbytes / 1e6,
        "peak beyond the loaded process, MB": (peak - before) / 1e6,
        "peak memory / training window": (peak - before) / rows.nbytes,
    }


def rss_bytes(name: str) -> int:
    """A memory figure of this process from the kernel."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def launched(home: Path) -> dict[str, float]:
    """A retrain launched in a running UI: seconds from launch to end, and how many of them the run itself took."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"RETRAIN_HOME": str(home)}
    command = [str(Path(sys.executable).parent / "retrain"), "dev", "--port", str(port)]
    server = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        wait_for(lambda: graphql(port, "{ version }"), 90)
        from retrain_assets.spec.loading import load_specs

        week = weeks(load_specs()["flight_delays"])[WEEKS]
        selector = (
            'repositoryLocationName: "retrain_assets.definitions", repositoryName: "__repository__", '
            'jobName: "flight_delays__retrain"'
        )
        tags = f'[{{key: "dagster/partition", value: "{week}"}}]'
        began = time.perf_counter()
        answer = graphql(
            port,
            "mutation { launchRun(executionParams: "
            f"{{selector: {{{selector}}}, executionMetadata: {{tags: {tags}}} }}) "
            "{ __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }",
        )["launchRun"]
        run_id = answer["run"]["runId"]
        query = f'{{ runOrError(runId: "{run_id}") {{ ... on Run {{ status startTime endTime }} }} }}'
        run = wait_for(lambda: ended(graphql(port, query)["runOrError"]), 300)
        total = time.perf_counter() - began
        return {"launch to end, s": total, "of it the run, s": run["endTime"] - run["startTime"]}
    finally:
        os.killpg(server.pid, signal.SIGKILL)


def ended(run: dict[str, Any]) -> dict[str, Any] | None:
    """The run once it has ended."""
    return run if run["status"] in ("SUCCESS", "FAILURE", "CANCELED") else None


def graphql(port: int, query: str) -> Any:
    """The data of one GraphQL answer, None while nobody answers."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        data=json.dumps({"query": query}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["data"]
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


def wait_for(question: Callable[[], Any], limit: float) -> Any:
    """The first answer that is something; an error after `limit` seconds."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        answer = question()
        if answer:
            return answer
        time.sleep(0.2)
    raise TimeoutError(f"no answer within {limit:.0f} s")


def demo_seconds() -> float:
    """The whole taxi demo in a fresh home, process start included."""
    with tempfile.TemporaryDirectory() as home:
        command = [str(Path(sys.executable).parent / "retrain"), "demo"]
        environment = os.environ | {"RETRAIN_HOME": home}
        return seconds(lambda: subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL))


def main() -> int:
    """Measure, print, and say which stated number is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fast", action="store_true", help="leave out the running UI and the whole demo")
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_of:
        print(json.dumps(memory_of(Path(options.memory_of))))
        return 0
    bare, location = load_seconds("import dagster"), load_seconds("import retrain_assets.definitions")
    figures = {"import dagster, s": bare, "load code location, s": location, "load / import dagster": location / bare}
    with tempfile.TemporaryDirectory() as folder:
        figures |= against_script(Path(folder))
        figures |= memory(Path(folder))
        if not options.fast:
            figures |= launched(Path(folder))
    if not options.fast:
        figures["demo seconds"] = demo_seconds()
    for name, value in figures.items():
        limit = f"  (target: at most {TARGETS[name]:g})" if name in TARGETS else ""
        print(f"{name:<38}{value:>9.2f}{limit}")
    missed = [name for name, limit in TARGETS.items() if name in figures and not figures[name] <= limit]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(f"loop: {len(figures)} figures, missed: {', '.join(missed) or 'none'}; peak of this process {peak:.0f} MB")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
