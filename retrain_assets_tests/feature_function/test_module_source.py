"""A function's source is found and digested as text; nothing of it is imported for that."""

import sys

import pytest

from retrain_assets.errors import SpecError
from retrain_assets.feature_function.module_source import module_sources, module_spec, source_sha256


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package that must not be imported: its modules raise."""
    folder = tmp_path / "teams_pkg"
    (folder / "parts").mkdir(parents=True)
    for name, text in {
        "__init__": "",
        "features": "from teams_pkg import ratios\nfrom .parts.dates import weekday\nimport json\n",
        "ratios": "import teams_pkg.constants\n",
        "constants": "ONE = 1\n",
        "unused": "TWO = 2\n",
        "parts/__init__": "",
        "parts/dates": "def weekday(): ...\n",
    }.items():
        (folder / f"{name}.py").write_text(f"{text}raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_the_sources_are_the_module_and_what_it_imports_of_its_own_package(package):
    assert list(module_sources("teams_pkg.features")) == [
        "teams_pkg", "teams_pkg.constants", "teams_pkg.features", "teams_pkg.parts", "teams_pkg.parts.dates",
        "teams_pkg.ratios",
    ]  # fmt: skip
    assert not [name for name in sys.modules if name.startswith("teams_pkg")]


def test_the_digest_follows_each_of_these_files_and_no_other(package):
    before = source_sha256(module_sources("teams_pkg.features"))
    (package / "unused.py").write_text("THREE = 3\n")
    assert source_sha256(module_sources("teams_pkg.features")) == before
    for name in ("constants", "parts/dates", "features"):
        with (package / f"{name}.py").open("a") as file:
            file.write("# another\n")
        after = source_sha256(module_sources("teams_pkg.features"))
        assert after != before
        before = after


def test_a_module_that_is_not_there_is_told_without_an_import(package):
    assert module_spec("teams_pkg.parts.dates") is not None
    assert module_spec("teams_pkg.nothing") is None
    assert module_spec("teams_pkg.ratios.deeper") is None
    assert module_spec("no_such_package.at_all") is None
    assert not [name for name in sys.modules if name.startswith("teams_pkg")]


@pytest.mark.parametrize("name", ["teams_pkg.nothing", "math"])
def test_what_has_no_source_is_refused(package, name):
    with pytest.raises(SpecError, match=f"no module '{name}' with a source file"):
        module_sources(name)


def test_a_file_that_is_no_python_is_refused_with_its_line(package):
    (package / "ratios.py").write_text("def (:\n")
    with pytest.raises(SpecError, match=r"features: \S+teams_pkg/ratios.py is no Python: .*line 1"):
        module_sources("teams_pkg.features")
