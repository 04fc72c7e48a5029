"""The demographic cluster: one definition, applied once, where a customer's row enters the lake."""

import pyarrow as pa
import pyarrow.compute as pc

AGE_BANDS = (
    (0, 24, "16-24"),
    (25, 34, "25-34"),
    (35, 49, "35-49"),
    (50, 64, "50-64"),
    (65, 200, "65+"),
)
UNKNOWN = "unknown"


def age_band(birth_year: int | None, on_year: int) -> str:
    """Name the band of the age that is reached in `on_year`.

    >>> age_band(1980, 2020)
    '35-49'
    """
    if birth_year is None:
        return UNKNOWN
    age = on_year - birth_year
    return next((name for low, high, name in AGE_BANDS if low <= age <= high), UNKNOWN)


def demographic_cluster(
    gender: str | None, birth_year: int | None, country: str, on_year: int
) -> str:
    """Name the cluster whose members' purchases stand in for a customer without history.

    >>> demographic_cluster("female", 1980, "FR", 2020)
    'female:35-49:FR'
    """
    return f"{gender or UNKNOWN}:{age_band(birth_year, on_year)}:{country}"


def demographic_clusters(
    gender_N: pa.ChunkedArray,
    birth_year_N: pa.ChunkedArray,
    country_N: pa.ChunkedArray,
    on_year_N: pa.ChunkedArray,
) -> pa.ChunkedArray:
    """Name the clusters of N customers, each as `demographic_cluster` does.

    Parameters
    ----------
    gender_N, country_N
        Text; the gender may be null.
    birth_year_N, on_year_N
        Whole numbers; the birth year may be null.
    """
    age_N = pc.subtract(pc.cast(on_year_N, pa.int64()), pc.cast(birth_year_N, pa.int64()))
    band_N: pa.Array | pa.ChunkedArray = pa.repeat(UNKNOWN, len(age_N))
    for low, high, name in AGE_BANDS:
        is_within = pc.and_(pc.greater_equal(age_N, low), pc.less_equal(age_N, high))
        band_N = pc.if_else(pc.fill_null(is_within, False), name, band_N)
    return pc.binary_join_element_wise(pc.fill_null(gender_N, UNKNOWN), band_N, country_N, ":")
