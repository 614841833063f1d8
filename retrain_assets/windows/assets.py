"""`feature_windows`: which periods and rows a retrain as of a period may use, as a manifest, never a copy."""

from collections.abc import Callable
from typing import Any

import dagster as dg

from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.dagster_glue.metadata import short, table
from retrain_assets.dagster_glue.resources import Home
from retrain_assets.dagster_glue.run_context import period_of
from retrain_assets.dagster_glue.tags import OUTCOME_TAG


def window_assets(
    frame: Frame, windows_at: Callable[[Any, Any, str], Any], key: str, time: str
) -> list[dg.AssetsDefinition]:
    """The one asset; `windows_at(store, registry, period)` cuts the windows."""

    @frame.asset(
        "feature_windows",
        deps=("raw_data", "outcomes"),
        description=(
            "Which periods train, which choose between the strategies, and which fresh rows judge: train | early stop "
            "| selection | gate | not yet mature, cut by time with the label delay as the gap. A manifest of periods, "
            "row counts and row-set hashes; no row is copied. Fails as insufficient while no gate row is fresh."
        ),
        kinds={"json"},
    )
    def feature_windows(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult[Any]:
        from retrain_assets.windows.cut import Wait
        from retrain_assets.windows.manifest import write_manifest

        period = period_of(context)
        store = home.store(frame.model)
        windows = windows_at(store, home.registry(frame.model), period)
        if isinstance(windows, Wait):
            context.instance.add_run_tags(context.run.run_id, {OUTCOME_TAG: "insufficient"})
            raise dg.Failure(f"{frame.model} {period}: insufficient: {windows.reason}", allow_retries=False)
        manifest = write_manifest(store, windows, key, time)
        gate = manifest["gate"]
        return dg.MaterializeResult(
            metadata={
                "summary": dg.MetadataValue.md(
                    f"Trains on **{manifest['recent']['rows']:,}** recent rows or **{manifest['history']['rows']:,}** "
                    f"rows of all history, chooses over **{len(manifest['origins'])}** selection periods, and judges "
                    f"on **{gate['rows']:,}** fresh rows of {', '.join(gate['periods'])}."
                ),
                "windows": table(_windows(manifest)),
                "gate_rows": gate["rows"],
                "history_rows": manifest["history"]["rows"],
                "recent_rows": manifest["recent"]["rows"],
                "gate_rowset": short(gate["rowset_sha256"]),
            }
        )

    return [feature_windows]


def _windows(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Every window in the order of time; the rows of a selection period are counted where they are used."""
    selection = {f"selection {number + 1}": origin["selection"] for number, origin in enumerate(manifest["origins"])}
    spans = {name: manifest[name] for name in ("history", "recent", "gate", "immature")}
    spans = {"history": spans["history"], "recent": spans["recent"], **selection, **spans}
    return [{"window": name, **_flat(span)} for name, span in spans.items()]


def _flat(span: dict[str, Any]) -> dict[str, Any]:
    rows = span.get("rows")
    return {
        "from": _moment(span["start"]),
        "until": _moment(span["end"]),
        "periods": len(span["periods"]),
        "rows": f"{rows:,}" if rows is not None else "",
    }


def _moment(text: str) -> str:
    return text[:16].replace("T", " ").removesuffix(" 00:00")
