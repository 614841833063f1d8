"""A spec as a file: its YAML with the line of every key, and what is wrong with it in sentences with file and line.

What a spec may say stands in `spec` and in each stage's `policy`; here it only gets its lines and its words.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from retrain_assets.documents.units import counted
from retrain_assets.documents.yaml_file import text_of, tree_of
from retrain_assets.errors import SpecError
from retrain_assets.store import Json

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Spec = TypeVar("Spec", bound=BaseModel)
Where = tuple[str | int, ...]
"""A key's place in the file: the keys and list positions that lead to it."""

SHORT_FORMS: tuple[tuple[Where, Where], ...] = (
    (("source", "features"), ("source",)),
    (("validation", "primary"), ("primary",)),
)
"""Places of the full form, and where a short spec may say the same."""

_NEVER_ENDING = 20
_TYPES = {
    "string": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "tuple": "a list",
    "list": "a list",
    "dict": "a mapping of keys",
    "model": "a mapping of keys",
    "datetime": "a date like 2024-01-01",
    "date": "a date like 2024-01-01",
    "finite": "a finite number",
}
_STAND_INS: Json = {
    "name": "unnamed",
    "period": {"every": "month", "start": "2000-01-01"},
    "source": {"path": "?", "key": "?key", "time": "?time", "label": "?label", "label_delay": "0d"},
    "columns": {"numeric": ["?column"]},
}
_MISSING = {
    "label_delay": "say how long after its row an outcome is known, like 30d, or name the column of the outcomes that "
    "says when each became known as known_at",
    "primary": "say which metric a candidate must be better on, like log_loss or mae",
    "objective": "is required and has no default",
}
_EMPTY = {
    "guardrails": "is empty. Add at least one metric that must not get worse, like {metric: auc, margin: 0.01}",
    "primary": "is empty. Name the metric that a candidate must be better on, like log_loss or mae",
}


@dataclass(frozen=True)
class SpecFile:
    """A YAML mapping as read: its keys and values, and the line on which each key stands."""

    path: Path
    record: Json
    lines: Mapping[Where, int]

    def path_of(self, where: Where) -> Where:
        """A key's place in the file: in the full form, or in the short one if it stands there."""
        return _shortened(where) if where not in self.lines and _shortened(where) in self.lines else where

    def at(self, where: Where, sentence: str) -> str:
        """A sentence about a key with file and line; the line of the nearest key above where the key is not there."""
        where = self.path_of(where)
        line = where
        while line and line not in self.lines:
            line = line[:-1]
        name = ".".join(str(part) for part in where)
        end = "" if sentence.endswith((".", "?")) else "."
        return f"{self.path}:{self.lines.get(line, 1)}: {f'{name}: ' if name else ''}{sentence}{end}"


def read_spec_file(path: Path) -> SpecFile:
    """Read a spec's YAML.

    Raises:
        SpecError: The file is missing, too large or too deep, is no YAML mapping, or repeats a key.
    """
    tree, record = tree_of(text_of(path), path)
    if not isinstance(tree, yaml.MappingNode) or not isinstance(record, dict):
        raise SpecError(f"{path}: expected a mapping of keys at the top. Begin with 'name: ...'.")
    lines = dict(_lines(tree, path))
    if ("cases",) in lines and ("name",) not in lines:
        raise SpecError(f"{path}: a regression suite, no model. Call it {path.stem}.suite.yaml, or keep it elsewhere.")
    return SpecFile(path, record, lines)


def checked(kind: type[Spec], file: SpecFile) -> Spec:
    """The file as a spec.

    Raises:
        SpecError: It breaks rules; every fault at once, each with file, line and key.
    """
    try:
        return kind.model_validate(file.record)
    except ValidationError as error:
        raise SpecError("\n".join(_every_fault(kind, file, error))) from None


@dataclass(frozen=True)
class _Fault:
    """One fault as the validator finds it: the key, its kind, the value that stands there, and what it says of it."""

    where: Where
    kind: str
    value: object
    message: str
    context: Json

    @classmethod
    def from_dict(cls, found: ErrorDetails) -> _Fault:
        return cls(found["loc"], found["type"], found["input"], found["msg"], found.get("ctx", {}))


def _faults(error: ValidationError) -> list[_Fault]:
    """The faults that the validator finds, without lists that are called empty only because their entries are wrong."""
    found = [_Fault.from_dict(each) for each in error.errors()]
    return [fault for fault in found if not _is_echo(fault, found)]


def _every_fault(kind: type[BaseModel], file: SpecFile, error: ValidationError) -> list[str]:
    """The faults of a spec, and those that show only once the first are out of the way.

    A rule about several keys is asked only where each is well-formed. So a faulty key is taken out, and what is left is
    read again, until nothing new is found; what is missing only because it was taken out is not said.
    """
    record: object = file.record
    sentences: dict[str, None] = {}
    removed: set[Where] = set()
    for attempt in range(_NEVER_ENDING):
        faults = _faults(error)
        new = {place for fault in faults if fault.kind != "missing" and (place := _place(file, fault))} - removed
        for fault in faults:
            if not attempt or not _is_consequence(fault, removed):
                sentences |= dict.fromkeys(_sentences(kind, file, fault))
        for where in sorted(new, key=str, reverse=True):
            record = _without(record, where)
        removed |= new
        try:
            if attempt and not new:
                break
            kind.model_validate(_completed(record))
            break
        except ValidationError as further:
            error = further
    return sorted(sentences, key=lambda sentence: _line_of(file, sentence))


