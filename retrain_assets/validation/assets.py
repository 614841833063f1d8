"""`validation_report`: the evidence on which the candidate is promoted or not."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import dagster as dg

from retrain_assets.resources import (
    OUTCOME_TAG,
    Clock,
    Frame,
    Home,
    markdown_table,
    period_of,
    pick,
    refused,
    short,
    table,
)

NUMBERS = ("champion_value", "candidate_value", "improvement", "low", "high", "margin", "p_value")


def validation_assets(frame: Frame, judge: Callable[..., Any]) -> list[dg.AssetsDefinition]:
    """The one asset; `judge(store, registry, period, at, actor)` gives the verdict."""

    @frame.asset(
        "validation_report",
        deps=("candidate_model", "feature_windows"),
        description=(
            "The candidate against the live model on fresh rows neither was trained on: significantly better on the "
            "primary metric, not worse on any guardrail, no protected group worse off, no known hard case lost. Every "
            "check answers pass, fail or insufficient; only all passes promote. The four checks show each answer."
        ),
        kinds={"scipy"},
    )
    def validation_report(context: dg.AssetExecutionContext, home: Home, clock: Clock) -> dg.MaterializeResult[Any]:
        from retrain_assets.errors import NotPromotable
        from retrain_assets.validation.plot import forest, in_order

        period = period_of(context)
        registry = home.registry(frame.model)
        try:
            actor = context.run.tags.get("dagster/user", f"run {context.run.run_id[:8]}")
            verdict = judge(home.store(frame.model), registry, period, clock.now(), actor)
        except NotPromotable as refusal:
            raise refused(context, f"judgement refused: {type(refusal).__name__}: {refusal}") from refusal
        home.store(frame.model).write_json("validation_report", period, verdict.to_dict())
        context.instance.add_run_tags(context.run.run_id, {OUTCOME_TAG: OUTCOMES[verdict.decision.value]})
        primary = next((finding for finding in verdict.findings if finding.role == "primary"), None)
        numbers = (
            {
                "improvement": primary.improvement,
                "improvement_low": primary.low,
                "p_value": primary.p_value,
                "design_effect": primary.design_effect,
            }
            if primary
            else {}
        )
        return dg.MaterializeResult(
            metadata={
                "summary": dg.MetadataValue.md(f"**{verdict.decision.value}**: {verdict.reason}"),
                "picture": dg.MetadataValue.md(f"{forest(verdict)}\n\n{_numbers(in_order(verdict))}"),
                "evidence": table([_row(finding) for finding in in_order(verdict)]),
                "groups": table(list(verdict.evidence["groups"])),
                "largest_gaps": table(
                    [{"attribute": name, **shares} for name, shares in verdict.evidence["gaps"].items()]
                ),
                "decision": verdict.decision.value,
                **{name: float(value) for name, value in numbers.items() if value is not None},
                "gate_rows": verdict.gate.rows,
                "gate": f"{verdict.gate.start[:16]} to {verdict.gate.end[:16]}".replace("T", " "),
                "candidate": short(verdict.candidate_digest),
                **({"refitted": short(verdict.refit.digest)} if verdict.refit else {}),
                "champion": short(verdict.champion_digest),
                "verdict": short(verdict.digest),
            }
        )

    return [validation_report]


OUTCOMES = {"promote": "passed", "reject": "rejected", "insufficient": "insufficient", "identical": "identical"}


def _numbers(findings: list[Any]) -> str:
    """Every number of every finding, for the window beside the picture."""
    return markdown_table([_line(finding) for finding in findings])


def _line(finding: Any) -> dict[str, Any]:
    record = asdict(finding)
    rounded = {name: f"{record[name]:.3g}" if record[name] is not None else "" for name in NUMBERS}
    between = f"{rounded['low']} to {rounded['high']}" if finding.low is not None else ""
    return {
        **pick(record, "check", "metric", "group", "outcome"),
        "live": rounded["champion_value"],
        "candidate": rounded["candidate_value"],
        "improvement": rounded["improvement"],
        "between": between,
        **pick(rounded, "margin", "p_value"),
        "rows": finding.rows,
        "units": f"{finding.units} × {finding.unit}" if finding.units else "",
        "rows needed": finding.rows_needed,
    }


def _row(finding: Any) -> dict[str, Any]:
    """One finding in a line that fits the page."""
    gain, at_least = (f"{x:.3g}" if x is not None else "" for x in (finding.improvement, finding.low))
    return {
        "check": finding.check.replace("_", " "),
        "about": f"{finding.metric} {finding.group.replace('=', ' = ')}".strip(),
        "outcome": finding.outcome,
        "gain": gain,
        "at least": at_least,
    }
