"""`production_model`: the decision of a period. What may move the live pointer is decided in the registry."""

from collections.abc import Callable
from typing import Any

import dagster as dg

from retrain_assets.resources import OUTCOME_TAG, Clock, Frame, Home, period_of, refused, short, table


def pool_of(model: str) -> str:
    """The pool of everything that moves a model's live pointer."""
    return f"{model}__live"


def production_assets(frame: Frame, promote: Callable[..., Any]) -> list[dg.AssetsDefinition]:
    """The one asset; `promote(store, registry, period, at, actor)` moves the pointer or refuses."""

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
        context.instance.add_run_tags(context.run.run_id, {OUTCOME_TAG: "promoted"})
        live = registry.live()
        return dg.MaterializeResult(
            data_version=dg.DataVersion(event.to_digest),
            metadata={
                "summary": dg.MetadataValue.md(f"{headline(event)} ({event.at:%Y-%m-%d %H:%M}, {event.actor})"),
                "history": table([_row(past) for past in registry.history()[-20:][::-1]]),
                "version": live.number,
                "live": live.name,
                "replaced": event.from_version or "none (first model)",
                "attempts": sum(past.gate is not None for past in registry.history()),
                "digest": short(live.digest),
            },
        )

    return [production_model]


def _row(event: Any) -> dict[str, Any]:
    """One decision of the journal in a line that fits the page."""
    return {"period": event.period, "action": event.action, "live": event.to_version, "reason": event.reason}
