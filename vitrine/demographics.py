"""The demographic cluster: one definition, applied once, where a customer's row enters the lake."""

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
