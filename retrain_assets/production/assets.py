"""`production_model`: the decision of a period. What may move the live pointer is decided in the registry."""

from collections.abc import Callable
from typing import Any

import dagster as dg

from retrain_assets.resources import OUTCOME_TAG, Clock, Frame, Home, period_of, refused, short, table


def pool_of(model: str) -> str:
    """The pool of everything that moves a model's live pointer."""
    return f"{model}__live"


def production_assets(
    frame: Frame, promote: Callable[..., Any], model_card: Callable[[], Any]
) -> list[dg.AssetsDefinition]:
    """The one asset; `promote(store, registry, period, at, actor)` moves the pointer, `model_card()` describes it."""

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

    return [production_model]


def _card(store: Any, registry: Any, model_card: Any, live: Any) -> tuple[str, Any]:
    """The live version's card as Markdown, and where it was written as HTML."""
    from retrain_assets.production.card import ASSET

    page = store.write_bytes(ASSET, live.name, "html", model_card.html(registry, live))
    return model_card.markdown(registry, live), page


def _row(event: Any) -> dict[str, Any]:
    """One decision of the journal in a line that fits the page."""
    return {"period": event.period, "action": event.action, "live": event.to_version, "reason": event.reason}
