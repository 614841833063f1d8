"""Every fault of a spec is refused at load, with file, line and key."""

from datetime import date

import pytest
import yaml
from pydantic import ValidationError

from benchmarks.worlds.parcels import SPEC
from retrain_assets.errors import SpecError
from retrain_assets.spec.loading import load_spec
from retrain_assets_tests.specs import SHORT, changed, line_of, refusal, written


def test_a_loaded_spec_is_frozen(spec_folder):
    spec = load_spec(written(spec_folder, SPEC))
    with pytest.raises(ValidationError, match="frozen"):
        spec.name = "other"


@pytest.mark.parametrize(
    ("where", "to", "key", "message"),
    [
        (("triggers", "on_drift"), True, "on_drift", "triggers.on_drift: unknown key"),
        (("windows", "recent_periods"), 0, "recent_periods", "windows.recent_periods: 0 must be above 0"),
        (("training", "objective"), "gbdt", "objective", "training.objective: 'gbdt' is none of binary, multiclass, "),
        (("source", "label_delay"), "1 day", "label_delay", "'1 day' is no duration: write a number and m, h, d or w"),
        (("period", "every"), "fortnight", "every", "period.every: 'fortnight' is none of hour, day, "),
        (
            ("owners",),
            ["pricing"],
            "owners",
            "owner 'pricing' is neither a mail address nor a team: write team:pricing",
        ),
        (("period", "start"), date(1, 1, 1), "start", "period.start: 1-01-01 lies outside 1900 to 2200. Write the day"),
        (
            ("period", "end"),
            date(2023, 12, 31),
            "end",
            "2023-12-31 is not after period.start, 2024-01-01. Take `end` out",
        ),
        (("training", "max_rounds"), 10**9, "max_rounds", "training.max_rounds: 1000000000 must be at most 100000"),
        (("triggers", "retrain_cost"), 1e308, "retrain_cost", "1e+308 is beyond 1e+15, where no count, money"),
        (("contract", "min_rows"), 10**400, "min_rows", "a number of hundreds of digits is beyond 1e+15"),
        (("source", "label_delay"), "99999999999d", "label_delay", "99999999999d is longer than 100 years. Write a"),
        (
            ("windows", "gate_periods"),
            90_000,
            "windows",
            "windows.gate: 90,000 periods of a week are more than 100 years",
        ),
        (("probation",), {"periods": 90_000}, "probation", "probation.length: 90,000 are more than 100 years. Write"),
        (("name",), "Delivery Time", "name", "name: 'Delivery Time' is no name: write lower-case letters"),
    ],
)
def test_a_wrong_value_is_named_with_file_line_and_key(spec_folder, where, to, key, message):
    path = written(spec_folder, changed(*where, to=to))
    sentence = refusal(path)
    assert sentence.startswith(f"{path}:{line_of(path, f'{key}:')}: ")
    assert message in sentence


@pytest.mark.parametrize(
    ("where", "message"),
    [
        (("task",), "task: is required and has no default"),
        (
            ("validation", "primary"),
            "validation.primary: say which metric a candidate must be better on, like log_loss",
        ),
        (("validation", "fairness", "groups"), "validation.fairness: declare groups, or {none: "),
        (("source", "label_delay"), "source.label_delay: say how long after its row an outcome is known, like 30d, or"),
    ],
)
def test_what_nobody_can_guess_has_no_default(spec_folder, where, message):
    path = written(spec_folder, changed(*where, to=None))
    sentence = refusal(path)
    assert message in sentence
    section = line_of(path, f"{where[-2]}:") if len(where) > 1 else 1
    assert sentence.startswith(f"{path}:{section}: ")


BUSINESS = {"name": "cost", "expression": "mean(label)", "unit": "dollars", "better": "lower", "threshold": 3}


