"""Specs of the small model as files, with one thing changed, and what is said where they are refused."""

import pytest
import yaml

from benchmarks.worlds.parcels import SPEC
from retrain_assets.errors import SpecError
from retrain_assets.spec.loading import load_spec


def written(folder, spec, name="delivery.yaml"):
    path = folder / name
    path.write_text(spec if isinstance(spec, str) else yaml.safe_dump(spec, sort_keys=False))
    return path


def changed(*where, to):
    """The small world's spec with one value changed, or, with `to` None, taken out."""
    spec = yaml.safe_load(yaml.safe_dump(SPEC))
    inner = spec
    for key in where[:-1]:
        inner = inner[key]
    if to is None:
        del inner[where[-1]]
    else:
        inner[where[-1]] = to
    return spec


def line_of(path, text):
    (line,) = (
        number for number, found in enumerate(path.read_text().splitlines(), 1) if found.strip().startswith(text)
    )
    return line


def refusal(path):
    with pytest.raises(SpecError, match="yaml") as caught:
        load_spec(path)
    return str(caught.value)


SHORT = """\
name: churn
task: binary
period: {every: month, start: 2024-01-01}
source: {path: "churn/*.csv", outcomes: labels.csv, key: id, time: day, label: churned, known_at: label_date}
columns: {numeric: [tenure], categorical: [plan]}
primary: log_loss
"""
