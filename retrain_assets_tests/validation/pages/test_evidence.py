"""What a verdict reports beside its findings: read as written, also from the records of earlier releases."""

from dataclasses import asdict

import pytest

from retrain_assets.monitoring.performance.report import Baseline
from retrain_assets.validation.pages.evidence import ComparedAnchor, Evidence
from retrain_assets.validation.pages.group_tables import Disparity, GroupValue
from retrain_assets.validation.suite.cases import CaseResult
from retrain_assets.verdict import Finding, GateWindow, Outcome, Verdict


def read(**evidence):
    gate = GateWindow(("2024-01",), "2024-01-01T00:00:00", "2024-02-01T00:00:00", 2000, "a" * 64)
    stored = Verdict("delivery", "2024-01", (), gate, "c" * 64, "b" * 64, "d" * 64, "1", evidence=evidence).to_json()
    return Evidence.from_dict(Verdict.from_json(stored).evidence)


def test_what_the_gate_reported_comes_back_as_it_was():
    value, apart = GroupValue("sex", "sex=F", "tpr", 41, 0.5, 0.6), Disparity("sex", "tpr", 0.1, 0.2, 0.9, None)
    slice_ = Finding("guardrails", Outcome.INSUFFICIENT, "few", group="zone=a", metric="mae")
    case = CaseResult("7", "2024-01", "normal", "ada", "rare", True, False)
    held = Baseline(1.5, 100, 1.4, 1.6, "rehearsal", ratio=2.0, degrees=9.0, day_sd=0.1)
    found = read(
        trained_until="2023-12-31T00:00:00",
        strategy="recent",
        baseline=held.to_dict(),
        group_minimum=100,
        groups=[asdict(value)],
        disparities=[asdict(apart)],
        undecided_slices=[asdict(slice_)],
        cases=[asdict(case)],
        anchor={"version": "v1", "digest": "e" * 64},
    )
    anchor = ComparedAnchor("v1", "e" * 64)
    assert found == Evidence("2023-12-31T00:00:00", "recent", held, 100, (value,), (apart,), (slice_,), (case,), anchor)
    assert found.flips == [case]


def test_a_verdict_that_reports_nothing_reads_as_empty():
    found = read()
    assert (found.baseline, found.anchor, found.attributes, found.flips) == (None, None, [], [])


@pytest.mark.parametrize(("group", "attribute"), [("sex=F", "sex"), ("sex=F & race=a", "sex & race")])
def test_the_attribute_of_an_older_record_follows_from_the_name_of_its_group(group, attribute):
    record = {"group": group, "metric": "rows", "rows": 41, "champion_value": None, "candidate_value": None}
    assert read(groups=[record]).attributes == [attribute]
