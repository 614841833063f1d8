"""`RetrainedModel` in the defs folder of a `dg` project gives the pipeline that `build_model_defs` gives."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest
import yaml

from benchmarks.worlds.parcels import SPEC
from retrain_assets.component import RetrainedModel, RetrainedModelScaffolder
from retrain_assets.dagster_glue.executor import run_executor
from retrain_assets.errors import SpecError
from retrain_assets.spec.loading import load_specs
from retrain_assets_tests.test_definitions import names

# Dagster's own loader passes a beta parameter when it adds the component to each asset's metadata.
pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")

ROOT = Path(__file__).parent.parent


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Builds a project as `dg` lays it out: instances under defs/, and nothing else."""
    name = f"parcels_{uuid4().hex[:8]}"
    defs = tmp_path / "project" / "src" / name / "defs"
    defs.mkdir(parents=True)
    for folder in (defs.parent, defs):
        (folder / "__init__.py").touch()
    monkeypatch.setenv("RETRAIN_HOME", str(tmp_path / "home"))
    (tmp_path / "project" / "pyproject.toml").write_text(
        f'[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "{name}"\n'
    )
    monkeypatch.syspath_prepend(defs.parent.parent)

    def load(**instances):
        """Instances by folder name: each a dict of attributes."""
        for folder, attributes in instances.items():
            (defs / folder).mkdir(exist_ok=True)
            record = {"type": "retrain_assets.component.RetrainedModel", "attributes": attributes}
            (defs / folder / "defs.yaml").write_text(yaml.safe_dump(record))
        return dg.load_from_defs_folder(path_within_project=tmp_path / "project")

    load.defs = defs
    yield load
    for module in [module for module in sys.modules if module.startswith(name)]:
        del sys.modules[module]


def declare(world, folder, **changes):
    """The small world's files in a component's own folder, the spec with other top-level keys."""
    folder.mkdir(parents=True)
    for name in ("rows.parquet", "delivery.suite.yaml"):
        shutil.copy(world.folder / name, folder)
    spec = SPEC | changes
    (folder / f"{spec['name']}.yaml").write_text(yaml.safe_dump(spec))


def test_a_component_gives_the_same_assets_checks_jobs_and_sensors(world, project):
    built = world()
    declare(built, project.defs / "delivery")
    loaded = project(delivery={"spec": "delivery.yaml"})
    expected = names(built.defs)
    assert len(expected) == 14 + 6 + 4 + 4 + 5
    assert names(loaded) == expected


def test_two_components_live_in_one_project(world, project):
    built = world()
    declare(built, project.defs / "delivery")
    declare(built, project.defs / "returns", name="returns")
    loaded = project(delivery={"spec": "delivery.yaml"}, returns={"spec": "returns.yaml"})
    assert {key.path[0] for key in loaded.resolve_asset_graph().get_all_asset_keys()} == {"delivery", "returns"}
    assert len(names(loaded)) == 2 * len(names(built.defs))


def test_a_run_of_a_component_reads_the_data_beside_its_spec(world, project, instance, tmp_path):
    built = world()
    declare(built, project.defs / "delivery")
    loaded = project(delivery={"spec": "delivery.yaml"})
    result = loaded.resolve_job_def("delivery__monitor").execute_in_process(
        instance=instance, partition_key="2024-01-01", raise_on_error=False
    )
    assert result.success
    (taken_in,) = result.asset_materializations_for_node("delivery__raw_data")
    assert taken_in.metadata["dagster/row_count"].value == 7 * 60
    assert (tmp_path / "home" / "data" / "delivery" / "raw_data" / "2024-01-01.parquet").is_file()


def test_a_wrong_spec_is_named_with_its_line_through_the_component(world, project):
    built = world()
    declare(built, project.defs / "delivery", colour="red")
    cause = root_cause(lambda: project(delivery={"spec": "delivery.yaml"}))
    assert isinstance(cause, SpecError)
    assert "delivery.yaml:1: colour: unknown key" in str(cause)


def test_an_unknown_attribute_of_the_component_is_refused(world, project):
    built = world()
    declare(built, project.defs / "delivery")
    assert "specs" in str(root_cause(lambda: project(delivery={"specs": "delivery.yaml"})))


def root_cause(load):
    with pytest.raises(Exception, match=r"Error while .* delivery\[0\]") as caught:
        load()
    cause = caught.value
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return cause


def test_a_scaffolded_instance_loads_as_it_is_written(project):
    folder = project.defs / "churn"
    request = dg.ScaffoldRequest(
        "retrain_assets.component.RetrainedModel", folder, "yaml", project.defs.parents[2], params=None
    )
    RetrainedModelScaffolder().scaffold(request)
    assert {path.name for path in folder.iterdir()} == {"defs.yaml", "churn.yaml"}
    assert {key.path[0] for key in project().resolve_asset_graph().get_all_asset_keys()} == {"churn"}


def test_the_first_asset_depends_on_the_teams_own(world, project):
    built = world()
    declare(built, project.defs / "delivery", source=SPEC["source"] | {"depends_on": ["warehouse/parcels"]})
    graph = project(delivery={"spec": "delivery.yaml"}).resolve_asset_graph()
    assert dg.AssetKey(["warehouse", "parcels"]) in graph.get(dg.AssetKey(["delivery", "raw_data"])).parent_keys


def test_the_jobs_run_in_one_process_whatever_the_projects_executor(world):
    for job in world().defs.resolve_all_job_defs():
        if job.name.startswith("delivery__"):
            assert job.executor_def is run_executor()


def test_the_folder_of_a_component_serves_the_command_line_too(world, project, monkeypatch):
    declare(world(), project.defs / "delivery")
    project(delivery={"spec": "delivery.yaml"})
    assert set(load_specs([project.defs / "delivery"])) == {"delivery"}


def test_dg_scaffolds_an_instance_that_loads_as_it_is_written(project, tmp_path):
    pytest.importorskip("dagster_dg_cli")
    words = ["scaffold", "defs", "retrain_assets.component.RetrainedModel", "churn"]
    done = subprocess.run(
        [sys.executable, "-c", "from dagster_dg_cli.cli import main; main()", *words],
        cwd=tmp_path / "project",
        env=os.environ | {"PYTHONPATH": f"{project.defs.parents[1]}{os.pathsep}{ROOT}", "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.name for path in (project.defs / "churn").iterdir()} >= {"defs.yaml", "churn.yaml"}
    assert {key.path[0] for key in project().resolve_asset_graph().get_all_asset_keys()} == {"churn"}


def test_the_component_takes_nothing_but_the_spec():
    assert set(RetrainedModel.model_fields) == {"spec"}
