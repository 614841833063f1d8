"""What people decide, as they type it: approve, promote, hold, release, retire, prune, and what status then says."""

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from benchmarks.worlds.parcels import SPEC
from benchmarks.worlds.verdicts import content, no_rest
from retrain_assets.cli.main import main
from retrain_assets.cli.ruling_arguments import end_of_ruling
from retrain_assets.cli.runner import prepare_instance
from retrain_assets.periods import Calendar
from retrain_assets.registry.registry import Registry, RollbackRequest
from retrain_assets.registry.rules import PromotionRules
from retrain_assets.store import PeriodStore
from retrain_assets_tests.commanded import retrain
from retrain_assets_tests.past_worlds import past, undrawn
from retrain_assets_tests.served import TWO_WEEKS

PERIOD = "2024-01-08"
NEXT_YEAR = f"{datetime.now().year + 1}-06-30"
LAST_YEAR = f"{datetime.now().year - 1}-06-30"


def environment(patch, folder):
    patch.setenv("RETRAIN_HOME", str(folder / "home"))
    patch.setenv("RETRAIN_MODELS", str(folder))
    patch.setenv("RETRAIN_SHIPPED", "0")
    patch.setenv("DAGSTER_HOME", str(folder / "home" / "dagster"))
    patch.setenv("USER", "ada")
    patch.setenv("COLUMNS", "200")
    patch.chdir(folder)


def world_of(past_worlds, folder, outcomes, **changes):
    """Two weeks, with a verdict on the first candidate that waits; of the gate rows this share has an outcome."""
    with dg.DagsterInstance.ephemeral() as instance, undrawn():
        built = past_worlds.copy(past(3, **TWO_WEEKS | changes).up_to(2, ()), folder, instance)
        arrived = built.store.read_table("outcomes", [PERIOD])
        built.store.write_table("outcomes", PERIOD, arrived.slice(0, int(arrived.num_rows * outcomes)))
        assets = ["feature_windows", "candidate_recent", "candidate_history", "candidate_model", "validation_report"]
        built.run("retrain", PERIOD, assets=assets)
    return folder


def own(folder, patch, target):
    """A copy of a folder with the environment pointing to it; the copy's registry."""
    shutil.copytree(folder, target)
    environment(patch, target)
    return Registry(target / "home" / "registry", "delivery")


@pytest.fixture(scope="module")
def passed(past_worlds, tmp_path_factory):
    return world_of(past_worlds, tmp_path_factory.mktemp("passed"), 1.0)


