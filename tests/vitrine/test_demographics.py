import pytest

from vitrine.demographics import age_band, demographic_cluster


@pytest.mark.parametrize(
    ("age", "band"), [(16, "16-24"), (24, "16-24"), (25, "25-34"), (64, "50-64"), (65, "65+")]
)
def test_bands_meet_without_gap_or_overlap(age, band):
    assert age_band(2026 - age, 2026) == band


def test_what_a_shop_does_not_know_is_named_unknown():
    assert demographic_cluster(None, None, "GB", 2011) == "unknown:unknown:GB"


def test_an_impossible_age_is_unknown():
    assert age_band(2030, 2026) == "unknown"
