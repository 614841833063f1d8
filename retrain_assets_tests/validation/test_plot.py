"""The forest plot draws every estimate of a verdict once, in the order of the checks."""

from retrain_assets.pictures import BAD, GOOD, LIMIT_BYTES
from retrain_assets.validation.plot import forest, forest_figure, in_order
from retrain_assets.verdict import CHECKS, Finding, GateWindow, Outcome, Verdict


def verdict(*findings):
    gate = GateWindow(("2024-01",), "2024-01-01T00:00:00", "2024-02-01T00:00:00", 100, "a" * 64)
    return Verdict("delivery", "2024-01", findings, gate, "c" * 64, "b" * 64, "p" * 64, "1")


def finding(check, outcome=Outcome.PASS, improvement=0.5, **numbers):
    low, high = improvement - 0.2, improvement + 0.2
    return Finding(check, outcome, "so", metric="mae", improvement=improvement, low=low, high=high, **numbers)


def test_findings_are_read_in_the_order_of_the_checks_and_other_checks_come_last():
    found = verdict(finding("hard"), *(finding(check) for check in reversed(CHECKS)))

    assert [each.check for each in in_order(found)] == [*CHECKS, "hard"]


def test_each_finding_is_a_line_with_its_interval_in_units_of_its_margin():
    better, worse = finding("significance"), finding("fairness", Outcome.FAIL, -1.0, margin=0.5)

    axes = forest_figure(verdict(better, worse), [better, worse]).axes[0]

    lines = [line for line in axes.lines if line.get_color() in (GOOD, BAD)]
    interval, point = (line for line in lines if line.get_color() == BAD)
    assert len(lines) == 4
    assert interval.get_xdata().tolist() == [-2.4, -1.6]
    assert point.get_xdata().tolist() == [-2.0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["fairness: mae", "significance: mae"]


def test_a_verdict_without_estimates_says_so_and_others_stay_under_the_limit():
    many = [finding("fairness", group=f"district={number}", margin=1.0) for number in range(60)]

    assert forest(verdict(Finding("hard", Outcome.FAIL, "no row"))) == "No check got as far as an estimate."
    assert len(forest(verdict(*many))) < LIMIT_BYTES
