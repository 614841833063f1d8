import pytest

from retrain_assets.metrics.names import mean_loss, metric_words


@pytest.mark.parametrize(
    ("task", "primary", "loss"),
    [
        ("binary", "log_loss", "log_loss"),
        ("binary", "brier", "brier"),
        ("binary", "f1", "log_loss"),
        ("multiclass", "accuracy", "log_loss"),
        ("regression", "wape", "mae"),
        ("regression", "rmse", "mse"),
    ],
)
def test_a_primary_that_is_no_mean_loss_is_stood_in_for(task: str, primary: str, loss: str) -> None:
    assert mean_loss(task, primary) == loss


def test_a_metric_is_written_in_capitals_where_the_field_does():
    assert [metric_words(name) for name in ("wape", "f1", "fpr[0]")] == ["WAPE", "f1", "FPR[0]"]
