"""A bad deploy of the small model: what a gate would have written, and how the tests ask, read and damage things."""

from __future__ import annotations

from datetime import datetime

import dagster as dg

from benchmarks.worlds.verdicts import content, no_rest
from retrain_assets.alerts import read
from retrain_assets.dagster_glue.resources import Clock
from retrain_assets.production.rollback import roll_back
from retrain_assets.registry.registry import RollbackRequest
from retrain_assets.registry.rules import PromotionRules
from retrain_assets.verdict import CHECKS, Finding, GateWindow, Outcome, Verdict

MODEL = "delivery"
NEXT_WEEK = "2024-02-26T00:00:00"


def verdict(built, week, candidate):
    """What a gate would have written that let a bad model pass."""
    start, end = built.spec.period.bounds(week)
    return Verdict(
        model=MODEL,
        period=week,
        findings=tuple(Finding(check, Outcome.PASS, "passed") for check in CHECKS),
        gate=GateWindow((week,), start.isoformat(), end.isoformat(), 100, "f" * 64),
        candidate_digest=candidate,
        champion_digest=built.registry.live().digest,
        policy_sha256=built.spec.policy_sha256,
        code_version="test",
        evidence={
            "baseline": built.registry.verdict(built.registry.live()).evidence["baseline"],
            "trained_until": start.isoformat(),
            "probation": {"block_days": 1, "autocorrelation": 0.0, "loss_cap": 200.0},
        },
    )


def promote(built, judged, at, approvals=False):
    """Write a verdict down and promote its candidate, whatever its probe would say."""
    built.registry.record(judged, at=at, actor="test")
    rules = PromotionRules(built.spec.policy_sha256, content, no_rest, approvals)
    built.registry.promote(judged, judged.champion_digest, rules, at=at, actor="test")


def tick(built, sensor, now="2024-02-19T00:00:00"):
    found = built.defs.resolve_sensor_def(f"{MODEL}__{sensor}")
    resources = {"home": built.defs.resources["home"], "clock": Clock(replay_at=now)}
    with dg.build_sensor_context(
        built.instance, definitions=built.defs, sensor_name=found.name, resources=resources
    ) as context:
        return found.evaluate_tick(context)


def report(built, week):
    return built.store.read_json("probation_report", week)


def back(built, **changes):
    arguments = {
        "reason": "complaints",
        "at": datetime(2024, 3, 1),
        "actor": "ann",
        "period": built.weeks(7)[-1],
        "expected_live": built.registry.live().digest,
        "person": True,
    }
    return roll_back(built.registry, RollbackRequest(**{**arguments, **changes}))


def launched(built, **config):
    """A rollback as somebody launches the job: by hand, or as the command line does."""
    config = {"reason": "complaints", "expected_live": built.registry.live().digest, **config}
    ops = {f"{MODEL}__roll_back": {"config": config}}
    return built.run("rollback", None, run_config={"ops": ops})


def told(built, kind="rolled_back"):
    return [alert for alert in read(built.folder / "home") if alert.kind == kind]


def damage(built, version):
    path = built.registry.folder / "versions" / version.digest / "model.bst"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-100])


def promote_twin(own):
    files = own.registry.read(own.registry.live().digest)
    twin = own.registry.add({**files, "note.txt": b"the same trees"})
    week = own.weeks(7)[-1]
    promote(own, verdict(own, week, twin), datetime(2024, 2, 19))