@pytest.fixture(scope="module")
def promoted(passed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("promoted") / "v1"
    with pytest.MonkeyPatch.context() as patch, undrawn():
        own(passed, patch, folder)
        retrain("promote", "delivery", "--period", PERIOD)
    return folder


@pytest.fixture(scope="module")
def undecided(past_worlds, tmp_path_factory):
    human = SPEC["validation"] | {"insufficient": "human"}
    return world_of(past_worlds, tmp_path_factory.mktemp("undecided"), 0.7, validation=human)


@pytest.fixture
def waiting(passed, pictures, tmp_path, monkeypatch):
    """A home in which a passed verdict waits to be promoted."""
    return own(passed, monkeypatch, tmp_path / "passed")


@pytest.fixture
def live(promoted, pictures, tmp_path, monkeypatch):
    """The same home after `retrain promote` has made v1 live."""
    return own(promoted, monkeypatch, tmp_path / "promoted")


@pytest.fixture
def open_question(undecided, pictures, tmp_path, monkeypatch):
    """A home in which a candidate could not be decided, under a spec that lets people approve."""
    return own(undecided, monkeypatch, tmp_path / "undecided")


def said(*words, code=0):
    return json.loads(retrain(*words, "--json", code=code).stdout)


def status():
    (record,) = said("status")
    return record


# ---- approve and promote


def test_an_approved_candidate_goes_live_and_the_trail_names_who_and_why(open_question):
    why = ("--reason", "outcomes were lost at random")
    end = ("--until", NEXT_YEAR)
    assert retrain("promote", "delivery", "--period", PERIOD, code=1).output.startswith("insufficient: hard: ")
    text = retrain("approve", "delivery", "--period", PERIOD, *end, *why).output
    assert re.search(r"^approved: candidate or version \w{12}, until .* against no version \(ada\)$", text, re.M)
    assert f"Promote it with: retrain promote delivery --period {PERIOD}" in text
    assert "outcomes were lost at random" in status()["approvals"]
    retrain("promote", "delivery", "--period", PERIOD)
    records = said("history", "delivery")
    assert [record["action"] for record in records] == ["insufficient", "approved", "bootstrap"]
    assert "approved by ada (outcomes were lost at random) where the evidence says: hard: " in records[-1]["reason"]
    assert "Why: approved by ada" in retrain("explain", "delivery", "v1").output
    assert "hold" in retrain("verify", "delivery").output


def test_an_approval_needs_a_reason_an_end_in_the_future_and_an_insufficient_verdict(open_question):
    words = ("approve", "delivery", "--period", PERIOD)
    assert "--reason" in retrain(*words, "--until", NEXT_YEAR, code=2).stderr
    assert "--until" in retrain(*words, "--reason", "x", code=2).stderr
    assert "is neither a date" in retrain(*words, "--until", "9999-12-31", "--reason", "x", code=2).stderr
    assert "Name a later moment" in retrain(*words, "--until", LAST_YEAR, "--reason", "x", code=2).stderr
    assert "no verdict" in retrain(*words[:3], "2024-01-01", "--until", NEXT_YEAR, "--reason", "x", code=1).stderr
    assert [event.action for event in open_question.history()] == ["insufficient"]


def test_a_spec_that_does_not_say_human_lets_nobody_approve(waiting):
    words = ("approve", "delivery", "--period", PERIOD, "--until", NEXT_YEAR, "--reason", "x")
    assert "lets nobody approve what is insufficient" in retrain(*words, code=1).stderr
    assert [event.action for event in waiting.history()] == ["passed"]


# ---- hold and release


def test_a_hold_stops_the_promotion_and_its_release_lets_it_through(waiting):
    held = said("hold", "delivery", "--reason", "tariffs change", "--until", NEXT_YEAR, "--by", "bob")
    assert (held["action"], held["actor"], held["reason"], held["subject"]) == ("held", "bob", "tariffs change", None)
    assert held["until"] == f"{datetime.fromisoformat(NEXT_YEAR) + timedelta(days=1):%Y-%m-%dT00:00:00}"
    assert "the model by bob until" in status()["holds"]
    assert status()["next_retrain"].startswith("held by bob until")
    refused = retrain("promote", "delivery", "--period", PERIOD, code=1).output
    assert "refused: delivery 2024-01-08: bob holds the model" in refused
    assert waiting.live() is None
    assert retrain("release", "delivery", "--reason", "done").output == "released: the model (ada)\n"
    assert status()["holds"] is None
    retrain("promote", "delivery", "--period", PERIOD)
    assert waiting.live().name == "v1"


@pytest.mark.parametrize("which", ["period", "digits", "version"])
def test_a_hold_names_a_version_a_period_or_the_first_digits_of_a_digest(live, which):
    digest = live.live().digest
    name = {"period": PERIOD, "digits": digest[:8], "version": "v1"}[which]
    assert said("hold", "delivery", name, "--reason", "x")["subject"] == digest
    assert status()["holds"].startswith("v1 by ada until somebody releases it: x")
    assert said("release", "delivery", "v1", "--reason", "y")["subject"] == digest


@pytest.mark.usefixtures("live")
@pytest.mark.parametrize("which", ["v7", "2024-01-01", "abcdefab", "xyz"])
def test_a_hold_on_what_is_not_there_is_bad_input(which):
    sentence = retrain("hold", "delivery", which, "--reason", "x", code=2).stderr
    assert f"{which!r} names no candidates or versions; known: v1, {PERIOD}" in sentence


def test_a_release_of_nothing_is_refused(waiting):
    said = retrain("release", "delivery", "--reason", "x", code=1).stderr
    assert "delivery: no hold, approval, retirement or rollback by a person binds the whole model." in said
    assert "See what stands with `retrain status`." in said


def test_a_release_that_frees_nothing_names_the_command_that_does(live):
    retrain("hold", "delivery", "v1", "--reason", "x")
    said = retrain("release", "delivery", "--reason", "x", code=1).stderr
    assert "v1 is held: `retrain release delivery v1 --reason TEXT` ends that." in said
    retrain("hold", "delivery", "--reason", "x")
    assert [event.action for event in live.history()][-2:] == ["held", "held"]
    text = retrain("release", "delivery", "--reason", "x").output
    assert text.splitlines() == [
        "released: the model (ada)",
        "v1 is held: `retrain release delivery v1 --reason TEXT` ends that.",
    ]
    retrain("hold", "delivery", "--reason", "x")
    retrain("release", "delivery", "v1", "--reason", "x")
    said = retrain("release", "delivery", "v1", "--reason", "x", code=1).stderr
    assert "The whole model is held: `retrain release delivery --reason TEXT` ends that." in said


@pytest.mark.parametrize("command", ["hold", "release", "retire"])
def test_a_decision_needs_a_reason_and_a_person(waiting, command):
    assert "--reason" in retrain(command, "delivery", code=2).stderr
    assert "is the name of a run" in retrain(command, "delivery", "--reason", "x", "--by", "run 1f", code=2).stderr
    assert [event.action for event in waiting.history()] == ["passed"]


@pytest.mark.parametrize("end", ["2024-13-01", "soon", "2999-01-01T00:00:00+02:00"])
def test_an_end_that_is_none_is_bad_input(waiting, end):
    assert f"--until {end!r}" in retrain("hold", "delivery", "--reason", "x", "--until", end, code=2).stderr


def test_an_end_may_be_a_date_a_time_or_a_period():
    weeks = Calendar(every="week", start="2024-01-01")
    quarters = Calendar(every="quarter", start="2024-01-01")
    assert end_of_ruling("2024-01-08", weeks) == datetime(2024, 1, 9), "a date, although weeks are named by dates"
    assert end_of_ruling("2024-01-10", weeks) == datetime(2024, 1, 11)
    assert end_of_ruling("2024-01-08T12:30", weeks) == datetime(2024, 1, 8, 12, 30)
    assert end_of_ruling(quarters.first, quarters) == datetime(2024, 4, 1)


# ---- retire


def test_a_retired_model_is_out_of_service_until_it_is_released(live):
    assert "v1 served last, no version is live now" in retrain("retire", "delivery", "--reason", "the law").output
    record = status()
    assert record["live"] is None
    assert record["retired"] == f"by ada in {PERIOD}: the law"
    assert record["next_retrain"] == "retired by ada: the law"
    card = (
        PeriodStore(Path(os.environ["RETRAIN_HOME"]) / "data" / "delivery")
        .read_bytes("model_card", "v1", "html")
        .decode()
    )
    assert "and is live." not in card
    assert "The law." in card
    assert "ada retired the model" in retrain("promote", "delivery", "--period", PERIOD, code=1).output
    assert "was retired (at" in retrain("explain", "delivery").output
    assert "already" in retrain("retire", "delivery", "--reason", "again", code=2).stderr
    assert "ada retired the model" in retrain("rollback", "delivery", "--reason", "x", code=1).output
    spec = Path.cwd() / "delivery.yaml"
    spec.write_text(spec.read_text().replace("2024-01-15", "2024-03-04"))  # its calendar goes on
    text = " ".join(retrain("release", "delivery", "--reason", "the law fell").output.split())
    anew = "`retrain run delivery --period 2024-01-15`, or of a later period, trains anew."
    assert f"Nothing is live: `retrain rollback delivery --reason TEXT` puts v1 back, or {anew}" in text
    assert status()["retired"] is None
    retrain("rollback", "delivery", "--reason", "as before")
    assert live.live().name == "v1"
    assert live.verify() == []


# ---- prune


def test_prune_deletes_what_the_spec_does_not_keep_and_verify_and_explain_know(waiting):
    spec = Path.cwd() / "delivery.yaml"
    assert "deleted the files of 0 models; kept are every candidate" in retrain("prune", "delivery").output
    spec.write_text(spec.read_text() + "retention: {candidates: {newest: 0}, versions: {newest: 0}}\n")
    passed = waiting.spent()[-1].candidate
    versions = promoted_three(waiting)
    assert said("prune", "delivery", "--preview") == {"deleted": [], "would_delete": [passed]}, "v1 is the anchor"
    assert retrain("prune", "delivery", "--preview").output.splitlines()[1:] == [f"  {passed}"]
    retrain("approve", "delivery", "--anchor", "v3", "--reason", "reviewed")
    assert said("prune", "delivery", "--preview") == {"deleted": [], "would_delete": [passed, versions[0]]}
    assert waiting.read(versions[0])
    assert said("prune", "delivery") == {"deleted": [passed, versions[0]], "would_delete": []}
    assert said("prune", "delivery", "--preview")["would_delete"] == []
    assert (
        "chain hold; nothing is signed; retention deleted the files of 2 models" in retrain("verify", "delivery").output
    )
    text = retrain("explain", "delivery", "v1").output
    assert "its files were deleted by retention" in text
    assert re.search(r"\[pass\] +significance: ", text), "the verdict stays"
    assert "pruned" not in {record["action"] for record in said("history", "delivery")}


def promoted_three(registry):
    """Three versions whose verdicts are copies of the one that waits, each with rows of its own."""
    from dataclasses import replace

    from retrain_assets.verdict import Verdict

    record = json.loads((Path.cwd() / "home/data/delivery/validation_report" / f"{PERIOD}.json").read_text())
    verdict, digests = Verdict.from_dict(record), []
    for year, monday in ((2024, "01-29"), (2025, "01-27"), (2026, "01-26")):
        files = dict(registry.read(verdict.candidate_digest)) | {"note.txt": str(year).encode()}
        gate = replace(verdict.gate, start=f"{year}-01-15T00:00:00", end=f"{year}-02-01T00:00:00")
        live, digest = registry.live(), registry.add(files)
        judged = replace(
            verdict, period=f"{year}-{monday}", gate=gate, candidate_digest=digest,
            champion_digest=live.digest if live else None,
        )  # fmt: skip
        moves = {"at": datetime(year, 2, 1), "actor": "run 1"}
        registry.record(judged, **moves)
        rules = PromotionRules(judged.policy_sha256, content, no_rest)
        digests.append(registry.promote(judged, judged.champion_digest, rules, **moves).to_digest)
    return digests


# ---- status, two at once, and who may


def test_status_shows_the_cool_down_after_a_rollback(waiting):
    promoted_three(waiting)
    request = RollbackRequest("x", datetime(2026, 2, 2), "ann", "2026-02-02", "v3")
    waiting.rollback(request, lambda files: None)
    assert status()["cooldown"] == "no promotion before 2026-02-23 (cool-down after the rollback of v3)"


COMMAND = "from retrain_assets.cli.main import main; main()"


def test_two_promotions_of_one_verdict_at_once_in_two_processes_promote_once(waiting):
    prepare_instance(Path(os.environ["RETRAIN_HOME"])).dispose()
    words = [sys.executable, "-c", COMMAND, "promote", "delivery", "--period", PERIOD]
    here = os.environ | {"PYTHONPATH": str(Path(sys.modules["retrain_assets"].__file__).parents[1])}
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "env": here}
    both = [subprocess.Popen(words, **how) for _ in range(2)]
    printed = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], printed
    assert [(event.action, event.to_version) for event in waiting.history()] == [("passed", None), ("bootstrap", "v1")]


