"""Put a recommendation into the text of a spec: the keys of its `triggers`, and nothing else of it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

import yaml

from retrain_assets.backtest.families import ASKING

_INDENT = "  "


def changed_spec(spec: str, triggers: Mapping[str, object]) -> str:
    r"""The text of a spec with some keys of `triggers` set, and what else asked for retrains taken out.

    Comments and the order of everything stay; a block in one line is written out.

    Args:
        spec: The text of the file.
        triggers: The keys and their values.

    >>> spec = "name: taxi\ntriggers:\n  max_age: 4w   # monthly\n  cooldown: 2w\n"
    >>> print(changed_spec(spec, {"on_excess_loss": 400.0}))
    name: taxi
    triggers:
      cooldown: 2w
      on_excess_loss: 400
    <BLANKLINE>
    """
    lines = spec.splitlines(keepends=True)
    tree = yaml.compose(spec, Loader=yaml.SafeLoader)
    assert isinstance(tree, yaml.MappingNode)
    found = next(((key, value) for key, value in tree.value if key.value == "triggers"), None)
    new = [f"{_INDENT}{key}: {_value(value)}\n" for key, value in triggers.items()]
    if found is None:
        end = "" if not lines or lines[-1].endswith("\n") else "\n"
        return "".join([*lines, end, "\ntriggers:\n", *new])
    head, block = found
    taken = {*triggers, *(f"{key}_periods" for key in triggers), *ASKING}
    first = head.start_mark.line
    if not isinstance(block, yaml.MappingNode) or block.flow_style or not block.value:
        kept = _flow(spec, block, taken)
        last = block.end_mark.line + (1 if block.end_mark.column else 0) if block.value else first + 1
        return "".join([*lines[:first], "triggers:\n", *kept, *new, *lines[max(last, first + 1) :]])
    starts = [key.start_mark.line for key, _ in block.value]
    ends = [*starts[1:], _end(lines, starts[-1])]
    out = {
        line
        for (key, _), start, end in zip(block.value, starts, ends, strict=True)
        if key.value in taken
        for line in range(start, end)
    }
    kept = [line for number, line in enumerate(lines[starts[0] : ends[-1]], starts[0]) if number not in out]
    if kept and not kept[-1].endswith("\n"):
        kept[-1] += "\n"
    indent = " " * block.value[0][0].start_mark.column
    written = [f"{indent}{line.strip()}\n" for line in new]
    return "".join([*lines[: starts[0]], *kept, *written, *lines[ends[-1] :]])


def difference(before: str, after: str, name: str) -> str:
    """What changes in a file, line by line."""
    return "".join(difflib.unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), name, name))


def _flow(spec: str, block: yaml.Node, taken: set[str]) -> list[str]:
    if not isinstance(block, yaml.MappingNode):
        return []
    kept = [(key, value) for key, value in block.value if key.value not in taken]
    return [f"{_INDENT}{key.value}: {spec[value.start_mark.index : value.end_mark.index]}\n" for key, value in kept]


def _end(lines: list[str], start: int) -> int:
    """The line after a block's last key: the first that is neither empty, nor a comment, nor further in."""
    end = start + 1
    while end < len(lines) and lines[end].startswith((" ", "\t")):
        end += 1
    return end


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.10g}" if isinstance(value, float) else str(value)
