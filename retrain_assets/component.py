"""`RetrainedModel`: a model's whole pipeline as a Dagster component, for teams that use `dg`.

type: retrain_assets.component.RetrainedModel
attributes:
  spec: churn.yaml
"""

from pathlib import Path

import dagster as dg

from retrain_assets.pipeline import build_model_defs
from retrain_assets.spec import load_spec


class RetrainedModel(dg.Component, dg.Model, dg.Resolvable):
    """The pipeline of one spec file; a relative path is resolved against the component's folder.

    The resources `home` and `clock` are bound once per code location, as in `retrain_assets.definitions`.
    """

    spec: str

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Load the spec and build its pipeline."""
        return build_model_defs(load_spec(Path(context.path) / self.spec))
