"""`retrain check`: every period of a model's data, the defaults in force, and what will go wrong, in one screen."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from retrain_assets.cli.shared import NO, guarded, spec_of
from retrain_assets.errors import DataError
from retrain_assets.spec import ModelSpec, load_specs

if TYPE_CHECKING:
    from retrain_assets.onboarding.outlook import Outlook
    from retrain_assets.onboarding.survey import PeriodFindings

MOST_LINES = 24
"""Periods are shown one by one up to this number; of more, those in which something was found."""

MOST_FOUND = 3
"""Findings shown for one period; the rest is counted."""


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@guarded
def check(name: str | None, as_json: bool) -> None:
    """Read every period of a model's data, and tell what its spec will do with them.

    Shows what was found in each period, the defaults in force and what they mean for these data, and what will go
    wrong. Exit code 1 when the model cannot work as it is.

    Example: retrain check churn
    """
    specs = [spec_of(name)] if name else list(load_specs().values())
    ready = [_checked(spec, as_json) for spec in specs]
    sys.exit(0 if all(ready) else NO)


def _checked(spec: ModelSpec, as_json: bool) -> bool:
    from retrain_assets.onboarding.outlook import Outlook, outlook
    from retrain_assets.onboarding.survey import survey
    from retrain_assets.registry.registry import Registry
    from retrain_assets.store import PeriodStore

    with tempfile.TemporaryDirectory(prefix="retrain-check-") as folder, _Told(spec.name) as tell:
        store = PeriodStore(Path(folder) / "data")
        try:
            found = survey(spec, store, tell)
            seen = outlook(spec, store, Registry(Path(folder) / "registry", spec.name), found)
        except DataError as error:
            found, seen = [], Outlook((str(error),), ())
    if as_json:
        record = {"model": spec.name, "ready": seen.ready, **asdict(seen), "periods": [asdict(one) for one in found]}
        click.echo(json.dumps(record, indent=1))
    else:
        click.echo("\n".join(screen(spec, found, seen)))
    return seen.ready


class _Told:
    """Names the period that is being read, where there is a terminal, and clears the line at the end."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> _Told:
        return self

    def __call__(self, period: str) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r{self.name}: reading {period} ", nl=False, err=True)

    def __exit__(self, *_: object) -> None:
        if sys.stderr.isatty():
            click.echo("\r" + " " * 60 + "\r", nl=False, err=True)


def screen(spec: ModelSpec, found: Sequence[PeriodFindings], seen: Outlook) -> Iterator[str]:
    """What `check` prints of one model."""
    yield f"{spec.name}: {spec.task}, by {spec.period.every}"
    if found:
        yield from _table(found)
        yield from _defaults(spec, found)
    if seen.sees:
        yield "the gate, on rows like those of the first model:"
        yield from (f"  {sentence}" for sentence in seen.sees)
    if seen.warnings:
        yield "worth knowing:"
        yield from (f"  - {sentence}" for sentence in seen.warnings)
    if seen.ready:
        yield f"{spec.name} can work: {seen.begins}."
    else:
        yield f"{spec.name} cannot work as it is:"
        yield from (f"  - {sentence}" for sentence in seen.stops)


def _table(found: Sequence[PeriodFindings]) -> Iterator[str]:
    rows, out = sum(one.rows for one in found), sum(one.out for one in found)
    yield f"{'period':<12}{'rows':>9}{'out':>6}{'missing':>9}{'outcomes':>10}  found"
    shown = found if len(found) <= MOST_LINES else [one for one in found if one.found or one.stops][:MOST_LINES]
    for one in shown:
        said = [*(f"REFUSED: {cause}" for cause in one.stops), *one.found]
        more = f" (and {len(said) - MOST_FOUND} more)" if len(said) > MOST_FOUND else ""
        first, *rest = [*said[:MOST_FOUND], ""][: max(1, min(len(said), MOST_FOUND))]
        yield (
            f"{one.period:<12}{one.rows:>9,}{one.out:>6,}{one.missing:>9.1%}{one.outcomes:>10.0%}  {first}"
            f"{more if not rest else ''}"
        ).rstrip()
        for place, sentence in enumerate(rest, 1):
            yield f"{'':<46}  {sentence}{more if place == len(rest) else ''}"
    hidden = len(found) - len(shown)
    note = f"; {hidden} periods without a finding or beyond {MOST_LINES} lines are not shown" if hidden else ""
    yield f"{len(found)} periods{'':<3}{rows:>9,}{out:>6,}{note}"


def _defaults(spec: ModelSpec, found: Sequence[PeriodFindings]) -> Iterator[str]:
    from retrain_assets.onboarding.defaults import defaults_in_force

    rows = list(defaults_in_force(spec, found))
    if rows:
        yield "defaults in force:"
        width = max(len(one.key) for one in rows) + 2
        yield from (f"  {one.key:<{width}}{one.value}: {one.meaning}" for one in rows)
