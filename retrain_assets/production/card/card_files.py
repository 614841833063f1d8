"""The cards of a home as HTML files, one a version, kept true: a move of the live pointer makes two of them false.

A file of a version that is not live and says that it is, is written anew. Where the version's own files are damaged or
deleted, as after the rollback of a damaged model, the sentence alone is put right.
"""

from __future__ import annotations

from html import escape

from retrain_assets.errors import RetrainError
from retrain_assets.production.card.model_card import ASSET, IS_LIVE, ModelCard, departure
from retrain_assets.registry.journal.history import History, Version
from retrain_assets.registry.registry import Registry
from retrain_assets.store import PeriodStore


def write_cards(card: ModelCard, store: PeriodStore, registry: Registry) -> None:
    """Write the card of the live version, and anew each other one that still says that its version is live.

    Raises:
        IntegrityError: The live version's files or its verdict are damaged.
    """
    for version in _wrongly_live(store, registry):
        store.write_bytes(ASSET, version.name, "html", _card_of_left(card, store, registry, version))
    live = registry.live()
    if live is not None:
        store.write_bytes(ASSET, live.name, "html", card.html(registry, live))


def _wrongly_live(store: PeriodStore, registry: Registry) -> list[Version]:
    """The versions whose stored card says that they are live, and that are not."""
    live, stored = registry.live(), store.periods(ASSET, "html")
    versions = (*History(registry.history()).fallback, *registry.versions())
    others = [each for each in versions if each.name in stored and (live is None or each.digest != live.digest)]
    return [each for each in others if IS_LIVE.encode() in store.read_bytes(ASSET, each.name, "html")]


def _card_of_left(card: ModelCard, store: PeriodStore, registry: Registry, version: Version) -> bytes:
    try:
        return card.html(registry, version)
    except RetrainError:
        how = escape(departure(registry.history(), version))
        return store.read_bytes(ASSET, version.name, "html").replace(IS_LIVE.encode(), how.encode(), 1)
