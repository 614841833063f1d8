"""A spec as a file: every fault with file, line and key, in words of the spec and not of its reader."""

import pytest
import yaml

from benchmarks.worlds.parcels import SPEC
from retrain_assets.spec.spec_file import read_spec_file
from retrain_assets_tests.specs import SHORT, changed, refusal, written


def test_every_fault_is_named_at_once(spec_folder):
    spec = changed("windows", "recent_periods", to=-1)
    spec["triggers"]["oops"] = 1
    sentence = refusal(written(spec_folder, spec))
    assert len(sentence.splitlines()) == 2
    assert "windows.recent_periods" in sentence
    assert "triggers.oops" in sentence


def test_a_suite_file_among_the_specs_is_told_how_it_is_named(spec_folder):
    path = written(spec_folder, "cases: []\n", "cases.yaml")
    assert refusal(path) == f"{path}: a regression suite, no model. Call it cases.suite.yaml, or keep it elsewhere."


def test_a_key_that_stands_twice_is_refused_with_its_line(spec_folder):
    text = yaml.safe_dump(SPEC, sort_keys=False) + "owners: ['team:others']\n"
    path = written(spec_folder, text)
    assert refusal(path) == f"{path}:{len(text.splitlines())}: the key 'owners' stands twice. Keep one."


def test_a_nested_key_that_stands_twice_is_refused_with_its_line(spec_folder):
    text = yaml.safe_dump(SPEC, sort_keys=False).replace("  recent_periods: 3\n", "  recent_periods: 3\n" * 2)
    path = written(spec_folder, text)
    second = max(number for number, line in enumerate(text.splitlines(), 1) if "recent_periods" in line)
    assert refusal(path) == f"{path}:{second}: the key 'recent_periods' stands twice. Keep one."


@pytest.mark.parametrize(
    ("text", "message"),
    [("name: [", "not valid YAML"), ("- name", "expected a mapping"), ("", "expected a mapping")],
)
def test_a_file_that_is_no_mapping_is_refused(spec_folder, text, message):
    assert message in refusal(written(spec_folder, text))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    assert "No such file or directory. Name an existing file." in refusal(tmp_path / "absent.yaml")


def test_faults_behind_other_faults_are_named_in_the_same_round(spec_folder):
    text = SHORT.replace("name: churn", "name: Churn").replace("month", "moon").replace("log_loss", "logloss")
    sentence = refusal(written(spec_folder, text.replace("[tenure]", "[churned]"), "churn.yaml"))
    assert [line.split(":")[1] for line in sentence.splitlines()] == ["1", "3", "5", "6"]
    for message in ("'Churn' is no name", "'moon' is none of hour", "churned is key, time", "unknown metric 'logloss'"):
        assert message in sentence


def test_no_message_speaks_the_validators_language(spec_folder):
    text = SHORT.replace("{every: month, start: 2024-01-01}", "[1]").replace("[tenure]", "{tenure: {min: low}}")
    sentence = refusal(
        written(spec_folder, text + "owners: 3\nclasses: two\ntriggers: {max_per_year: 1.5}\n", "churn.yaml")
    )
    assert len(sentence.splitlines()) == 5
    for jargon in ("Input", "Tuple", "instance", "validation error", "pydantic", "type=", "dict"):
        assert jargon not in sentence


def test_an_unknown_key_is_answered_with_the_nearest_names(spec_folder):
    sentence = refusal(written(spec_folder, SHORT + "windows: {gate_period: 2}\n", "churn.yaml"))
    assert "windows.gate_period: unknown key. Did you mean gate_periods" in sentence


def test_a_file_that_is_not_in_utf_8_is_refused(tmp_path):
    path = tmp_path / "odd.yaml"
    path.write_bytes("name: caf\xe9\n".encode("latin-1"))
    assert refusal(path) == f"{path}: not written in UTF-8. Save it as UTF-8."


def test_a_date_that_no_calendar_has_is_refused(tmp_path):
    assert "Correct the date or the number." in refusal(written(tmp_path, "name: odd\nperiod: {start: 2024-02-31}\n"))


def test_a_sentence_names_the_line_of_the_key_or_of_the_nearest_above_it(tmp_path):
    file = read_spec_file(written(tmp_path, "name: odd\nsource:\n  key: id\n"))
    assert file.at(("source", "key"), "is odd") == f"{file.path}:3: source.key: is odd."
    assert file.at(("source", "time", "zone"), "is it there?") == f"{file.path}:2: source.time.zone: is it there?"
    assert file.at(("columns",), "is missing") == f"{file.path}:1: columns: is missing."


def test_a_short_key_stands_for_its_full_form(tmp_path):
    file = read_spec_file(written(tmp_path, "source: {path: rows.csv}\nprimary: mae\n"))
    assert file.path_of(("source", "features", "path")) == ("source", "path")
    assert file.path_of(("validation", "primary")) == ("primary",)
    assert file.path_of(("validation", "unit")) == ("validation", "unit")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("task: binary", "task: [binary]", "2: task: ['binary'] is none of binary, multiclass or regression."),
        ("every: month", "every: {a: month}", "3: period.every: {'a': 'month'} is none of hour, day, week, "),
        ("[tenure]", "[{tenure: {min: 0}}]", "5: columns.numeric: {'tenure': {'min': 0}} is no name: list names, or"),
        ("[plan]", "[[plan]]", "5: columns.categorical: ['plan'] is no name: list names, or give each its rule, like"),
        ("primary: log_loss", "primary: 5", "6: primary: 5 is not a list."),
        ("[tenure]", "{tenure: {mim: 0}}", "5: columns.numeric.tenure.mim: unknown key. Did you mean min?"),
        ("primary: log_loss", "primary: auc\nvalidation: 5", "7: validation: 5 is not a mapping of keys."),
        (
            "month, start: 2024-01-01}",
            "year, start: 2020-01-01}\nwindows: 5",
            "4: windows: 5 is not a mapping of keys.",
        ),
        ("key: id", 'key: id, separator: "::"', "4: source.separator: '::' is longer than 1 character."),
        ("key: id", 'key: id, separator: ""', "4: source.separator: is empty, write a text."),
        (
            "key: id",
            f"key: id, label_unit: {'x' * 21}",
            f"4: source.label_unit: '{'x' * 21}' is longer than 20 characters.",
        ),
    ],
)
def test_a_value_of_another_form_than_its_key_has_is_refused_with_its_line(spec_folder, old, new, sentence):
    assert f"churn.yaml:{sentence}" in refusal(written(spec_folder, SHORT.replace(old, new), "churn.yaml"))


def test_costs_of_three_classes_are_refused_with_their_line(spec_folder):
    metric = "{name: c, cost_matrix: [[0, 1, 1], [1, 0, 1], [1, 1, 0]], unit: USD, better: lower, threshold: 3}"
    sentence = refusal(written(spec_folder, f"{SHORT}business_metrics: [{metric}]\n", "churn.yaml"))
    assert "churn.yaml:7: business_metrics.0.cost_matrix: [[0, 1, 1], " in sentence
    assert sentence.endswith("has too many entries.")


def test_a_fault_beside_a_block_that_is_incomplete_is_named_in_the_same_round(spec_folder):
    text = SHORT.replace('path: "churn/*.csv"', "path: null").replace("known_at: label_date", "known_at: [label_date]")
    first, second = refusal(written(spec_folder, text, "churn.yaml")).splitlines()
    assert ": source: declare either path (a file or glob), sql (a query)" in first
    assert ": source.known_at: ['label_date'] is not a text." in second
