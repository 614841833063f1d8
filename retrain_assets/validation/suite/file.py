"""Writing a case into a suite file: the text around it stays as people wrote it, and a crash leaves the old file."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from retrain_assets.errors import SpecError
from retrain_assets.store import write_atomically
from retrain_assets.validation.suite.cases import SuiteCase, load_suite, read_suite


def add_case(path: Path, case: SuiteCase) -> None:
    """Put a case after the last one of a suite file; comments, order and the other lines stay as they are.

    Where there is no file yet, it begins with this case.

    Raises:
        SpecError: The file is no suite, holds the id already, or cannot be written.
    """
    path = path.resolve()
    if not path.exists():
        write_atomically(path, f"cases:\n  - {entry(case)}\n".encode())
        return
    before = load_suite(path)
    if any(known.id == case.id for known in before):
        place = [known.id for known in before].index(case.id) + 1
        raise SpecError(f"{path}: id: {case.id} stands in entry {place} already. Change that entry by hand.")
    text = path.read_text()
    after = inserted(text, case)
    if read_suite(after, path) != (*before, case):
        raise SpecError(f"{path}: the case {case.id} does not read back as written. Add it by hand: {entry(case)}")
    mode = path.stat().st_mode & 0o777
    try:
        if not mode & 0o222:
            raise PermissionError(13, "it is marked read-only")
        write_atomically(path, after.encode())
        path.chmod(mode)
    except OSError as error:
        raise SpecError(
            f"{path}: cannot be written: {error.strerror}. Keep spec and suite in a folder of your own and name it in "
            "RETRAIN_MODELS."
        ) from None


def inserted(text: str, case: SuiteCase) -> str:
    r"""The text of a suite file with one more case at the end of its list.

    >>> from datetime import date
    >>> wet = SuiteCase("9", "2019-02", "team:ops", date(2019, 3, 2), "Wet: snow", "normal")
    >>> print(inserted("# ours\ncases:\n  - {id: a}   # first\n\n# the end\n", wet))
    # ours
    cases:
      - {id: a}   # first
      - {id: "9", period: "2019-02", owner: "team:ops", added: 2019-03-02, severity: normal, reason: "Wet: snow"}
    <BLANKLINE>
    # the end
    <BLANKLINE>
    """
    cases = _list_of_cases(text)
    lines = text.splitlines(keepends=True)
    if cases.flow_style:
        start, end = cases.start_mark.index, cases.end_mark.index
        kept = text[start + 1 : end - 1].rstrip().rstrip(",")
        comma = ", " if kept else ""
        return f"{text[:start]}[{kept}{comma}{entry(case)}]{text[end:]}"
    last = cases.value[-1]
    line = _last_line(last)
    if not lines[line].endswith("\n"):
        lines[line] += "\n"
    indent = " " * cases.start_mark.column
    return "".join([*lines[: line + 1], f"{indent}- {entry(case)}\n", *lines[line + 1 :]])


def entry(case: SuiteCase) -> str:
    """A case as one line of YAML."""
    values: dict[str, object] = {"id": case.id, "period": case.period, "owner": case.owner, "added": case.added}
    if case.expires is not None:
        values["expires"] = case.expires
    values |= {"severity": case.severity, "reason": case.reason}
    return "{" + ", ".join(f"{name}: {_scalar(name, value)}" for name, value in values.items()) + "}"


def _scalar(name: str, value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if name == "severity" else json.dumps(value, ensure_ascii=False)


def _list_of_cases(text: str) -> yaml.SequenceNode:
    tree = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(tree, yaml.MappingNode)
    (cases,) = [value for key, value in tree.value if key.value == "cases"]
    assert isinstance(cases, yaml.SequenceNode)
    return cases


def _last_line(node: yaml.Node) -> int:
    """The line on which a node's last character stands; a block's end mark is where the next thing begins."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        return _last_line(node.value[-1][1])
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
        return _last_line(node.value[-1])
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        return int(node.end_mark.line) - 1
    return int(node.end_mark.line)
