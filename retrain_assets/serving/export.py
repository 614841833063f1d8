"""A version laid out for other servers: a folder that is there as a whole or not at all.

model.bst, features.json     the model and its feature contract, as the registry has them
version.json                 name, digest and promotion of the version
code/live_scorer/            the scorer: named raw columns in, scores out; numpy and LightGBM are all that it needs
requirements.txt             these two, as they are installed here
MLmodel, python_env.yaml     MLflow loads the folder: flavor lightgbm (numbers in), python_function (raw columns in)
request.json, answer.json    a request of the Open Inference Protocol v2, and its answer
inference_service.yaml       a KServe InferenceService that runs the container below
Containerfile                KServe's server with the scorer
manifest.intoto.json         every file above with its digest, and signed where a key is set (`signed_manifest`)
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version as installed
from pathlib import Path

import yaml

from retrain_assets import errors
from retrain_assets.errors import DataError
from retrain_assets.production.rollback import probe_of
from retrain_assets.registry.registry import Registry, Version
from retrain_assets.registry.storage.signed_manifest import signed_manifest
from retrain_assets.scoring import booster, feature_contract, feature_matrix, features, model_text, scorer
from retrain_assets.scoring.feature_contract import FeatureContract
from retrain_assets.scoring.scorer import Scorer
from retrain_assets.serving import inference
from retrain_assets.serving.exported import folder, pyfunc
from retrain_assets.serving.exported.folder import FILES
from retrain_assets.store import Json

KSERVE = "0.21.0"
"""The release of KServe's server in the container."""

_EXAMPLE_ROWS = 3
_PACKAGE = "live_scorer"
_MODULES = (errors, feature_contract, feature_matrix, features, model_text, booster, scorer, folder, pyfunc)
_OPENING = f'''"""The scorer of an exported model: numpy and LightGBM are all that it needs.

    import {_PACKAGE}
    scorer = {_PACKAGE}.load("DIR")
    scorer.score({{"plan": ["Basic"], "tenure_months": [12]}}).scores
"""

from {_PACKAGE}.folder import load

__all__ = ["load"]
'''
_IMPORT = re.compile(
    r"^(\s*from )retrain_assets(?:\.scoring|\.serving\.exported|(?=\.errors))(\.\w+ import )", re.MULTILINE
)


@dataclass(frozen=True)
class Deployment:
    """What the InferenceService says of where it runs.

    Attributes:
        storage_uri: Where the folder will be, as KServe reads it: `gs://bucket/churn`, `pvc://volume/churn`.
        image: The container that the Containerfile makes.
        canary: Share of the traffic for this version in percent; the one that served before keeps the rest.
    """

    storage_uri: str = "pvc://models/{name}"
    image: str = "registry.example/{name}:{version}"
    canary: int = 100


def export(registry: Registry, version: Version, to: Path, deployment: Deployment = Deployment()) -> None:
    """Write a version into a folder that does not exist yet or is empty.

    Raises:
        DataError: The folder holds something.
        NotFound: The version's files were deleted.
        IntegrityError: They were changed.
    """
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise DataError(f"{to} holds something already: name a folder that does not exist, or an empty one.")
    files = registry.read(version.digest)
    to.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=to.parent, prefix=f".{to.name}."))
    try:
        contents = _contents(registry.model, version, files, deployment)
        for name, data in (contents | signed_manifest(registry.model, contents)).items():
            (partial / name).parent.mkdir(parents=True, exist_ok=True)
            (partial / name).write_bytes(data)
        partial.chmod(0o755)
        os.rename(partial, to)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _contents(name: str, version: Version, files: Mapping[str, bytes], deployment: Deployment) -> dict[str, bytes]:
    """Every file by its name."""
    loaded = Scorer.from_files(files, version.name, version.digest)
    about = {
        "model": name,
        "version": version.name,
        "digest": version.digest,
        "promoted_in": version.period,
        "promoted_at": version.at.isoformat(),
    }
    packages = [f"{package}=={installed(package)}" for package in ("numpy", "lightgbm")]
    request, answer = _example(name, loaded, files)
    python = {"python": platform.python_version(), "dependencies": packages}
    return {
        **{file: files[file] for file in FILES},
        "version.json": _json(about),
        **{f"code/{_PACKAGE}/{file}": text.encode() for file, text in code().items()},
        "requirements.txt": "\n".join([*packages, ""]).encode(),
        "MLmodel": _yaml(_mlmodel(version)),
        "python_env.yaml": _yaml(python),
        "request.json": request,
        "answer.json": answer,
        "inference_service.yaml": _yaml(inference_service(name, version.name, deployment)),
        "Containerfile": _containerfile().encode(),
    }


