"""How often probation withdraws a model that is as good as the one before, and how soon it finds one that is worse.

    python -m benchmarks.rollback [--fast]

Every repetition measures the block length on the days of a gate window, as a promotion does, and then looks at the
e-process after every block of 90 days of probation. Days are autoregressive of order one with standard deviation 1.
A second table carries the whole judgement of a probation of 8 daily periods to its end: rolled back, confirmed or
unproven. The drill times the work of a rollback on a real registry. Exit code 1 when a stated number is missed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrain_assets.production.policy import ProbationPolicy
from retrain_assets.production.probation.anytime_valid import confidence_sequence, enough_blocks, line, log_e_values
from retrain_assets.production.probation.trial import PATIENCE
from retrain_assets.registry.registry import RollbackRequest
from retrain_assets.statistics.day_blocks import LENGTHS_DAYS, block_length_days

Floats = NDArray[np.float64]

ALPHA = 0.05
DAYS = 90
GATE_DAYS = (28, 56)
AUTOCORRELATIONS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
HARMS = (0.25, 0.5, 1.0, 2.0)
FALSE_AT_MOST, FOUND_AT_LEAST, MEDIAN_DAY_AT_MOST, DRILL_SECONDS = 0.05, 0.99, 15.0, 1.0
JUDGED_HARMS, CONFIRMED_AT_LEAST, RESEMBLING = (0.0, 0.5, 1.0), 0.9, 0.7


@dataclass(frozen=True)
class Cell:
    """One line of the table: how often a rollback came within 90 days, and on which day in the median."""

    gate_days: int
    autocorrelation: float
    harm: float
    rolled_back: float
    median_day: float


def autoregressive(random: np.random.Generator, series: int, days: int, rho: float) -> Floats:
    """Stationary series of unit variance, shape (series, days)."""
    shocks = random.normal(size=(series, days)) * np.sqrt(1 - rho**2)
    shocks[:, 0] /= np.sqrt(1 - rho**2)
    for day in range(1, days):
        shocks[:, day] += rho * shocks[:, day - 1]
    return shocks


def first_rollback_day(days: Floats, block_days: int) -> Floats:
    """The day after which each series, shape (series, days), is rolled back; infinite when never."""
    blocks = days.shape[1] // block_days
    means = days[:, : blocks * block_days].reshape(len(days), blocks, block_days).mean(axis=2)
    decided = log_e_values(means, block_days) >= np.log(line(ALPHA))
    first = decided.argmax(axis=1)
    worse = np.take_along_axis(np.cumsum(means, axis=1), first[:, None], axis=1)[:, 0] > 0
    return np.where(decided.any(axis=1) & worse, (first + 1.0) * block_days, np.inf)


def simulate(repetitions: int, gate_days: int, rho: float, harm: float, seed: int = 20260731) -> Cell:
    """One cell: gate and probation are one series, so that the gate tells of the same world."""
    random = np.random.default_rng([seed, gate_days, round(100 * rho), round(100 * harm)])
    series = autoregressive(random, repetitions, gate_days + DAYS, rho)
    lengths = np.array([block_length_days(gate) for gate in series[:, :gate_days]])
    day = np.full(repetitions, np.inf)
    for length in LENGTHS_DAYS:
        chosen = lengths == length
        if chosen.any():
            day[chosen] = first_rollback_day(series[chosen, gate_days:] + harm, length)
    return Cell(gate_days, rho, harm, float(np.isfinite(day).mean()), float(np.median(day)))


@dataclass(frozen=True)
class Judged:
    """One line of the second table: the shares of series by how their probation ended, and the median day of the end.

    `harm` is in standard deviations between the blocks that the gate settled.
    """

    gate_days: int
    autocorrelation: float
    harm: float
    rolled_back: float
    confirmed: float
    unproven: float
    median_day: float


def block_sd(block_days: int, rho: float) -> float:
    """Standard deviation of the mean of so many autoregressive days of unit variance.

    >>> block_sd(1, 0.5), block_sd(4, 0.0), block_sd(2, 1.0)
    (1.0, 0.5, 1.0)
    """
    lags = np.arange(1, block_days)
    return float(np.sqrt(block_days + 2 * ((block_days - lags) * rho**lags).sum()) / block_days)


def ends(blocks: Floats, block_days: int, policy: ProbationPolicy) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    """How the probation of each series of block means, shape (series, blocks), ends, and after how many blocks.

    Daily periods: the declared ones are over after `policy.periods` days, and the last block is the last look.
    """
    e_value, (_, high) = log_e_values(blocks, block_days), confidence_sequence(blocks, block_days, policy.alpha)
    number = np.arange(1, blocks.shape[1] + 1)
    mean = np.cumsum(blocks, axis=1) / number
    spread = np.sqrt(np.maximum(np.cumsum(blocks**2, axis=1) / number - mean**2, 0))
    decided = e_value >= np.log(line(policy.alpha))
    ruled_out = (high <= policy.rules_out * spread) & (number * block_days >= policy.periods)
    over = decided | ruled_out
    at = np.where(over.any(axis=1), over.argmax(axis=1), blocks.shape[1] - 1)
    row = np.arange(len(blocks))
    harmed = decided[row, at] & (mean[row, at] > 0)
    return np.where(harmed, "harmed", np.where(over[row, at], "confirmed", "unproven")), at + 1


def simulate_judgement(repetitions: int, gate_days: int, rho: float, harm: float, seed: int = 20261123) -> Judged:
    """One line: the gate settles the block length, the probation goes on until it ends."""
    random = np.random.default_rng([seed, gate_days, round(100 * rho), round(100 * harm)])
    policy = ProbationPolicy()
    blocks = {days: PATIENCE * enough_blocks(days, policy.alpha, policy.rules_out) for days in LENGTHS_DAYS}
    longest = max(days * number for days, number in blocks.items())
    series = autoregressive(random, repetitions, gate_days + longest, rho)
    lengths = np.array([block_length_days(gate) for gate in series[:, :gate_days]])
    end, day = np.full(repetitions, "unproven", dtype="U9"), np.zeros(repetitions)
    for days, number in blocks.items():
        chosen = lengths == days
        if chosen.any():
            served = series[chosen, gate_days : gate_days + days * number]
            means = served.reshape(-1, number, days).mean(axis=2) + harm * block_sd(days, rho)
            end[chosen], looks = ends(means, days, policy)
            day[chosen] = looks * days
    shares = [float((end == name).mean()) for name in ("harmed", "confirmed", "unproven")]
    return Judged(gate_days, rho, harm, *shares, float(np.median(day)))


def misjudged(lines: list[Judged]) -> list[str]:
    """One sentence per line that breaks what `confirmed` and `rolled back` say.

    A version is confirmed when a harm of one standard deviation between blocks is ruled out at the level of the test,
    so that a version with that harm is confirmed no more often than the level; and an equal one is rolled back no more
    often, in as long as it takes. Blocks of 14 days, the longest, still resemble each other where days do so by .7 and
    more; there the year that a probation may take costs up to twice the level. Where days are independent, nine in ten
    equal ones are confirmed.
    """
    found = []
    for one in lines:
        where = f"judge: gate of {one.gate_days} days, autocorrelation {one.autocorrelation:g}, harm {one.harm:g}"
        if one.harm >= ProbationPolicy().rules_out and not one.confirmed <= ALPHA:
            found.append(f"{where}: P(confirmed) {one.confirmed:.4f} > {ALPHA}")
        level = ALPHA if one.autocorrelation < RESEMBLING else 2 * ALPHA
        if one.harm == 0 and not one.rolled_back <= level:
            found.append(f"{where}: P(rolled back) {one.rolled_back:.4f} > {level}")
        if one.harm == one.autocorrelation == 0 and not one.confirmed >= CONFIRMED_AT_LEAST:
            found.append(f"{where}: P(confirmed) {one.confirmed:.4f} < {CONFIRMED_AT_LEAST}")
    return found


def judgements(lines: list[Judged]) -> str:
    """Markdown: one line per gate length and autocorrelation, `rolled back / confirmed / unproven (median day)`."""
    harms = sorted({one.harm for one in lines})
    found = {(one.gate_days, one.autocorrelation, one.harm): one for one in lines}
    head = " | ".join("equal models" if harm == 0 else f"worse by {harm:g} block-sd" for harm in harms)
    rows = [f"| gate days | autocorrelation | {head} |", "|---|---|" + "---|" * len(harms)]
    for gate, rho in sorted({(one.gate_days, one.autocorrelation) for one in lines}):
        cells = [found[gate, rho, harm] for harm in harms]
        shown = [f"{c.rolled_back:.3f} / {c.confirmed:.3f} / {c.unproven:.3f} (day {c.median_day:g})" for c in cells]
        rows.append(f"| {gate} | {rho:g} | {' | '.join(shown)} |")
    return "\n".join(rows)


def missed(cells: list[Cell]) -> list[str]:
    """One sentence per stated number that a cell misses."""
    found = []
    for cell in cells:
        where = f"gate of {cell.gate_days} days, autocorrelation {cell.autocorrelation:g}, harm {cell.harm:g}"
        if cell.harm == 0 and not cell.rolled_back <= FALSE_AT_MOST:
            found.append(f"{where}: P(rollback) {cell.rolled_back:.4f} > {FALSE_AT_MOST}")
        if (cell.harm, cell.autocorrelation) == (1.0, 0.0):
            if not cell.rolled_back >= FOUND_AT_LEAST:
                found.append(f"{where}: P(rollback) {cell.rolled_back:.4f} < {FOUND_AT_LEAST}")
            if not cell.median_day <= MEDIAN_DAY_AT_MOST:
                found.append(f"{where}: median day {cell.median_day:g} > {MEDIAN_DAY_AT_MOST:g}")
    return found


def table(cells: list[Cell]) -> str:
    """Markdown: one line per gate length and autocorrelation, one column per harm, `share (median day)`."""
    harms = sorted({cell.harm for cell in cells})
    found: Mapping[Any, Cell] = {(cell.gate_days, cell.autocorrelation, cell.harm): cell for cell in cells}
    head = " | ".join("equal models" if harm == 0 else f"worse by {harm:g} day-sd" for harm in harms)
    lines = [f"| gate days | autocorrelation | {head} |", "|---|---|" + "---|" * len(harms)]
    for gate, rho in sorted({(cell.gate_days, cell.autocorrelation) for cell in cells}):
        shown = [_shown(found.get((gate, rho, harm))) for harm in harms]
        lines.append(f"| {gate} | {rho:g} | {' | '.join(shown)} |")
    return "\n".join(lines)


def _shown(cell: Cell | None) -> str:
    if cell is None:
        return ""
    day = f" (day {cell.median_day:g})" if cell.harm and np.isfinite(cell.median_day) else ""
    return f"{cell.rolled_back:.3f}{day}"


def drill_seconds(rounds: int = 20) -> float:
    """Longest time from the decision to the previous bytes being served, on a registry with a journal of 100 events."""
    from retrain_assets.production.rollback import roll_back
    from retrain_assets.registry.registry import Registry
    from retrain_assets.scoring import booster

    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        live = _two_versions(Registry(Path(folder) / "made", "drill"))
        for number in range(rounds):
            root = Path(folder) / str(number)
            shutil.copytree(Path(folder) / "made", root)
            registry = Registry(root, "drill")
            booster._sound.clear()  # as in the process of a run, which has checked no model yet
            began = time.perf_counter()
            event = roll_back(
                registry, RollbackRequest(f"drill {number}", datetime(2026, 1, 1), "benchmark", "2026-01", live)
            )
            assert event.to_digest is not None
            assert registry.read(event.to_digest)["model.bst"]
            worst = max(worst, time.perf_counter() - began)
    return worst


def _two_versions(registry: Any) -> str:
    """Two real models in service one after the other, among a hundred attempts; the digest of the live one."""
    from dataclasses import replace

    from retrain_assets.verdict import Outcome

    first, second = (registry.add(_model(seed)) for seed in (1, 2))
    _promote(registry, 0, first, None)
    for number in range(1, 99):
        passing = _verdict("drill", number, second, first)
        failed = tuple(replace(finding, outcome=Outcome.FAIL) for finding in passing.findings)
        registry.record(replace(passing, findings=failed), at=_at(number), actor="drill")
    _promote(registry, 99, second, first)
    return str(registry.live().digest)


def _promote(registry: Any, number: int, candidate: str, champion: str | None) -> None:
    from benchmarks.worlds.verdicts import no_rest
    from retrain_assets.production.rollback import probe_model
    from retrain_assets.registry.rules import PromotionRules

    judged, told = _verdict("drill", number, candidate, champion), {"at": _at(number), "actor": "drill"}
    registry.record(judged, **told)
    registry.promote(judged, champion, PromotionRules("p", probe_model, no_rest), **told)


def _at(number: int) -> datetime:
    return datetime(2000 + number // 12, number % 12 + 1, 1)


def _verdict(model: str, number: int, candidate: str, champion: str | None) -> Any:
    from retrain_assets.verdict import CHECKS, Finding, GateWindow, Outcome, Verdict

    start, end = _at(number), _at(number + 1)
    return Verdict(
        model=model,
        period=f"{start:%Y-%m}",
        findings=tuple(Finding(check, Outcome.PASS, "passed", role="primary") for check in CHECKS),
        gate=GateWindow((f"{start:%Y-%m}",), start.isoformat(), end.isoformat(), 1000, f"{number:064d}"),
        candidate_digest=candidate,
        champion_digest=champion,
        policy_sha256="p",
        code_version="benchmark",
    )


def _model(seed: int) -> dict[str, bytes]:
    import lightgbm

    random = np.random.default_rng(seed)
    features = random.normal(size=(2000, 10))
    booster = lightgbm.train(
        {"objective": "regression", "verbose": -1, "num_threads": 1},
        lightgbm.Dataset(features, features[:, 0] + random.normal(size=2000)),
        num_boost_round=200,
    )
    rows = features[:20]
    probe = {"rows": rows.tolist(), "scores": booster.predict(rows).tolist()}
    return {"model.bst": booster.model_to_string().encode(), "probe.json": json.dumps(probe).encode()}


def main() -> None:
    """Print the table and the drill; exit with 1 when a stated number is missed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--fast", action="store_true", help="2,000 repetitions of the stated cells instead of 20,000.")
    fast = options.parse_args().fast
    repetitions = 2_000 if fast else 20_000
    worse = [(1.0, 0.0)] if fast else [(harm, rho) for harm in HARMS for rho in AUTOCORRELATIONS]
    wanted = [(0.0, rho) for rho in AUTOCORRELATIONS] + worse
    cells = [simulate(repetitions, gate, rho, harm) for gate in GATE_DAYS for harm, rho in wanted]
    print(f"P(rollback within {DAYS} days), {repetitions:,} repetitions a cell, level {ALPHA}:\n\n{table(cells)}\n")
    seen = [0.0, 0.6, 0.9] if fast else AUTOCORRELATIONS
    lines = [simulate_judgement(repetitions, g, rho, harm) for g in GATE_DAYS for rho in seen for harm in JUDGED_HARMS]
    print(f"how a probation of 8 daily periods ends, rolled back / confirmed / unproven:\n\n{judgements(lines)}\n")
    seconds = drill_seconds(5 if fast else 20)
    print(f"drill: the previous bytes are served {seconds:.3f} s after the decision, the slowest of all rounds")
    problems = [*missed(cells), *misjudged(lines)]
    if not seconds < DRILL_SECONDS:
        problems.append(f"drill: {seconds:.3f} s, stated are {DRILL_SECONDS:g} s")
    print(
        "\n".join(problems)
        if problems
        else f"rollback: all {len(cells)} cells, {len(lines)} judgements and the drill hold"
    )
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
