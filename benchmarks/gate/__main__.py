"""Print every table of the gate and say which stated number is missed.

    python -m benchmarks.gate [--fast]

Simulates the acceptance table through the project's own judge and registry, the price of the block rule, the fairness
check against fairlearn's bootstrap, and the gate's time and memory on a million rows. The full tables ask so often that
two Monte-Carlo standard errors fit between the share and its limit, and miss a limit otherwise; `--fast` asks less
often, forgives one error and leaves out the comparison of coverage.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator

from benchmarks.gate import peers, power, speed
from benchmarks.gate.cases import FORGIVEN, SPARE, ask_often, cases

FASTER_THAN_FAIRLEARN = 500.0
PAIRS = 5.0
LIMITED = ("binary", "regression")
"""Tasks whose gate must keep to that many pairs; of several classes every metric has one column for each."""
COLUMNS = 4.0

Line = tuple[str, bool]
"""A printed line, and whether the numbers in it are as stated."""


def main() -> int:
    """Measure, print, and count what is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fast", action="store_true", help="fewer repetitions, under a minute")
    fast, began, figures, missed = parser.parse_args().fast, time.perf_counter(), 0, []
    for part in (simulated, priced, against_fairlearn, costs):
        for line, kept in part(fast):
            print(line if kept else f"{line}  MISSED", flush=True)
            figures += 1
            if not kept:
                missed.append(line.split("  ")[0])
        print()
    took = time.perf_counter() - began
    print(f"gate: {figures} figures in {took:.0f} s, missed: {'; '.join(missed) or 'none'}")
    return 1 if missed else 0


def simulated(fast: bool) -> Iterator[Line]:
    """The acceptance table."""
    print(f"{'share of yes':<90}{'share':>7}{'+-':>7}{'asked':>7}  must be")
    for case in cases():
        reps = case.fast if fast else case.reps
        if reps:
            found = ask_often(case, reps)
            line = f"{case.name:<90}{found.share:>7.4f}{found.error:>7.4f}{reps:>7}  {case.limit}"
            yield line, found.within(FORGIVEN if fast else SPARE)


def priced(fast: bool) -> Iterator[Line]:
    """The price of the block rule."""
    print(f"{'days':<6}{'unit':<16}{'equal called better':>20}{'better found':>14}")
    table = power.prices(200 if fast else 8_000, seed=100, windows=(56,) if fast else (28, 56, 84, 182))
    before = {price.days: price.found for price in table if price.rule == "without weeks"}
    for price in table:
        kept = price.rule != "auto" or price.found >= before[price.days] - power.LARGEST_LOSS
        yield f"{price.days:<6}{price.rule:<16}{price.wrong:>20.4f}{price.found:>14.4f}", kept


def against_fairlearn(fast: bool) -> Iterator[Line]:
    """The fairness check against fairlearn's bootstrap of 50 resamples."""
    taken = peers.times_faster(seed=200, bare=not fast)
    print(f"{'20,000 rows, 5 groups, TPR and FPR':<60}{'s':>10}{'times':>8}  must be")
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


def _coverage(reps: int = 400) -> Iterator[Line]:
    ours, theirs = peers.coverage(reps, seed=201)
    error = (0.9 * 0.1 / reps) ** 0.5
    print(f"\n{f'limits of a TPR drop of .08, 100 positives ({reps} times)':<60}{'both':>10}{'upper':>8}  must be")
    yield f"{'asked':<60}{0.9:>10.3f}{0.95:>8.3f}", True
    kept = ours.both >= theirs.both - error and ours.upper >= theirs.upper - error
    yield f"{'our fairness check':<60}{ours.both:>10.3f}{ours.upper:>8.3f}  >= fairlearn", kept
    yield f"{'fairlearn MetricFrame, n_boot=50':<60}{theirs.both:>10.3f}{theirs.upper:>8.3f}", True


def costs(fast: bool) -> Iterator[Line]:
    """Time and memory on a million rows."""
    head = f"{speed.ROWS:,} rows, {speed.RAILS} guardrails, {len(speed.ATTRIBUTES)} protected attributes"
    print(f"{head:<72}{'value':>8}  must be")
    for task in speed.TASKS:
        cost = speed.measure(task, seed=300, repeats=1 if fast else 3)
        yield f"{f'{task}: scikit-learn roc_auc_score + log_loss, s':<72}{cost.pair:>8.3f}", True
        yield f"{f'{task}: the whole gate, s':<72}{cost.gate:>8.3f}", True
        limit = f"  < {PAIRS:g}" if task in LIMITED else "  shown only"
        quick = cost.ratio < PAIRS or task not in LIMITED
        yield f"{f'{task}: the gate / the pair':<72}{cost.ratio:>8.2f}{limit}", quick
        for columns, where in ((cost.columns, ""), (cost.with_slices, ", slices too")):
            peak = f"{task}: peak memory beyond the inputs, float64 columns{where}"
            yield f"{peak:<72}{columns:>8.2f}  <= {COLUMNS:g}", columns <= COLUMNS


if __name__ == "__main__":
    sys.exit(main())
