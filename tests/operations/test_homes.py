import stat

import pytest

from vitrine.errors import BadArgumentError
from vitrine.operations import homes
from vitrine.operations.airflow import environment
from vitrine.operations.secrets import load_secrets, passwords_file
from vitrine.settings import load_settings


@pytest.fixture
def home(tmp_path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setenv("VITRINE_HOME", str(home))
    for name in ("SOURCE", "LANDING", "IS_DEMO"):
        monkeypatch.delenv(f"VITRINE_{name}", raising=False)
    return home


def test_a_prepared_home_remembers_its_shop(home, tmp_path):
    landing = tmp_path / "raw"
    landing.mkdir()
    homes.prepare("online_retail", str(landing))
    again = load_settings({"VITRINE_HOME": str(home)})
    assert (again.source, again.landing, again.is_demo) == ("online_retail", landing, False)


def test_an_unknown_shop_prepares_nothing(home):
    with pytest.raises(BadArgumentError, match="no source 'bookshop'"):
        homes.prepare("bookshop", None)
    assert not home.exists()


def test_a_home_keeps_the_shop_whose_data_it_holds(home):
    homes.prepare("flash_sale", None)
    (home / "lake").mkdir()
    with pytest.raises(BadArgumentError, match="already holds the shop flash_sale"):
        homes.prepare("online_retail", None)


def test_a_demos_home_is_emptied(home):
    homes.prepare("flash_sale", None, is_demo=True)
    (home / "lake").mkdir()
    homes.empty(load_settings())
    assert list(home.iterdir()) == []


def test_any_other_home_is_not(home):
    homes.prepare("flash_sale", None)
    with pytest.raises(BadArgumentError, match="is not the home of a demo"):
        homes.empty(load_settings())
    assert (home / "settings.json").exists()


def test_the_mark_of_a_demo_must_be_the_homes_own(home, monkeypatch):
    homes.prepare("flash_sale", None)
    monkeypatch.setenv("VITRINE_IS_DEMO", "true")
    with pytest.raises(BadArgumentError, match="is not the home of a demo"):
        homes.empty(load_settings())


def test_secrets_are_made_once_and_for_their_owner_alone(tmp_path):
    first = load_secrets(tmp_path)
    assert load_secrets(tmp_path) == first
    for path in (tmp_path / "secrets.json", passwords_file(tmp_path)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_secrets(tmp_path / "other") != first


def test_airflow_never_inherits_the_configuration_of_another(settings):
    other = {"AIRFLOW__CORE__DAGS_FOLDER": "/elsewhere", "AIRFLOW_HOME": "/elsewhere"}
    assert "/elsewhere" not in environment(settings, other).values()
