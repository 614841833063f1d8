"""What the gate's decisions gain and cost on six real streams, each with a spec that `retrain new` would write.

    python -m benchmarks.decisions [--table NAME ...] [--streams FOLDER] [--results FOLDER] [--print]

Three of the streams ship with the project; the others are Parquet files in a folder, by default that of the streams in
`../shared`. Each is played twice, as it is and with its times dealt out anew, so that nothing drifts. A finished
table is kept as JSON in the folder of results and not played again, one that was broken off goes on where it stood;
`--print` only prints what is there. Exit code 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.decisions.loop import Playback, Played
from benchmarks.decisions.streams import STREAMS, prepare

PROJECT = Path(__file__).parents[2]
LEAST_GAIN, LEAST_KEPT, MOST_LOST, MOST_FALSE, MOST_UNDECIDED = 0.03, 0.80, 0.01, 1 / 20, 0.10


def played(name: str, streams: Path, results: Path, *, shuffled: bool) -> Played:
    """Play a stream, or read how it went before."""
    kept = results / f"{name}{'_shuffled' if shuffled else ''}.json"
    if kept.exists():
        return Played.from_dict(json.loads(kept.read_text()))
    home = results / "homes" / kept.stem
    spec = prepare(name, streams, home / "source", shuffled=shuffled)
    found = Playback(spec, home, lambda line: print(f"  {name}: {line}", flush=True)).play(ungated=not shuffled)
    kept.write_text(json.dumps(found.to_dict(), indent=1))
    shutil.rmtree(home)
    return found


def lines(name: str, real: Played, shuffled: Played | None) -> Iterator[tuple[str, bool]]:
    """The rows of the table about one stream, and whether its targets are met."""
    if not real.losses:
        yield f"{name:<14} no first model in {len(real.refused_first)} attempts", False
        return
    served, never = real.losses["served"], real.losses["never"]
    ungated = {policy: real.losses[policy] for policy in ("recent", "history", "preferred")}
    best = min(ungated, key=lambda policy: ungated[policy])
    gain = (never - ungated[best]) / never
    kept = (never - served) / (never - ungated[best]) if gain > 0 else float("nan")
    false = _false_promotions(shuffled) if shuffled else 0
    told = "not played"
    if shuffled:
        told = f"{false} of {len(shuffled.attempts)} ({shuffled.count('promoted') - false} more were better)"
    right = (gain <= LEAST_GAIN or kept >= LEAST_KEPT) and served <= never * (1 + MOST_LOST)
    right = right and real.count("insufficient") <= max(1, MOST_UNDECIDED * len(real.attempts))
    if shuffled:
        right = right and false <= max(1, MOST_FALSE * len(shuffled.attempts))
    share = f"{kept:.0%}" if gain > LEAST_GAIN else "-"
    yield (
        f"{name:<14}{real.rows:>9,}{served:>9.4f}{never:>9.4f}"
        + "".join(f"{ungated[policy]:>10.4f}" for policy in ungated)
        + f"{real.losses['oracle']:>9.4f}{gain:>8.1%}{share:>7}{len(real.attempts):>10}{real.count('promoted'):>10}"
        f"{real.count('insufficient'):>10}{real.rollbacks:>6}   {told}",
        right,
    )


def _false_promotions(shuffled: Played) -> int:
    """Promotions that were no better on all later rows: in a world without drift a model of more rows may be better."""
    return shuffled.count("promoted") - shuffled.better_later


HEAD = (
    f"{'stream':<14}{'rows':>9}{'served':>9}{'never':>9}{'recent':>10}{'history':>10}{'preferred':>10}{'oracle':>9}"
    f"{'gain':>8}{'kept':>7}{'attempts':>10}{'promoted':>10}{'undecided':>10}{'back':>6}   falsely promoted, shuffled"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the named streams, or all of them, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="append", choices=tuple(STREAMS), help="only this stream; may stand again")
    parser.add_argument("--streams", type=Path, default=PROJECT.parent / "shared" / "data" / "streams")
    parser.add_argument("--results", type=Path, default=PROJECT / ".benchmarks" / "decisions")
    parser.add_argument("--print", action="store_true", dest="only_print", help="play nothing")
    said = parser.parse_args(arguments)
    table, right = [HEAD], True
    for name in said.table or STREAMS:
        if said.only_print and not (said.results / f"{name}.json").exists():
            continue
        real = played(name, said.streams, said.results, shuffled=False)
        known = not said.only_print or (said.results / f"{name}_shuffled.json").exists()
        shuffled = played(name, said.streams, said.results, shuffled=True) if known else None
        for line, fine in lines(name, real, shuffled):
            table.append(f"{line}{'' if fine else '   MISSED'}")
            right = right and fine
    print("\n".join(table))
    print("every target met" if right else "a target is missed")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
