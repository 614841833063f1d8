"""A report as one HTML file beside its record, and how an asset's page leads to it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import dagster as dg

from retrain_assets.dagster_glue.metadata import Metadata
from retrain_assets.documents.page import Drawing, html_page, text
from retrain_assets.documents.server import report_path, reports_url

if TYPE_CHECKING:
    from retrain_assets.documents.page import Document
    from retrain_assets.model import PeriodAccess


def kept(
    access: "PeriodAccess", asset: str, document: "Document", pictures: "Mapping[str, Drawing]", name: str | None = None
) -> Metadata:
    """Write a document as one HTML file, and describe it: a link, the pictures, the words.

    Pictures and words are two windows, because the UI opens a long one at its end.

    Args:
        access: Where it is written.
        asset: Under whose name.
        document: What it says.
        pictures: By the names under which the document places them; PNG, to be shown in the UI too.
        name: Of the file; the period where None.
    """
    page = html_page(document.title, document, pictures=pictures)
    access.store.write_bytes(asset, name or access.period, "html", page)
    shown = "\n\n".join(f"![{text(document.title)}]({drawn.wide})" for drawn in pictures.values() if drawn.wide)
    return {
        "report": link(access, asset, name or access.period),
        **({"picture": dg.MetadataValue.md(shown)} if shown else {}),
        "in_words": dg.MetadataValue.md(document.markdown),
    }


def link(access: "PeriodAccess", asset: str, name: str) -> dg.MarkdownMetadataValue:
    """A link to a report where `retrain dev` serves it, or where RETRAIN_REPORTS_URL says.

    In words, because an address is wider than the page and would push its tables off the edge.
    """
    address = reports_url(access.store.root.parent.parent) + report_path(access.registry.model, asset, name)
    return dg.MetadataValue.md(f"[Open the {asset.replace('_', ' ')} of {text(name)}]({address})")
