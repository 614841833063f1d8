"""What the journal names is what answers; what cannot be served changes nothing."""

import time

import pytest

from benchmarks.worlds.verdicts import MODEL, moment, rolled_back
from retrain_assets.registry.rulings import Retire, Signature
from retrain_assets.serving.follower import Follower
from retrain_assets.store import PeriodStore
from retrain_assets_tests.serving.world import promoted, registry_in


@pytest.fixture
def follower(home):
    follower = Follower(registry_in(home), PeriodStore(home / "data" / MODEL))
    follower.look()
    return follower


def names(follower):
    served = follower.served
    return served.live.version.name, served.shadow.version.name if served.shadow else None


def test_a_promotion_is_served_with_the_version_before_in_shadow_and_a_rollback_without(home, follower):
    assert names(follower) == ("v1", None)
    promoted(registry_in(home), 2)
    follower.look()
    assert names(follower) == ("v2", "v1")
    rolled_back(registry_in(home), 3)
    follower.look()
    assert (names(follower), follower.changes) == (("v1", None), 2)


@pytest.mark.parametrize(("status", "shadow"), [("confirmed", None), ("open", "v1")])
def test_the_shadow_ends_with_the_probation(home, follower, status, shadow):
    first = follower.served.live.version.digest
    second = promoted(registry_in(home), 2)
    record = {
        "period": "2019-02-01",
        "status": status,
        "sentence": "so it stands",
        "version": "v2",
        "digest": second,
        "previous": "v1",
        "previous_digest": first,
        "promoted_in": "2019-01-15",
        "last": "2019-03-01",
    }
    PeriodStore(home / "data" / MODEL).write_json("probation_report", "2019-02-01", record)
    follower.look()
    assert names(follower) == ("v2", shadow)


def test_a_version_that_does_not_load_leaves_the_one_before_in_service_and_is_said(home, follower):
    digest = promoted(registry_in(home), 2)
    model = registry_in(home).folder / "versions" / digest / "model.bst"
    whole = model.read_bytes()
    model.chmod(0o600)
    model.write_bytes(whole[:-9])
    follower.look()
    assert names(follower) == ("v1", None)
    assert "cannot be served" in follower.fault
    assert "model.bst has digest" in follower.fault
    model.write_bytes(whole)
    follower.look()
    assert (names(follower), follower.fault) == (("v2", "v1"), "")


def test_a_retired_model_is_not_served(home, follower):
    registry_in(home).rule(Retire(Signature("ann", "no more rides", moment(2), "2019-01-15")))
    follower.look()
    assert follower.served is None


def test_an_unchanged_journal_is_not_read_again(follower, monkeypatch):
    monkeypatch.setattr(follower, "_serve", lambda history: pytest.fail("read again"))
    follower.look()
    assert follower.fault == ""


def test_what_is_promoted_while_it_runs_is_served_until_it_stops(home, monkeypatch):
    monkeypatch.setattr("retrain_assets.serving.follower.SECONDS", 0.005)
    follower = Follower(registry_in(home), PeriodStore(home / "data" / MODEL))
    follower.start()
    assert names(follower) == ("v1", None)
    promoted(registry_in(home), 2)
    for _ in range(1000):
        if follower.changes == 1:
            break
        time.sleep(0.005)
    assert names(follower) == ("v2", "v1")
    follower.stop()
    promoted(registry_in(home), 3)
    assert names(follower) == ("v2", "v1")


def test_a_version_before_that_does_not_load_scores_nothing_in_shadow_and_keeps_nobody_from_answering(home):
    (home / "registry" / MODEL / "versions" / registry_in(home).live().digest / "model.bst").unlink()
    promoted(registry_in(home), 2)
    follower = Follower(registry_in(home), PeriodStore(home / "data" / MODEL))
    follower.look()
    assert (names(follower), follower.fault) == (("v2", None), "")


def test_the_last_few_versions_stay_ready_so_that_a_rollback_needs_no_file(home, follower):
    digests = [promoted(registry_in(home), number) for number in range(2, 6) if follower.look() is None]
    follower.look()
    assert len(follower._kept) == 3
    rolled_back(registry_in(home), 6)
    (home / "registry" / MODEL / "versions" / digests[2] / "model.bst").unlink()
    follower.look()
    assert (names(follower), follower.fault) == (("v4", None), "")
