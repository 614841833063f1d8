"""`probation_report` and `production_model` of a period. What may move the pointer is decided in the registry."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import dagster as dg

from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.dagster_glue.metadata import short, table
from retrain_assets.dagster_glue.resources import Clock, Home
from retrain_assets.dagster_glue.run_context import period_of, refused
from retrain_assets.dagster_glue.tags import EVENT_TAG, OUTCOME_TAG

if TYPE_CHECKING:
    from retrain_assets.production.probation.record import ProbationRecord


def pool_of(model: str) -> str:
    """The pool of everything that moves a model's live pointer."""
    return f"{model}__live"


def production_assets(
    frame: Frame, promote: Callable[..., Any], probation: Callable[..., Any], model_card: Callable[[], Any]
) -> list[dg.AssetsDefinition]:
    """The two assets; `promote(store, registry, period, at, actor)` moves the pointer or refuses.

    `probation(store, registry, period)` writes and returns the record of a period, `model_card()` describes a version.
    """

    @frame.asset(
        "production_model",
        deps=("validation_report",),
        description=(
            "The live model after the period's decision. Promotes the candidate of the period's validation report, and "
            "refuses, however it is launched, without a passing verdict for exactly this candidate against exactly "
            "the live model."
        ),
        kinds={"lightgbm"},
        pool=pool_of(frame.model),
    )
    def production_model(context: dg.AssetExecutionContext, home: Home, clock: Clock) -> dg.MaterializeResult[Any]:
        from retrain_assets.errors import NotPromotable, RegistryError
        from retrain_assets.production.promotion import headline

        period = period_of(context)
        registry = home.registry(frame.model)
        actor = context.run.tags.get("dagster/user", f"run {context.run.run_id[:8]}")
        try:
            event = promote(home.store(frame.model), registry, period, clock.now(), actor)
        except (NotPromotable, RegistryError) as refusal:
            raise refused(context, f"promotion refused: {type(refusal).__name__}: {refusal}") from refusal
        context.instance.add_run_tags(context.run.run_id, {OUTCOME_TAG: "promoted", EVENT_TAG: str(event.seq)})
        live = registry.live()
        card, page = _card(home.store(frame.model), registry, model_card(), live)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(event.to_digest),
            metadata={
                "summary": dg.MetadataValue.md(f"{headline(event)} ({event.at:%Y-%m-%d %H:%M}, {event.actor})"),
                "model_card": dg.MetadataValue.md(card),
                "history": table([_row(past) for past in registry.history()[-20:][::-1]]),
                "version": live.number,
                "live": live.name,
                "replaced": event.from_version or "none (first model)",
                "attempts": sum(past.gate is not None for past in registry.history()),
                "digest": short(live.digest),
                "model_card_html": dg.MetadataValue.path(str(page)),
            },
        )

    return [production_model, _probation_report(frame, probation)]


def _probation_report(frame: Frame, probation: Callable[..., Any]) -> dg.AssetsDefinition:
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
    def probation_report(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult[Any]:
        from retrain_assets.model import PeriodAccess
        from retrain_assets.production.probation.plot import probation_picture

        access = PeriodAccess(home.store(frame.model), home.registry(frame.model), period_of(context))
        record: ProbationRecord = probation(access)
        shown: dict[str, Any] = {
            "summary": dg.MetadataValue.md(f"**{record.status.value}**: {record.sentence}"),
            "asks_rollback": record.status.asks_rollback,
        }
        if record.measurement is not None:
            shown |= {"picture": dg.MetadataValue.md(probation_picture(frame.model, record))}
            shown |= record.measurement.series()
            shown["dagster/row_count"] = record.measurement.rows
        return dg.MaterializeResult(metadata=shown | _request(record))

    return probation_report


def _request(record: "ProbationRecord") -> dict[str, str]:
    """Which version is on probation, and what a rollback would return to, booked in which period."""
    if record.comparison is None:
        return {}
    return {
        "version": record.comparison.version,
        "previous": record.comparison.previous,
        "decided_in": record.decided_in,
        "digest": short(record.comparison.digest),
    }


def _card(store: Any, registry: Any, model_card: Any, live: Any) -> tuple[str, Any]:
    """The live version's card as Markdown, and where it was written as HTML."""
    from retrain_assets.production.card.model_card import ASSET

    page = store.write_bytes(ASSET, live.name, "html", model_card.html(registry, live))
    return model_card.markdown(registry, live), page


def _row(event: Any) -> dict[str, Any]:
    """One decision of the journal in a line that fits the page."""
    return {"period": event.period, "action": event.action, "live": event.to_version, "reason": event.reason}
