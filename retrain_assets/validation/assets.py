"""`validation_report` and its four checks: the evidence on which the candidate is promoted or not."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import dagster as dg

from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.dagster_glue.metadata import Materialized, Metadata, short, table
from retrain_assets.dagster_glue.reports import link
from retrain_assets.dagster_glue.resources import Clock, Home
from retrain_assets.dagster_glue.run_context import actor_of, period_of, refused
from retrain_assets.dagster_glue.run_history import refuse_forgotten
from retrain_assets.dagster_glue.tags import OUTCOME_TAG
from retrain_assets.validation.checks import check_specs, shown
from retrain_assets.verdict import CHECKS, Finding, Verdict

if TYPE_CHECKING:
    from retrain_assets.model import PeriodAccess
    from retrain_assets.validation.pages.text import CheckSummary

    Judge = Callable[[PeriodAccess, datetime, str], Verdict]


def validation_assets(frame: Frame, judge: "Judge") -> list[dg.AssetsDefinition]:
    """The one asset; `judge(access, at, actor)` gives the verdict."""

    @frame.asset(
        "validation_report",
        deps=("candidate_model", "feature_windows"),
        description=(
            "The candidate against the live model on fresh rows neither was trained on: significantly better on the "
            "primary metric, no guardrail and no protected group worse by its margin, no known hard case lost. Every "
            "check answers pass, fail or insufficient; only all passes promote. The four checks show each answer."
        ),
        kinds={"scipy"},
        check_specs=check_specs(frame),
    )
    def validation_report(context: dg.AssetExecutionContext, home: Home, clock: Clock) -> Iterator[Materialized]:
        from retrain_assets.errors import IntegrityError, NotPromotable
        from retrain_assets.validation.pages.forest_plot import forest_pictures
        from retrain_assets.validation.pages.page import judged_on, report_html

        access = home.at(frame.model, period_of(context))
        store, period = access.store, access.period
        try:
            refuse_forgotten(context.instance, access.registry)
            actor = actor_of(context.run)
            verdict = judge(access, clock.now(), actor)
        except (NotPromotable, IntegrityError) as refusal:
            raise refused(context, f"judgement refused: {type(refusal).__name__}: {refusal}") from refusal
        store.write_json("validation_report", period, verdict.to_dict())
        pictures = forest_pictures(verdict, frame.label_unit)
        dated = judged_on(frame.calendar, access.registry.history(), verdict)
        page = report_html(verdict, frame.row_name, frame.label_unit, pictures.drawing, dated)
        store.write_bytes("validation_report", period, "html", page)
        context.instance.add_run_tags(context.run.run_id, {OUTCOME_TAG: OUTCOMES[verdict.decision.value]})
        yield dg.MaterializeResult(
            metadata={
                **_story(verdict, link(access, "validation_report", period), frame, pictures.markdown),
                **_facts(verdict),
            },
            check_results=[shown(verdict, name, frame.row_name, frame.label_unit) for name in CHECKS],
        )

    return [validation_report]


OUTCOMES = {"promote": "passed", "reject": "rejected", "insufficient": "insufficient", "identical": "identical"}


def _story(verdict: Verdict, page: dg.MetadataValue, frame: Frame, picture: str) -> Metadata:
    """What a person reads: the decision, what decided it, the way to everything else; narrow enough for the page."""
    from retrain_assets.monitoring.pages.summary import summary
    from retrain_assets.validation.pages.page import decisive, report_markdown
    from retrain_assets.validation.pages.text import decision_lines, summaries

    said = summary(decision_lines(verdict))
    return {
        "summary": dg.MetadataValue.md(said),
        "report": page,
        "checks": table([_answer(each) for each in summaries(verdict)]),
        "what_decided_it": table([_row(finding, frame.label_unit) for finding in decisive(verdict)]),
        "picture": dg.MetadataValue.md(picture),
        "in_words": dg.MetadataValue.md(report_markdown(verdict, frame.row_name, frame.label_unit)),
    }


def _answer(summary: "CheckSummary") -> dict[str, object]:
    return {"check": summary.check.replace("_", " "), "answer": summary.outcome, "findings": summary.counts}


def _facts(verdict: Verdict) -> Metadata:
    """What Dagster draws as series, the window and the digests."""
    primary = next((finding for finding in verdict.findings if finding.role == "primary"), None)
    numbers = {}
    if primary is not None:
        numbers = {
            "improvement": primary.improvement,
            "improvement_low": primary.low,
            "p_value": primary.p_value,
        }
    return {
        "decision": verdict.decision.value,
        **{name: float(f"{value:.4g}") for name, value in numbers.items() if value is not None},
        "gate_rows": verdict.gate.rows,
        "gate": " to ".join(_moment(at) for at in (verdict.gate.start, verdict.gate.end)),
        "candidate": short(verdict.candidate_digest),
        **({"refitted": short(verdict.refit.digest)} if verdict.refit else {}),
        "champion": short(verdict.champion_digest),
        "verdict": short(verdict.digest),
    }


def _row(finding: Finding, label_unit: str) -> dict[str, object]:
    """One finding in a line that fits the page."""
    from retrain_assets.metrics.names import metric_words
    from retrain_assets.validation.pages.text import told, told_apart

    of = finding.group.split("=", 1)[-1]
    before, after = told_apart((finding.champion_value, finding.candidate_value), finding.metric, label_unit)
    low = told(finding.low, finding.metric, label_unit, change=True)
    return {
        "about": f"{metric_words(finding.metric)} {of}".strip() or finding.check.replace("_", " "),
        "answer": finding.outcome,
        "live": before,
        "candidate": after,
        "at least": low,
    }


def _moment(at: str) -> str:
    """A day, or a minute where it is not midnight."""
    return at[:16].replace("T", " ").removesuffix(" 00:00")
