"""What goes wrong in the data or the spec is named, refused, and leaves the live model and the past as they were.

Each test breaks one thing in the sixth week of a model that has been live since the fifth, and runs the real job.
"""

import re
import sqlite3

import numpy as np
import pandas as pd
import pytest
import yaml

from benchmarks.worlds.parcels import SPEC, failure_of, make_world, open_world, rows_of
from retrain_assets.dagster_glue.tags import OUTCOME_TAG
from retrain_assets.errors import SpecError
from retrain_assets.spec.loading import load_spec

BAD_WEEK = "2024-02-05"
ROWS = 7 * 60
"""Parcels in a week, as `rows_of` makes them."""


@pytest.fixture
def built(world_after):
    """A model that five weeks have made live."""
    world = world_after(5, weeks=6)
    assert world.weeks(6)[-1] == BAD_WEEK
    return world


def bad(rows):
    return rows["at"] >= BAD_WEEK


def files(world):
    """Every byte under the home folder: data, reports, journal, versions."""
    return {path: path.read_bytes() for path in (world.folder / "home").rglob("*") if path.is_file()}


def respecified(world, **changes):
    """The same world with other top-level keys in its spec."""
    spec = yaml.safe_load((world.folder / "delivery.yaml").read_text()) | changes
    (world.folder / "delivery.yaml").write_text(yaml.safe_dump(spec))
    return open_world(world.folder, world.instance)


def refused(world, before):
    """Monitor the bad week; the sentences of its failure, after a look at everything that must not have changed."""
    result = world.run("monitor", BAD_WEEK)
    assert not result.success
    assert {path: data for path, data in files(world).items() if path in before} == before
    assert world.registry.live().name == "v1"
    assert world.registry.verify() == []
    for asset in ("raw_data", "outcomes", "predictions"):
        assert BAD_WEEK not in world.store.periods(asset)
    failed = {check.check_name for check in result.get_asset_check_evaluations() if not check.passed}
    return failure_of(result), failed


def broken(world, rows):
    """Put other rows into the source, and monitor the bad week."""
    before = files(world)
    rows.to_parquet(world.folder / "rows.parquet")
    return refused(world, before)


@pytest.fixture
def rows():
    return rows_of(6)


def test_a_column_that_no_period_ever_had_is_refused(built, rows):
    built = respecified(built, columns=SPEC["columns"] | {"groups": ["district", "distrikt"]})
    sentence, failed = refused(built, files(built))
    assert f"rows.parquet, {BAD_WEEK}: column distrikt is missing, {ROWS} rows. Bring it back" in sentence
    assert "The source has district" in sentence
    assert failed == {"schema"}


def test_a_column_that_is_gone_for_a_period_counts_as_missing_and_the_model_goes_on(built, rows):
    rows.drop(columns="weight").to_parquet(built.folder / "rows.parquet")
    result = built.run("monitor", BAD_WEEK)
    assert result.success
    (raw,) = result.asset_materializations_for_node("delivery__raw_data")
    assert f"no column weight, its {ROWS} values count as missing" in raw.metadata["summary"].value
    assert built.store.require_table("predictions", BAD_WEEK).num_rows == ROWS
    assert built.store.require_table("raw_data", BAD_WEEK, ["weight"])["weight"].null_count == ROWS


def test_a_column_of_another_type_is_refused(built, rows):
    sentence, failed = broken(built, rows.assign(distance="far"))
    assert f"rows.parquet, {BAD_WEEK}: distance holds no number, first 'far', {ROWS} rows. Store it as" in sentence
    assert "schema" in failed


def test_a_repeated_key_is_refused(built, rows):
    others = rows[bad(rows)].tail(3).assign(weight=1.0)
    sentence, failed = broken(built, pd.concat([rows, others]))
    assert f"rows.parquet, {BAD_WEEK}: 3 of {ROWS} keys in id stand more than once" in sentence
    assert "Take the wrong ones out" in sentence
    assert failed == {"keys"}


def test_a_missing_label_leaves_the_outcomes_and_the_model_as_they_were(built, rows):
    before = files(built)
    rows.drop(columns="minutes").to_parquet(built.folder / "rows.parquet")
    result = built.run("monitor", BAD_WEEK)
    assert not result.success
    assert "rows.parquet: no column 'minutes', which source.label names. It has id, at" in failure_of(result)
    assert {path: data for path, data in files(built).items() if path in before} == before
    assert BAD_WEEK not in built.store.periods("outcomes")


