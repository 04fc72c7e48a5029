"""A shop of products alone: whatever needs orders skips itself, in a line that says so."""

import pytest

from vitrine.cli import vitrine
from vitrine.errors import StageSkipped

NIGHT = ["--as-of", "2026-03-16T03:30:00Z"]
DAY = ["--start", "2026-03-15", "--end", "2026-03-16"]
NEEDS_ORDERS = [
    ["check", "deltas", *DAY],
    ["check", "features", *DAY, "--database", "daily"],
    ["train", "examples", *NIGHT],
    ["check", "examples", *NIGHT],
    ["train", "ranker", *NIGHT],
    ["score", *NIGHT],
    ["lists", "build", *NIGHT],
    ["check", "lists", *NIGHT],
    ["lists", "publish", *NIGHT],
]


@pytest.mark.parametrize("command", NEEDS_ORDERS, ids=" ".join)
def test_a_stage_says_by_name_what_its_shop_lacks(command, settings, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(settings.home))
    monkeypatch.setenv("VITRINE_LANDING", str(settings.landing))
    monkeypatch.setenv("VITRINE_SOURCE", "fashion_products")
    with pytest.raises(StageSkipped, match=r" skipped: .*fashion_products provides no "):
        vitrine(command, standalone_mode=False)


def test_a_shop_without_photographs_embeds_nothing(settings, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(settings.home))
    monkeypatch.setenv("VITRINE_LANDING", str(settings.landing))
    monkeypatch.setenv("VITRINE_SOURCE", "online_retail")
    said = "embed skipped: the shop online_retail provides no product_images"
    with pytest.raises(StageSkipped, match=said):
        vitrine(["embed", *NIGHT], standalone_mode=False)


def test_a_shop_without_a_classifier_embeds_nothing(settings, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(settings.home))
    monkeypatch.setenv("VITRINE_LANDING", str(settings.landing))
    monkeypatch.setenv("VITRINE_SOURCE", "fashion_products")
    with pytest.raises(StageSkipped, match="embed skipped: no classifier is in service"):
        vitrine(["embed", *NIGHT], standalone_mode=False)
