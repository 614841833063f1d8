"""The pages that a move of the live pointer makes false, written anew: model cards, and the probation report behind it.

A promotion writes cards itself (`production.assets`); this is for a rollback, an adoption and a retirement.
"""

from __future__ import annotations

import logging

from retrain_assets.model import Model
from retrain_assets.production.card.card_files import write_cards
from retrain_assets.production.card.model_card import ModelCard
from retrain_assets.production.probation.page import write_withdrawn
from retrain_assets.registry.registry import Registry
from retrain_assets.store import PeriodStore

_LOG = logging.getLogger("retrain_assets.pages")


def renew_pages(model: Model, card: ModelCard, store: PeriodStore, registry: Registry) -> None:
    """Write the pages after a move of the live pointer; what cannot be written is logged, for the move stands."""
    try:
        write_withdrawn(model, store, registry)
        write_cards(card, store, registry)
    except Exception as fault:  # a full disk, a damaged version
        _LOG.warning("%s: pages could not be written anew: %s: %s", registry.model, type(fault).__name__, fault)
