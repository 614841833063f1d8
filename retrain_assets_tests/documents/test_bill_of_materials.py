"""What an installation is made of: every package is named, its files are pinned by digest, its licence is allowed."""

import json
import re
from importlib.metadata import requires
from pathlib import Path

import pytest
from click.testing import CliRunner
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from retrain_assets.cli.main import main
from retrain_assets.documents.bill_of_materials import EXTRAS, ROOT, bill_of_materials, licence_of, materials

HERE = Path(__file__).parents[2]
ALLOWED = {
    "MIT", "MIT License", "MIT-CMU", "MIT-0", "ISC", "ISC License (ISCL)", "Zlib", "0BSD", "CC0-1.0", "HPND",
    "BSD", "BSD License", "3-Clause BSD License", "BSD-2-Clause", "BSD-3-Clause",
    "Apache-2.0", "Apache Software License", "Apache License 2.0",
    "PSF-2.0", "Python-2.0", "Python Software Foundation License",
    "MPL-2.0", "Mozilla Public License 2.0 (MPL 2.0)",
}  # fmt: skip
"""Licences under which a package may be used and passed on beside Apache-2.0 without opening anybody's own code."""
BUILD = {"setuptools", "wheel", "pip"}


def pinned(name):
    """Names and versions of a file of exact requirements."""
    found = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*])?==([^ ;\n\\]+)", (HERE / name).read_text(), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def allowed(said):
    """Whether each licence that holds together with others is allowed, or one of those that are offered for it."""
    parts = said.split(" AND ")
    return all(part in ALLOWED or ALLOWED & {*part.strip("()").split(" OR ")} for part in parts)


@pytest.fixture(scope="module")
def installed():
    return materials()


def test_every_licence_is_allowed(installed):
    licences = {name: licence_of(one) for name, one in installed.items()}
    assert {name: said for name, said in licences.items() if not allowed(said)} == {}
    assert not allowed("GPL-3.0-only")
    assert not allowed("MIT AND AGPL-3.0")


def test_every_package_that_is_installed_for_the_two_commands_is_pinned_by_version_and_digest(installed):
    if installed["dagster"].version != pinned("constraints.txt")["dagster"]:
        pytest.skip("another set of versions is installed than that of constraints.txt")
    files, versions = pinned("requirements.txt"), pinned("constraints.txt")
    assert set(installed) - {ROOT} - set(files) == set()
    assert {name: version for name, version in files.items() if versions.get(name, version) != version} == {}
    blocks = re.split(r"\n(?=\S)", (HERE / "requirements.txt").read_text().strip())
    assert all("--hash=sha256:" in block for block in blocks if not block.startswith("#"))
    assert "://" not in (HERE / "requirements.txt").read_text()
    assert BUILD - {"pip"} <= set(files), "the project itself is built without fetching anything"


def test_the_bill_names_every_package_and_what_needs_it():
    said = json.loads(CliRunner().invoke(main, ["sbom"]).output)
    assert said == json.loads(json.dumps(bill_of_materials()))
    assert (said["bomFormat"], said["specVersion"]) == ("CycloneDX", "1.6")
    components = {one["name"].lower(): one for one in said["components"]}
    assert {"dagster", "lightgbm", "numpy", "pyarrow", "fairlearn"} <= set(components)
    assert components["numpy"]["purl"].startswith("pkg:pypi/numpy@")
    known = {one["bom-ref"] for one in (*said["components"], said["metadata"]["component"])}
    own = next(one for one in said["dependencies"] if one["ref"].startswith(f"pkg:pypi/{ROOT}@"))
    assert {reference for one in said["dependencies"] for reference in one["dependsOn"]} <= known
    declared = [Requirement(text) for text in requires(ROOT) if "extra" not in text]
    assert {canonicalize_name(one.name) for one in declared} <= {
        reference.split("/")[1].split("@")[0] for reference in own["dependsOn"]
    }


def test_every_extra_that_users_install_is_covered():
    text = (HERE / "pyproject.toml").read_text()
    section = text[text.index("[project.optional-dependencies]") : text.index("[project.scripts]")]
    declared = set(re.findall(r"^(\w+) = \[", section, re.MULTILINE))
    assert declared - {"test"} == set(EXTRAS)
