"""Keeping what stands in a secret URL out of messages.

Drivers and receivers put whatever they like into their errors and log lines, the URL they were given included. What a
URL holds besides scheme, host and path of a file may be secret: user, password, path, query. Here every such part is
blotted out of a text before it is shown, logged or stored.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl, quote, unquote, urlsplit

BLOT = "***"
_SHORTEST_LOGIN, _SHORTEST = 4, 6
"""Shorter parts (a port, `true`) are taken for no secrets: blotting them out would leave nothing readable."""
_LEFT_UNESCAPED = ("", "/", " +")
"""What escapes leave as it is: nothing, as in a query; the slash, as in a path; what SQLAlchemy leaves in a login."""


def without_secrets(text: str, urls: Iterable[str], paths: bool = True) -> str:
    """A text with every secret part of some URLs blotted out, as they stand there and as they are escaped.

    Args:
        text: What is to be shown.
        urls: URLs that it must not give away.
        paths: Whether their paths are secret too, as a webhook's is and the name of a database is not.

    >>> without_secrets("login failed for postgresql://ann:hunter22@db/prod", ["postgresql://ann:hunter22@db/prod"])
    'login failed for ***'
    >>> without_secrets("no password hunter22", ["postgresql://ann:hunter22@db/prod"])
    'no password ***'
    """
    for part in sorted({part for url in urls for part in _parts(url, paths)}, key=len, reverse=True):
        text = text.replace(part, BLOT)
    return re.sub(r"\S*\*\*\*\S*", BLOT, text)  # the word around it may hold the rest, escaped in yet another way


def _parts(url: str, paths: bool) -> Iterator[str]:
    """What must not be shown of a URL, in every form in which it may turn up."""
    try:
        split = urlsplit(url)
    except ValueError:  # no URL at all: nothing of it may be shown
        yield url
        return
    login = split.netloc.rpartition("@")[0]
    values = [value for _, value in parse_qsl(split.query, keep_blank_values=True)]
    more = [split.query, *values, *re.split(r"[=;&]", " ".join(values)), split.fragment]
    more += [split.netloc, *re.split(r"[/@:]", split.netloc + split.path)] if paths else []
    for shortest, found in ((_SHORTEST_LOGIN, (url, login, *login.split(":"))), (_SHORTEST, more)):
        words = [word for part in found for word in re.split(r"[^A-Za-z0-9_-]+", unquote(part)) if part != url]
        texts = {text for part in found for text in (part, unquote(part))}
        forms = {form for text in texts for form in (text, *(quote(text, safe=safe) for safe in _LEFT_UNESCAPED))}
        yield from (form for form in {*forms, *words} if len(form) >= shortest)


@contextmanager
def silent(logger: logging.Logger) -> Iterator[None]:
    """Without the log lines of a library that writes the URLs it was given into them."""

    def drop(record: logging.LogRecord) -> bool:
        return False

    logger.addFilter(drop)
    try:
        yield
    finally:
        logger.removeFilter(drop)
