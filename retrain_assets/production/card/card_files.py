"""The cards of a home as HTML files, one a version, kept true: a move of the live pointer makes two of them false.

A file of a version that is not live and says that it is, is written anew. Where the version's own files are damaged or
deleted, as after the rollback of a damaged model, the sentence alone is put right.

`live.json` beside them names the cards that may say so, so that no other is read; a home without it has all of them
read once. A name is in it before its card says so, and leaves it after the card is put right: a crash leaves one too
many, never one too few.
"""

from __future__ import annotations

from html import escape

from retrain_assets.errors import RetrainError
from retrain_assets.production.card.model_card import ASSET, IS_LIVE, ModelCard, departure
from retrain_assets.registry.journal.history import History, Version
from retrain_assets.registry.registry import Registry
from retrain_assets.store import PeriodStore

_LIVE = "live"
"""The name of the record of cards that may say that their version is live."""


def write_cards(card: ModelCard, store: PeriodStore, registry: Registry) -> None:
    """Write the card of the live version, and anew each other one that still says that its version is live.

    Raises:
        IntegrityError: The live version's files or its verdict are damaged.
    """
    live, suspects = registry.live(), _suspects(store)
    for version in _wrongly_live(store, registry, suspects):
        store.write_bytes(ASSET, version.name, "html", _card_of_left(card, store, registry, version))
    if live is not None:
        page = card.html(registry, live)
        _remember(store, suspects | {live.name})
        store.write_bytes(ASSET, live.name, "html", page)
    _remember(store, {live.name} if live else set())


def _suspects(store: PeriodStore) -> set[str]:
    """The stored cards that may say that their version is live."""
    stored, known = set(store.periods(ASSET, "html")), store.read_json(ASSET, _LIVE)
    return stored if known is None else stored.intersection(known)


def _remember(store: PeriodStore, names: set[str]) -> None:
    if store.read_json(ASSET, _LIVE) != sorted(names):
        store.write_json(ASSET, _LIVE, sorted(names))


def _wrongly_live(store: PeriodStore, registry: Registry, suspects: set[str]) -> list[Version]:
    """The versions whose stored card says that they are live, and that are not."""
    live = registry.live()
    versions = (*History(registry.history()).fallback, *registry.versions())
    others = [each for each in versions if each.name in suspects and (live is None or each.digest != live.digest)]
    return [each for each in others if IS_LIVE.encode() in store.read_bytes(ASSET, each.name, "html")]


def _card_of_left(card: ModelCard, store: PeriodStore, registry: Registry, version: Version) -> bytes:
    try:
        return card.html(registry, version)
    except RetrainError:
        how = escape(departure(registry.history(), version))
        return store.read_bytes(ASSET, version.name, "html").replace(IS_LIVE.encode(), how.encode(), 1)
