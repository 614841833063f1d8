"""Records of monitoring reports as the pages read them, and the picture in a piece of Markdown."""

import base64
import io
from typing import Any

from matplotlib.image import imread

from retrain_assets.documents.figure import LIMIT_BYTES
from retrain_assets.monitoring.performance.report import PerformanceReport


def png(markdown: str) -> Any:
    """The pixels of the one picture that the Markdown holds."""
    head, _, data = markdown.removesuffix(")").partition("](data:image/png;base64,")
    assert head.startswith("![")
    assert len(markdown) < LIMIT_BYTES
    return imread(io.BytesIO(base64.b64decode(data, validate=True)))


def performance(
    period: str, loss: float | None, version: str = "v1", excess: float = 0.0, outcome: str = "quiet", **more: Any
) -> dict[str, Any]:
    """A performance record; without a loss nothing was measured."""
    record = {"period": period, "version": version, "accumulated_excess": excess, **more}
    if loss is None:
        return record
    sentence = f"{period}: {version} lost {loss}"
    report = PerformanceReport(
        period, version, 100, loss, loss - 0.1, loss + 0.1, 1.0, loss - 1.0, 0.0, excess, (), outcome, sentence
    )  # type: ignore[arg-type]
    return record | {"report": report.to_dict()}
