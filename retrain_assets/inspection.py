"""What `retrain check` looks at before anything runs: data contract, labels, and the rows of the regression suite."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import pyarrow as pa

from retrain_assets.errors import DataError
from retrain_assets.raw.contract import Checked
from retrain_assets.raw.ingest import peek
from retrain_assets.raw.labels import check_labels
from retrain_assets.raw.sources import describe, read_outcomes
from retrain_assets.spec import ModelSpec
from retrain_assets.validation.suite import load_suite


def label_problems(spec: ModelSpec, first: Checked) -> tuple[list[str], bool]:
    """What is wrong with the outcomes of the first period's rows, and whether any of it would stop the model.

    Args:
        spec: Of the model.
        first: The first period's rows, as the contract lets them in.
    """
    source = spec.source
    start, end = spec.period.bounds(spec.period.first)
    keys = first.table.select([source.key, source.time])
    matured = start if source.known_at else start + source.label_delay
    arrived = read_outcomes(source, matured, end + source.label_delay, keys)
    where = f"{describe(source.outcomes or source.features)}, {spec.period.first}"
    labels, problems = check_labels(arrived, spec.task, spec.classes, source.key, source.label, where)
    sentences = [problem.sentence for problem in problems]
    useless = any(problem.blocking for problem in problems)
    if not labels.num_rows and source.known_at:
        sentences.append(f"{where}: no outcome became known in the first period. Fine if they come later than that.")
    elif not labels.num_rows:
        sentences.append(f"{where}: no row has an outcome. Check source.label, source.outcomes and source.label_delay.")
        useless = True
    return sentences, useless


def absent_cases(spec: ModelSpec) -> Iterator[str]:
    """One sentence per period in which the source does not give a case's row; the file is named."""
    path = Path(spec.validation.regression_suite.path)
    cases = load_suite(path)
    for period in sorted({case.period for case in cases}):
        absent = absent_rows(spec, period, [case.id for case in cases if case.period == period])
        if absent:
            yield f"{path}: {absent}. Correct their id or period, or let them expire."


def absent_rows(spec: ModelSpec, period: str, wanted: Collection[str]) -> str:
    """Which rows the source does not give for a period, or the contract sets aside, in words; empty when none."""
    key, where = spec.source.key, describe(spec.source.features)
    try:
        checked = peek(spec.period, spec.source, spec.columns, spec.contract, period)
    except DataError as error:
        return f"{period} cannot be read for {', '.join(sorted(wanted))}: {error}"
    given, aside = _texts(checked.table, key), _texts(checked.rejected, key)
    lacking = sorted(set(wanted) - given)
    if not lacking:
        return ""
    words = [f"{row} (set aside by the data contract)" if row in aside else row for row in lacking]
    return f"{where} has no row of {period} with {key} {', '.join(words)}"


def _texts(rows: pa.Table, key: str) -> set[str]:
    return set(rows[key].cast(pa.string()).to_pylist()) if key in rows.column_names else set()
