"""Fixtures of the gates' tests."""

import pytest

from tests.expectations.listed_home import Home


@pytest.fixture
def home(settings) -> Home:
    """A home with a warehouse, of which the shop has told nothing."""
    return Home(settings)
