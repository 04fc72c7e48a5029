import pytest

from vitrine.errors import BadArgumentError
from vitrine.settings import load_settings, store_settings


def test_an_unknown_setting_is_refused_by_name(tmp_path):
    with pytest.raises(BadArgumentError, match="VITRINE_SPARK_MASTR='local': there is no such"):
        load_settings({"VITRINE_HOME": str(tmp_path), "VITRINE_SPARK_MASTR": "local"})


def test_a_value_of_the_wrong_type_is_refused_by_name_and_value(tmp_path):
    with pytest.raises(BadArgumentError, match="VITRINE_SEED='seven'"):
        load_settings({"VITRINE_HOME": str(tmp_path), "VITRINE_SEED": "seven"})


def test_what_is_stored_in_the_home_holds_until_the_environment_says_otherwise(tmp_path):
    home = {"VITRINE_HOME": str(tmp_path)}
    store_settings(load_settings(home | {"VITRINE_SOURCE": "online_retail"}))
    assert load_settings(home).source == "online_retail"
    assert load_settings(home | {"VITRINE_SOURCE": "flash_sale"}).source == "flash_sale"


def test_an_empty_variable_counts_as_absent(tmp_path):
    assert (
        load_settings({"VITRINE_HOME": str(tmp_path), "VITRINE_SOURCE": ""}).source == "flash_sale"
    )


def test_settings_cannot_be_changed(settings):
    with pytest.raises(ValueError, match="frozen"):
        settings.seed = 8