def test_an_earlier_period_taken_in_again_from_a_broken_file_keeps_its_rows(built, rows):
    week = built.weeks(3)[-1]
    path = built.store.path("raw_data", week)
    before = path.read_bytes()
    rows.assign(distance="far").to_parquet(built.folder / "rows.parquet")
    result = built.run("monitor", week)
    assert f"rows.parquet, {week}: distance holds no number" in failure_of(result)
    assert "The earlier data stays." in failure_of(result)
    assert path.read_bytes() == before


def database(folder, rows):
    """The rows in a database, behind a query that forgets the bounds of the period."""
    with sqlite3.connect(folder / "rows.db") as connection:
        rows.assign(at=rows["at"].astype(str)).to_sql("parcels", connection, index=False)
    connection.close()
    sql = "SELECT * FROM parcels WHERE :start < :end"
    return SPEC["source"] | {"features": {"sql": sql, "url_env": "PARCELS_URL"}}


def test_rows_outside_their_period_are_refused(built, rows, monkeypatch):
    monkeypatch.setenv("PARCELS_URL", f"sqlite:///{built.folder / 'rows.db'}")
    built = respecified(built, source=database(built.folder, rows))
    sentence, failed = refused(built, files(built))
    assert f"the query on PARCELS_URL, {BAD_WEEK}: {5 * ROWS:,} of {6 * ROWS:,} rows have at outside" in sentence
    assert "Correct the file, or the query's use of :start and :end" in sentence
    assert "period" in failed


def test_an_empty_period_is_refused(built, rows):
    sentence, failed = broken(built, rows[~bad(rows)])
    assert f"rows.parquet, {BAD_WEEK}: 0 usable rows, 100 needed. Wait for the rest of the period" in sentence
    assert failed == {"volume"}


@pytest.mark.parametrize("column", ["weight", "vehicle"])
def test_a_column_without_any_value_is_refused_where_its_missing_values_are_limited(built, rows, column):
    half = {"max_missing": 0.5}
    limited = {"numeric": {"distance": None, "weight": half}, "categorical": {"vehicle": half}}
    built = respecified(built, columns=SPEC["columns"] | limited)
    rows.loc[bad(rows), column] = np.nan if column == "weight" else None
    sentence, failed = broken(built, rows)
    assert f"rows.parquet, {BAD_WEEK}: {column}: {ROWS} of {ROWS} values (100.00 %) missing" in sentence
    assert "Correct the source, or take it from the spec" in sentence
    assert failed == {"nulls"}


def test_a_missing_file_is_named(built):
    before = files(built)
    (built.folder / "rows.parquet").unlink()
    sentence, _ = refused(built, before)
    assert f"{built.folder / 'rows.parquet'}: no such file. Name an existing file" in sentence


def test_a_csv_row_that_does_not_parse_is_named(built, rows):
    lines = rows.to_csv(index=False).splitlines()
    lines[100] += ",stray"
    (built.folder / "rows.csv").write_text("\n".join(lines))
    built = respecified(built, source=SPEC["source"] | {"features": {"path": "rows.csv"}})
    sentence, _ = refused(built, files(built))
    assert f"{built.folder / 'rows.csv'}, line 101: 8 values where the header has 7." in sentence
    assert "Correct the file" in sentence


# ---- one class


def binary(late):
    """The changes that make the model predict whether a parcel is late."""
    validation = SPEC["validation"] | {
        "primary": "log_loss",
        "guardrails": [{"metric": "brier", "margin": 0.05}],
        "floors": [{"metric": "log_loss", "at_most": 0.69}],
        "fairness": {
            "groups": ["district"],
            "metrics": ["tpr"],
            "margin": 0.2,
            "pool_below": 50,
            "floors": [{"metric": "tpr", "at_least": 0.1}],
        },
        "regression_suite": {"path": "delivery.suite.yaml"},
    }
    return {
        "task": "binary",
        "source": SPEC["source"] | {"label": late},
        "training": SPEC["training"] | {"objective": "binary"},
        "validation": validation,
    }


def arrived(result):
    (materialization,) = result.asset_materializations_for_node("delivery__outcomes")
    return materialization.metadata["summary"].value


def on_card(page):
    """A model card's table rows and what stands between them, however wide its columns are."""
    plain = re.sub(' class="[^"]*"', "", page.decode())
    return [part.strip() for part in re.split("(<tr>.*?</tr>)", plain, flags=re.DOTALL) if part.strip()]


