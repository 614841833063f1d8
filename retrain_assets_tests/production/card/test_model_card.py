"""The model card, made from the registry and the spec of a real small loop: two versions, the second rolled back."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from datetime import datetime

import dagster as dg
import pytest

from benchmarks.worlds.parcels import failure_of
from retrain_assets.documents.page import text
from retrain_assets.documents.units import amount, amounts
from retrain_assets.errors import IntegrityError, NotFound
from retrain_assets.metrics.names import metric_words
from retrain_assets.pipeline import model_card
from retrain_assets.production.card.model_card import NOT_COVERED, RMF, _quality, standing
from retrain_assets.production.jobs import rollback_config
from retrain_assets.production.rollback import roll_back
from retrain_assets.registry.registry import Registry, RollbackRequest
from retrain_assets.registry.training_record import TrainingRecord
from retrain_assets.validation.pages.text import decision_sentence
from retrain_assets.validation.policy import FairnessPolicy
from retrain_assets_tests.past_worlds import past, undrawn

FRAMEWORK = {
    "GOVERN": {1: 7, 2: 3, 3: 2, 4: 3, 5: 2, 6: 2},
    "MAP": {1: 6, 2: 3, 3: 5, 4: 2, 5: 2},
    "MEASURE": {1: 3, 2: 13, 3: 3, 4: 3},
    "MANAGE": {1: 4, 2: 4, 3: 2, 4: 3},
}
"""How many subcategories each category of NIST AI RMF 1.0 has."""


@pytest.fixture(scope="module")
def loop(past_worlds, tmp_path_factory):
    """A model whose first version was replaced after a change of the world, and put back by a person."""
    with dg.DagsterInstance.ephemeral() as instance:
        with undrawn():
            one_version = past(slower_from=5).up_to(8, (5,))
            built = past_worlds.copy(one_version, tmp_path_factory.mktemp("card"), instance)
            for result in (
                built.run("retrain", built.weeks(8)[-1]),
                built.run("rollback", None, run_config=rollback_config("delivery", "too high", "v2")),
            ):
                assert result.success, failure_of(result)
        yield built


@pytest.fixture(scope="module")
def card(loop):
    return model_card(loop.spec)


def written(loop, card, name):
    return card.markdown(loop.registry, card.version(loop.registry, name))


def parts(markdown):
    """The card's parts by title, without the framework's items behind it."""
    found = re.split(r"^## ", markdown, flags=re.MULTILINE)[1:]
    return {part.split("\n")[0].split(" (")[0]: part for part in found}


def test_the_live_version_is_described_unless_another_is_named(loop, card):
    assert card.version(loop.registry).name == "v1"
    assert card.version(loop.registry, "v2").name == "v2"
    with pytest.raises(NotFound, match="no version 'v7', so there is no card. Known: v1, v2"):
        card.version(loop.registry, "v7")


def test_the_card_says_what_became_of_the_version(loop, card):
    assert "and is live." in written(loop, card, "v1")
    assert "and was rolled back on 2024-06-01." in written(loop, card, "v2")
    assert "Too high. It may not return." in written(loop, card, "v2")
    first, why = card.document(loop.registry, card.version(loop.registry, "v2")).answer
    assert (first.endswith("and was rolled back on 2024-06-01."), why) == (True, "Too high. It may not return.")


def test_the_card_quotes_the_spec(loop, card):
    purpose = parts(written(loop, card, "v1"))["Intended use"]

    for said in (loop.spec.description, loop.spec.intended_use, "team:tests", "RMSE 1", "1 a year", "regression by"):
        assert said in purpose


def test_windows_and_digests_are_those_of_the_registry(loop, card):
    version = card.version(loop.registry, "v2")
    training = TrainingRecord.from_files(loop.registry.read(version.digest))
    gate = loop.registry.verdict(version).gate
    data = parts(written(loop, card, "v2"))["Data"]

    assert f"{training.rows:,} rows of {training.trained_from[:10]} to {training.trained_until[:10]}" in data
    assert f"{gate.rows:,} rows of {gate.start[:10]} to {gate.end[:10]}" in data
    assert gate.rowset_sha256 in data
    assert version.digest in data
    assert "minutes, known 1 day after its row" in data


def test_the_card_calls_a_row_what_the_spec_calls_it(loop, card):
    markdown = written(loop, replace(card, row_name="parcel"), "v2")
    assert re.search(r"\| trained on \| [\d,]+ parcels of ", markdown)
    assert re.search(r"\| tested on \| [\d,]+ parcels of ", markdown)
    assert "test parcels, SHA-256 of keys" in markdown
    assert "They hold for parcels like those" in markdown
    assert "| rows |" not in markdown


def test_quality_and_groups_are_the_findings_of_the_verdict_with_their_intervals(loop, card):
    verdict = loop.registry.verdict(card.version(loop.registry, "v2"))
    found = parts(written(loop, card, "v2"))

    assert text(decision_sentence(verdict)) in found["Quality"]
    for finding in verdict.of("significance") + verdict.of("guardrails"):
        both = " | ".join(amounts((finding.candidate_value, finding.champion_value), digits=4))
        assert f"| {both} |" in found["Quality"]
        assert f"{finding.low:.4g} to {finding.high:.4g}" in found["Quality"]
    for finding in verdict.of("fairness"):
        assert f"{metric_words(finding.metric)}, {finding.group}" in found["Groups"]
        assert f"{finding.low:.4g} to {finding.high:.4g}" in found["Groups"]
    assert "one-sided 97.5 % limits" in found["Quality"]  # two weeks of days


def test_the_trail_is_the_journal_of_the_version(loop, card):
    trail = parts(written(loop, card, "v2"))["Decision trail"]
    rows = [line for line in trail.splitlines() if re.match(r"\| \d", line)]
    promoted, rolled_back = loop.registry.history()[-2:]

    assert len(rows) == 2
    assert (
        f"| promoted | v1 | v2 | {text(promoted.actor)} | {text(promoted.reason)} | {promoted.evidence[:12]} |"
        in rows[0]
    )
    assert f"| rolled back | v2 | v1 | {text(rolled_back.actor)} | too high |" in rows[1]


def test_what_could_not_be_judged_stands_under_limits(loop, card):
    version = card.version(loop.registry, "v1")
    said = parts(card.markdown(loop.registry, version))["Limits"]

    assert "with what is known of their dependence: mae by row" in said
    assert "on average too high" in said


def test_every_item_of_the_framework_exists_and_names_a_part_of_the_card(loop, card):
    found = parts(written(loop, card, "v1"))

    for item, (_, part) in RMF.items():
        function, number = item.split()
        category, place = (int(one) for one in number.split("."))
        assert 1 <= place <= FRAMEWORK[function][category], item
        assert item in found[part].split("\n")[0]
    assert {item.split()[0] for item in RMF} == set(FRAMEWORK)
    for item in re.findall(r"(GOVERN|MEASURE) (\d+)\.(\d+)", NOT_COVERED):
        assert int(item[2]) <= FRAMEWORK[item[0]][int(item[1])]
        assert " ".join((item[0], f"{item[1]}.{item[2]}")) not in RMF


def test_the_card_is_the_same_each_time_and_stands_alone_as_html(loop, card):
    version = card.version(loop.registry, "v2")
    page = card.html(loop.registry, version)

    assert page == card.html(loop.registry, version)
    assert len(page) < 100_000
    assert b"<h1>Model card: delivery v2</h1>" in page
    assert not re.search(rb"<(script|img|link|iframe)\b", page)


def shown(loop, asset):
    """What the page of an asset said of the second version's period, before the rollback."""
    key = dg.AssetKey(["delivery", asset])
    records = loop.instance.fetch_materializations(key, limit=10, ascending=True).records
    promoted = loop.registry.history()[-2]
    record = next(each for each in records if each.partition_key == promoted.period)
    return record.asset_materialization.metadata, promoted.period


