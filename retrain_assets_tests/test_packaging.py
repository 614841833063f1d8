"""What is in the wheel, and what an installation needs: built as `pip wheel` builds it."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LATER = (ast.FunctionDef, ast.If)
"""Blocks in which an import is not carried out when the module loads: functions, and `if TYPE_CHECKING`."""

BUILD = "import sys, setuptools.build_meta as backend; backend.build_wheel(sys.argv[1])"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The names in a wheel of this tree, and its metadata."""
    pytest.importorskip("setuptools", minversion="77")
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    for package in ("retrain_assets", "retrain_assets_tests", "benchmarks"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "*.tar.gz"))
    subprocess.run([sys.executable, "-c", BUILD, "dist"], cwd=folder, check=True, capture_output=True)
    (path,) = (folder / "dist").glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        (metadata,) = (archive.read(name).decode() for name in names if name.endswith("METADATA"))
    return names, metadata


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel):
    names, _ = wheel
    files = [path for path in (ROOT / "retrain_assets").rglob("*") if path.is_file()]
    expected = {str(path.relative_to(ROOT)) for path in files if "__pycache__" not in path.parts}
    assert {name for name in names if ".dist-info/" not in name} == expected
    assert any(name.endswith("models/taxi_charge.yaml") for name in names)


def test_the_web_server_and_apprise_come_with_an_extra_alone(wheel):
    _, metadata = wheel
    needed = re.findall(r"^Requires-Dist: ([\w.-]+)(?:\[\w+\])?([^;\n]*)$", metadata, re.M)
    assert {"dagster", "pandas", "lightgbm", "scipy", "fairlearn"} <= {name for name, _ in needed}
    assert not {"dagster-webserver", "apprise", "pytest"} & {name for name, _ in needed}
    assert re.search(r'^Requires-Dist: dagster-webserver.*; extra == "ui"$', metadata, re.M)
    assert re.search(r'^Requires-Dist: apprise.*; extra == "alerts"$', metadata, re.M)


RARE = {"apprise", "dagster_webserver", "fairlearn", "matplotlib", "sklearn"}


def test_what_few_runs_need_is_imported_in_functions_only():
    users = {}
    for path in (ROOT / "retrain_assets").rglob("*.py"):
        if not any(package in (text := path.read_text()) for package in RARE):
            continue
        tree = ast.parse(text)
        inside = {id(node) for block in ast.walk(tree) if isinstance(block, LATER) for node in ast.walk(block)}
        for node in ast.walk(tree):
            named = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            named += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for package in {name.split(".")[0] for name in named} & RARE:
                users.setdefault(package, []).append(id(node) in inside)
    assert {"apprise", "fairlearn", "matplotlib"} <= users.keys(), "the names are still those of the packages"
    assert all(all(later) for later in users.values())


def floors(text):
    """The version of each requirement that a text gives, by name."""
    return dict(re.findall(r"^([\w.-]+)(?:\[\w+\])?(?:>=|==)([\w.]+)", text, re.M))


def test_the_lowest_set_installs_what_the_project_declares_as_lowest():
    extras = PROJECT["optional-dependencies"]
    declared = floors("\n".join([*PROJECT["dependencies"], *extras["ui"], *extras["alerts"], *extras["serve"]]))
    declared = {name.replace("-", "_"): version for name, version in declared.items()}
    lowest = floors((ROOT / "constraints-lowest.txt").read_text())
    lowest = {name.replace("-", "_"): version for name, version in lowest.items()}
    assert {name: lowest.get(name) for name in declared} == declared


def test_the_documentation_names_the_lowest_set():
    readme = (ROOT / "docs" / "your-project.md").read_text()
    declared = floors("\n".join(PROJECT["dependencies"]))
    assert [name for name, version in declared.items() if f"{name} {version}" not in readme] == []
