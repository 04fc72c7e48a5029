import pytest

from vitrine.errors import BadArgumentError, StageSkipped
from vitrine.interval import Interval
from vitrine.runlog import read_runs, record

DAY = Interval.parse("2026-03-29", "2026-03-30")


def test_a_run_leaves_what_it_did_and_what_it_cost(paths):
    with record(paths, "land", DAY) as run:
        run.note(rows_in=3)
        run.note(rows_in=4, rows_out=2)
    (entry,) = read_runs(paths)
    assert entry["outcome"] == "succeeded"
    assert entry["figures"] == {"rows_in": 4, "rows_out": 2}
    assert entry["interval_start_at"] == "2026-03-29T00:00:00Z"
    assert entry["peak_memory_bytes"] > 1_000_000


@pytest.mark.parametrize(("error", "outcome"), [(ValueError, "failed"), (StageSkipped, "skipped")])
def test_a_run_that_ends_early_leaves_its_record_too(paths, error, outcome):
    with pytest.raises(error), record(paths, "land", DAY):
        raise error("why")
    (entry,) = read_runs(paths)
    assert entry["outcome"] == outcome
    assert "why" in entry["figures"]["error"]


def test_what_was_typed_wrong_leaves_nothing(paths):
    with pytest.raises(BadArgumentError), record(paths, "recommend", DAY):
        raise BadArgumentError("no such customer")
    assert not paths.runs.exists()
