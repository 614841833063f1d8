"""A draft as the text of a spec: some forty lines, each with a comment, what people decide marked as such."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import yaml

from retrain_assets.documents.plain_text import plain, written_out
from retrain_assets.documents.units import percent
from retrain_assets.onboarding.columns import ColumnFacts, limits_with_room
from retrain_assets.onboarding.draft import Draft
from retrain_assets.onboarding.table import ForeignTable, file_name
from retrain_assets.spec.model_spec import ROW_NAME

DECIDE = "DECIDE"
"""What a comment begins with where a person, and no program, has the answer."""

FORGONE_GAIN = 0.5
"""The certainty of the default trigger: the best worst-case regret of `benchmarks.backtest.defaults`."""

_WIDTH, _LONGEST_NOTE = 110, 90
_COMMENT_AT = 52
_LINES_FOR_NUMBERS = 12
_RATE_MARGIN = 0.05
_SHOWN_LEVELS = 6
_FEWEST_DAYS = 5
_ALLOWED_WITHOUT, _MOST_WITHOUT = 0.05, 0.9
_KEY_WORDS = ("id", "key", "nr", "no", "number", "uuid")
_NO_NOUNS = ("row", "unique", "global", "internal", "external", "source", "primary", "index")
_WRITTEN = {
    "time_format": "how its times are written, which single files do not tell",
    "rename": "what columns are called here and there",
    "null_values": "words for a missing value",
}
_PLAIN = re.compile(r"[A-Za-z_./][\w ./*-]*")
_METRICS = {
    "binary": ("log_loss", "auc", "tpr"),
    "multiclass": ("log_loss", "accuracy", "tpr"),
    "regression": ("mae", "rmse", "mae"),
}


def spec_text(draft: Draft, folder: Path) -> str:
    """The spec as YAML, with paths relative to the folder that it is written to."""
    lines = [
        f"# Written by `retrain new` from {_files(draft.table)}, {draft.table.rows.num_rows:,} rows.",
        f"# {DECIDE} marks what only people know. What is not written here has a default: retrain check {draft.name}",
        *_head(draft),
        _line(
            f"# row_name: {row_name(draft.roles.key) or 'ride'}",
            f"{DECIDE}: what one row is, for every sentence and table",
        ),
        *_source(draft, folder),
        *_columns(draft),
        *_rules(draft),
    ]
    return "".join(f"{plain(line)}\n" for line in lines)


def _head(draft: Draft) -> list[str]:
    label, found = draft.roles.label, draft.cadence
    calendar = found.calendar
    assert calendar.end is not None
    span = f"{{every: {calendar.every}, start: {calendar.start:%Y-%m-%d}, end: {calendar.end:%Y-%m-%d}}}"
    lines = [
        _line(f"name: {draft.name}", "prefix of every asset, job and file"),
        _line(
            f"description: {_scalar(f'Predicts {label.name}')}",
            f"{DECIDE}: what it is for, and what not (intended_use)",
        ),
        _line(f"task: {label.task}", _label_comment(draft)),
    ]
    if label.task == "multiclass":
        lines.append(_line(f"classes: {label.classes}", "values of the label"))
    return [*lines, _line(f"period: {span}", f"{found.why}; take `end` out when new rows come")]


def _label_comment(draft: Draft) -> str:
    label = draft.roles.label
    why = f"; {label.why}" if label.why else ""
    if label.task == "binary":
        yes = next((value for value, number in label.values.items() if number == 1), "1")
        return f"{label.name} is {yes} in {percent(draft.rate, 1)} of the rows{why}"
    return f"{label.name} has {label.classes} values{why}" if label.task == "multiclass" else f"{label.name}{why}"


def _source(draft: Draft, folder: Path) -> list[str]:
    roles = draft.roles
    lines = ["source:", _line(f"  path: {_path(draft.table, folder)}", _read(draft.table))]
    lines += [_line(f"  {key}: {_value(value)}", _WRITTEN[key]) for key, value in draft.table.written.items()]
    if draft.outcomes is not None:
        path, written = _path(draft.outcomes, folder), draft.outcomes.written
        more = "".join(f", {key}: {_value(value)}" for key, value in written.items())
        lines.append(_line(f"  outcomes: {f'{{path: {path}{more}}}' if written else path}", _read(draft.outcomes)))
    repeated = f"; exact copies of rows: {roles.repeated:,}" if roles.repeated else ""
    torn = f"; {roles.torn:,} stand twice with different values" if roles.torn else ""
    lines += [
        _line(f"  key: {_scalar(roles.key)}", f"names one row for good{repeated}{torn}"),
        _line(f"  time: {_scalar(roles.time)}", "when the row happened"),
    ]
    mapped = ", ".join(f"{_scalar(value)}: {number:g}" for value, number in roles.label.values.items())
    label = f"{{{_scalar(roles.label.name)}: {{{mapped}}}}}" if mapped else _scalar(roles.label.name)
    lines.append(_line(f"  label: {label}", "the outcome that is predicted"))
    if roles.label.task == "regression":
        lines.append(_line("  # label_unit: USD", f"{DECIDE}: what {roles.label.name} is counted in"))
    if roles.known_at is not None:
        lines.append(_line(f"  known_at: {_scalar(roles.known_at)}", "when each outcome became known"))
        told = "97 of 100 outcomes are known this long after their row"
    elif draft.delay_is_known:
        told = "rows newer than that have no outcome yet"
    else:
        told = f"{DECIDE}: how long after its row an outcome is known; nothing in the data says it"
    return [*lines, _line(f"  label_delay: {draft.delay}", told)]


def row_name(key: str) -> str:
    """What one row is, by the name of its key; empty where that tells nothing.

    >>> row_name("trip_id"), row_name("loanAccountNr"), row_name("id"), row_name("row_id"), row_name("key_2")
    ('trip', 'loan account', '', '', '')
    """
    words = re.sub(r"([a-z\d])([A-Z])", r"\1 \2", key).replace("_", " ").lower().split()
    named = " ".join(words[:-1])
    plainly = len(words) > 1 and words[-1] in _KEY_WORDS and named not in _NO_NOUNS
    return named if plainly and re.fullmatch(ROW_NAME, named) else ""


def _columns(draft: Draft) -> list[str]:
    lines = [_line("columns:", f"{len(draft.numeric) + len(draft.categorical)} features")]
    if draft.numeric:
        lines += _numbers(draft)
    if draft.categorical:
        lines += _wrapped("  categorical: [", [_scalar(name) for name in draft.categorical], "]", _levels(draft))
    if draft.groups:
        groups = ", ".join(_scalar(name) for name in draft.groups)
        lines.append(_line(f"  groups: [{groups}]", "split the rows for reports and fairness; no features"))
    return [*lines, *_left_out(draft)]


def _numbers(draft: Draft) -> list[str]:
    """Numbers with their possible values: one a line where they are few, else several a line."""
    if len(draft.numeric) <= _LINES_FOR_NUMBERS:
        lines = [_line("  numeric:", "possible values, with room; a value outside counts as missing")]
        for name in draft.numeric:
            lines.append(_line(f"    {_scalar(name)}: {_rule(draft.facts[name])}", _seen(draft.facts[name])))
        return lines
    rules = [f"{_scalar(name)}: {_rule(draft.facts[name])}" for name in draft.numeric]
    return _wrapped("  numeric: {", rules, "}", "possible values, with room; a value outside counts as missing")


def _value(value: object) -> str:
    """One of the keys beside a path, as YAML on one line."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_scalar(str(one))}: {_scalar(str(other))}' for one, other in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(_scalar(str(one)) for one in value)}]"
    return _scalar(str(value))


