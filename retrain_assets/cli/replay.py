"""`retrain replay`: a model's own history, period by period, through real Dagster runs on the persistent instance.

Only the clock is simulated: at each period's end it monitors the period, asks the trigger sensor, and runs the retrain
that the sensor requests.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow.compute as pc
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from retrain_assets.cli.runner import RunEnd, Runner, prepare_instance
from retrain_assets.dagster_glue.tags import KIND_TAG
from retrain_assets.documents.plain_text import plain
from retrain_assets.documents.terminal import console, width, wrapped
from retrain_assets.documents.units import amounts, plural
from retrain_assets.errors import NotFound
from retrain_assets.metrics.metric import metric
from retrain_assets.metrics.names import metric_words
from retrain_assets.monitoring.records.drift_record import read_drift
from retrain_assets.monitoring.records.forgone_record import ASSET as FORGONE
from retrain_assets.onboarding.survey import last_period
from retrain_assets.raw.cache.known_files import KNOWN
from retrain_assets.raw.notation.keys import comparable_keys
from retrain_assets.registry.journal.events import ATTEMPTS, KEPT, PROMOTIONS, in_short, spoken
from retrain_assets.registry.registry import Registry
from retrain_assets.scoring.scorer import Scorer, scores_of
from retrain_assets.spec.model_spec import ModelSpec
from retrain_assets.store import LABEL, PeriodStore, retrain_home
from retrain_assets.windows.cut import Span
from retrain_assets.windows.rows import load_window

WIDE, INDENT, ROWS_WIDE = 120, " " * 11, 7
"""From how many characters on a line has room for the decision, and where it stands otherwise."""

COLORS = {"promoted": "green", "rejected": "yellow", "insufficient": "cyan", "identical": "cyan", "crash": "red"}


@dataclass(frozen=True)
class PeriodLine:
    """What happened in one period."""

    period: str
    rows: int
    drift: str
    loss: str
    trigger: str
    decision: str
    color: str


def replay(spec: ModelSpec, first: str | None = None, until: str | None = None) -> None:
    """Replay a model's history from where it stands, and print what happened and what it gained.

    Args:
        spec: Of the model.
        first: The period to begin with, where none is monitored yet; None for the calendar's first.
        until: The last period; None for the last that has rows.
    """
    out = console()
    began = time.monotonic()
    home = retrain_home()
    instance = prepare_instance(home)
    runner = Runner(spec, instance)
    store, registry = PeriodStore(home / "data" / spec.name), Registry(home / "registry", spec.name)
    periods = _periods(spec, store, first, until)
    out.print(f"[bold]{spec.name}[/bold]: {escape(spec.description)}")
    out.print(heading(spec), style="bold", markup=False, soft_wrap=True)
    bar = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*bar, console=out, transient=True) as progress:
        task = progress.add_task(spec.name, total=len(periods))
        if store.periods("performance_report", "json"):
            undone = retrain_left(runner, registry, store.periods("performance_report", "json")[-1])
            if undone is not None:
                progress.console.print(shown(undone), style=undone.color, markup=False, soft_wrap=True)
        with KNOWN.held():
            for period in periods:
                progress.update(task, description=f"{spec.name} {period}")
                line = step(spec, runner, store, registry, period)
                progress.console.print(shown(line), style=line.color, markup=False, soft_wrap=True)
                progress.advance(task)
    if not periods:
        out.print(f"No period {f'up to {until} ' if until else ''}is left to monitor; this is how it went.")
    summary(out, spec, store, registry)
    live = registry.live()
    out.print(
        f"{len(periods)} periods in {time.monotonic() - began:.0f} s. `make dev` (or `retrain dev`) shows all of it in "
        f"the Dagster UI"
        + (f"; `retrain explain {spec.name} {live.name}` tells why {live.name} is live." if live else ".")
    )
    if spec.triggers.on_forgone_gain is not None and not store.periods(FORGONE, "json"):
        out.print(f"`retrain backtest {spec.name}` tells when retraining would have paid, and begins to measure it.")


def heading(spec: ModelSpec) -> str:
    """The head of the table; a name of a row that is longer than its column would push the others aside."""
    named = plural(spec.row_name)
    rows = named if len(named) <= ROWS_WIDE else "rows"
    return _row(("period", rows, "drift", f"{spec.model.loss} (baseline)", "trigger", "decision"))


def shown(line: PeriodLine) -> str:
    """One period as a line of the table; on a narrow terminal the decision stands below."""
    rows = f"{line.rows:,}" if line.rows else "-"
    return _row((line.period, rows, line.drift, line.loss, line.trigger, line.decision))


def retrain_left(runner: Runner, registry: Registry, period: str) -> PeriodLine | None:
    """The retrain that an interrupted replay left undone as of its last period, run now; None when it left none."""
    due, _ = runner.ask_trigger()
    tags = dict(due.tags) if due is not None else runner.broken_off(period)
    if tags is None:
        return None
    ended = runner.run("retrain", period, at=runner.spec.period.bounds(period)[1], tags=tags)
    kind = tags.get(KIND_TAG, "-")
    return PeriodLine(period, 0, "-", "-", kind, decision(registry, period, ended), COLORS.get(ended.outcome, ""))


def step(spec: ModelSpec, runner: Runner, store: PeriodStore, registry: Registry, period: str) -> PeriodLine:
    """One period: monitor, ask the rollback sensor and the trigger, run what they ask for."""
    now = spec.period.bounds(period)[1]
    monitored = runner.run("monitor", period, at=now)
    if not monitored.success:
        return PeriodLine(period, 0, "-", "-", "-", f"monitoring failed: {monitored.cause}", "red")
    taken_in = store.read_table("raw_data", [period], [spec.source.key])
    rows = taken_in.num_rows if taken_in is not None else 0
    drift, loss = _drift(store, period), _loss(store, period)
    withdrawal, _ = runner.ask_rollback(now)
    if withdrawal is not None:
        ended = runner.run("rollback", None, at=now, tags=dict(withdrawal.tags), config=withdrawal.run_config)
        return PeriodLine(period, rows, drift, loss, "probation", decision(registry, period, ended), "red")
    request, quiet = runner.ask_trigger(now)
    if request is None:
        return PeriodLine(period, rows, drift, loss, "-", quiet.removeprefix(f"{period}: "), "")
    ended = runner.run("retrain", request.partition_key, at=now, tags=dict(request.tags))
    return PeriodLine(
        period,
        rows,
        drift,
        loss,
        request.tags[KIND_TAG],
        decision(registry, period, ended),
        COLORS.get(ended.outcome, ""),
    )


ENDS = (*ATTEMPTS, "rolled_back")


def decision(registry: Registry, period: str, ended: RunEnd) -> str:
    """How a retrain ended, in words: from the journal, or the cause of a crash."""
    events = [event for event in registry.history() if event.period == period and event.action in ENDS]
    if ended.outcome in ("crash", "insufficient", "refused") and not events:
        return f"{ended.outcome}: {ended.cause}"
    event = events[-1]
    done = f"rolled back to {event.to_version}" if event.action == "rolled_back" else in_short(event)
    return f"{done}: {event.reason.removeprefix(f'{period}: ')}"


def summary(out: Console, spec: ModelSpec, store: PeriodStore, registry: Registry) -> None:
    """Versions, decisions, and the mean loss as served against never having retrained."""
    events = registry.history()
    promoted = {event.evidence for event in events if event.action in PROMOTIONS}
    told = [event.action for event in events if event.action != "passed" or event.evidence not in promoted]
    counts = Counter("kept" if action in KEPT else spoken(action) for action in told)
    out.print()
    decided = ", ".join(f"{number} {done}" for done, number in counts.items())
    out.print(f"[bold]Decisions[/bold]: {decided or 'none'}")
    try:
        losses = against_never(spec, store, registry)
    except NotFound as nothing:
        out.print(str(nothing), markup=False)
        return
    units = spec.model.units
    head = f"{metric_words(spec.model.loss)} {units.each}"
    same = f"as served against the first model never retrained, on the same {plural(units.row)}:"
    out.print(f"[bold]{head}[/bold], {same}", highlight=False)
    for year, (rows, served, never) in losses.items():
        change = f"{100 * (served / never - 1):+.1f} %" if never else ""
        ours, theirs = amounts((served, never), units.loss)
        out.print(f"  {year:<8} {units.rows(rows):>16}   served {ours}   never retrained {theirs}   {change}")
    if counts["promoted"] == 0:
        first = next((event.seq for event in events if event.action in PROMOTIONS), 0)
        tried = [event for event in events if event.seq > first]
        last = [event for event in tried if event.action in KEPT]
        why = (
            f"the last attempt ({last[-1].period}) {in_short(last[-1])}: {last[-1].reason}"
            if last
            else "no retrain was started"
        )
        out.print(f"Nothing was promoted after the first model: {why}.", markup=False)
    live = registry.live()
    if live is not None:
        out.print(f"Live: [bold]{live.name}[/bold], decided in {live.period}.")


def against_never(spec: ModelSpec, store: PeriodStore, registry: Registry) -> dict[str, tuple[int, float, float]]:
    """Rows, mean loss as served and mean loss of the first version, by year and in total, over every scored row."""
    versions = registry.versions()
    if not versions:
        raise NotFound("No model has been promoted yet, so there is nothing to compare.")
    first = Scorer.from_files(registry.read(versions[0].digest))
    loss = metric(spec.model.loss)
    as_of = store.periods("outcomes")[-1]
    sums: dict[str, np.ndarray] = {}
    for period in store.periods("predictions"):
        span = Span((period,), datetime.min, datetime.max)
        rows = load_window(store, spec.model, span, first.contract.names, as_of)
        served = store.require_table("predictions", period)
        own, others = comparable_keys(rows[spec.source.key], served[spec.source.key])
        at = pc.index_in(own, value_set=others)
        label = rows[LABEL].to_numpy()
        pair = np.array(
            [
                rows.num_rows,
                loss.row_losses(label, scores_of(served.take(at))).sum(),
                loss.row_losses(label, first.scores(rows)).sum(),
            ]
        )
        for key in (str(spec.period.bounds(period)[0].year), "all"):
            sums[key] = sums.get(key, np.zeros(3)) + pair
    return {key: (int(n), float(served / n), float(never / n)) for key, (n, served, never) in sorted(sums.items()) if n}


def _periods(spec: ModelSpec, store: PeriodStore, first: str | None, until: str | None) -> list[str]:
    """The periods that are not monitored yet, up to the last that the source has rows of."""
    done = set(store.periods("performance_report", "json"))
    ended = spec.period.ended_by(datetime.now())
    begin, end = first or spec.period.first, until or last_period(spec) or ""
    return [period for period in ended if period not in done and begin <= period <= end]


def _drift(store: PeriodStore, period: str) -> str:
    record = read_drift(store, period)
    if record is None or record.version is None:
        return "-"
    names = record.warned
    more = f" +{len(names) - 2}" if len(names) > 2 else ""
    return f"{'!' if record.triggers else ''}{', '.join(map(plain, names[:2]))}{more}" or "quiet"


def _loss(store: PeriodStore, period: str) -> str:
    from retrain_assets.monitoring.records.performance_record import read_performance

    record = read_performance(store, period)
    report = record.report if record else None
    return f"{report.loss:.3f} ({report.baseline:.3f})" if report else "-"


def _row(cells: tuple[str, str, str, str, str, str]) -> str:
    period, rows, drift, loss, trigger, decision = cells
    limit = width()
    wide = limit is None or limit >= WIDE
    space = 31 if wide else 24
    line = f"{period:<11}{rows:>{ROWS_WIDE}}  {drift[: space - 1]:<{space}}{loss:<20}{trigger:<12}"
    if wide:
        return wrapped(f"{line}{plain(decision)}", limit, hanging=len(line))
    return f"{line.rstrip()}\n{wrapped(f'{INDENT}{plain(decision)}', limit, hanging=0)}"
