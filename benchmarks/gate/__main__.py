"""Print every table of the gate and say which stated number is missed.

    python -m benchmarks.gate [--fast]

Simulates the acceptance table through the project's own judge, registry and rollback test, the fairness check against
fairlearn's bootstrap, and the gate's time and memory on a million rows. The full tables ask so often that two Monte-
Carlo standard errors fit between the share and its limit, and miss a limit otherwise; `--fast` asks less often,
forgives one error and leaves out the comparison of coverage and the memory of all tasks but the first.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from benchmarks.gate import peers, procedure, speed
from benchmarks.gate.cases import cases
from benchmarks.rollback import AUTOCORRELATIONS, DAYS, GATE_DAYS, simulate
from benchmarks.tables import (
    FORGIVEN,
    SPARE,
    Line,
    arguments,
    head_of_shares,
    in_words,
    keeps,
    line_of_share,
    print_parts,
    shares,
)

FASTER_THAN_FAIRLEARN = 500.0
PAIRS = 5.0
COLUMNS = 4.0
FALSE_ROLLBACKS, FOUND, MEDIAN_DAY = 0.05, 0.99, 15.0


def main() -> int:
    """Measure, print, and count what is missed."""
    fast = arguments(__doc__).parse_args().fast
    return print_parts("gate", (simulated, procedure.years, rolled_back, against_fairlearn, costs, memory), fast)


def simulated(fast: bool) -> Iterator[Line]:
    """The acceptance table."""
    return shares("share of yes", cases(), fast)


def rolled_back(fast: bool) -> Iterator[Line]:
    """The rows of the acceptance table about the time after a promotion, by the simulation of `benchmarks.rollback`."""
    reps, errors = (2_000, FORGIVEN) if fast else (8_000, SPARE)
    print(head_of_shares(f"rolled back within {DAYS} days"))
    for gate_days in GATE_DAYS:
        for rho in AUTOCORRELATIONS:
            share = simulate(reps, gate_days, rho, harm=0.0).rolled_back
            name = f"equal model, autocorrelation {rho:g}, blocks by the {gate_days} days of the gate"
            line = line_of_share(name, share, reps, in_words(0.0, FALSE_ROLLBACKS))
            yield line, keeps(share, reps, 0.0, FALSE_ROLLBACKS, errors)
    for gate_days in GATE_DAYS:
        cell = simulate(reps, gate_days, 0.0, harm=1.0)
        name = f"worse by 1 day-sd, independent days, blocks by the {gate_days} days of the gate"
        line = line_of_share(name, cell.rolled_back, reps, in_words(FOUND, 1.0))
        yield line, keeps(cell.rolled_back, reps, FOUND, 1.0, errors)
        day = f"{'the same: median day':<90}{cell.median_day:>7g}{reps:>14}  <= {MEDIAN_DAY:g}"
        yield day, cell.median_day <= MEDIAN_DAY


def against_fairlearn(fast: bool) -> Iterator[Line]:
    """The fairness check against fairlearn's bootstrap of 50 resamples."""
    taken = peers.times_faster(seed=200, bare=not fast)
    print(f"{'20,000 rows, 5 groups, TPR and FPR':<60}{'s of CPU':>10}{'times':>8}  must be")
    yield f"{'our fairness check, change between two models':<60}{taken['ours']:>10.5f}", True
    peers_asked = (
        ("fairlearn", "fairlearn MetricFrame, n_boot=50, one model", FASTER_THAN_FAIRLEARN),
        ("bare", "the same around one-line functions", 0.0),
    )
    for name, text, least in peers_asked[: len(taken) - 1]:
        ratio = taken[name] / taken["ours"]
        wanted = f">= {least:g}" if least else "shown only"
        yield f"{text:<60}{taken[name]:>10.4f}{ratio:>8.0f}  {wanted}", ratio >= least
    if not fast:
        yield from _coverage()


def _coverage(reps: int = 150) -> Iterator[Line]:
    ours, theirs = peers.coverage(reps, seed=201)
    error = (0.9 * 0.1 / reps) ** 0.5
    print(f"\n{f'limits of a TPR drop of .08, 100 positives ({reps} times)':<60}{'both':>10}{'upper':>8}  must be")
    yield f"{'asked':<60}{0.9:>10.3f}{0.95:>8.3f}", True
    kept = ours.both >= theirs.both - error and ours.upper >= theirs.upper - error
    yield f"{'our fairness check':<60}{ours.both:>10.3f}{ours.upper:>8.3f}  >= fairlearn", kept
    yield f"{'fairlearn MetricFrame, n_boot=50':<60}{theirs.both:>10.3f}{theirs.upper:>8.3f}", True


def _head(unit: str) -> str:
    head = f"{speed.ROWS:,} rows, {speed.RAILS} guardrails, {len(speed.ATTRIBUTES)} protected attributes"
    return f"{head:<72}{unit:>8}  must be"


def costs(fast: bool) -> Iterator[Line]:
    """CPU time on a million rows."""
    print(_head("s"))
    for task in speed.TASKS:
        cost = speed.measure(task, seed=300, repeats=1 if fast else 3)
        yield f"{f'{task}: scikit-learn roc_auc_score + log_loss':<72}{cost.pair:>8.3f}", True
        yield f"{f'{task}: the whole gate':<72}{cost.gate:>8.3f}", True
        yield f"{f'{task}: the gate / the pair':<72}{cost.ratio:>8.2f}  < {PAIRS:g}", cost.ratio < PAIRS


def memory(fast: bool) -> Iterator[Line]:
    """Peak memory on a million rows, beyond what the gate was given."""
    print(_head("columns"))
    for task in speed.TASKS[:1] if fast else speed.TASKS:
        for name, columns in speed.peaks(task, seed=300).items():
            yield f"{f'{task}, {name}':<72}{columns:>8.2f}  <= {COLUMNS:g}", columns <= COLUMNS


if __name__ == "__main__":
    sys.exit(main())