def test_the_page_of_production_model_shows_the_card_and_where_it_is(loop):
    metadata, _ = shown(loop, "production_model")

    assert metadata["card_in_words"].value.startswith("# Model card: delivery v2")
    assert metadata["model_card"].value.endswith("(http://127.0.0.1:3001/delivery/model_card/v2.html)")
    page = loop.store.path("model_card", "v2", "html")
    assert page.read_bytes().startswith(b"<!DOCTYPE html>")


def test_the_page_of_validation_report_links_the_file_beside_its_record(loop):
    metadata, week = shown(loop, "validation_report")
    page = loop.store.path("validation_report", week, "html")

    assert metadata["report"].value.endswith(f"(http://127.0.0.1:3001/delivery/validation_report/{week}.html)")
    assert b"May be promoted" in page.read_bytes()
    assert metadata["summary"].value.startswith("**May be promoted: the candidate passed every check")


def test_a_damaged_verdict_makes_no_card(loop, card, tmp_path):
    import shutil

    from retrain_assets.registry.registry import Registry

    root = tmp_path / "registry"
    shutil.copytree(loop.folder / "home" / "registry", root)
    registry = Registry(root, "delivery")
    version = card.version(registry, "v1")
    evidence = next(event.evidence for event in registry.history() if event.to_digest == version.digest)
    path = root / "delivery" / "verdicts" / f"{evidence}.json"
    path.chmod(0o644)
    path.write_text(path.read_text().replace('"outcome": "pass"', '"outcome": "fail"', 1))

    with pytest.raises(IntegrityError, match="has digest"):
        card.markdown(registry, version)