def test_gate_rows_of_one_class_promote_nothing(tmp_path, instance, rows):
    rows["late"] = ((rows["minutes"] > 60) & (rows["at"] < "2024-02-04")).astype(int)
    built = make_world(tmp_path, rows, instance, **binary("late"))
    built.bootstrapped()
    result = built.run("monitor", BAD_WEEK)
    # The outcomes of a week arrive a day late: those of the last day are not known by its end.
    assert f"rows.parquet, {BAD_WEEK}: late: the only outcome of {ROWS} rows is 0" in arrived(result)
    assert "Check the source, or wait for more outcomes" in arrived(result)
    before = files(built)
    live = built.registry.live()
    result = built.run("retrain", BAD_WEEK)
    assert result.success, failure_of(result)
    assert built.instance.get_run_by_id(result.run_id).tags[OUTCOME_TAG] == "insufficient"
    shown = {check.check_name for check in result.get_asset_check_evaluations() if not check.passed}
    assert shown == {"significance", "guardrails", "fairness", "regression_suite"}
    findings = built.store.read_json("validation_report", BAD_WEEK)["findings"]
    assert f"all {ROWS - 60} gate rows are of class 0, two classes needed" in [found["reason"] for found in findings]
    assert built.registry.live() == live

    # The attempt itself is written down: in the journal, in the history of deployments, and on the live version's card.
    after, card = files(built), built.store.path("model_card", "v1", "html")
    changed = {path for path, data in before.items() if after.get(path) != data}
    assert {path for path in changed if path.name != "head.json" and "model_status" not in str(path)} == {card}
    rows_before, rows_after = (on_card(found[card]) for found in (before, after))
    added = [part for part in rows_after if part not in rows_before]
    assert [re.findall("<td[^>]*>(held|undecided)</td>", part) for part in added] == [["held"], ["undecided"]]
    assert [part for part in rows_after if part not in added] == rows_before


def test_a_first_model_of_one_class_is_not_trained(tmp_path, instance, rows):
    rows["late"] = 0
    built = make_world(tmp_path, rows, instance, **binary("late"))
    weeks = built.weeks(5)
    built.monitor(weeks)
    result = built.run("retrain", weeks[-1])
    assert result.success, failure_of(result)
    assert built.instance.get_run_by_id(result.run_id).tags[OUTCOME_TAG] == "insufficient"
    (decided,) = result.asset_materializations_for_node("delivery__candidate_model")
    assert "labels are 0, two classes needed" in decided.metadata["reason"].value
    assert built.store.read_json("candidate_model", weeks[-1]) is None
    assert built.registry.live() is None
    assert built.registry.history() == ()


# ---- the spec


def wrong_spec(world, spec):
    """The sentence with which a spec is refused, after a look at everything that must not have changed."""
    before = files(world)
    path = world.folder / "delivery.yaml"
    path.write_text(yaml.safe_dump(spec, sort_keys=False))
    with pytest.raises(SpecError, match="delivery.yaml") as caught:
        load_spec(path)
    assert files(world) == before
    return str(caught.value), path.read_text().splitlines()


def test_an_unknown_key_of_the_spec_is_named_with_its_line(built):
    sentence, lines = wrong_spec(built, SPEC | {"triggers": SPEC["triggers"] | {"retrain_costs": 5}})
    line = next(number for number, text in enumerate(lines, 1) if "retrain_costs" in text)
    assert f"delivery.yaml:{line}: triggers.retrain_costs: unknown key. Did you mean retrain_cost?" in sentence


def test_a_spec_without_margins_is_refused(built):
    validation = SPEC["validation"] | {"guardrails": [{"metric": "rmse"}]}
    validation["fairness"] = {name: value for name, value in validation["fairness"].items() if name != "margin"}
    sentence, _ = wrong_spec(built, SPEC | {"validation": validation})
    assert "validation.guardrails.0.margin: is required and has no default" in sentence
    assert "validation.fairness: declare margin, or {none: " in sentence


def test_a_spec_with_an_empty_list_of_guardrails_is_refused(built):
    sentence, _ = wrong_spec(built, SPEC | {"validation": SPEC["validation"] | {"guardrails": []}})
    assert "validation.guardrails: is empty. Add at least one metric that must not get worse" in sentence