def _completed(record: object) -> Json:
    """The record with something in the place of each required key, so that the rules about the others are asked."""
    full = dict(record) if isinstance(record, Mapping) else {}
    for name, stand_in in _STAND_INS.items():
        given = full.get(name)
        if given is None:
            full[name] = stand_in
        elif isinstance(given, dict) and name != "columns":
            named = any(key in given for key in ("features", "sql"))
            full[name] = {key: value for key, value in stand_in.items() if not (named and key == "path")} | given
    return full


def _is_consequence(fault: _Fault, removed: set[Where]) -> bool:
    """Whether a fault is there only because a key was taken out: it is missing, or its block lacks it."""
    where = fault.where
    inside = any(gone[: len(where)] == where for gone in removed) if where else False
    return fault.kind in ("missing", "too_short") or inside


def _is_echo(fault: _Fault, faults: Sequence[_Fault]) -> bool:
    if fault.kind != "too_short":
        return False
    where = fault.where
    return any(other.where[: len(where)] == where and len(other.where) > len(where) for other in faults)


def _line_of(file: SpecFile, sentence: str) -> int:
    return int(sentence.removeprefix(f"{file.path}:").split(":", 1)[0])


def _shortened(where: Where) -> Where:
    for full, short in SHORT_FORMS:
        if where[: len(full)] == full:
            return (*short, *where[len(full) :])
    return where


def _place(file: SpecFile, fault: _Fault) -> Where:
    """The key that a fault is about, as far as it stands in the file."""
    where = fault.where
    if not where:  # parts that do not fit together: the message begins with the key
        where = _named(_message(fault).split(" ", 1)[0].removesuffix(":"))
    where = file.path_of(where)
    while where and where not in file.lines:
        where = where[:-1]
    return where


def _named(name: str) -> Where:
    return tuple(int(part) if part.isdecimal() else part for part in name.split("."))


def _without(record: object, where: Where) -> object:
    """The record without one key; lists lose the entry by becoming shorter."""
    head, rest = where[0], where[1:]
    if isinstance(record, Mapping) and head in record:
        if not rest:
            return {key: value for key, value in record.items() if key != head}
        return {key: _without(value, rest) if key == head else value for key, value in record.items()}
    if isinstance(record, Sequence) and not isinstance(record, str) and isinstance(head, int) and head < len(record):
        if not rest:
            return [value for place, value in enumerate(record) if place != head]
        return [_without(value, rest) if place == head else value for place, value in enumerate(record)]
    return record


def _sentences(kind: type[BaseModel], file: SpecFile, fault: _Fault) -> list[str]:
    """A fault in words; one that the rules found may be several, one a line."""
    where = tuple(part for part in fault.where if part != "[key]")
    if fault.kind == "extra_forbidden":
        return [file.at(where, _unknown(kind, where))]
    if fault.kind == "missing":
        return [file.at(where, _MISSING.get(str(where[-1]), "is required and has no default"))]
    found = []
    for line in _message(fault).split("\n"):
        if where:
            found.append(file.at(where, line))
            continue
        named, _, rest = line.partition(": ")
        parts = _named(named)
        is_key = bool(rest) and " " not in named and parts[0] in kind.model_fields
        found.append(file.at(parts, rest) if is_key else file.at((), line))
    return found


def _message(fault: _Fault) -> str:
    """What a rule is broken by, without a word of the validator's own."""
    kind, value = fault.kind, fault.value
    if kind == "value_error":
        return fault.message.removeprefix("Value error, ")
    limits = {
        "greater_than": ("above", "gt"),
        "greater_than_equal": ("at least", "ge"),
        "less_than": ("below", "lt"),
        "less_than_equal": ("at most", "le"),
    }
    if kind in limits:
        word, key = limits[kind]
        return f"{value} must be {word} {fault.context[key]:g}"
    if kind == "literal_error":
        return f"{value!r} is none of {str(fault.context['expected']).replace(chr(39), '')}"
    if kind == "string_pattern_mismatch":
        return f"{value!r} is no name: write lower-case letters, digits and _, beginning with a letter"
    if kind == "too_short":
        return _EMPTY.get(str(fault.where[-1]), "is empty. Name at least one")
    if kind == "too_long":
        return f"{value!r} has too many entries"
    if kind == "string_too_short":
        return "is empty, write a text"
    if kind == "string_too_long":
        most = fault.context["max_length"]
        return f"{value!r} is longer than {counted(most, 'character')}"
    expected = next((word for name, word in _TYPES.items() if kind.startswith(name)), "of another form")
    return f"{value!r} is not {expected}" if value is not None else f"is empty, write {expected}"


def _unknown(kind: type[BaseModel], where: Where) -> str:
    """A key that nothing reads, and the names it may have meant."""
    fields = _fields_at(kind, where[:-1])
    near = difflib.get_close_matches(str(where[-1]), fields, n=2, cutoff=0.6)
    advice = f"Did you mean {' or '.join(near)}?" if near else "Take it out, or look up its right name in docs/spec.md"
    return f"unknown key. {advice}"


def _fields_at(kind: type[BaseModel], where: Where) -> list[str]:
    """The keys that a block of the spec may have."""
    here = kind
    for part in where:
        field = here.model_fields.get(str(part))
        here = (_model_in(field.annotation) if field is not None else None) or here
    return list(here.model_fields)


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


def _lines(node: yaml.Node, path: Path, where: Where = ()) -> Iterator[tuple[Where, int]]:
    yield where, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in seen:
                raise SpecError(f"{path}:{line}: the key {key.value!r} stands twice. Keep one.")
            seen.add(key.value)
            for inner, _ in (deeper := list(_lines(value, path, (*where, key.value)))):
                if inner == (*where, key.value):
                    yield inner, line
            yield from (pair for pair in deeper if pair[0] != (*where, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _lines(value, path, (*where, number))
