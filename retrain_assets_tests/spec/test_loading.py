"""Where specs are found, what their paths are taken against, and a wrong one among others."""

from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks.worlds.parcels import SPEC
from retrain_assets.errors import SpecError
from retrain_assets.spec.loading import SHIPPED, load_spec, load_specs, read_specs
from retrain_assets_tests.specs import changed, line_of, refusal, written


def test_a_good_spec_resolves_its_paths_against_its_own_folder(spec_folder):
    spec = load_spec(written(spec_folder, SPEC))
    assert spec.source.features.path == str(spec_folder / "rows.parquet")
    assert spec.validation.regression_suite.path == str(spec_folder / "delivery.suite.yaml")
    assert spec.source.label_delay == timedelta(days=1)


def test_files_that_wait_for_a_score_are_read_as_the_source_is(spec_folder):
    source = {"path": "rows.parquet", "null_values": ["k.A."], "decimal": ","}
    path = written(spec_folder, changed("source", "features", to=source) | {"batches": {"path": "in/*.csv"}})
    batches = load_spec(path).batches
    assert (batches.path, batches.null_values, batches.decimal) == (str(spec_folder / "in/*.csv"), ("k.A.",), ",")


def test_a_missing_suite_file_is_named_with_the_line_that_names_it(spec_folder):
    (spec_folder / "delivery.suite.yaml").unlink()
    path = written(spec_folder, SPEC)
    sentence = refusal(path)
    assert sentence.startswith(
        f"{path}:{line_of(path, 'path: delivery.suite.yaml')}: validation.regression_suite.path: no file"
    )
    assert str(spec_folder / "delivery.suite.yaml") in sentence


def test_two_files_may_not_declare_the_same_name(spec_folder):
    first, second = written(spec_folder, SPEC), written(spec_folder, SPEC, "zz.yaml")
    with pytest.raises(SpecError, match="the name delivery is declared in") as caught:
        load_specs([spec_folder])
    assert str(caught.value) == f"{second}: the name delivery is declared in {first} too. Rename one."


def test_the_folders_of_retrain_models_come_beside_the_shipped_ones(spec_folder, monkeypatch):
    written(spec_folder, SPEC)
    monkeypatch.setenv("RETRAIN_MODELS", str(spec_folder))
    assert set(load_specs()) == {"taxi_charge", "flight_delays", "employment", "delivery"}


def test_a_team_can_leave_the_shipped_models_out(spec_folder, monkeypatch):
    written(spec_folder, SPEC)
    monkeypatch.setenv("RETRAIN_MODELS", str(spec_folder))
    monkeypatch.setenv("RETRAIN_SHIPPED", "0")
    assert set(load_specs()) == {"delivery"}


def test_a_folder_of_retrain_models_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("RETRAIN_MODELS", str(tmp_path / "absent"))
    with pytest.raises(SpecError, match="RETRAIN_MODELS: no folder .*absent"):
        load_specs()


def test_every_shipped_spec_loads_with_its_files():
    names = {path.stem for path in Path(SHIPPED).glob("*.yaml") if not path.name.endswith(".suite.yaml")}
    specs = load_specs([SHIPPED])
    assert set(specs) == names == {"taxi_charge", "flight_delays", "employment"}
    for spec in specs.values():
        tables = [spec.source.features, spec.source.outcomes]
        assert all(Path(table.path).is_file() for table in tables if table)


def test_a_wrong_spec_is_named_and_takes_no_other_down(spec_folder):
    written(spec_folder, SPEC)
    (spec_folder / "other.yaml").write_text("name: other\nwindows: {gate_period: 2}\n")
    (spec_folder / "twice.yaml").write_text((spec_folder / "delivery.yaml").read_text())
    specs, faults = read_specs([spec_folder])
    assert set(specs) == {"delivery"}
    assert "other.yaml:2: windows.gate_period: unknown key" in faults[spec_folder / "other.yaml"]
    assert "declared in" in faults[spec_folder / "twice.yaml"]
    with pytest.raises(SpecError, match="(?s)other.yaml:2: .*twice.yaml: the name delivery"):
        load_specs([spec_folder])
