"""A backtest and the results of policies, by hand."""

from retrain_assets.backtest.procedure import ProcedureEvidence
from retrain_assets.backtest.record import BacktestRecord, GatedResult, PolicyResult, Recommendation, Timeline
from retrain_assets.backtest.saving import Saving


def result(name, family="clock", retrains=("2019-01-07",), cost=1000.0, **changes):
    """A policy's result, by hand."""
    fields = {
        "name": name, "family": family, "parameters": {}, "triggers": {}, "hindsight": False, "retrains": retrains,
        "mean_loss": 1.5, "low": 1.4, "high": 1.6, "loss": cost - 100 * len(retrains), "cost": cost,
        "costs": {"100": cost}, "best_from": None, "best_to": None, "regret": 10.0, "worse_next": 0.5,
        "oldest_days": 70, "cpu_seconds": 2.0, "against_clock": Saving(5.0, -1.0, 11.0, 300), "first_half": cost / 2,
        "second_half": cost / 2, "second_retrains": 1, "chosen": True,
    }  # fmt: skip
    return PolicyResult(**(fields | changes))


def backtest_record(**changes):
    """A backtest, by hand."""
    policies = (
        result("your triggers", "spec"),
        result("never", "never", (), 1200.0, best_from=500.0),
        result("a clock of 8 weeks", retrains=("2018-03-05", "2018-05-07"), cost=900.0, best_from=0.0, best_to=500.0),
        result("hindsight", "oracle", cost=800.0, hindsight=True, triggers=None),
    )
    saved = Saving(100.0, 20.0, 180.0, 300)
    fields = {
        "model": "taxi", "key": "k", "loss": "mae", "unit": "week", "retrain_cost": 100.0, "cost_declared": True,
        "rows": 1000, "first_day": "2018-01-01", "middle_day": "2018-07-02", "last_day": "2018-12-30",
        "recommendation": Recommendation("a clock of 8 weeks", {"max_age": "8w"}, {"max_age": "8w"}, saved, "Retrain."),
        "policies": policies, "front": (1200.0, 800.0, 700.0),
        "timeline": Timeline(("2018-01-01", "2018-01-08"), (1.5, None), (1.4, 1.3), ("recent", "history")),
        "gated": (GatedResult("your triggers", "superior, 14 days, refit", True, 3, 2, 1.6, 1040.0, 40.0),),
        "procedure": ProcedureEvidence(12, 4, 0.031, 0.02, 1e-4, 84),
        "problems": ("2018-02-05: no row has an outcome, so no policy is measured there.",), "period": "2018-12",
    }  # fmt: skip
    return BacktestRecord(**(fields | changes))
