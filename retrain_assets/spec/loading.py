"""Find specs and read them: one of a file, or every one of the shipped folder and a team's own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from retrain_assets.errors import SpecError
from retrain_assets.spec.model_spec import ModelSpec
from retrain_assets.spec.spec_file import checked, read_spec_file

SHIPPED = Path(__file__).parent.parent / "models"
"""The folder of the specs that come with the package."""

SHIPPED_DATA = SHIPPED.parent.parent / "data"
"""Their data: in a clone of the repository, and not in an installed package."""

OWN = Path("retrain_models")
"""The folder of a team's own specs where the environment names none."""

COMPONENT = "defs.yaml"
"""Beside a spec in a `dg` project: what makes a component of it, and no spec."""


def load_spec(path: Path) -> ModelSpec:
    """Read and check one spec; relative data paths are resolved against its folder.

    Raises:
        SpecError: The file is missing, is no YAML mapping, repeats or does not know a key, or breaks a rule; every
            fault is named with its line.
    """
    file = read_spec_file(path)
    spec = checked(ModelSpec, file)
    folder = path.parent
    outcomes = spec.source.outcomes
    source = spec.source.model_copy(
        update={
            "features": spec.source.features.resolved(folder),
            "outcomes": outcomes.resolved(folder) if outcomes else None,
        }
    )
    suite = spec.validation.regression_suite.resolved(folder, spec.name)
    where = ("validation", "regression_suite")
    if not suite.optional and not Path(suite.path).exists():
        raise SpecError(file.at((*where, "path"), f"no file {suite.path}. Create it."))
    if spec.task == "regression" and suite.tolerance is None and Path(suite.path).exists():
        raise SpecError(
            file.at((*where, "tolerance"), f"say up to which absolute error a case of {suite.path} is right")
        )
    validation = spec.validation.model_copy(update={"regression_suite": suite})
    batches = spec.batches.written_like(spec.source.features).resolved(folder) if spec.batches else None
    return spec.model_copy(update={"source": source, "validation": validation, "batches": batches}).read_from(file)


def spec_of_files(folder: Path, files: Mapping[str, bytes]) -> ModelSpec:
    """Read a spec that `ModelSpec.files` gave, from a folder that it is written to.

    Raises:
        SpecError: It breaks a rule of today.
    """
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return load_spec(folder / "spec.yaml")


def own_folders() -> list[Path]:
    """The folders of a team's own specs: those of RETRAIN_MODELS, else `retrain_models` here, if it is there."""
    named = os.environ.get("RETRAIN_MODELS")
    if named is None:
        return [OWN] if OWN.is_dir() else []
    return [Path(folder) for folder in named.split(os.pathsep) if folder]


def load_specs(folders: list[Path] | None = None) -> dict[str, ModelSpec]:
    """Every spec of the shipped folder and of the folders in the environment variable RETRAIN_MODELS, by name.

    The shipped folder counts where its data are, in a clone of the repository.

    Without the variable a folder `retrain_models` in the current one counts, which `retrain new` writes to.
    RETRAIN_SHIPPED=0 leaves the shipped folder out: a team's deployment then has its own models alone.

    Raises:
        SpecError: A spec is wrong, or two files declare the same name; every file that is wrong is named.
    """
    specs, faults = read_specs(folders)
    if faults:
        raise SpecError("\n".join(faults.values()))
    return specs


def read_specs(folders: list[Path] | None = None) -> tuple[dict[str, ModelSpec], dict[Path, str]]:
    """As `load_specs`, but a file that is wrong takes no other down: the specs by name, and by file what is wrong.

    Raises:
        SpecError: A folder is not there.
    """
    if folders is None:
        shown = os.environ.get("RETRAIN_SHIPPED", "1") != "0" and (SHIPPED_DATA / "DATA_CARD.md").exists()
        shipped = [SHIPPED] if shown else []
        folders = [*shipped, *own_folders()]
    specs: dict[str, ModelSpec] = {}
    faults: dict[Path, str] = {}
    origin: dict[str, Path] = {}
    for folder in folders:
        if not folder.is_dir():
            raise SpecError(f"RETRAIN_MODELS: no folder {folder}. Name existing folders, separated by {os.pathsep!r}.")
        for path in sorted(folder.glob("*.yaml")):
            if path.name.endswith(".suite.yaml") or path.name == COMPONENT:
                continue
            try:
                spec = load_spec(path)
            except SpecError as fault:
                faults[path] = str(fault)
                continue
            if spec.name in specs:
                faults[path] = f"{path}: the name {spec.name} is declared in {origin[spec.name]} too. Rename one."
                continue
            specs[spec.name], origin[spec.name] = spec, path
    return specs, faults
