"""The gate in the real pipeline: champions that have aged or can no longer be scored, amounts, slices, own metrics."""

from __future__ import annotations

import shutil
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml

from benchmarks.worlds.parcels import SPEC, failure_of, make_world, open_world, rows_of
from retrain_assets.dagster_glue.tags import OUTCOME_TAG
from retrain_assets.errors import GateRowsSpent
from retrain_assets.model import PeriodAccess
from retrain_assets.monitoring.records.drift_record import DriftRecord, write_drift
from retrain_assets.pipeline import gate, gate_then, promotion, window_then
from retrain_assets.validation.pages.page import report_markdown
from retrain_assets.validation.rejudgement import rejudge
from retrain_assets.verdict import CHECKS, Decision, Outcome, Verdict
from retrain_assets_tests.monitoring.stored import broken_drift
from retrain_assets_tests.past_worlds import undrawn
from retrain_assets_tests.validation.own_metrics import MEDIAN

LATER = "2024-02-05"
"""The week after the bootstrap, in which the second candidate is judged."""

COLUMNS = SPEC["columns"]


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    """The folder of a model that five weeks have made live, with a column that is no feature yet."""
    import dagster as dg

    folder = tmp_path_factory.mktemp("healthy")
    rows = rows_of(6)
    rows["value_usd"] = np.random.default_rng(1).gamma(4, 10, len(rows)).round(2)
    # Since the sixth week the depot has bicycles of a new kind, and a column says which parcels they take.
    new = (rows["at"] >= LATER) & (rows["vehicle"] == "bike")
    rows.loc[new, "vehicle"] = "cargo bike"
    with dg.DagsterInstance.ephemeral() as instance, undrawn():
        columns = COLUMNS | {"amounts": {"value_usd": {"min": 0}}}
        make_world(folder, rows, instance, columns=columns).bootstrapped()
    return folder


def world_of(healthy, tmp_path, instance, **changes):
    """The healthy world from the sixth week on, with other top-level keys in its spec."""
    folder = Path(shutil.copytree(healthy, tmp_path / "world"))
    spec = yaml.safe_load((folder / "delivery.yaml").read_text()) | changes
    (folder / "delivery.yaml").write_text(yaml.safe_dump(spec))
    return open_world(folder, instance)


def judged(built, monitored=("raw_data", "outcomes")):
    """Take in the sixth week, or monitor it altogether, retrain, and return the run and its verdict."""
    result = built.run("monitor", LATER, assets=list(monitored) or None)
    assert result.success, failure_of(result)
    result = built.run("retrain", LATER)
    assert built.store.read_json("validation_report", LATER), failure_of(result)
    return result, built.store.read_json("validation_report", LATER)


def reasons(verdict, **wanted):
    return [f["reason"] for f in verdict["findings"] if all(f[name] == value for name, value in wanted.items())]


def test_a_champion_whose_feature_vanished_is_named_and_nothing_is_promoted(healthy, tmp_path, instance):
    columns = COLUMNS | {"numeric": {"distance": {"min": 0, "max": 100}}}
    built = world_of(healthy, tmp_path, instance, columns=columns)
    assert built.run("monitor", LATER, assets=["raw_data", "outcomes"]).success
    stored = built.store.require_table("raw_data", LATER)
    built.store.write_table("raw_data", LATER, stored.drop_columns(["weight"]))
    result = built.run("retrain", LATER)
    verdict = built.store.read_json("validation_report", LATER)
    assert result.success, failure_of(result)
    assert built.instance.get_run_by_id(result.run_id).tags[OUTCOME_TAG] == "insufficient"
    (reason,) = reasons(verdict, check="hard")
    assert reason.startswith("the champion can no longer be scored: feature 'weight' is missing in a table of ")
    assert built.registry.live().name == "v1"
    assert [event.action for event in built.registry.history()] == ["passed", "bootstrap"], "nothing was spent"
    assert "neither gate rows nor an attempt are spent. Bring the column back, `retrain rollback` to" in reason

    spec = yaml.safe_load((built.folder / "delivery.yaml").read_text()) | {"columns": COLUMNS}
    (built.folder / "delivery.yaml").write_text(yaml.safe_dump(spec))
    _, verdict = judged(open_world(built.folder, instance))
    assert reasons(verdict, check="hard") != [reason]
    assert reasons(verdict, role="primary"), "with the column back the same rows are judged"
    assert built.registry.spent()[-1].period == LATER


