"""The pages that a move of the live pointer makes false, written anew: model cards, and the probation report behind it.

A promotion writes cards itself (`production.assets`); this is for a rollback, an adoption and a retirement.
"""

from __future__ import annotations

import logging

from retrain_assets.documents.page import html_page
from retrain_assets.model import Model
from retrain_assets.monitoring.pages.page import performance_document
from retrain_assets.monitoring.records.performance_record import ASSET as PERFORMANCE
from retrain_assets.production.card.card_files import write_cards
from retrain_assets.production.card.model_card import ModelCard
from retrain_assets.production.probation.page import harm_found, write_withdrawn
from retrain_assets.registry.registry import Registry
from retrain_assets.store import PeriodStore

_LOG = logging.getLogger("retrain_assets.pages")


def renew_pages(
    model: Model, card: ModelCard, store: PeriodStore, registry: Registry, retrain_cost: float | None
) -> None:
    """Write the pages after a move of the live pointer; what cannot be written is logged, for the move stands.

    Args:
        model: Its facts.
        card: What its cards repeat.
        store: Where the pages are.
        registry: Whose pointer moved.
        retrain_cost: The loss that pays for a retrain, which the performance report draws.
    """
    try:
        write_withdrawn(model, store, registry)
        _write_performance(model, store, registry, retrain_cost)
        write_cards(card, store, registry)
    except Exception as fault:  # a full disk, a damaged version
        _LOG.warning("%s: pages could not be written anew: %s: %s", registry.model, type(fault).__name__, fault)


def _write_performance(model: Model, store: PeriodStore, registry: Registry, retrain_cost: float | None) -> None:
    """Write the newest performance report anew where the probation of its period found harm: it may be the older."""
    periods = store.periods(PERFORMANCE, "html")
    harm = harm_found(model, store, periods[-1]) if periods else ""
    if harm:
        document, pictures = performance_document(model, store, registry, periods[-1], retrain_cost, harm)
        page = html_page(document.title, document, pictures=pictures)
        store.write_bytes(PERFORMANCE, periods[-1], "html", page)
