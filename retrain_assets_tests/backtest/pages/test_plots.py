from retrain_assets.backtest.pages.plots import cost_curves, timeline, trade_off
from retrain_assets.documents.units import LossUnits
from retrain_assets_tests.backtest.by_hand import backtest_record

RIDES = LossUnits("ride", "USD")


def test_the_current_policy_and_the_recommended_one_are_marked():
    axes = trade_off(backtest_record(), RIDES).axes[0]
    marked = {line.get_label(): (line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines[-2:]}
    assert marked == {"your triggers": (1, 1.5), "a clock of 8 weeks": (2, 1.5)}
    front = next(line for line in axes.lines if line.get_label() == "hindsight")
    assert front.get_ydata().tolist() == [1.2, 0.8, 0.7]


def test_cost_curves_cross_where_the_table_says():
    axes = cost_curves(backtest_record(), RIDES).axes[0]
    clock = next(line for line in axes.lines if line.get_label() == "a clock of 8 weeks")
    assert clock.get_ydata()[0] == 0
    dashed = axes.lines[-1]
    assert dashed.get_xdata()[0] == 100.0


def test_the_timeline_shows_gaps_and_a_mark_for_every_retrain():
    figure = timeline(backtest_record(), RIDES)
    top, low = figure.axes
    assert len(top.lines[0].get_ydata()) == 2
    assert [len(line.get_xdata()) for line in low.lines] == [1, 2, 1]
    assert [label.get_text() for label in low.get_yticklabels()][0] == "your triggers"