def _rule(facts: ColumnFacts) -> str:
    low, high = limits_with_room(facts)
    return f"{{min: {low:g}, max: {high:g}}}" if low is not None and high is not None else "{}"


def _seen(facts: ColumnFacts) -> str:
    missing = f", {percent(facts.missing_share, 1)} missing" if facts.missing else ""
    if facts.sentinel is not None:
        missing += f", {facts.sentinel:g} among them"
    lacking = f", not in {file_name(facts.lacking[0])}" if facts.lacking else ""
    low, high = facts.low, facts.high
    if high is not None and facts.usual_high is not None and high > 10 * max(facts.usual_high, 1e-9):
        return f"{low:,g} to {high:,g}, 999 of 1,000 below {facts.usual_high:,g}{missing}{lacking}"
    return f"{low:,g} to {high:,g} seen{missing}{lacking}"


def _levels(draft: Draft) -> str:
    if len(draft.categorical) > _SHOWN_LEVELS:
        return f"{sum(draft.facts[name].distinct for name in draft.categorical):,} different values"
    return "values seen: " + ", ".join(str(draft.facts[name].distinct) for name in draft.categorical)


def _left_out(draft: Draft) -> list[str]:
    """What is not used and why, a comment for each reason; protected attributes with what to do."""
    lines = []
    for reason in ("leak", "identifier", "constant", "clock", "date", "text", "empty"):
        found = [one for one in draft.suspects if one.reason == reason]
        if found:
            named = "; ".join(f"{one.name} ({one.sentence})" for one in found)
            lines.append(f"  # not used, {reason}: {_cut(named)}")
    protected = [name for name in draft.protected if name not in draft.groups]
    if protected:
        comment = f"{DECIDE}: look protected, are not used; to protect some, take this line in and name them below"
        lines += _wrapped("  # groups: [", [_scalar(name) for name in protected], "]", comment, "  #   ")
    return lines