def test_no_module_that_a_run_imports_writes_a_persons_ruling():
    """A run cannot approve, hold, release or retire: only the command line builds those."""
    package = Path(sys.modules["retrain_assets"].__file__).parent
    named = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if re.search(r"registry\.rulings import .*\b(Approve|Hold|Release|Retire)\b|\.rule\(", path.read_text())
    }
    assert named == {"cli/people.py", "cli/ruling_arguments.py"}


def test_every_decision_is_a_command():
    assert {"approve", "promote", "hold", "release", "retire", "prune"} <= set(main.commands)


@pytest.mark.parametrize(
    "words",
    [
        ("approve", "--period", PERIOD, "--until", NEXT_YEAR, "--reason", "x"),
        ("promote", "--period", PERIOD),
        ("hold", "--reason", "x"),
        ("release", "--reason", "x"),
        ("retire", "--reason", "x"),
        ("prune",),
    ],
)
def test_an_unknown_model_is_bad_input(waiting, words):
    command, *options = words
    assert "no model 'parcels'; known: delivery." in retrain(command, "parcels", *options, code=2).stderr
    assert [event.action for event in waiting.history()] == ["passed"]


def test_where_nobody_is_logged_in_a_person_must_be_named(waiting, monkeypatch):
    monkeypatch.delenv("USER")
    monkeypatch.delenv("LOGNAME", raising=False)
    monkeypatch.setattr("getpass.getuser", lambda: {}["no such user"])
    assert "say who decides with --by NAME" in retrain("hold", "delivery", "--reason", "x", code=2).stderr
    assert [event.action for event in waiting.history()] == ["passed"]
    assert said("hold", "delivery", "--reason", "x", "--by", "ann")["actor"] == "ann"


def test_a_version_becomes_the_anchor_by_name_and_only_one_that_exists(live):
    assert (
        "no version 'v9'. Known: v1" in retrain("approve", "delivery", "--anchor", "v9", "--reason", "x", code=2).stderr
    )
    text = retrain("approve", "delivery", "--anchor", "v1", "--reason", "reviewed in spring").output
    assert "later versions may not be worse than it by a declared margin" in text
    assert live.history()[-1].action == "anchored"
    assert status()["anchor"] == "v1"
