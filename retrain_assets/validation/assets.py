"""`validation_report`: the evidence on which the candidate is promoted or not."""

from collections.abc import Callable
from typing import Any

import dagster as dg

from retrain_assets.resources import OUTCOME_TAG, Clock, Frame, Home, period_of, table

EVIDENCE = (
    "check", "role", "metric", "group", "outcome", "champion_value", "candidate_value", "improvement", "low", "high",
    "margin", "alpha", "p_value", "rows", "unit", "units", "design_effect", "minimum_detectable", "rows_needed", "reason",
)  # fmt: skip


def validation_assets(frame: Frame, judge: Callable[[Any, Any, str], Any]) -> list[dg.AssetsDefinition]:
    """The one asset; `judge(store, registry, period)` gives the verdict."""

    @frame.asset(
        "validation_report",
        deps=("candidate_model", "feature_windows"),
        description=(
            "The candidate against the live model on fresh rows neither was trained on: significantly better on the "
            "primary metric, not worse on any guardrail, no protected group worse off, no known hard case lost. Every "
            "check answers pass, fail or insufficient; only all passes promote. The four checks show each answer."
        ),
        kinds={"scipy", "fairlearn"},
    )
    def validation_report(context: dg.AssetExecutionContext, home: Home, clock: Clock) -> dg.MaterializeResult[Any]:
        from retrain_assets.validation.plot import forest
        from retrain_assets.verdict import Decision

        period = period_of(context)
        registry = home.registry(frame.model)
        verdict = judge(home.store(frame.model), registry, period)
        home.store(frame.model).write_json("validation_report", period, verdict.to_dict())
        if verdict.decision is not Decision.PROMOTE:
            actor = context.run.tags.get("dagster/user", f"run {context.run.run_id[:8]}")
            registry.record(verdict, at=clock.now(), actor=actor)
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
                "decision": verdict.decision.value,
                "summary": dg.MetadataValue.md(f"**{verdict.decision.value}**: {verdict.reason}"),
                "evidence": table([_row(finding) for finding in verdict.findings]),
                "picture": dg.MetadataValue.md(forest(verdict)),
                "gate_rows": verdict.gate.rows,
                "gate": f"{verdict.gate.start} to {verdict.gate.end}",
                "candidate_digest": verdict.candidate_digest,
                "champion_digest": verdict.champion_digest or "none (first model)",
                "verdict_digest": verdict.digest,
                **{name: float(value) for name, value in numbers.items() if value is not None},
            }
        )

    return [validation_report]


OUTCOMES = {"promote": "passed", "reject": "rejected", "insufficient": "insufficient", "identical": "identical"}


def _row(finding: Any) -> dict[str, Any]:
    return {name: getattr(finding, name) for name in EVIDENCE}