def _rules(draft: Draft) -> list[str]:
    task = draft.roles.label.task
    primary, guardrail, rate = _METRICS[task]
    every = draft.cadence.calendar.every
    margin = draft.guardrail_margin
    unit = "points" if task != "regression" else "units, a twentieth of the label's spread"
    fairness = '{none: "not decided yet"}'
    group_margin = margin if task == "regression" else _RATE_MARGIN
    if draft.groups:
        names = ", ".join(_scalar(name) for name in draft.groups)
        fairness = f"{{groups: [{names}], metrics: [{rate}], margin: {group_margin:g}}}"
    return [
        _contract(draft),
        *_first_training(draft),
        _line(f"primary: {primary}", f"{DECIDE}: what a new model must be better on"),
        "triggers:",
        _line(
            f"  on_forgone_gain: {FORGONE_GAIN:g}",
            "retrain once fresh models would have saved its cost; until the first `retrain backtest`, once its "
            "error is as much above what is expected",
        ),
        _line(
            f"  # retrain_cost: {draft.default_cost:g}",
            f"{DECIDE}: {primary}, summed over rows, that pays for a retrain; else a tenth of a {every}'s, up to this",
        ),
        "validation:",
        *_unit(draft),
        *_unlabelled(draft),
        _line(f"  guardrails: [{{metric: {guardrail}, margin: {margin:g}}}]", f"{DECIDE}: may not lose so many {unit}"),
        _line(f"  fairness: {fairness}", f"{DECIDE}: groups, metrics: [{rate}], margin: {group_margin:g}; or why none"),
    ]


def _contract(draft: Draft) -> str:
    """How small a period may be, and more room for values outside the limits where words like -999 are among them."""
    every, smallest = draft.cadence.calendar.every, min(draft.cadence.rows.values())
    shares = [draft.facts[name].missing_share for name in draft.numeric if draft.facts[name].sentinel is not None]
    outside = f", max_outside_share: {min(1.0, round(2 * max(shares) + 0.05, 2)):g}" if shares else ""
    return _line(
        f"contract: {{min_rows: {draft.min_rows}{outside}}}", f"half of the smallest {every}, {smallest:,} rows"
    )


def _first_training(draft: Draft) -> list[str]:
    lengths = {"gate": draft.gate, "min_train": draft.min_train}
    told = {
        "gate": "the newest rows, which judge: long enough to hold a date",
        "min_train": "what the first model trains on",
    }
    known = {name: length for name, length in lengths.items() if length is not None}
    if not known:
        return []
    written = ", ".join(f"{name}: {length}" for name, length in known.items())
    return [_line(f"windows: {{{written}}}", "; ".join(told[name] for name in known))]


def _unit(draft: Draft) -> list[str]:
    """Rows as the unit of every test, where a gate would hold too few days to be that."""
    if draft.dates_per_period >= _FEWEST_DAYS:
        return []
    return [_line("  unit: row", f"{DECIDE}: a period has too few dates to compare days; are its rows independent?")]


def _unlabelled(draft: Draft) -> list[str]:
    """More rows without an outcome than the default allows, where the history has them."""
    share = draft.unlabelled
    if share <= _ALLOWED_WITHOUT / 2:
        return []
    allowed = min(round(1.5 * share + 0.03, 2), _MOST_WITHOUT)
    return [
        _line(
            f"  max_unlabelled_share: {allowed:g}",
            f"{DECIDE}: {percent(share)} of the older rows have no outcome: why?",
        )
    ]


def _line(text: str, comment: str) -> str:
    return f"{text:<{_COMMENT_AT}} # {comment}" if len(text) <= _COMMENT_AT else f"{text}  # {comment}"


def _wrapped(opening: str, items: Sequence[str], closing: str, comment: str, further: str = "    ") -> list[str]:
    """A list or mapping over as many lines as it needs; the comment stands above where there are several."""
    lines, current = [], opening
    for number, item in enumerate(items):
        piece = item + (", " if number < len(items) - 1 else closing)
        if len(current) + len(piece.rstrip()) > _WIDTH:
            lines.append(current.rstrip())
            current = further
        current += piece
    lines.append(current)
    return [_line(lines[0], comment)] if len(lines) == 1 else [f"  # {comment}", *lines]


def _files(table: ForeignTable) -> str:
    if len(table.parts) == 1:
        return file_name(table.parts[0].path)
    return f"{len(table.parts)} files, {file_name(table.parts[0].path)} to {file_name(table.parts[-1].path)}"


def _read(table: ForeignTable) -> str:
    """How a table's files were read, in a few words."""
    files = "1 file" if len(table.parts) == 1 else f"{len(table.parts)} files"
    return f"{files}, {table.rows.num_rows:,} rows"


def _path(table: ForeignTable, folder: Path) -> str:
    if "://" in table.path:
        return _scalar(table.path)
    return _scalar(os.path.relpath(Path(table.path).absolute(), folder.absolute()))


def _scalar(value: str) -> str:
    """A text as YAML writes it so that it is read as that text."""
    read: object = None
    with suppress(yaml.YAMLError):
        read = yaml.safe_load(value)
    if read == value and _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(sign if sign.isprintable() else written_out(sign) for sign in escaped) + '"'


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_NOTE else text[: _LONGEST_NOTE - 3].rpartition(" ")[0] + " ..."