def test_each_model_scores_the_gate_through_its_own_features_and_categories(healthy, tmp_path, instance):
    columns = COLUMNS | {"categorical": ["vehicle", "district"], "numeric": {"distance": {"min": 0, "max": 100}}}
    columns["groups"] = ["district"]
    columns["amounts"] = {"weight": None}  # still in the rows, for the champion
    built = world_of(healthy, tmp_path, instance, columns=columns)
    _, verdict = judged(built)
    from retrain_assets.scoring.scorer import Scorer

    models = {
        name: Scorer.from_files(built.registry.read(verdict[f"{name}_digest"])) for name in ("champion", "candidate")
    }
    assert models["champion"].contract.names == ("distance", "weight", "vehicle")
    assert models["candidate"].contract.names == ("distance", "vehicle", "district")
    rows = built.store.require_table("raw_data", LATER)
    known = {row["id"]: row["label"] for row in built.store.require_table("outcomes", LATER).to_pylist()}
    gate = rows.filter([key in known for key in rows["id"].to_pylist()])
    label = np.array([known[key] for key in gate["id"].to_pylist()])
    (primary,) = [finding for finding in verdict["findings"] if finding["role"] == "primary"]
    assert primary["rows"] == gate.num_rows
    for name, model in models.items():
        assert primary[f"{name}_value"] == pytest.approx(np.abs(model.scores(gate) - label).mean())


def test_an_aged_champion_is_judged_by_the_rule_for_fresher_models(healthy, tmp_path, instance):
    rule = {"promote_when": "fresher", "fresher": {"max_age_periods": 1, "margin_share": 0.5}}
    built = world_of(healthy, tmp_path, instance, validation=SPEC["validation"] | rule)
    _, verdict = judged(built)
    (reason,) = reasons(verdict, check="significance")
    # Trained up to its gate, the fifth week, so that a second has begun.
    assert reason.startswith("the champion is 2 periods old, more than 1, so be no worse: MAE ")


def test_only_weeks_since_the_first_attempt_with_a_procedure_are_evidence_of_it(healthy, tmp_path, instance):
    rule = {"evidence": "procedure", "procedure": {"aged": "1w", "margin_share": 0.5}}
    built = world_of(healthy, tmp_path, instance, validation=SPEC["validation"] | rule)
    _, verdict = judged(built)
    (reason,) = reasons(verdict, check="significance")
    committed = built.registry.history()[0].at
    assert reason.endswith(f"in 1 week since {committed:%Y-%m-%d}, 6 are needed")
    told = verdict["evidence"]["procedure"]
    assert told["sha256"] == built.spec.procedure_sha256
    assert (told["found"]["origins"], told["found"]["since"]) == (1, f"{committed:%Y-%m-%dT00:00:00}")
    assert "Does retraining work?" in report_markdown(Verdict.from_dict(verdict))
    registry = built.registry
    then = partial(gate_then, built.spec, registry), partial(window_then, registry)
    again = rejudge(registry, built.store, *then)
    assert (again.other, again.unknown) == ((), ()), "the same figure comes out of what is stored"


