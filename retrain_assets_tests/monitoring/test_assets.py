"""The three monitoring assets in Dagster: the files and the metadata that a run of them leaves."""

from __future__ import annotations

import dagster as dg
import pytest

from retrain_assets.documents.page import html_page
from retrain_assets.monitoring.pages.page import drift_document, performance_document
from retrain_assets.monitoring.records.drift_record import read_drift
from retrain_assets.monitoring.records.performance_record import read_performance
from retrain_assets_tests.rendered import LIMIT_BYTES, Page
from retrain_assets_tests.served import TWO_WEEKS


@pytest.mark.drawn
def test_every_monitored_period_leaves_both_pages_beside_the_records_the_same_each_time(world):
    built = world(weeks=3, windows=TWO_WEEKS["windows"])
    *first, week = built.weeks(3)
    built.monitor(first)
    assert built.run("retrain", first[-1]).success
    built.monitor([week])

    store, registry = built.store, built.registry
    documents = (
        drift_document(built.spec.model, store, registry, week),
        performance_document(built.spec.model, store, registry, week, built.spec.triggers.retrain_cost),
    )
    for asset, (document, pictures) in zip(("drift_report", "performance_report"), documents, strict=True):
        written = store.read_bytes(asset, week, "html")
        assert written == html_page(document.title, document, pictures=pictures)
        assert len(written) < LIMIT_BYTES
        assert [value for tag, found in Page(written).tags for value in found.values() if tag == "img"]

    scores = store.read_table("predictions", [week])["score"].to_numpy()
    shown = metadata_of(built, "predictions", week)
    assert (shown["version"], shown["dagster/row_count"]) == ("v1", scores.size)
    assert shown["mean_score"] == pytest.approx(scores.mean(), rel=1e-3)
    record = read_performance(store, week)
    shown = metadata_of(built, "performance_report", week)
    assert shown["mae"] == pytest.approx(record.report.loss, rel=1e-3)
    assert (shown["outcome"], shown["version"]) == (record.report.outcome.value, "v1")
    shown = metadata_of(built, "drift_report", week)
    assert shown["warned"] == len(read_drift(store, week).warned)
    assert shown["report"].endswith(f"(http://127.0.0.1:3001/delivery/drift_report/{week}.html)")


def test_before_the_first_model_each_of_the_three_says_that_there_is_nothing_to_watch(world):
    built = world(weeks=1)
    built.monitor(built.weeks(1))
    for asset in ("predictions", "drift_report", "performance_report"):
        assert metadata_of(built, asset, built.weeks(1)[0]) == {
            "summary": "**No model was live in the week of 1 January 2024, so there is nothing to watch yet.**"
        }


def metadata_of(built, asset, period):
    """The values of an asset's newest materialization of a period."""
    wanted = dg.AssetRecordsFilter(dg.AssetKey([built.spec.name, asset]), [period])
    (record,) = built.instance.fetch_materializations(wanted, limit=1).records
    return {name: value.value for name, value in record.asset_materialization.metadata.items()}
