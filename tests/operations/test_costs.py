"""What a training stage's last run says of its model beside the baselines."""

from typing import Any

from vitrine.operations import costs


def test_heads_stand_apart_and_ranks_are_whole_numbers():
    noted = {
        "map_at_12": 0.25,
        "needed_for_10_percent": 1.0,
        "popularity_7d_map_at_12": 0.125,
        "popularity_7d_needed_for_10_percent": 1250.0,
    }
    runs: list[Any] = [{"stage": "train ranker", "outcome": "succeeded", "figures": noted}]
    head, *lines = costs.comparison(runs, "train ranker").splitlines()
    assert head.split()[-2:] == ["map_at_12", "needed_for_10_percent"]
    assert [line.split()[-2:] for line in lines] == [["0.2500", "1"], ["0.1250", "1,250"]]
    assert {len(line) for line in lines} == {len(head)}
    assert "  needed_for_10_percent" in head
