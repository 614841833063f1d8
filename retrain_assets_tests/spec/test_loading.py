"""Where specs are found, what their paths are taken against, and a wrong one among others."""

from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks.worlds.parcels import SPEC
from retrain_assets.errors import SpecError
from retrain_assets.spec.loading import SHIPPED, load_spec, load_specs, read_specs, spec_of_files
from retrain_assets.spec.model_spec import ModelSpec
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


def test_a_regression_s_suite_beside_the_spec_needs_a_tolerance_though_no_key_names_it(spec_folder):
    path = written(spec_folder, changed("validation", "regression_suite", to=None))
    assert f"validation.regression_suite.tolerance: say up to which absolute error a case of {spec_folder}" in refusal(
        path
    )
    (spec_folder / "delivery.suite.yaml").unlink()
    assert load_spec(path).suite_ids() == frozenset()


def test_a_spec_and_its_suite_are_read_again_from_their_files(spec_folder, tmp_path_factory):
    for suite in (True, False):
        if not suite:
            (spec_folder / "delivery.suite.yaml").unlink()
        spec = load_spec(written(spec_folder, changed("validation", "regression_suite", to={"tolerance": 45})))
        assert set(spec.files()) == ({"spec.yaml", "suite.yaml"} if suite else {"spec.yaml"})
        again = spec_of_files(tmp_path_factory.mktemp("again"), spec.files())
        assert again.policy_sha256 == spec.policy_sha256


def test_a_spec_that_stands_in_no_file_declares_everything_and_has_no_files():
    spec = ModelSpec.model_validate(SPEC)
    assert spec.declares("windows", "gate")
    assert (spec.path, spec.files()) == (None, {})
