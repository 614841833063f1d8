import pytest

from retrain_assets_tests.serving.world import live_model


@pytest.fixture
def live():
    return live_model()
