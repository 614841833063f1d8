"""`retrain new`: a stranger's table in, the spec of a first model out, and what a person has to decide about it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retrain_assets.cli.shared import guarded, waiting
from retrain_assets.documents.terminal import say
from retrain_assets.documents.units import counted, percent
from retrain_assets.errors import SpecError, TwoReadings
from retrain_assets.raw.policy import DAY_FIRST
from retrain_assets.spec.loading import OWN, load_spec, own_folders

if TYPE_CHECKING:
    from retrain_assets.onboarding.draft import Draft
    from retrain_assets.onboarding.roles import Named
    from retrain_assets.onboarding.table import ForeignTable
    from retrain_assets.periods import Every


@dataclass(frozen=True)
class Tables:
    """What the spec is drafted from: the rows, the outcomes if they stand apart, and the length of a period if said."""

    name: str
    rows: ForeignTable
    outcomes: ForeignTable | None
    every: Every | None

    def drafted(self, named: Named, delay: str | None) -> Draft:
        """The draft with what the user said."""
        from retrain_assets.onboarding.draft import drafted

        return drafted(self.name, self.rows, self.outcomes, named, self.every, delay)


@dataclass(frozen=True)
class Flags:
    """What the user said by flags of what is told from the tables otherwise; the names are those of the flags."""

    key: str | None
    time: str | None
    label: str | None
    known_at: str | None
    positive: str | None
    label_delay: str | None
    time_format: str | None
    every: Every | None
    rename: tuple[str, ...]
    use: tuple[str, ...]
    protect: tuple[str, ...]
    to: Path | None

    @property
    def named(self) -> Named:
        """What was said about roles."""
        from retrain_assets.onboarding.roles import Named

        return Named(self.key, self.time, self.label, self.known_at, self.positive)


@click.command()
@click.argument("name")
@click.option("--data", required=True, help="The rows: a file, a folder or a glob, Parquet or CSV.")
@click.option("--outcomes", help="The outcomes, where they stand in files of their own.")
@click.option("--key", help="The column that names one row for good.")
@click.option("--time", help="The column that says when a row happened.")
@click.option("--label", help="The column that is to be predicted.")
@click.option("--positive", help="Which value of a label of two values means yes.")
@click.option("--known-at", help="The column of the outcomes that says when each became known.")
@click.option("--label-delay", help="How long after its row an outcome is known, like 30d.")
@click.option("--time-format", help="How times are written: day-first, month-first, or a pattern like %d/%m/%y.")
@click.option("--every", type=click.Choice(["hour", "day", "week", "month", "quarter", "year"]), help="A period.")
@click.option("--rename", multiple=True, help="OLD=NEW: files that call a column OLD mean NEW; may be repeated.")
@click.option("--use", multiple=True, help="Take a left-out column in as a feature; may be given more than once.")
@click.option("--protect", multiple=True, help="Protect the groups of a column; may be given more than once.")
@click.option("--to", type=click.Path(path_type=Path), help="The file to write, instead of retrain_models/NAME.yaml.")
@click.option("--yes", is_flag=True, help="Ask nothing: take every guess.")
@click.option("--force", is_flag=True, help="Write over an existing spec.")
@click.option("--json", "as_json", is_flag=True, help="With --yes: print what was found and written as JSON.")
@guarded
def new(name: str, data: str, outcomes: str | None, yes: bool, force: bool, as_json: bool, **said: Any) -> None:
    """Write the spec of a new model from a table and its outcomes.

    Reads the files; tells key, time, label, kinds of columns, period, label delay and limits; asks about the rest.
    Columns that look like protected attributes, leaks and identifiers are named and left out.

    Example: retrain new churn --data 'churn/*.csv' --outcomes churn_labels.csv
    """
    from retrain_assets.onboarding.spec_text import spec_text
    from retrain_assets.onboarding.table import read_table

    flags = Flags(**said)
    path, form = _free_path(name, flags.to, force), flags.time_format
    with waiting(f"reading {data}"):
        rows = read_table(data, form)
        for pair in flags.rename:
            rows = rows.renaming(*_old_and_new(pair))
        tables = Tables(name, rows, read_table(outcomes, form) if outcomes else None, flags.every)
    try:
        with waiting("looking at its columns"):
            draft = tables.drafted(flags.named, flags.label_delay)
    except TwoReadings as error:
        sentence = str(error).rstrip(".").removesuffix(" beside the path")
        raise TwoReadings(f"{sentence}, here --time-format {DAY_FIRST}.") from None
    if as_json and not yes:
        raise SpecError("--json prints for a program, which nobody answers for: add --yes to take every guess.")
    for line in () if as_json else found(draft):
        say([line], hanging=11)
    if not yes:
        draft = asked(tables, flags.named, draft, flags.label_delay)
    for column in flags.use:
        draft = draft.with_feature(column)
    for column in flags.protect:
        draft = draft.with_group(column)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = spec_text(draft, path.parent)
    _write(path, text)
    if as_json:
        said_of = [line.strip() for line in found(draft)]
        click.echo(json.dumps({"model": name, "path": str(path), "found": said_of, "spec": text}, indent=1))
        return
    say(f"\nwrote {path}, {len(text.splitlines())} lines; those that say DECIDE are yours to decide.")
    say(f"Next: retrain check {name}, then retrain replay {name}")


def found(draft: Draft) -> Iterator[str]:
    """What was told from the tables, a line for each thing, faults of single files last."""
    roles, found, label = draft.roles, draft.cadence, draft.roles.label
    files = counted(len(draft.table.parts), "file")
    yield f"{draft.name}: {draft.table.rows.num_rows:,} rows in {files}, {found.periods[0]} to {found.periods[-1]}"
    every = found.calendar.every
    least, most = min(found.rows.values()), max(found.rows.values())
    yield f"  period   {every}: {found.why}; {f'{least:,} to ' if least < most else ''}{most:,} rows each"
    for period, rows in found.left_out.items():
        yield f"           {period} has only {counted(rows, 'row')} and is left out"
    word = "copy" if roles.repeated == 1 else "copies"
    copies = f"; {roles.repeated:,} exact {word} of other rows, left out" if roles.repeated else ""
    torn = f"; {roles.torn:,} stand twice with different values: their periods are refused" if roles.torn else ""
    joined = f", called {roles.joined} in the outcomes" if roles.joined else ""
    yield f"  key      {roles.key}{joined}{copies}{torn}"
    yield f"  time     {roles.time}"
    values = ", ".join(f"{value} is {number:g}" for value, number in label.values.items())
    share = f"{percent(draft.rate, 1)} of the rows are 1" if label.task == "binary" else ""
    yield f"  label    {label.name}: {'; '.join(part for part in (label.task, values, share, label.why) if part)}"
    if label.unknown:
        yield f"           {', '.join(label.unknown)} counts as not known yet"
    if others := [other for other in label.others if other != label.name]:
        yield f"           {', '.join(others)} could be it too: --label says another"
    how = f"from {roles.known_at}" if roles.known_at else "newer rows have no outcome yet"
    how = how if draft.delay_is_known else "nobody says how late outcomes come; a guess"
    yield f"  delay    {draft.delay}, {how}"
    yield f"  features {len(draft.numeric)} numbers, {len(draft.categorical)} categories"
    for suspect in draft.suspects:
        yield f"  not used {suspect.name}: {suspect.sentence}"
    for name, one in draft.facts.items():
        if one.lacking:
            more = f" and {len(one.lacking) - 1} more" if len(one.lacking) > 1 else ""
            yield f"  absent   {name}: not in {one.lacking[0].rpartition('/')[2]}{more}; counts as missing there"
    for before, after in draft.renamed:
        yield f"  renamed? {before} ends where {after} begins: if they are one, add --rename {before}={after}"
    tables = [draft.table, *([draft.outcomes] if draft.outcomes and draft.outcomes.path != draft.table.path else [])]
    yield from (f"  read as  {remark}" for table in tables for remark in table.remarks)
    yield from (f"  left out {fault}" for table in tables for fault in table.broken)


def asked(tables: Tables, named: Named, draft: Draft, delay: str | None) -> Draft:
    """The draft after a person has answered: label and delay where they are guesses, new names, protected attributes.

    Raises:
        SpecError: Nobody is there to ask.
    """
    from dataclasses import replace

    if not someone_is_there():
        raise SpecError("there is no terminal to ask in. Add --yes to take every guess, and flags for what you know.")
    again = False
    if draft.roles.label.why:
        label = click.prompt("Which column is to be predicted?", default=draft.roles.label.name)
        again, named = label != draft.roles.label.name, replace(named, label=label)
    if not draft.delay_is_known and delay is None:
        delay = click.prompt("How long after its row is an outcome known (like 6h, 1d, 2w)?", default=draft.delay)
        again = again or delay != draft.delay
    for old, new in draft.renamed:
        if click.confirm(f"{old} ends where {new} begins. Are they one column, now called {new}?", default=False):
            again, tables = True, replace(tables, rows=tables.rows.renaming(old, new))
    if again:
        draft = tables.drafted(named, delay)
    for column in draft.protected:
        answer = click.prompt(
            f"{column} looks like a protected attribute. Use it?",
            type=click.Choice(["no", "protect", "feature", "both"]),
            default="no",
        )
        if answer in ("feature", "both"):
            draft = draft.with_feature(column)
        if answer in ("protect", "both"):
            draft = draft.with_group(column)
    return draft


def _old_and_new(pair: str) -> tuple[str, str]:
    """The two names of a renamed column.

    Raises:
        SpecError: They are not written as OLD=NEW.
    """
    old, _, new = pair.partition("=")
    if not old or not new:
        raise SpecError(f"--rename {pair}: write the old and the new name of a column, like --rename plan=tariff.")
    return old, new


def someone_is_there() -> bool:
    """Whether a person sits at the terminal."""
    return sys.stdin.isatty()


def _free_path(name: str, to: object, force: bool) -> Path:
    """The file to write.

    Raises:
        SpecError: There is one already.
    """
    folders = own_folders()
    path = to if isinstance(to, Path) else (folders[0] if folders else OWN) / f"{name}.yaml"
    if path.exists() and not force:
        raise SpecError(f"{path} is there already. Take another name, or write over it with --force.")
    return path


def _write(path: Path, text: str) -> None:
    """Write the spec, if it is valid as written."""
    beside = path.with_name(f".{path.name}.draft")
    beside.write_text(text, encoding="utf-8")
    try:
        load_spec(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
