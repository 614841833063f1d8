"""A served world whose live version makes mistakes."""

import pytest


@pytest.fixture
def slow(world_after):
    """v1 served two weeks in which every parcel took half an hour longer than in those it was trained on."""
    return world_after(7, slower_from=5)
