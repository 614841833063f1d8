"""A YAML file that a person wrote, read within bounds of size, depth and nodes, so that no file costs more than a look.

What the keys mean stands with who reads them: `spec.spec_file`, `validation.suite`.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from retrain_assets.errors import SpecError

MOST_BYTES = 2**18
"""Of a spec, whose longest has some ten thousand."""

MOST_NODES = 20_000
"""Keys and values of a file, those that its aliases repeat counted each time."""

MOST_DEPTH = 20
"""How deep mappings and lists may stand in one another."""


def text_of(path: Path, most_bytes: int = MOST_BYTES) -> str:
    """The text of a file.

    Raises:
        SpecError: It cannot be read, is no ordinary file, is too large, or not in UTF-8.
    """
    try:
        if path.exists() and not path.is_file():
            raise SpecError(f"{path}: no ordinary file. Name a YAML file.")
        with path.open("rb") as file:
            data = file.read(most_bytes + 1)
    except OSError as error:
        raise SpecError(f"{path}: {error.strerror}. Name an existing file.") from None
    if len(data) > most_bytes:
        raise SpecError(f"{path}: larger than {most_bytes // 1024:,} kB. Is it the right file?")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise SpecError(f"{path}: not written in UTF-8. Save it as UTF-8.") from None


def tree_of(text: str, path: Path, most_nodes: int = MOST_NODES) -> tuple[yaml.Node | None, object]:
    """The tree of a YAML text, with the line of every node, and its values; None and None of an empty text.

    Raises:
        SpecError: It is no YAML, or nested, long or repeated beyond the bounds; the sentence has file and line.
    """
    try:
        loader = _Loader(text, path)
        tree = loader.get_single_node()
        if tree is None:
            return None, None
        _Size(path, most_nodes).of(tree)
        return tree, loader.construct_document(tree)
    except yaml.YAMLError as error:
        raise SpecError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    except ValueError as error:  # a date that no calendar has, or a number of thousands of digits
        named = str(error).split(";")[0].removesuffix(".")
        raise SpecError(f"{path}: {named}. Correct the date or the number.") from None


class _Loader(yaml.SafeLoader):
    """A loader that goes no deeper into mappings and lists than allowed."""

    def __init__(self, text: str, path: Path) -> None:
        super().__init__(text)
        self.path, self.depth = path, 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """The next node with all that stands in it.

        Raises:
            SpecError: It is nested deeper than allowed.
        """
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if not isinstance(event, yaml.CollectionStartEvent):
            return super().compose_node(parent, index)
        if self.depth == MOST_DEPTH:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise SpecError(f"{self.path}:{line}: nested more than {MOST_DEPTH} deep. Take levels out.")
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _Size:
    """Counts the nodes of a tree, what an alias stands for each time it is used."""

    def __init__(self, path: Path, most: int) -> None:
        self.path, self.most = path, most
        self.known: dict[int, int] = {}
        self.open: set[int] = set()

    def of(self, node: yaml.Node) -> int:
        """Nodes from this one on.

        Raises:
            SpecError: More than allowed, or an alias that stands in what it repeats.
        """
        if id(node) in self.known:
            return self.known[id(node)]
        line = node.start_mark.line + 1 if node.start_mark else 1
        if id(node) in self.open:
            raise SpecError(f"{self.path}:{line}: an alias stands in what it repeats. Write it out.")
        self.open.add(id(node))
        size = 1 + sum(map(self.of, _inside(node)))
        self.open.remove(id(node))
        if size > self.most:
            raise SpecError(f"{self.path}:{line}: {size:,} keys and values, at most {self.most:,} are read.")
        self.known[id(node)] = size
        return size


def _inside(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []
