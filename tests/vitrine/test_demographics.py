import pyarrow as pa
import pytest

from vitrine.demographics import age_band, demographic_cluster, demographic_clusters


@pytest.mark.parametrize(
    ("age", "band"), [(16, "16-24"), (24, "16-24"), (25, "25-34"), (64, "50-64"), (65, "65+")]
)
def test_bands_meet_without_gap_or_overlap(age, band):
    assert age_band(2026 - age, 2026) == band


def test_what_a_shop_does_not_know_is_named_unknown():
    assert demographic_cluster(None, None, "GB", 2011) == "unknown:unknown:GB"


def test_an_impossible_age_is_unknown():
    assert age_band(2030, 2026) == "unknown"


def test_columns_of_customers_agree_with_one_by_one():
    rows = [
        (gender, year, country, 2026)
        for gender in ("female", "other", None)
        for year in (*range(1895, 2030), None)
        for country in ("FR", "DE")
    ]
    columns = (pa.chunked_array([column]) for column in zip(*rows, strict=True))
    assert demographic_clusters(*columns).to_pylist() == [demographic_cluster(*r) for r in rows]
