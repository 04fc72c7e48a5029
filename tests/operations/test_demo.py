from importlib import import_module
from pkgutil import iter_modules

import pytest

from vitrine import sources
from vitrine.operations.demo import plan

SHOPS = [module.name for module in iter_modules(sources.__path__)]


@pytest.mark.parametrize("shop", SHOPS)
def test_the_intervals_of_a_plan_join_without_a_gap(shop):
    its_plan = plan(shop)
    assert its_plan.history.end == its_plan.day.start
    assert its_plan.windows[0].start == its_plan.history.end
    for before, after in zip(its_plan.windows, its_plan.windows[1:], strict=False):
        assert before.end == after.start
    assert len(its_plan.windows) >= 3


@pytest.mark.parametrize("shop", SHOPS)
def test_features_of_the_last_day_are_readable_when_the_lists_are_made(shop):
    delay = import_module(f"vitrine.sources.{shop}").SOURCE.day_features_delay
    assert plan(shop).day.end + delay <= plan(shop).night


def test_the_lists_of_the_real_shop_are_made_for_the_night_that_everybody_compares():
    assert plan("online_retail").night.isoformat() == "2011-10-31T03:30:00+00:00"