@pytest.mark.parametrize(
    ("metrics", "triggers", "message"),
    [
        ([BUSINESS | {"expression": "sum(salary)"}], {}, "business_metrics: cost: character 5: 'salary' is no number"),
        ([BUSINESS | {"cost_matrix": [[0, 1], [1, 0]]}], {}, "declare either expression or cost_matrix"),
        ([{**BUSINESS, "expression": None, "cost_matrix": [[0, 1], [1, 0]]}], {}, "a cost_matrix needs task binary"),
        ([BUSINESS, BUSINESS], {}, "business_metrics: cost is declared twice"),
        ([BUSINESS], {"on_business_metrics": ["profit"]}, "on_business_metrics: profit is not under business_metrics"),
    ],
)
def test_a_business_metric_that_cannot_be_measured_is_refused(spec_folder, metrics, triggers, message):
    spec = SPEC | {"business_metrics": metrics, "triggers": SPEC["triggers"] | triggers}
    assert message in refusal(written(spec_folder, spec))


@pytest.mark.parametrize(
    ("where", "to", "message"),
    [
        (("validation", "guardrails"), [{"metric": "tpr", "margin": 0.1}], "metric tpr does not fit task regression"),
        (
            ("validation", "fairness", "metrics"),
            ["tpr"],
            "validation.fairness.metrics: metric tpr does not fit task regression",
        ),
        (("validation", "fairness", "groups"), ["age"], "fairness.groups: age is not under columns.groups"),
        (("validation", "unit"), "street", "validation.unit: 'street' is neither auto, row, nor one of columns.groups"),
        (
            ("validation", "regression_suite"),
            {"path": "delivery.suite.yaml"},
            "say up to which absolute error a case is right",
        ),
        (("training", "objective"), "binary", "training.objective: binary does not fit task regression"),
        (("columns", "categorical"), ["minutes"], "columns: minutes is key, time or label, never a feature"),
        (("columns", "categorical"), ["distance"], "listed as numeric and as categorical: distance"),
        (
            ("source", "features"),
            {"path": "a", "sql": "b"},
            "declare either path (a file or glob), sql (a query)",
        ),
        (
            ("source", "features"),
            {"path": "a", "rename": {"distance": "km"}},
            "source.rename: distance is called km, take distance from columns",
        ),
        (("source", "known_at"), "known_at", "known_at is a column of the outcomes table: declare source.outcomes"),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(spec_folder, where, to, message):
    path = written(spec_folder, changed(*where, to=to))
    sentence = refusal(path)
    assert message in sentence
    line = int(sentence.removeprefix(f"{path}:").split(":")[0])
    section = line_of(path, f"{where[0]}:")
    assert section <= line <= section + len(yaml.safe_dump(SPEC[where[0]]).splitlines())


@pytest.mark.parametrize(
    ("metric", "fault"),
    [
        ("tpr", "metric tpr does not fit task"),
        ("auc", "metric auc does not fit"),
        ("mea", "unknown metric 'mea'; known:"),
    ],
)
def test_a_fairness_floor_of_another_task_is_refused(spec_folder, metric, fault):
    floors = [{"metric": metric, "at_least": 0.5}]
    path = written(spec_folder, changed("validation", "fairness", "floors", to=floors))
    lines = path.read_text().splitlines()
    line = 1 + lines.index("    floors:")
    assert f"{path}:{line}: validation.fairness.floors: {fault}" in refusal(path)


@pytest.mark.parametrize(
    ("where", "to", "same"),
    [
        (("validation", "fairness", "margin"), 3.0, False),
        (("windows", "gate_periods"), 2, False),
        (("description",), "Other words.", True),
        (("triggers", "retrain_cost"), 5, True),
    ],
)
def test_only_a_change_of_the_rules_of_judging_outdates_a_verdict(spec_folder, where, to, same):
    before = load_spec(written(spec_folder, SPEC)).policy_sha256
    assert (load_spec(written(spec_folder, changed(*where, to=to))).policy_sha256 == before) is same


def test_the_rules_do_not_depend_on_where_the_folder_is(spec_folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("elsewhere")
    (other / "delivery.suite.yaml").write_text("cases: []\n")
    assert load_spec(written(spec_folder, SPEC)).policy_sha256 == load_spec(written(other, SPEC)).policy_sha256


MULTICLASS = SHORT.replace("task: binary", "task: multiclass\nclasses: 3")


# ---- metrics, slices and rules of the gate


def judging(**changes):
    """The small world's spec with other keys under validation."""
    return changed("validation", to=SPEC["validation"] | changes)


COST = {"unit": "minutes", "cost": {"column": "value_usd", "over": 1, "under": 3}}
R2 = {"unit": "share", "callable": "sklearn.metrics:r2_score", "higher_is_better": True}
AGED = {"aged": "8w", "margin_share": 0.02}
RAILS = [{"metric": "mae", "margin": 1.0}]


def test_own_metrics_several_primaries_slices_and_the_rule_for_fresher_models_are_read(spec_folder):
    spec = judging(
        metrics={"lost": COST},
        primary=["mae", "pinball[0.9]", "lost"],
        slices={"guardrails": RAILS},
        promote_when="fresher",
        fresher={"max_age_periods": 8, "margin_share": 0.02},
    )
    spec["columns"]["amounts"] = {"value_usd": {"min": 0}}
    read = load_spec(written(spec_folder, spec))
    assert read.validation.primary == ("mae", "pinball[0.9]", "lost")
    assert read.validation.amounts == ("value_usd",)
    assert read.columns.all == ("distance", "weight", "vehicle", "district", "value_usd")
    assert "value_usd" not in read.columns.features


def test_evidence_of_the_procedure_is_frozen_with_how_the_model_is_trained(spec_folder):
    plain = load_spec(written(spec_folder, judging()))
    asked = load_spec(written(spec_folder, judging(evidence="procedure", procedure=AGED)))
    other = judging(evidence="procedure", procedure=AGED)
    other["training"] = other["training"] | {"num_leaves": 5}
    tuned = load_spec(written(spec_folder, other))
    assert plain.procedure_sha256 == asked.procedure_sha256 != tuned.procedure_sha256
    assert len({plain.policy_sha256, asked.policy_sha256, tuned.policy_sha256}) == 3
    forgets = judging(evidence="procedure", procedure=AGED)
    forgets["windows"] = forgets["windows"] | {"half_life_periods": 300}
    assert "needs training with a limited memory" in refusal(written(spec_folder, forgets))


@pytest.mark.parametrize(
    ("changes", "key", "message"),
    [
        ({"primary": ["mae", "mea"]}, "primary", "validation.primary: unknown metric 'mea'; known: accuracy, auc"),
        ({"primary": ["mae", "auc"]}, "primary", "validation.primary: metric auc does not fit task regression"),
        ({"primary": "pinball[1.5]"}, "primary", "unknown metric 'pinball[1.5]'; known: "),
        ({"primary": "tpr[1]"}, "primary", "metric tpr[1] does not fit task regression"),
        ({"primary": []}, "primary", "validation.primary: is empty. Name the metric"),
        ({"guardrails": [{"metric": "mea", "margin": 1}]}, "guardrails", "validation.guardrails: unknown metric 'mea'"),
        ({"guardrails": [{"metric": "mae", "margin": float("inf")}]}, "margin", "margin: inf is not a finite number"),
        ({"guardrails": [{"metric": "mae", "margin": float("nan")}]}, "margin", "margin: nan is not a finite number"),
        ({"guardrails": [{"metric": "auc", "margin": 1.0}]}, "- metric", "margin 1 of auc can never be lost"),
        ({"floors": [{"metric": "mae", "at_least": 2}]}, "floors", "floors: mae: a bad model clears at_least"),
        ({"metrics": {"r2": R2}, "floors": [{"metric": "r2", "at_most": 1}]}, "floors", "is better), write at_least"),
        ({"floors": [{"metric": "auc", "at_least": 0.0}]}, "- metric", "0 asks nothing or too much of a share"),
        ({"floors": [{"metric": "accuracy", "at_least": 80}]}, "- metric", "80 asks nothing or too much of a share"),
        ({"guardrails": [{"metric": "mae", "margin": 0}]}, "margin", "margin: 0 must be above 0"),
        ({"slices": {"guardrails": [{"metric": "tpr", "margin": 0.1}]}}, "slices", "slices: metric tpr does"),
        ({"slices": {"guardrails": RAILS, "columns": ["street"]}}, "columns", "slices.columns: street is not under"),
        ({"slices": {"guardrails": []}}, "guardrails", "validation.slices.guardrails: is empty. Add"),
        ({"metrics": {"lost": COST}}, "metrics", "value_usd is neither under columns.amounts nor"),
        ({"promote_when": "younger"}, "promote_when", "promote_when: 'younger' is none of superior or fresher"),
        ({"promote_when": "fresher"}, "validation", "promote_when: fresher and the key fresher go together"),
        ({"fairness": SPEC["validation"]["fairness"] | {"margin": -2}}, "margin", "margin: -2 must be at least 0"),
        ({"evidence": "procedure"}, "validation", "evidence: procedure and the key procedure go together"),
        ({"evidence": "procedure", "procedure": AGED, "primary": "wape"}, "evidence", "a primary that is a mean loss"),
    ],
)  # fmt: skip
def test_a_fault_in_the_rules_of_judging_is_named_with_file_and_line(spec_folder, changes, key, message):
    path = written(spec_folder, judging(**changes))
    sentence = refusal(path)
    assert message in sentence
    line = int(sentence.removeprefix(f"{path}:").split(":")[0])
    text = path.read_text().splitlines()[line - 1].strip()
    assert text.startswith(f"{key}:")


def test_a_cost_of_another_task_does_not_fit(spec_folder):
    wrong = {"lost": {"unit": "USD", "cost": {"false_positive": 1, "false_negative": 2}}}
    sentence = refusal(written(spec_folder, judging(metrics=wrong, primary="lost")))
    assert "validation.primary: metric lost does not fit task regression" in sentence


@pytest.mark.parametrize(
    ("to", "message"),
    [
        (["distance"], "amounts: distance is listed elsewhere too. A numeric feature is an amount already"),
        (["vehicle"], "listed as numeric and as categorical: vehicle"),
        (["minutes"], "minutes is key, time or label"),
    ],
)
def test_an_amount_is_no_other_column(spec_folder, to, message):
    assert message in refusal(written(spec_folder, changed("columns", "amounts", to=to)))


def test_a_class_is_one_of_the_declared_number(spec_folder):
    validation = SPEC["validation"] | {
        "primary": "auc[2]",
        "guardrails": [{"metric": "tpr[3]", "margin": 0.1}],
        "floors": [{"metric": "auc", "at_least": 0.5}],
        "fairness": SPEC["validation"]["fairness"]
        | {"metrics": ["tpr"], "margin": 0.1, "floors": [{"metric": "tpr", "at_least": 0.1}]},
    }
    spec = SPEC | {"task": "multiclass", "classes": 3, "validation": validation}
    spec["training"] = SPEC["training"] | {"objective": "multiclass"}
    assert "validation.guardrails: unknown metric 'tpr[3]'" in refusal(written(spec_folder, spec))
    assert load_spec(written(spec_folder, spec | {"classes": 4})).validation.primary == ("auc[2]",)


# ---- a short spec


@pytest.mark.parametrize(
    ("fairness", "message"),
    [
        ("{none: small team}", None),
        ("{none: small team, groups: [plan]}", "none says why no group is protected: take it out"),
        ("{}", 'declare groups, metrics, margin, or {none: "why"}'),
    ],
)
def test_fairness_is_groups_or_none_with_a_reason(spec_folder, fairness, message):
    path = written(spec_folder, f"{SHORT}validation: {{fairness: {fairness}}}\n", "churn.yaml")
    if message is None:
        assert load_spec(path).validation.fairness.none == "small team"
    else:
        assert message in refusal(path)


def test_a_date_with_a_zone_is_refused_with_its_line(spec_folder):
    text = SHORT.replace("2024-01-01}", '2024-01-01, end: "2025-01-01T00:00:00+02:00"}')
    assert "churn.yaml:3: period.end: 2025-01-01T00:00:00+02:00 has a zone" in refusal(
        written(spec_folder, text, "churn.yaml")
    )


@pytest.mark.parametrize(
    ("group", "time", "periods", "count"),
    [
        ("probation", {"length": "8w"}, {"periods": 8}, "periods"),
        ("probation", {"length": "3d"}, {"periods": 1}, "periods"),
        ("drift", {"reference": "13w"}, {"reference_periods": 13}, "reference_periods"),
        ("drift", {"reference_length": "1w"}, {"reference_periods": 4}, "reference_periods"),
    ],
)
def test_a_length_of_time_is_whole_periods_where_a_stage_works_by_them_and_old_keys_are_read(
    spec_folder, group, time, periods, count
):
    said, counted = (load_spec(written(spec_folder, SPEC | {group: keys})) for keys in (time, periods))
    assert getattr(getattr(said, group), count) == getattr(getattr(counted, group), count) == periods[count]
    assert said.policy_sha256 == counted.policy_sha256
    with pytest.raises(SpecError, match="say the same. Keep"):
        load_spec(written(spec_folder, SPEC | {group: time | periods}))


def test_a_season_has_a_length_too(spec_folder):
    drift = {"reference": "same_season", "reference_length": "26w"}
    read = load_spec(written(spec_folder, SPEC | {"drift": drift})).drift
    assert (read.reference, read.reference_periods) == ("same_season", 26)


def test_a_champion_ages_by_time_and_rules_that_count_periods_keep_their_digest(spec_folder):
    fresher = {"max_unseen_share": 0.01, "margin_share": 0.02}
    old = load_spec(written(spec_folder, judging(promote_when="fresher", fresher=fresher | {"max_age_periods": 26})))
    new = load_spec(written(spec_folder, judging(promote_when="fresher", fresher=fresher | {"max_age": "26w"})))
    assert old.validation.fresher.max_age_periods == new.validation.fresher.max_age_periods == 26
    assert set(old._validation_rules["fresher"]) == {"max_age_periods", "max_unseen_share", "margin_share", "margin"}
    with pytest.raises(SpecError, match="max_age: say from which age on"):
        load_spec(written(spec_folder, judging(promote_when="fresher", fresher=fresher)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            MULTICLASS + "probation: {score_rate: {at_least: 0.1}}\n",
            "churn.yaml:8: probation.score_rate: several classes",
        ),
        (MULTICLASS + "training: {coverage: {rare: [{label: 3, min_rows: 5}]}}\n", "label 3 is no class from 0 to 2"),
        (
            SHORT + "training: {coverage: {categories: [town]}}\n",
            "coverage.categories: town is not under columns.categor",
        ),
        (
            SHORT + "validation: {slices: {guardrails: [{metric: auc, margin: 0.1}]}}\n",
            "there is no column to slice by",
        ),
    ],
    ids=["scores of classes", "no such class", "no such category", "no groups"],
)
def test_what_the_task_or_the_columns_do_not_have_is_refused(spec_folder, text, message):
    assert message in refusal(written(spec_folder, text, "churn.yaml"))


@pytest.mark.parametrize(("half_life", "forgets"), [("52w", True), ("105w", False), ("104 periods", True)])
def test_a_procedure_is_tested_only_where_training_forgets_within_two_years(spec_folder, half_life, forgets):
    asked = judging(evidence="procedure", procedure=AGED)
    asked["windows"] = {"half_life": half_life, "gate": "1w"}
    path = written(spec_folder, asked)
    if forgets:
        assert load_spec(path).validation.procedure
    else:
        assert "write a windows.half_life of at most 104w" in refusal(path)
