"""Commands that show a model's documents, for the terminal, a program or a file: report, card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from retrain_assets.cli.shared import guarded, naming_monitored, opened
from retrain_assets.documents.terminal import console, say, table, width
from retrain_assets.periods import Every

if TYPE_CHECKING:
    from retrain_assets.cli.shared import Opened

_BESIDE = 110
"""From how many characters on a line has room for what was decided."""

HTML = click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write it to this file as HTML.")


@click.command()
@click.argument("name")
@click.argument("period", required=False)
@HTML
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON; docs/report.md names the schema.")
@click.option("--monitoring", is_flag=True, help="The drift and performance reports instead.")
@click.option("--by", type=click.Choice(["month", "quarter", "year"]), help="All periods, summed up by longer ones.")
@guarded
def report(name: str, period: str | None, html: Path | None, as_json: bool, monitoring: bool, by: Every | None) -> None:
    """Show the validation report of a period, or of the last one judged: as words, as an HTML file, or as JSON.

    With --monitoring it is the drift and the performance report of a period, or of the last one monitored. With --by
    it is a line for each month, quarter or year: loss, promise, drift and decisions.

    Example: retrain report taxi_charge 2019-03 --html report.html, or retrain report taxi_charge --by quarter
    """
    if by is not None:
        if html or period or monitoring:
            raise click.UsageError("--by sums all periods up, in words or as --json: leave the others out.")
        _rollup(opened(name), by, as_json)
        return
    show = _monitoring_report if monitoring else _validation_report
    show(opened(name), period, html, as_json)


def _rollup(model: Opened, by: Every, as_json: bool) -> None:
    from retrain_assets.audit.rollup import HEAD, rolled_up

    found = rolled_up(model.spec.model, model.store, model.registry, by)
    if as_json:
        click.echo(json.dumps([one.to_dict() for one in found], indent=1, allow_nan=False))
        return
    units, limit = model.spec.model.units, width()
    cells = [one.cells(units) for one in found]
    beside = limit is None or limit >= _BESIDE
    head, *lines = table([row if beside else row[:-1] for row in (HEAD, *cells)], limit)
    click.secho(head, bold=True)
    for line, row in zip(lines, cells, strict=True):
        click.echo(line)
        if not beside and row[-1] != "-":
            say([f"  {row[-1]}"])
    say(
        f"loss and expected loss {units.each}; excess: the loss beyond it, summed; worse, drifted: in how many periods."
    )


def _validation_report(model: Opened, period: str | None, html: Path | None, as_json: bool) -> None:
    from retrain_assets.validation.pages.page import judged_on, report_html, stored_verdict
    from retrain_assets.validation.pages.schema import report_json
    from retrain_assets.validation.pages.text import verdict_words

    with naming_monitored(model, period):
        verdict = stored_verdict(model.spec.name, model.store, period)
    if html:
        dated = judged_on(model.spec.period, model.registry.history(), verdict)
        _write(html, report_html(verdict, model.spec.row_name, model.spec.model.label_unit, dated=dated))
    if as_json:
        click.echo(json.dumps(report_json(verdict), indent=1, allow_nan=False))
    elif not html:
        say(verdict_words(verdict, model.spec.row_name))


def _monitoring_report(model: Opened, period: str | None, html: Path | None, as_json: bool) -> None:
    from retrain_assets.documents.page import html_page
    from retrain_assets.monitoring.pages import page
    from retrain_assets.pipeline import harm_found

    spec, store, registry = model
    asked = page.monitored_period(spec.name, store, period)
    if html:
        drift, moved = page.drift_document(spec.model, store, registry, asked)
        cost = spec.triggers.declared_excess
        harm = harm_found(spec, store, asked)
        performance, lost = page.performance_document(spec.model, store, registry, asked, cost, harm)
        title = f"Monitoring: {spec.name} {asked}"
        _write(html, html_page(title, performance, drift, pictures=moved | lost))
    if as_json:
        records = {asset: store.read_json(asset, asked) for asset in page.ASSETS}
        click.echo(json.dumps(records, indent=1, allow_nan=False))
    elif not html:
        say(page.monitoring_words(store, asked))


@click.command()
@click.argument("name")
@click.argument("version", required=False)
@HTML
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON: the version, and the card as Markdown.")
@guarded
def card(name: str, version: str | None, html: Path | None, as_json: bool) -> None:
    """Show the model card of a version, or of the live one: as Markdown, as an HTML file, or as JSON.

    Example: retrain card taxi_charge v2 --html card.html
    """
    from retrain_assets.pipeline import model_card

    spec, _, registry = opened(name)
    described = model_card(spec)
    chosen = described.version(registry, version)
    if html:
        _write(html, described.html(registry, chosen))
    if as_json:
        record = {"model": name, "version": chosen.name, "digest": chosen.digest}
        click.echo(json.dumps({**record, "card": described.markdown(registry, chosen)}, indent=1))
    elif not html:
        _show(described.markdown(registry, chosen))


@click.command()
@guarded
def sbom() -> None:
    """Print the software bill of materials of this installation: CycloneDX JSON, packages with versions and licences.

    Example: retrain sbom > sbom.cdx.json
    """
    from retrain_assets.documents.bill_of_materials import bill_of_materials

    click.echo(json.dumps(bill_of_materials(), indent=1, sort_keys=True))


def _show(markdown: str) -> None:
    """A document as Markdown, laid out to the width of the terminal where there is one."""
    if width() is None:
        click.echo(markdown)
        return
    from rich.markdown import Markdown

    console().print(Markdown(markdown))


def _write(path: Path, page: bytes) -> None:
    from retrain_assets.store import write_atomically

    write_atomically(path, page)
    say(f"wrote {path} ({len(page):,} bytes)", err=True)


DOCUMENT_COMMANDS = (report, card, sbom)
