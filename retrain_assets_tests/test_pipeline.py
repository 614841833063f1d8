"""Each stage gets from the spec what it is declared there, and a run asks for it."""

from datetime import timedelta

import pytest

from benchmarks.worlds.parcels import SPEC
from retrain_assets.pipeline import (
    frame_of,
    gate,
    harvest,
    model_card,
    monitoring,
    probation,
    promotion,
    training,
    watch,
)
from retrain_assets.spec.loading import load_spec
from retrain_assets_tests.specs import written


@pytest.fixture
def load(spec_folder):
    return lambda **changes: load_spec(written(spec_folder, SPEC | changes))


def test_every_stage_is_about_the_same_model(load):
    spec = load()
    stages = (watch(spec), training(spec), gate(spec), harvest(spec), promotion(spec), probation(spec))
    assert [stage.model for stage in stages] == [spec.model] * len(stages)
    assert frame_of(spec).model == model_card(spec).model == "delivery"


def test_policies_arrive_where_they_are_read(load):
    spec = load()
    assert (watch(spec).windows, watch(spec).triggers) == (spec.windows, spec.triggers)
    assert watch(spec).rollback_cooldown == promotion(spec).cooldown == spec.rollback.cooldown
    assert (training(spec).policy, training(spec).windows) == (spec.training, spec.windows)
    assert (gate(spec).policy, gate(spec).policy_sha256) == (spec.validation, spec.policy_sha256)
    assert gate(spec).attempts_per_year == spec.triggers.max_per_year == 12
    assert monitoring(spec).retrain_cost == SPEC["triggers"]["retrain_cost"]
    assert monitoring(spec).group_minimum == spec.validation.fairness.pool_below


@pytest.mark.parametrize("refit", [True, False])
def test_a_gate_refits_only_where_the_spec_says_so(load, refit):
    assert (gate(load(training=SPEC["training"] | {"refit": refit})).refit is not None) is refit


@pytest.mark.parametrize(("insufficient", "approvals"), [("hold", False), ("human", True)])
def test_people_approve_only_where_the_spec_lets_them(load, insufficient, approvals):
    assert promotion(load(validation=SPEC["validation"] | {"insufficient": insufficient})).approvals is approvals


def test_cases_of_the_suite_never_train_a_model(load, spec_folder):
    case = "{id: '7', period: 2024-01-01, owner: ops, added: 2024-01-08, reason: x, severity: normal}"
    (spec_folder / "delivery.suite.yaml").write_text(f"cases: [{case}]\n")
    spec = load()
    assert training(spec).held_out() == spec.suite_ids() == {"7"}


@pytest.mark.parametrize(("delay", "words"), [(timedelta(days=1), "1 day after its row"),
                                              (timedelta(hours=36), "1.5 days after its row")])  # fmt: skip
def test_the_card_says_when_an_outcome_is_known(load, delay, words):
    hours = int(delay.total_seconds() // 3600)
    assert words in vars(model_card(load(source=SPEC["source"] | {"label_delay": f"{hours}h"}))).values()
