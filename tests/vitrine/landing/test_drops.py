import pytest

from vitrine.errors import BadArgumentError, BadInputError, StageSkipped
from vitrine.interval import Interval
from vitrine.landing import drops
from vitrine.sources import Drop
from vitrine.sources.flash_sale import SOURCE as FLASH_SALE
from vitrine.sources.online_retail import SOURCE as ONLINE_RETAIL


def interval(start: str, end: str) -> Interval:
    return Interval.parse(f"2026-03-{start}", f"2026-03-{end}")


@pytest.mark.parametrize(
    ("given", "widened"),
    [
        (("01", "02"), ("01", "02")),
        (("01T09:00", "01T09:15"), ("01", "02")),
        (("01T09:00", "03"), ("01", "03")),
        (("01", "02T00:01"), ("01", "03")),
    ],
)
def test_an_interval_widens_to_whole_days(given, widened):
    assert drops.whole_days(interval(*given)) == interval(*widened)


@pytest.fixture
def daily(tmp_path):
    """A shop that delivers whole days: the 2nd and the 4th."""
    for day in ("2026-03-02", "2026-03-04"):
        (tmp_path / f"{day}.csv.gz").touch()
    return tmp_path


def owned(landing, *ends: str) -> list[str]:
    found = drops.owned(ONLINE_RETAIL, landing, interval(*ends))
    return [drop.files[0].name for drop in found]


def test_days_without_a_drop_are_fine(daily):
    assert owned(daily, "01", "04") == ["2026-03-02.csv.gz"]
    assert owned(daily, "03", "04") == []


def test_before_the_first_drop_there_is_nothing_to_land(daily):
    with pytest.raises(BadInputError, match="no online_retail file from before 2026-03-02") as no:
        owned(daily, "01", "02")
    assert str(daily) in str(no.value)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(BadInputError, match=r"no landing folder .*nowhere"):
        owned(tmp_path / "nowhere", "01", "02")


def test_a_quarter_of_a_day_that_comes_whole_is_skipped_by_reason(daily):
    with pytest.raises(StageSkipped, match="delivers it as a part of"):
        owned(daily, "02T09:00", "02T09:15")


def test_a_quarter_without_a_delivery_is_skipped_by_reason(daily):
    with pytest.raises(StageSkipped, match="delivered nothing in it"):
        owned(daily, "03T09:00", "03T09:15")


def test_an_interval_must_not_cut_a_drop(daily):
    with pytest.raises(BadArgumentError, match="cuts the drop"):
        owned(daily, "01", "02T12:00")


def test_drops_of_other_parts_of_the_day_do_not_matter(tmp_path):
    (tmp_path / "events").mkdir()
    for name in ("20260301T0900-20260301T0915", "20260301T0915-20260301T0930"):
        (tmp_path / "events" / f"{name}.csv.gz").touch()
    found = drops.owned(FLASH_SALE, tmp_path, interval("01T09:15", "01T09:30"))
    assert [drop.interval for drop in found] == [interval("01T09:15", "01T09:30")]


def gaps(whole: tuple[str, str], *delivered: tuple[str, str]) -> list[Interval]:
    return drops.gaps(interval(*whole), [Drop(interval(*d), ()) for d in delivered])


def test_a_day_without_drops_is_one_gap():
    assert gaps(("01", "04"), ("02", "03")) == [interval("01", "02"), interval("03", "04")]


def test_gaps_within_a_day_are_as_long_as_its_drops():
    assert gaps(("01", "02"), ("01T08:00", "01T16:00")) == [
        interval("01", "01T08:00"),
        interval("01T16:00", "02"),
    ]
    assert len(gaps(("01", "02"), ("01T09:00", "01T09:15"))) == 95


def test_a_day_that_was_delivered_whole_has_no_gap():
    assert gaps(("01", "02"), ("01", "01T09:00"), ("01T09:00", "02")) == []
