"""One blocking check per question. They show the verdict; what promotes or refuses is the registry."""

from dataclasses import asdict

import dagster as dg

from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.dagster_glue.metadata import pick, table
from retrain_assets.dagster_glue.resources import Home
from retrain_assets.verdict import CHECKS, Finding, Outcome, Verdict, combine

QUESTIONS = {
    "significance": "Is the candidate significantly better than the live model (or, of an aged one, no worse)?",
    "guardrails": "Is it shown to be no worse than the declared margin on every guardrail, and no slice harmed?",
    "fairness": "Is it shown that no protected group is worse off?",
    "regression_suite": "Does it keep every known hard case?",
}


def validation_checks(frame: Frame) -> list[dg.AssetChecksDefinition]:
    """The four checks of `validation_report`."""
    return [_check(frame, name) for name in CHECKS]


def _check(frame: Frame, name: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=frame.key("validation_report"), name=name, blocking=True, description=QUESTIONS[name])
    def check(context: dg.AssetCheckExecutionContext, home: Home) -> dg.AssetCheckResult:
        period = context.run.tags.get("dagster/partition")
        record = home.store(frame.model).read_json("validation_report", period) if period else None
        if record is None:
            return dg.AssetCheckResult(
                passed=False,
                severity=dg.AssetCheckSeverity.ERROR,
                description=f"No validation report of {period or 'a period: launch the check with a partition'}.",
            )
        return shown(Verdict.from_dict(record), name)

    return check


def shown(verdict: Verdict, name: str) -> dg.AssetCheckResult:
    """One check of a verdict as Dagster shows it: the sentence first, the deciding numbers as series.

    What makes every question pointless (unusable scores, missing outcomes) is shown with the first of them.
    """
    asked = verdict.of(name) + (verdict.of("hard") if name == CHECKS[0] else ())
    outcome = combine(asked) if verdict.of(name) else Outcome.INSUFFICIENT
    findings = sorted(asked, key=lambda finding: _SEVERITY[finding.outcome])
    sentences = "; ".join(finding.reason for finding in findings) or f"not asked: {verdict.reason}"
    return dg.AssetCheckResult(
        passed=outcome is Outcome.PASS,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"{outcome.value}: {sentences}",
        metadata={
            "outcome": outcome.value,
            "findings": table([pick(asdict(finding), *FINDING) for finding in findings]),
            **(_numbers(findings[0]) if findings else {}),
        },
    )


FINDING = ("metric", "group", "outcome", "champion_value", "candidate_value", "low", "margin", "rows")
_SEVERITY = {Outcome.FAIL: 0, Outcome.INSUFFICIENT: 1, Outcome.PASS: 2}


def _numbers(finding: Finding) -> dict[str, float]:
    shown = ("improvement", "low", "high", "margin", "alpha", "p_value", "p_level", "rows", "units", "design_effect")
    return {name: float(value) for name in shown if (value := getattr(finding, name)) is not None}
