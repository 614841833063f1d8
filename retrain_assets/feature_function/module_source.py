"""The source of a function named `package.module:function`, found and digested without importing anything.

What counts is the text of the function's module, and of every module of the same top-level package that it imports,
directly or by way of others, with the `__init__` files above them. What does not count, because text does not show it
or it is no text: other packages (their versions are those of the environment), imports by a computed name, and files
that the code reads.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterator, Mapping
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from retrain_assets.errors import SpecError


def module_spec(name: str) -> ModuleSpec | None:
    """Where a module stands, None where it is not installed; no package above it is imported.

    >>> module_spec("retrain_assets.errors").origin.endswith("errors.py"), module_spec("retrain_assets.nothing")
    (True, None)
    """
    path, found = None, None
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        found = _found(".".join(parts[:depth]), path)
        if found is None or (depth < len(parts) and found.submodule_search_locations is None):
            return None
        path = list(found.submodule_search_locations or ())
    return found


def _installed(path: str) -> str:
    """Refuse a function whose module is not installed; nothing is imported for that."""
    module = path.split(":")[0]
    if module_spec(module) is None:
        raise ValueError(f"no module {module!r} is installed: put it on the Python path of the code location")
    return path


InstalledFunction = Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"), AfterValidator(_installed)]
"""A function of an installed module, written `module:function`."""


def _found(name: str, path: list[str] | None) -> ModuleSpec | None:
    for finder in sys.meta_path:
        spec = finder.find_spec(name, path)
        if spec is not None:
            return spec
    return None


def module_sources(name: str) -> Mapping[str, Path]:
    """The files whose text decides what a module does, by module: its own, and those of its package that it imports.

    Raises:
        SpecError: There is no such module, it has no source file, or the file is no Python.
    """
    package, found, waiting = name.split(".")[0], dict[str, Path](), [name]
    while waiting:
        module = waiting.pop()
        spec = module_spec(module)
        if module in found or spec is None or spec.origin is None or not spec.origin.endswith(".py"):
            if module == name and module not in found:
                raise SpecError(f"features: no module {name!r} with a source file is installed. Put it on the path")
            continue
        found[module] = Path(spec.origin)
        parents = [module.rsplit(".", depth)[0] for depth in range(1, module.count(".") + 1)]
        imported = _imported(module, found[module], is_package=spec.submodule_search_locations is not None)
        waiting += [one for one in (*parents, *imported) if one == package or one.startswith(f"{package}.")]
    return dict(sorted(found.items()))


def source_sha256(sources: Mapping[str, Path]) -> str:
    """Digest of the names and texts of some modules."""
    digest = hashlib.sha256()
    for name, path in sources.items():
        text = path.read_bytes()
        digest.update(f"{name} {len(text)}\n".encode() + text)
    return digest.hexdigest()


def _imported(module: str, path: Path, is_package: bool) -> Iterator[str]:
    """The modules that a file names in its imports, and what it takes from them, which may be modules too."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError) as error:
        raise SpecError(f"features: {path} is no Python: {error}") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")[: len(module.split(".")) - node.level + is_package] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
