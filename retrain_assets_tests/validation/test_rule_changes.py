"""Rules that differ between verdicts are told, key by key."""

import pytest
import yaml

from benchmarks.worlds.verdicts import fresh, promoted
from retrain_assets.registry.registry import Registry
from retrain_assets.validation.gate import RULES
from retrain_assets.validation.rule_changes import changes, rule_changes

BEFORE = {"name": "taxi", "validation": {"alpha": 0.05, "guardrails": [{"metric": "rmse", "margin": 1.0}]}}


def files(record, suite=b"cases: []"):
    return {"spec.yaml": yaml.safe_dump(record).encode(), "suite.yaml": suite}


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (files(BEFORE), ""),
        (
            files(BEFORE | {"validation": {"alpha": 0.5}}),
            "validation.alpha was 0.05, is 0.5; validation.guardrails was",
        ),
        (files(BEFORE, b"cases: [1]"), "the suite's cases"),
        (files(BEFORE | {"source\nforged": 1}), "source forged was absent, is 1"),
        ({"spec.yaml": b"a: " + b"[" * 5000}, "spec was absent, is unreadable"),
        (files(BEFORE | {f"k{number}": number for number in range(9)}), "5 more keys"),
    ],
)
def test_what_differs_is_named_by_its_key(after, told):
    found = changes(files(BEFORE), after)
    assert told in found if told else found == ""
    assert "\n" not in found


def test_a_change_between_two_verdicts_and_to_the_spec_of_today_are_told(world_after):
    world = world_after(7, retrained=(5, 7))
    registry = world.registry
    assert list(rule_changes(registry, world.spec.files())) == []
    loosened = world.spec.files()
    record = yaml.safe_load(loosened["spec.yaml"])
    record["training"]["seed"] = 3
    loosened["spec.yaml"] = yaml.safe_dump(record).encode()
    (sentence,) = rule_changes(registry, loosened)
    assert sentence.startswith("event 3 (")
    assert "was judged by other rules than those of today: " in sentence
    assert "training.seed was absent, is 3" in sentence

    honest = registry.evidence([event for event in registry.history() if event.gate][-1])
    digest = registry.add(loosened)

    class Forged(Registry):
        def evidence(self, event):
            found = super().evidence(event)
            if found.digest != honest.digest:
                return found
            return type(found)(**{**vars(found), "evidence": {**found.evidence, RULES: digest}})

    told = list(rule_changes(Forged(registry.folder.parent, registry.model), world.spec.files()))
    assert "was judged by other rules than event 1 (" in told[0]
    assert len(told) == 2


def test_verdicts_that_keep_no_rules_and_those_that_cannot_be_read_have_no_rules_to_compare(tmp_path):
    registry = fresh(tmp_path)
    promoted(registry, [0, 1])
    assert list(rule_changes(registry, files(BEFORE))) == []
    (registry.folder / "verdicts" / f"{registry.history()[-1].evidence}.json").unlink()
    assert list(rule_changes(registry, files(BEFORE))) == []
