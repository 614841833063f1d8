"""The code location: load the specs, and give their runs an executor; nothing else."""

import re
from pathlib import Path

import dagster as dg

from retrain_assets.dagster_glue.executor import run_executor
from retrain_assets.dagster_glue.resources import Clock, usual_resources
from retrain_assets.documents.page import text
from retrain_assets.documents.run_log import shorten_failures
from retrain_assets.errors import SpecError
from retrain_assets.pipeline import build_model_defs
from retrain_assets.spec.loading import read_specs


def bound(replay_at: str | None = None) -> dg.Definitions:
    """Build every model's definitions with the resources of this environment."""
    resources = usual_resources()
    if replay_at is not None:
        resources = {**resources, "clock": Clock(replay_at=replay_at)}
    specs, faults = read_specs()
    if faults and not specs:
        raise SpecError("\n".join(faults.values()))
    models = [build_model_defs(spec, resources) for spec in specs.values()]
    broken = [_broken(path, sentence) for path, sentence in faults.items()]
    return dg.Definitions.merge(*models, dg.Definitions(assets=broken, resources=resources, executor=run_executor()))


def _broken(path: Path, sentence: str) -> dg.AssetSpec:
    """A spec that is wrong, as an asset that nothing makes: its page says what to mend, and the other models go on."""
    dg.get_dagster_logger().error(sentence)
    name = re.sub(r"\W", "_", path.stem)
    return dg.AssetSpec([name, "broken_spec"], group_name=name, description=text(sentence), kinds={"yaml"})


shorten_failures()
defs = bound()
