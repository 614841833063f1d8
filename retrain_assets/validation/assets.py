"""`validation_report` and its four checks: the evidence on which the candidate is promoted or not."""

import re
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import dagster as dg

from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.dagster_glue.metadata import Materialized, Metadata, pick, short, table
from retrain_assets.dagster_glue.resources import Clock, Home
from retrain_assets.dagster_glue.run_context import actor_of, period_of, refused
from retrain_assets.dagster_glue.tags import OUTCOME_TAG
from retrain_assets.validation.checks import check_specs, shown
from retrain_assets.verdict import CHECKS, Finding, Verdict

if TYPE_CHECKING:
    from retrain_assets.model import PeriodAccess
    from retrain_assets.validation.pages.group_tables import Disparity

    Judge = Callable[[PeriodAccess, datetime, str], Verdict]


def validation_assets(frame: Frame, judge: "Judge") -> list[dg.AssetsDefinition]:
    """The one asset; `judge(access, at, actor)` gives the verdict."""

    @frame.asset(
        "validation_report",
        deps=("candidate_model", "feature_windows"),
        description=(
            "The candidate against the live model on fresh rows neither was trained on: significantly better on the "
            "primary metric, not worse on any guardrail, no protected group worse off, no known hard case lost. Every "
            "check answers pass, fail or insufficient; only all passes promote. The four checks show each answer."
        ),
        kinds={"scipy"},
        check_specs=check_specs(frame),
    )
    def validation_report(context: dg.AssetExecutionContext, home: Home, clock: Clock) -> Iterator[Materialized]:
        from retrain_assets.errors import NotPromotable
        from retrain_assets.validation.pages.page import report_html

        access = home.at(frame.model, period_of(context))
        store, period = access.store, access.period
        try:
            actor = actor_of(context.run)
            verdict = judge(access, clock.now(), actor)
        except NotPromotable as refusal:
            raise refused(context, f"judgement refused: {type(refusal).__name__}: {refusal}") from refusal
        record = store.write_json("validation_report", period, verdict.to_dict())
        page = store.write_bytes("validation_report", period, "html", report_html(verdict))
        context.instance.add_run_tags(context.run.run_id, {OUTCOME_TAG: OUTCOMES[verdict.decision.value]})
        yield dg.MaterializeResult(
            metadata={
                **_story(verdict, f"This page as one HTML file: `{page}`. The record as JSON: `{record}`."),
                **_facts(verdict),
            },
            check_results=[shown(verdict, name) for name in CHECKS],
        )

    return [validation_report]


OUTCOMES = {"promote": "passed", "reject": "rejected", "insufficient": "insufficient", "identical": "identical"}


def _story(verdict: Verdict, files: str) -> Metadata:
    """What a person reads, from the decision down to single groups; tables narrow enough for the page."""
    from retrain_assets.documents.page import text
    from retrain_assets.validation.pages.evidence import Evidence
    from retrain_assets.validation.pages.forest_plot import forest
    from retrain_assets.validation.pages.page import group_rows, insufficient_rows, report_markdown
    from retrain_assets.validation.pages.text import decision_sentence, in_order, summaries

    columns = ("check", "about", "rows", "rows needed", "lacks")
    reported = Evidence.from_dict(verdict.evidence)
    single = [name for name in reported.attributes if " & " not in name]
    cases = [pick(asdict(case), "id", "severity", "period", "owner", "reason") for case in reported.flips]
    whole = f"{report_markdown(verdict)}\n\n{files}"
    return {
        "summary": dg.MetadataValue.md(f"**{verdict.decision.value}**: {text(decision_sentence(verdict))}"),
        "checks": table([pick(asdict(each), "check", "outcome", "counts") for each in summaries(verdict)]),
        "picture": dg.MetadataValue.md(forest(verdict)),
        "report": dg.MetadataValue.md(re.sub(r"!\[[^]]*]\(picture:\w+\)", "(the picture stands above)", whole)),
        "evidence": table([_row(finding) for finding in in_order(verdict)]),
        "insufficient": table([pick(row, *columns) for row in insufficient_rows(verdict)]),
        **{f"by_{name}": table([_named(row) for row in group_rows(reported, name)]) for name in single},
        "largest_differences": table([_apart(each) for each in reported.disparities]),
        "negative_flips": table(cases),
    }


def _named(row: dict[str, object]) -> dict[str, object]:
    """A group's line by its value alone, for the attribute names the table."""
    return {**row, "group": str(row["group"]).split("=", 1)[-1]}


def _facts(verdict: Verdict) -> Metadata:
    """What Dagster draws as series, the window and the digests."""
    primary = next((finding for finding in verdict.findings if finding.role == "primary"), None)
    numbers = {}
    if primary is not None:
        numbers = {
            "improvement": primary.improvement,
            "improvement_low": primary.low,
            "p_value": primary.p_value,
            "design_effect": primary.design_effect,
        }
    return {
        "decision": verdict.decision.value,
        **{name: float(value) for name, value in numbers.items() if value is not None},
        "gate_rows": verdict.gate.rows,
        "gate": f"{verdict.gate.start[:16]} to {verdict.gate.end[:16]}".replace("T", " "),
        "candidate": short(verdict.candidate_digest),
        **({"refitted": short(verdict.refit.digest)} if verdict.refit else {}),
        "champion": short(verdict.champion_digest),
        "verdict": short(verdict.digest),
    }


def _row(finding: Finding) -> dict[str, object]:
    """One finding in a line that fits the page."""
    gain, at_least = (f"{x:.3g}" if x is not None else "" for x in (finding.improvement, finding.low))
    return {
        "check": finding.check.replace("_", " "),
        "about": f"{finding.metric} {finding.group.replace('=', ' = ')}".strip(),
        "outcome": finding.outcome,
        "gain": gain,
        "at least": at_least,
    }


def _apart(disparity: "Disparity") -> dict[str, object]:
    return {
        "attribute": disparity.attribute,
        "metric": disparity.metric,
        "live": disparity.champion_difference,
        "candidate": disparity.candidate_difference,
    }
