"""An exported model in KServe's own server: `python -m live_scorer.predictor --model_dir DIR --model_name NAME`.

Requests are those of the Open Inference Protocol v2, one tensor for each column, taken by name.
"""

from __future__ import annotations

import argparse

from kserve import InferInput, InferOutput, InferRequest, InferResponse, Model, ModelServer, model_server
from kserve.errors import InvalidInput

from retrain_assets.errors import DataError
from retrain_assets.scoring.scorer import Scorer
from retrain_assets.serving.exported.folder import load


class Predictor(Model):  # type: ignore[misc]
    """The exported version behind KServe's routes."""

    def __init__(self, name: str, folder: str) -> None:
        super().__init__(name)
        self.folder = folder
        self.scorer: Scorer | None = None

    def load(self) -> bool:
        """Load the version; KServe calls it before the server is ready."""
        self.scorer = load(self.folder)
        self.ready = True
        return self.ready

    def predict(
        self, payload: InferRequest, headers: dict[str, str] | None = None, response_headers: object = None
    ) -> InferResponse:
        """Score the rows of a request."""
        if self.scorer is None:
            self.load()
        assert self.scorer is not None
        try:
            scored = self.scorer.score({tensor.name: _values(tensor) for tensor in payload.inputs})
        except DataError as error:
            raise InvalidInput(str(error)) from None
        output = InferOutput("score", list(scored.scores.shape), "FP64", data=scored.scores.ravel().tolist())
        parameters = {"version": scored.version, "digest": scored.digest}
        return InferResponse(payload.id or "", self.name, [output], scored.version, parameters=parameters)


def _values(tensor: InferInput) -> list[object]:
    """The values of one column as they were sent."""
    values = tensor.data if isinstance(tensor.data, list) else tensor.as_numpy().ravel().tolist()
    return [value.decode() if isinstance(value, bytes) else value for value in values]


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(parents=[model_server.parser])
    arguments.add_argument("--model_dir", default="/mnt/models")
    told = arguments.parse_args()
    model = Predictor(told.model_name, told.model_dir)
    model.load()
    ModelServer().start([model])
