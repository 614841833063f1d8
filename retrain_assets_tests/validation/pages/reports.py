"""Verdicts on deliveries, as the pages of the validation report show them."""

from dataclasses import replace

from retrain_assets.verdict import Finding, GateWindow, Outcome, Verdict

GATE = GateWindow(("2024-01",), "2024-01-01T00:00:00", "2024-02-01T00:00:00", 2000, "a" * 64)


def verdict(*findings, **changes):
    made = Verdict("delivery", "2024-01", findings, GATE, "c" * 64, "b" * 64, "d" * 64, "1")
    return replace(made, **changes)


def passing(check, **numbers):
    return Finding(check, Outcome.PASS, f"{check} is fine", metric="auc", **numbers)