def code() -> dict[str, str]:
    """The modules of the package `live_scorer`, by file name: our own, with its name in their imports."""
    paths = [Path(str(module.__file__)) for module in _MODULES]
    paths.append(Path(str(folder.__file__)).with_name("predictor.py"))  # not imported: it needs KServe
    return {"__init__.py": _OPENING} | {path.name: _IMPORT.sub(rf"\1{_PACKAGE}\2", path.read_text()) for path in paths}


def _example(name: str, loaded: Scorer, files: Mapping[str, bytes]) -> tuple[bytes, bytes]:
    """A few of the rows that the version is probed with, as a request, and its answer."""
    rows, _ = probe_of(files)
    columns = raw_columns(rows[:_EXAMPLE_ROWS].tolist(), loaded.contract)
    inputs = [
        {
            "name": column,
            "shape": [len(values)],
            "datatype": "FP64" if loaded.contract.kinds[column] == "numeric" else "BYTES",
            "data": values,
        }
        for column, values in columns.items()
    ]
    answer = inference.tensor_answer(name, loaded.score(columns), "example")
    return _json({"id": "example", "inputs": inputs}), answer


def raw_columns(rows: list[list[float]], contract: FeatureContract) -> dict[str, list[float | str | None]]:
    """Encoded rows as the columns that they were encoded from.

    >>> contract = FeatureContract(("x", "c"), {"x": "numeric", "c": "categorical"}, {"c": ("EWR", "JFK")})
    >>> raw_columns([[1.5, 1.0], [float("nan"), float("nan")]], contract)
    {'x': [1.5, None], 'c': ['JFK', None]}
    """
    columns: dict[str, list[float | str | None]] = {}
    for position, name in enumerate(contract.names):
        values = [None if row[position] != row[position] else row[position] for row in rows]
        if contract.kinds[name] == "categorical":
            levels = contract.levels[name]
            columns[name] = [None if value is None else levels[int(value)] for value in values]
        else:
            columns[name] = list(values)
    return columns


def _mlmodel(version: Version) -> Json:
    """What MLflow reads of the folder."""
    return {
        "flavors": {
            "lightgbm": {
                "code": "code",
                "data": "model.bst",
                "lgb_version": installed("lightgbm"),
                "model_class": "lightgbm.basic.Booster",
            },
            "python_function": {
                "code": "code",
                "env": {"virtualenv": "python_env.yaml"},
                "loader_module": f"{_PACKAGE}.pyfunc",
                "python_version": platform.python_version(),
            },
        },
        "metadata": {"version": version.name, "digest": version.digest},
        "model_uuid": version.digest[:32],
        "utc_time_created": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}",
    }


def inference_service(name: str, version: str, deployment: Deployment) -> Json:
    """The KServe InferenceService that runs the exported folder in the container of its Containerfile."""
    dashed = name.replace("_", "-")
    filled = {"name": dashed, "version": version}
    container = {
        "name": "kserve-container",
        "image": deployment.image.format(**filled),
        "args": [f"--model_name={name}", "--model_dir=/mnt/models"],
        "env": [
            {"name": "STORAGE_URI", "value": deployment.storage_uri.format(**filled)},
            {"name": "PROTOCOL", "value": "v2"},
        ],
        "ports": [{"containerPort": 8080, "protocol": "TCP"}],
        "readinessProbe": {"httpGet": {"path": f"/v2/models/{name}/ready", "port": 8080}},
    }
    predictor: Json = {"containers": [container]}
    if deployment.canary < 100:
        predictor["canaryTrafficPercent"] = deployment.canary
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": dashed, "annotations": {"retrain-assets/version": version}},
        "spec": {"predictor": predictor},
    }


def _containerfile() -> str:
    python = ".".join(platform.python_version_tuple()[:2])
    return f"""FROM python:{python}-slim
COPY requirements.txt /app/requirements.txt
RUN pip install --no-cache-dir -r /app/requirements.txt kserve=={KSERVE}
COPY code /app/code
COPY model.bst features.json version.json /mnt/models/
ENV PYTHONPATH=/app/code
USER 1000
ENTRYPOINT ["python", "-m", "{_PACKAGE}.predictor"]
"""


def _json(record: object) -> bytes:
    return json.dumps(record, indent=1, allow_nan=False).encode()


def _yaml(record: object) -> bytes:
    return yaml.safe_dump(record, sort_keys=False).encode()
