"""`probation_report` and `production_model` of a period. What may move the pointer is decided in the registry.

`probation_report` does not depend on `predictions`: a live model that cannot score fails there, and a report behind it
would never come. What it could not score its predecessor has to; such a rollback is booked a period earlier, and what
follows it (cool-down, what must be learnt) counts from the period that failed.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import dagster as dg

from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.dagster_glue.metadata import Materialized, Metadata, short, table
from retrain_assets.dagster_glue.reports import kept, link
from retrain_assets.dagster_glue.resources import Clock, Home
from retrain_assets.dagster_glue.run_context import actor_of, period_of, refused
from retrain_assets.dagster_glue.run_history import EVENTS, refuse_forgotten
from retrain_assets.dagster_glue.tags import EVENT_TAG, OUTCOME_TAG
from retrain_assets.documents.page import text

if TYPE_CHECKING:
    from retrain_assets.model import PeriodAccess
    from retrain_assets.production.card.model_card import ModelCard
    from retrain_assets.production.probation.record import ProbationRecord
    from retrain_assets.production.probation.report import Probation
    from retrain_assets.production.promotion import KeptLive, Promotion
    from retrain_assets.registry.journal.events import Event


SHOWN = 20
"""How many of the latest decisions the page lists."""


def pool_of(model: str) -> str:
    """The pool of everything that moves a model's live pointer."""
    return f"{model}__live"


def production_assets(
    frame: Frame,
    promotion: "Callable[[], Promotion]",
    probation: "Callable[[], Probation]",
    model_card: "Callable[[], ModelCard]",
) -> list[dg.AssetsDefinition]:
    """The two assets; what they work with is built when a run asks for it."""

    @frame.asset(
        "production_model",
        deps=("validation_report",),
        description=(
            "The decision of the period and the live model after it: promoted, or kept and why. Promotes only a "
            "candidate whose report passed every check, and refuses, however it is launched, without a passing verdict "
            "for exactly this candidate against exactly the live model."
        ),
        kinds={"lightgbm"},
        pool=pool_of(frame.model),
    )
    def production_model(context: dg.AssetExecutionContext, home: Home, clock: Clock) -> Materialized:
        from retrain_assets.errors import NotPromotable, RegistryError
        from retrain_assets.production.promotion import KeptLive
        from retrain_assets.validation.checks import recorded
        from retrain_assets.verdict import Verdict

        access = home.at(frame.model, period_of(context))
        actor = actor_of(context.run)
        report = access.store.read_json("validation_report", access.period)
        try:
            refuse_forgotten(context.instance, access.registry)
            shown = recorded(context.instance, frame, Verdict.from_dict(report)) if report else {}
            decision = promotion().decide(access, shown, clock.now(), actor)
        except (NotPromotable, RegistryError) as refusal:
            raise refused(context, f"promotion refused: {type(refusal).__name__}: {refusal}") from refusal
        if isinstance(decision, KeptLive):
            tags = {OUTCOME_TAG: str(decision.outcome)}
        else:
            tags = {OUTCOME_TAG: "promoted", EVENT_TAG: str(decision.seq)}
        context.instance.add_run_tags(context.run.run_id, tags)
        return _decided(access, decision, model_card())

    return [production_model, _probation_report(frame, probation)]


def _probation_report(frame: Frame, probation: "Callable[[], Probation]") -> dg.AssetsDefinition:
    @frame.asset(
        "probation_report",
        # Not on predictions: a live model that cannot score fails there, and that is what a tripwire is for.
        deps=("raw_data", "outcomes"),
        description=(
            "Is the promoted model worse than the one it replaced? Both score the same newly labelled rows; an "
            "anytime-valid test over independent blocks of days asks for a rollback, or confirms it. A model that "
            "does not load or does not score is to go at once."
        ),
        kinds={"lightgbm", "scipy"},
    )
    def probation_report(context: dg.AssetExecutionContext, home: Home, clock: Clock) -> Materialized:
        from retrain_assets.monitoring.pages.summary import summary
        from retrain_assets.production.probation.page import probation_document, said

        access = home.at(frame.model, period_of(context))
        watch = probation()
        record = watch.report(access, f"{clock.now():%Y-%m-%d}")
        shown: Metadata = {
            "summary": dg.MetadataValue.md(summary(said(record))),
            "status": record.status.value,
            **kept(access, "probation_report", *probation_document(watch.model, record, access.registry.history())),
            "asks_rollback": record.status.asks_rollback,
        }
        if record.measurement is not None:
            shown |= record.measurement.series()
            shown["dagster/row_count"] = record.measurement.rows
        return dg.MaterializeResult(metadata=shown | _request(record))

    return probation_report


def _request(record: "ProbationRecord") -> Metadata:
    """Which version is on probation, and what a rollback would return to, booked in which period."""
    if record.comparison is None:
        return {}
    return {
        "version": record.comparison.version,
        "previous": record.comparison.previous,
        "decided_in": record.decided_in,
        "digest": short(record.comparison.digest),
    }


def _decided(access: "PeriodAccess", decision: "Event | KeptLive", model_card: "ModelCard") -> Materialized:
    """The period's decision as the asset's page shows it, with the card of the version that is live after it."""
    from retrain_assets.audit.status import decisions
    from retrain_assets.production.card.card_files import write_cards
    from retrain_assets.production.card.model_card import ASSET
    from retrain_assets.production.promotion import KeptLive, headline

    registry = access.registry
    history, live = registry.history(), registry.live()
    if isinstance(decision, KeptLive):
        said, outcome = decision.sentence, decision.outcome
    else:
        said = f"{headline(decision)} ({decision.at:%Y-%m-%d %H:%M}, {text(decision.actor)})"
        outcome = "promoted"
    shown: Metadata = {
        "summary": dg.MetadataValue.md(said),
        "decision": outcome,
        "live": live.name if live else "none",
        "history": table([_row(past) for past in decisions(registry)[-SHOWN:][::-1]]),
        "attempts": sum(past.gate is not None for past in history),
        EVENTS: len(history),
    }
    if isinstance(decision, KeptLive):
        shown["reason"] = decision.reason
    else:
        shown["replaced"] = decision.from_version or "none (first model)"
    write_cards(model_card, access.store, registry)
    if live is None:
        return dg.MaterializeResult(data_version=dg.DataVersion("none"), metadata=shown)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(live.digest),
        metadata={
            **shown,
            "model_card": link(access, ASSET, live.name),
            "card_in_words": dg.MetadataValue.md(model_card.markdown(registry, live)),
            "version": live.number,
            "digest": short(live.digest),
        },
    )


def _row(event: "Event") -> dict[str, object]:
    """One decision of the journal in a line that fits the page."""
    from retrain_assets.registry.journal.events import spoken

    names = {"period": event.period, "action": spoken(event.action), "live": event.to_version}
    return {**names, "by": event.actor}
