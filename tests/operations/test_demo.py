from pkgutil import iter_modules

import pytest

from vitrine import sources
from vitrine.errors import MachineError
from vitrine.operations.demo import only_demo, plan

SHOPS = [sources.source(module.name) for module in iter_modules(sources.__path__)]
each_shop = pytest.mark.parametrize("shop", SHOPS, ids=lambda shop: shop.name)


@each_shop
def test_the_intervals_of_a_plan_join_without_a_gap(shop):
    its_plan = plan(shop)
    assert its_plan.history.end == its_plan.day.start
    assert its_plan.windows[0].start == its_plan.history.end
    for before, after in zip(its_plan.windows, its_plan.windows[1:], strict=False):
        assert before.end == after.start
    assert len(its_plan.windows) >= 3


@each_shop
def test_features_of_the_last_day_are_readable_when_the_lists_are_made(shop):
    assert plan(shop).day.end + shop.day_features_delay <= plan(shop).night


@each_shop
def test_windows_are_those_that_the_shop_delivers(shop):
    for window in plan(shop).windows[1:]:
        assert window.end - window.start == shop.delivery_step


def test_the_lists_of_the_real_shop_are_made_for_the_night_that_everybody_compares():
    assert plan(sources.source("online_retail")).night.isoformat() == "2011-10-31T03:30:00+00:00"


def test_a_second_demo_leaves_the_first_alone(tmp_path):
    home = tmp_path / "home"
    with only_demo(home), pytest.raises(MachineError, match="a demo is running"), only_demo(home):
        pass
    with only_demo(home):
        assert not home.exists()