def test_the_fallback_in_service_has_a_card_of_its_own_that_claims_nothing_of_the_first_version(loop, card, tmp_path):
    shutil.copytree(loop.folder / "home" / "registry", tmp_path / "registry")
    registry = Registry(tmp_path / "registry", "delivery")
    again = {"reason": "still too high", "at": datetime(2024, 6, 2), "actor": "ann", "period": loop.weeks(8)[-1]}
    request = RollbackRequest(**again, expected_live=registry.live().digest, person=True, to="v0")
    assert roll_back(registry, request).to_version == "v0"
    said = card.markdown(registry, card.version(registry))
    assert said == card.markdown(registry, card.version(registry, "v0"))
    found = parts(said)
    constant = TrainingRecord.from_files(registry.read(registry.live().digest)).baseline
    assert said.startswith("# Model card: delivery v0")
    assert "v0 went live on 2024-06-02" in said
    assert f"regression by a constant, {constant:.4g} for every row" in found["Intended use"]
    first = registry.verdict(registry.versions()[0])
    (primary,) = first.of("significance")
    both = " | ".join(amounts((primary.champion_value, primary.candidate_value), digits=4))
    assert f"| {both} | {primary.rows:,} |" in found["Quality"]
    assert "No gate has judged it" in found["Quality"]
    assert "nothing of its own" in found["Data"]
    assert "No feature changes its score".lower() in found["What it looks at"].lower()
    assert "in no other decision" not in said
    assert text(decision_sentence(first)) not in said
    assert card.html(registry, registry.live())


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("rehearsal", "from its rehearsal on older parcels, which was lower than what its test showed."),
        ("gate rows", "from the gate parcels."),
    ],
)
def test_the_loss_that_a_version_is_held_to_says_where_it_comes_from(loop, card, source, said):
    verdict = loop.registry.verdict(card.version(loop.registry, "v2"))
    held = {**verdict.evidence["baseline"], "source": source}
    told = replace(verdict, evidence={**verdict.evidence, "baseline": held})
    quality = _quality(told, "parcel", "minutes", "mae")
    assert quality.endswith(said)
    assert f"Expected MAE in service: {amount(held['mean'], 'minutes')} (one-sided" in quality


def test_who_decided_on_the_command_line_without_a_name_is_not_called_cli(loop, card):
    version = card.version(loop.registry, "v1")
    events = [replace(event, actor="cli") for event in loop.registry.history()]
    assert "on the command line) and is live." in standing(events, version)[0]
    assert "by cli" not in standing(events, version)


def test_what_a_promotion_rests_on_is_said_in_plain_words(loop, card):
    purpose = parts(written(loop, card, "v1"))["Intended use"]
    assert "| a promotion rests on | being better than the live model |" in purpose


def test_a_first_model_is_called_so_and_no_tolerated_harm_is_told_where_no_group_is_protected(loop, card):
    found = parts(written(loop, card, "v1"))
    assert "| first model |" in found["Decision trail"]
    assert "bootstrap" not in found["Decision trail"]
    nobody = loop.spec.validation.model_copy(update={"fairness": FairnessPolicy(none="parcels")})
    purpose = parts(written(loop, replace(card, validation=nobody), "v1"))["Intended use"]
    assert "; no group is protected |" in purpose
    assert "any protected group" not in purpose
