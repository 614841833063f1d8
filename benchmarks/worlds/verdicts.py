"""Verdicts and candidates for the tests of the registry: the smallest evidence that passes, and ways to spoil it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.worlds.training_records import record_of
from retrain_assets.registry.cooldown import Rest
from retrain_assets.registry.registry import Event, Registry, RollbackRequest
from retrain_assets.registry.rules import PromotionRules
from retrain_assets.verdict import CHECKS, Finding, GateWindow, Outcome, Verdict

MODEL = "taxi_charge"
RULES = "5" * 64
FAR = datetime(2099, 1, 1)
"""How far the training data of most candidates reach: past any failure."""
_START = datetime(2019, 1, 1)


def period(number: int) -> str:
    """The period with that number: weeks from 2019-01-01."""
    return (_START + timedelta(weeks=number)).strftime("%Y-%m-%d")


def moment(number: int) -> datetime:
    """The moment at which the period with that number ends."""
    return _START + timedelta(weeks=number + 1)


def gate(first: int, periods: int = 1, rows: int = 500) -> GateWindow:
    """The gate rows of some periods."""
    names = tuple(period(first + offset) for offset in range(periods))
    start, end = moment(first - 1).isoformat(), moment(first + periods - 1).isoformat()
    return GateWindow(names, start, end, rows, f"rows of {names}")


def findings(outcome: Outcome = Outcome.PASS, of: str = "fairness") -> tuple[Finding, ...]:
    """One finding per check, all passed except that of one."""
    found = [Finding(check, Outcome.PASS, f"{check} is fine") for check in CHECKS]
    return tuple(Finding(of, outcome, "JFK: 41 rows") if finding.check == of else finding for finding in found)


def verdict(registry: Registry, number: int, candidate: str, **changes: Any) -> Verdict:
    """A passing verdict of a period on a candidate against the live version, with some fields changed."""
    live = registry.live()
    passing = Verdict(
        model=MODEL,
        period=period(number),
        findings=findings(),
        gate=gate(number),
        candidate_digest=candidate,
        champion_digest=live.digest if live else None,
        policy_sha256=RULES,
        code_version="0.1.0",
        evidence={"trained_until": moment(number - 1).isoformat()},
    )
    return replace(passing, **changes)


def files_of(text: str, reached: datetime = FAR) -> dict[str, bytes]:
    """The files of a candidate whose bytes depend on the text, and how far its training data reach.

    The window is empty, so that no rows of a gate lie in it.
    """
    training = record_of(trained_from=reached.isoformat(), trained_until=reached.isoformat()).to_bytes()
    return {"model.bst": f"tree {text}".encode(), "features.json": b"{}", "training.json": training}


def candidate(registry: Registry, text: str, reached: datetime = FAR) -> str:
    """The digest of a stored candidate whose bytes depend on the text."""
    return registry.add(files_of(text, reached))


def content(files: Mapping[str, bytes]) -> None:
    """A probe that every model passes."""


def no_rest(rolled_back: str) -> Rest:
    """What a rollback asks of the next promotion where no cool-down is declared: nothing."""
    return Rest(first_period=rolled_back, trained_until=datetime.min)


def promote_only(registry: Registry, judged: Verdict, number: int, **changes: Any) -> Event:
    """Promote what was written down before, with what the verdict itself expects, at the end of its period."""
    held: dict[str, Any] = {"policy_sha256": RULES, "probe": content, "rest": no_rest, "approvals": False}
    rules = PromotionRules(**{name: changes.pop(name, value) for name, value in held.items()})
    asked: dict[str, Any] = {"expected_live": judged.champion_digest, "at": moment(number), "actor": "run 1"}
    return registry.promote(judged, rules=rules, **{**asked, **changes})


def promote(registry: Registry, judged: Verdict, number: int, **changes: Any) -> Event:
    """Write a verdict down and promote it, as validation and production do one after the other: two events."""
    registry.record(judged, at=changes.get("at", moment(number)), actor="run 1")
    return promote_only(registry, judged, number, **changes)


def promoted(registry: Registry, numbers: Sequence[int]) -> list[Event]:
    """Promote one fresh candidate in each of these periods."""
    return [promote(registry, verdict(registry, n, candidate(registry, f"of {n}")), n) for n in numbers]


def rolled_back(
    registry: Registry, number: int, *, probe: Callable[[Mapping[str, bytes]], None] = content, **changes: Any
) -> Event:
    """Roll back whichever version is live in a period, with a probe that is content."""
    live = registry.live()
    request = RollbackRequest(
        "worse on airport rides", moment(number), "ann", period(number), live.digest if live else None
    )
    return registry.rollback(replace(request, **changes), probe)


def fresh(folder: Path) -> Registry:
    """The registry in a folder, as a process that has just started sees it."""
    return Registry(folder, MODEL)
