import os
import socket
import sys
from pkgutil import iter_modules

import pytest

from tests.operations.test_servers import is_alive, orphan_of
from vitrine import contracts, lake, sources
from vitrine.errors import BadArgumentError, MachineError
from vitrine.interval import Interval
from vitrine.operations import demo, homes, servers
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
        assert list(tmp_path.iterdir()) == [home]


def test_a_home_stays_held_while_it_is_emptied(demos_home):
    with only_demo(demos_home.home):
        demo.fresh_home(None, None, is_fresh=True)
        with pytest.raises(MachineError, match="a demo is running"), only_demo(demos_home.home):
            pass


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def demos_home(tmp_path, monkeypatch):
    """The home of a demo which landed a day."""
    for name in ("SOURCE", "LANDING", "IS_DEMO"):
        monkeypatch.delenv(f"VITRINE_{name}", raising=False)
    for name in ("AIRFLOW_PORT", "MLFLOW_PORT"):
        monkeypatch.setenv(f"VITRINE_{name}", str(free_port()))
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path / "home"))
    paths = homes.prepare(None, None, is_demo=True).paths
    empty = contracts.table("orders").empty()
    lake.write_partition(paths.lake, "orders", Interval.parse("2026-03-01", "2026-03-02"), empty)
    yield paths
    servers.stop(paths.servers)


LOOK = "`make up` lets you look"
GO_ON = (
    "`make up`, then `vitrine backfill history_load --start 2026-01-30T00:00:00Z"
    " --end 2026-03-16T00:00:00Z` goes on"
)


@pytest.mark.parametrize(
    ("is_finished", "what", "typed"),
    [(True, "a demo", LOOK), (False, "an interrupted demo", GO_ON)],
)
def test_a_home_with_a_demos_data_is_kept_and_says_what_to_type(
    demos_home, is_finished, what, typed
):
    if is_finished:
        (demos_home.home / demo.FINISHED).touch()
    said = f"holds {what} of flash_sale, .* 2026-03-02T00:00:00Z; {typed}.*make demo FRESH=1"
    with pytest.raises(BadArgumentError, match=said) as refusal:
        demo.fresh_home("online_retail", None, is_fresh=False)
    assert len(str(refusal.value).splitlines()) == 1
    assert lake.days(demos_home.lake, "orders")


def test_a_demo_that_is_told_to_begins_anew(demos_home):
    fresh = demo.fresh_home(None, None, is_fresh=True)
    assert fresh.settings.is_demo
    assert not demos_home.lake.exists()


def test_a_shop_that_there_is_not_erases_nothing(demos_home):
    with pytest.raises(BadArgumentError, match="no source 'bookshop'"):
        demo.fresh_home("bookshop", None, is_fresh=True)
    assert lake.days(demos_home.lake, "orders")


def test_a_demo_that_was_interrupted_before_anything_landed_needs_no_word(demos_home):
    homes.empty(demo.fresh_home(None, None, is_fresh=True).settings)
    homes.prepare(None, None, is_demo=True)
    demos_home.landing.mkdir(parents=True)
    demo.fresh_home(None, None, is_fresh=False)
    assert not demos_home.landing.exists()


def test_what_killed_servers_left_at_work_is_stopped(demos_home):
    child = orphan_of(demos_home.servers, "own")
    assert is_alive(child)
    demo.fresh_home(None, None, is_fresh=True)
    assert not is_alive(child)


def test_servers_that_somebody_started_are_not_stopped(demos_home):
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    servers.start(servers.Server("mlflow", sleep, dict(os.environ)), demos_home.servers)
    with pytest.raises(MachineError, match=r"servers run in .*mlflow.*`make down`"):
        demo.fresh_home(None, None, is_fresh=True)
    assert list(servers.running(demos_home.servers)) == ["mlflow"]
    assert lake.days(demos_home.lake, "orders")
