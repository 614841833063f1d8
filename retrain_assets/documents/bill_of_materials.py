"""What an installation is made of, as a software bill of materials (CycloneDX 1.6) made from what is installed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = "retrain-assets"
EXTRAS = ("ui", "alerts", "serve", "signing")
"""What an installation may have besides the package itself; an extra that is not installed adds nothing."""


def bill_of_materials() -> dict[str, Any]:
    """The packages that this one needs, as they are installed here, and which needs which."""
    found = dict(materials())
    own = found.pop(ROOT)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {**_component(own), "type": "application"}},
        "components": [_component(each) for _, each in sorted(found.items())],
        "dependencies": [
            {"ref": _purl(each), "dependsOn": sorted(_purl(found[name]) for name in _named(each) if name in found)}
            for each in (own, *(each for _, each in sorted(found.items())))
        ],
    }


def materials() -> Mapping[str, Distribution]:
    """Every installed package that this one needs, itself included, by its canonical name."""
    found: dict[str, Distribution] = {}
    left, asked = [Requirement(f"{ROOT}[{','.join(EXTRAS)}]")], set[str]()
    while left:
        needed = left.pop()
        if str(needed) in asked:
            continue
        asked.add(str(needed))
        try:
            each = distribution(needed.name)
        except PackageNotFoundError:  # an extra that is not installed
            continue
        found[canonicalize_name(needed.name)] = each
        left.extend(_needs(each, needed.extras))
    return found


def licence_of(each: Distribution) -> str:
    """The licence of a package: its expression, else what its classifiers name, else the first line it says."""
    about = each.metadata
    for expression in about.get_all("License-Expression", ()):
        return str(expression)
    named = [
        str(one).rpartition(" :: ")[2] for one in about.get_all("Classifier", ()) if str(one).startswith("License ::")
    ]
    said = next((line for text in about.get_all("License", ()) for line in str(text).strip().splitlines()), "")
    named = [one for one in named if one != "OSI Approved"]
    return " AND ".join(sorted(set(named))) if named else said or "unknown"


def _needs(each: Distribution, extras: Iterable[str]) -> Iterator[Requirement]:
    """What a package declares to need here, with some of its extras."""
    for needed in map(Requirement, each.requires or ()):
        marker = needed.marker
        needed.marker = None
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield needed


def _named(each: Distribution) -> set[str]:
    """The packages that one needs with whatever of its extras somebody here asks for."""
    extras = each.metadata.get_all("Provides-Extra", ())
    return {str(canonicalize_name(needed.name)) for needed in _needs(each, map(str, extras))} - {ROOT}


def _component(each: Distribution) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": _purl(each),
        "name": each.name,
        "version": each.version,
        "purl": _purl(each),
        "licenses": [{"license": {"name": licence_of(each)}}],
    }


def _purl(each: Distribution) -> str:
    return f"pkg:pypi/{canonicalize_name(each.name)}@{each.version}"
