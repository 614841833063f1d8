"""What the tests of sources share."""

from datetime import datetime

import pytest

from retrain_assets_tests.raw.rides import rides

JANUARY = datetime(2019, 1, 15)


@pytest.fixture
def three_months():
    """Rides every 12 hours from 15 January to 5 March; 56 of them are in February."""
    return rides(100, JANUARY, 12 * 60)
