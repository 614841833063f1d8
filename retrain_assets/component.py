"""`RetrainedModel`: a model's whole pipeline as a Dagster component, for teams that use `dg`.

type: retrain_assets.component.RetrainedModel
attributes:
  spec: churn.yaml

`dg scaffold defs retrain_assets.component.RetrainedModel churn` writes both files.
"""

from pathlib import Path
from typing import Any

import dagster as dg

from retrain_assets.pipeline import build_model_defs
from retrain_assets.spec.loading import load_spec

FIRST_SPEC = """\
# What is declared about one model. docs/spec.md explains every key; `retrain new` writes a spec from your own files.
name: {name}
task: binary                          # or multiclass, regression
period: {{every: week, start: 2024-01-01}}
source:
  path: "{name}/*.parquet"            # beside this file
  key: id                             # tells rows apart
  time: at                            # when a row happened
  label: label                        # what is predicted: 0 or 1
  label_delay: 1d                     # how long after its row the label is known
columns:
  numeric: [amount]
  categorical: [kind]
primary: log_loss                     # what a new model must be better on
validation:
  fairness: {{none: "not decided yet"}} # or groups, metrics and a margin: a decision that belongs to people
"""


class RetrainedModelScaffolder(dg.Scaffolder[Any]):
    """Writes an instance of the component and a first spec beside it."""

    def scaffold(self, request: dg.ScaffoldRequest[Any]) -> None:
        """Write `defs.yaml` and the spec, named for the instance's folder."""
        name = request.target_path.name
        request.target_path.mkdir(parents=True, exist_ok=True)
        dg.scaffold_component(request, {"spec": f"{name}.yaml"})
        (request.target_path / f"{name}.yaml").write_text(FIRST_SPEC.format(name=name))


@dg.scaffold_with(RetrainedModelScaffolder)
class RetrainedModel(dg.Component, dg.Model, dg.Resolvable):
    """The pipeline of one spec file; a relative path is resolved against the component's folder.

    Data, registry and reports stand under RETRAIN_HOME; nothing is to be bound by hand.
    """

    spec: str

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Load the spec and build its pipeline."""
        return build_model_defs(load_spec(Path(context.path) / self.spec))
