"""`retrain check`: every period of a model's data, the defaults in force, and what will go wrong, in one screen."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from retrain_assets.cli.shared import NO, guarded, spec_of
from retrain_assets.documents.terminal import say, width
from retrain_assets.documents.units import percent, plural
from retrain_assets.errors import DataError
from retrain_assets.spec.loading import load_specs
from retrain_assets.spec.model_spec import ModelSpec

if TYPE_CHECKING:
    from retrain_assets.onboarding.outlook import Outlook
    from retrain_assets.onboarding.survey import PeriodFindings

MOST_LINES = 24
"""Periods are shown one by one up to this number; of more, those in which something was found."""

MOST_FOUND = 2
"""Findings shown for one period; the rest is counted."""

OFTEN = 4
"""What is found in so many periods, and in a quarter of them, is said once."""

_WIDE, _FOUND_AT, _NARROW_AT, _ROWS_WIDE = 110, 48, 4, 9
_CHANGING = re.compile(r"\([^)]*\)|'[^']*'|\S+\.(?:csv|parquet|tsv|txt|gz|pq)\b|\b(?:\d{4}-[\d-]+|[-+\d][\d.,%]*)")


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@click.option("--all", "every", is_flag=True, help="Show every period and everything that was found in it.")
@guarded
def check(name: str | None, as_json: bool, every: bool) -> None:
    """Read every period of a model's data, and tell what its spec will do with them.

    Shows what was found in each period, the defaults in force and what they mean for these data, and what will go
    wrong. Exit code 1 when the model cannot work as it is.

    Example: retrain check churn
    """
    specs = [spec_of(name)] if name else list(load_specs().values())
    ready = [_checked(spec, as_json, every) for spec in specs]
    sys.exit(0 if all(ready) else NO)


def _checked(spec: ModelSpec, as_json: bool, every: bool) -> bool:
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
        limit = width()
        for line in screen(spec, found, seen, every):
            indent = len(line) - len(line.lstrip())
            wide = limit is None or limit >= _WIDE
            at = _FOUND_AT - indent if line[:1].isdigit() and wide else _NARROW_AT
            say([line], hanging=at)
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


def screen(spec: ModelSpec, found: Sequence[PeriodFindings], seen: Outlook, every: bool = False) -> Iterator[str]:
    """What `check` prints of one model; `every` period with all of its findings, or what fits a screen."""
    yield f"{spec.name}: {spec.task}, by {spec.period.every}"
    if found:
        yield from (_all if every else _table)(found, spec.row_name)
        yield from _defaults(spec, found)
    if seen.sees:
        several = plural(spec.row_name)
        yield (
            f"the gate, on as many {several} as the first model is judged on, if days are alike and both models fresh "
            "(an aged one differs more: the report of each attempt tells what its gate saw; docs/gate.md):"
        )
        yield from (f"  {sentence}" for sentence in seen.sees)
    if seen.warnings:
        yield "worth knowing:"
        yield from (f"  - {sentence}" for sentence in seen.warnings)
    if seen.ready:
        yield f"{spec.name} can work: {seen.begins}."
    else:
        yield f"{spec.name} cannot work as it is:"
        yield from (f"  - {sentence}" for sentence in seen.stops)


def _head(row: str) -> str:
    """The head of the table; a name of a row that is longer than its column would push the others aside."""
    named = plural(row)
    rows = named if len(named) < _ROWS_WIDE else "rows"
    return f"{'period':<12}{rows:>{_ROWS_WIDE}}{'out':>6}{'missing':>9}{'outcomes':>10}  found"


def _table(found: Sequence[PeriodFindings], row: str) -> Iterator[str]:
    """The periods, or of many those in which something rare was found; what is found often is said once."""
    often = _often(found)
    rare = {one.period: [text for text in one.found if _kind(text) not in often] for one in found}
    worth = [one for one in found if one.stops or rare[one.period]]
    shown = found if len(found) <= MOST_LINES else sorted(worth, key=lambda one: not one.stops)[:MOST_LINES]
    yield _head(row)
    for one in sorted(shown, key=lambda one: one.period):
        said = [*(f"REFUSED: {cause}" for cause in one.stops), *rare[one.period]]
        first, *rest = [*said[:MOST_FOUND], ""][: max(1, min(len(said), MOST_FOUND))]
        more = f" (and {len(said) - MOST_FOUND} more: --all)" if len(said) > MOST_FOUND else ""
        yield _line(one, first)
        yield from (f"{'':<{_FOUND_AT}}{sentence}{more}" for sentence in rest)
    rows, out = sum(one.rows for one in found), sum(one.out for one in found)
    hidden = len(found) - len(shown)
    note = f"; {hidden} periods more, without a finding of their own: --all" if hidden else ""
    note = f"; {hidden} periods more: --all" if hidden and len(worth) > len(shown) else note
    yield f"{len(found)} periods{'':<3}{rows:>9,}{out:>6,}{note}"
    for number, sentence in often.values():
        yield f"  in {number} of {len(found)} periods: {sentence}"


def _all(found: Sequence[PeriodFindings], row: str) -> Iterator[str]:
    yield _head(row)
    for one in found:
        first, *rest = [*(f"REFUSED: {cause}" for cause in one.stops), *one.found] or [""]
        yield _line(one, first)
        yield from (f"{'':<{_FOUND_AT}}{sentence}" for sentence in rest)


def _line(one: PeriodFindings, first: str) -> str:
    shares = f"{percent(one.missing, 1):>9}{percent(one.outcomes):>10}"
    return f"{one.period:<12}{one.rows:>9,}{one.out:>6,}{shares}  {first}".rstrip()


def _often(found: Sequence[PeriodFindings]) -> dict[str, tuple[int, str]]:
    """Findings of one kind that many periods have: how many, and the first."""
    kinds: dict[str, list[str]] = {}
    for one in found:
        for kind, sentence in {_kind(sentence): sentence for sentence in reversed(one.found)}.items():
            kinds.setdefault(kind, []).append(sentence)
    least = max(OFTEN, len(found) / 4)
    return {kind: (len(texts), texts[0]) for kind, texts in kinds.items() if len(texts) >= least}


def _kind(sentence: str) -> str:
    """A finding without its numbers, files and examples."""
    return _CHANGING.sub("", sentence)


def _defaults(spec: ModelSpec, found: Sequence[PeriodFindings]) -> Iterator[str]:
    from retrain_assets.onboarding.defaults import defaults_in_force

    rows = list(defaults_in_force(spec, found))
    if rows:
        yield "defaults in force:"
        width = max(len(one.key) for one in rows) + 2
        yield from (f"  {one.key:<{width}}{one.value}: {one.meaning}" for one in rows)