def test_a_champion_that_never_saw_a_category_counts_as_aged(healthy, tmp_path, instance):
    rule = {"promote_when": "fresher", "fresher": {"max_age_periods": 50, "margin": 5.0}}
    built = world_of(healthy, tmp_path, instance, validation=SPEC["validation"] | rule)
    _, verdict = judged(built)
    (reason,) = reasons(verdict, check="significance")
    share = np.mean(
        built.store.require_table("raw_data", LATER)["vehicle"].to_numpy(zero_copy_only=False) == "cargo bike"
    )
    assert 0.3 < share < 0.37
    assert "of the gate rows hold a category the champion never saw, more than 1.0 %, so be no worse" in reason
    assert float(reason.split("%")[0]) / 100 == pytest.approx(share, abs=0.01)


def test_amounts_slices_and_own_metrics_reach_the_gate_from_the_spec(healthy, tmp_path, instance):
    rules = {
        "metrics": {
            "lost": {"unit": "USD", "cost": {"column": "value_usd", "over": 0.01, "under": 0.03}},
            "typical": MEDIAN,
        },
        "primary": ["pinball[0.6]", "lost"],
        "guardrails": [{"metric": "typical", "margin": 2.0}],
        "slices": {"guardrails": [{"metric": "pinball[0.9]", "margin": 0.0001}], "pool_below": 20},
    }
    built = world_of(healthy, tmp_path, instance, validation=SPEC["validation"] | rules)
    _, verdict = judged(built, monitored=())
    assert built.store.read_json("candidate_model", LATER)["reason"].count("pinball[0.6]") == 1
    roles = {(finding["role"], finding["metric"]) for finding in verdict["findings"]}
    assert {("primary", "lost"), ("primary", "pinball[0.6]"), ("guardrail", "typical")} <= roles
    sliced = [f for f in verdict["findings"] if f["role"] == "slice"] + verdict["evidence"].get("undecided_slices", [])
    assert {finding["group"] for finding in sliced} == {"district=north", "district=south"}
    first = reasons(verdict, metric="lost", role="primary")[0]
    assert "after Holm over 2 primaries" in first


def test_a_margin_that_is_changed_after_a_verdict_never_turns_that_verdict(healthy, tmp_path, instance):
    strict = SPEC["validation"] | {"false_promotions_per_year": 1e-250}
    built = world_of(healthy, tmp_path, instance, validation=strict)
    _, before = judged(built, monitored=("raw_data", "outcomes"))
    decided = Verdict.from_dict(before)
    assert decided.decision is not Decision.PROMOTE

    wide = SPEC["validation"] | {"guardrails": [{"metric": "rmse", "margin": 1e9}]}
    spec = yaml.safe_load((built.folder / "delivery.yaml").read_text()) | {"validation": wide}
    (built.folder / "delivery.yaml").write_text(yaml.safe_dump(spec))
    changed = open_world(built.folder, instance)
    assert changed.spec.policy_sha256 != decided.policy_sha256, "the rules are frozen by their hash"
    access = PeriodAccess(changed.store, changed.registry, LATER)
    with pytest.raises(GateRowsSpent, match="decided the attempt of 2024-02-05"):
        gate(changed.spec).verdict(access, datetime(2024, 3, 1), "somebody")
    shown = {check: decided.outcome(check) is Outcome.PASS for check in CHECKS}
    kept = promotion(changed.spec).decide(access, shown, datetime(2024, 3, 1), "somebody")
    assert kept.live.name == changed.registry.live().name == "v1"


def test_a_verdict_reached_while_a_column_was_broken_names_it_and_verify_reaches_it_again(healthy, tmp_path, instance):
    built = world_of(healthy, tmp_path, instance)
    assert built.run("monitor", LATER, assets=["raw_data", "outcomes"]).success
    write_drift(built.store, broken_drift(LATER, "weight"))
    _, verdict = judged(built)
    assert Verdict.from_dict(verdict).broken == ("weight",)
    registry = built.registry
    assert "tested while weight was broken" in registry.history()[-1].reason
    write_drift(built.store, DriftRecord(LATER, "v1"))  # the source was mended
    again = rejudge(registry, built.store, partial(gate_then, built.spec, registry), partial(window_then, registry))
    assert (again.other, again.unknown) == ((), ())
