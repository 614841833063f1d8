"""`feature_windows`: which periods and rows a retrain as of a period may use, as a manifest, never a copy."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import dagster as dg

from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.dagster_glue.metadata import Materialized, sentence, short, table
from retrain_assets.dagster_glue.resources import Clock, Home
from retrain_assets.dagster_glue.run_context import period_of
from retrain_assets.dagster_glue.tags import HELD_BACK
from retrain_assets.dagster_glue.undecided import keep_live
from retrain_assets.documents.units import called
from retrain_assets.model import Model, PeriodAccess

if TYPE_CHECKING:
    from retrain_assets.windows.cut import Span, Wait, Windows
    from retrain_assets.windows.manifest import Manifest

WindowsAt = Callable[[PeriodAccess, datetime], "Windows | Wait"]
"""Cuts the windows of a retrain as of a period, asked now; raises `NotPromotable` where none could be promoted."""


def window_assets(frame: Frame, model: Model, windows_at: WindowsAt) -> list[dg.AssetsDefinition]:
    """Define the one asset of this stage."""

    @frame.asset(
        "feature_windows",
        deps=("raw_data", "outcomes"),
        description=(
            "Which periods train, which choose between the strategies, and which fresh rows judge: train | early stop "
            "| selection | gate | not yet mature, cut by time. A manifest of periods, row counts and row-set hashes; "
            "no row is copied. None is cut while the gate window is not fresh, or a person or a rest stands against it."
        ),
        kinds={"json"},
        output_required=False,
    )
    def feature_windows(context: dg.AssetExecutionContext, home: Home, clock: Clock) -> Iterator[Materialized]:
        from retrain_assets.errors import NotPromotable
        from retrain_assets.windows.cut import Wait
        from retrain_assets.windows.manifest import write_manifest

        access = home.at(frame.model, period_of(context))
        try:
            windows = windows_at(access, clock.now())
        except NotPromotable as refusal:
            keep_live(context, frame, home, str(refusal).removeprefix(f"{frame.model} {access.period}: "), HELD_BACK)
            return
        if isinstance(windows, Wait):
            keep_live(context, frame, home, windows.reason)
            return
        manifest = write_manifest(access.store, windows, model)
        yield dg.MaterializeResult(
            metadata={
                "summary": sentence(*_summary(manifest, model.row_name)),
                "windows": table(_windows(manifest), model.row_name),
                "gate_rows": manifest.gate.rows,
                "history_rows": manifest.history.rows,
                "recent_rows": manifest.recent.rows,
                "gate_rowset": short(manifest.gate.sha256),
            }
        )

    return [feature_windows]


def _summary(manifest: "Manifest", row: str) -> tuple[str, ...]:
    """What trains and what judges: a template and its values."""
    counts = (manifest.recent.rows, manifest.history.rows, len(manifest.windows.origins), manifest.gate.rows)
    said = (
        "Trains on **{}** recent rows or **{}** rows of all history, chooses over **{}** selection windows, and judges "
        "on **{}** fresh rows of {} to {}."
    )
    return (
        called(said, row),
        *(f"{count:,}" for count in counts),
        _moment(manifest.windows.gate.start),
        _moment(manifest.windows.gate.end),
    )


def _windows(manifest: "Manifest") -> list[dict[str, object]]:
    """List every window in the order of time; the rows of a selection window are counted where they are used."""
    windows = manifest.windows
    selections = {f"selection {number + 1}": origin.selection for number, origin in enumerate(windows.origins)}
    return [
        _line("history", windows.history, manifest.history.rows),
        _line("recent", windows.recent, manifest.recent.rows),
        *(_line(name, span, None) for name, span in selections.items()),
        _line("gate", windows.gate, manifest.gate.rows),
        _line("immature", windows.immature, None),
    ]


def _line(name: str, span: "Span", rows: int | None) -> dict[str, object]:
    return {
        "window": name,
        "from": _moment(span.start),
        "until": _moment(span.end),
        "periods": len(span.periods),
        "rows": f"{rows:,}" if rows is not None else "",
    }


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
