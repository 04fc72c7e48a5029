"""The whole way of `vitrine evaluate --model classifier`, on a small shop of drawn photographs."""

import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.training.conftest import Typed, typing_in
from training.classifier.judging import publication
from training.classifier.training import train
from training.registry import Registry
from vitrine.interval import DAY, parse_instant
from vitrine.publish import current_version, new_version

AS_OF = parse_instant("2026-01-02")


@pytest.fixture(scope="module")
def shop(make_shop, tiny):
    shop = make_shop(260)
    assert train(shop.settings, shop.paths, AS_OF, tiny).is_champion
    return shop


@pytest.fixture(scope="module")
def run_in_shop(shop) -> Typed:
    settings = shop.settings
    return typing_in(
        settings.home, VITRINE_LANDING=str(settings.landing), VITRINE_SOURCE=settings.source
    )


@pytest.fixture(scope="module")
def judged(run_in_shop, tmp_path_factory):
    page = tmp_path_factory.mktemp("docs") / "classifier.md"
    code, printed = run_in_shop("evaluate", "--model", "classifier", "--as-of", "2026-01-02",
                                "--page", str(page))  # fmt: skip
    assert code == 0, printed
    return printed, page


@pytest.fixture(scope="module")
def scores(shop, judged):
    folder = current_version(shop.paths.classifier_evaluations)
    rows = pd.read_parquet(folder / "classifier_scores.parquet")
    return rows.set_index(["subject", "task", "metric"]).sort_index()


def test_colour_needs_the_images_and_kind_the_text(scores):
    value, highest_loss = scores["value"], scores["difference_high"]
    assert value["classifier", "colour", "accuracy"] > 0.9
    assert value["classifier", "kind", "accuracy"] > 0.9
    assert highest_loss["text alone", "colour", "accuracy"] < 0
    assert highest_loss["images alone", "kind", "accuracy"] < 0
    assert highest_loss["words", "colour", "accuracy"] < 0
    assert value["words", "kind", "accuracy"] > 0.9
    # What no image and no text says stays a coin, for everybody.
    for subject in ("classifier", "words", "letters"):
        assert value[subject, "coin", "accuracy"] == pytest.approx(0.5, abs=0.3)


def test_one_photograph_of_two_alike_is_enough(scores):
    for subject in ("one view", "a view missing"):
        assert scores["difference"][subject, "colour", "accuracy"] > -0.1


def test_what_prints_fits_the_terminal_and_names_its_tables(shop, judged):
    printed, page = judged
    lines = printed.splitlines()
    assert max(map(len, lines[3:-3])) <= 100
    assert f"page and pictures: {page}" in lines
    assert "`vitrine sql` shows it as classifier_scores" in lines[-1]


def test_the_page_outside_the_home_shows_plots_and_no_photograph(judged):
    _, page = judged
    pictures = re.findall(r"!\[.*\]\((.*)\)", page.read_text())
    assert pictures == ["images/classifier-tasks.png", "images/classifier-reliability.png"]
    assert {f"images/{p.name}" for p in (page.parent / "images").iterdir()} == {*pictures}


def test_the_home_shows_what_was_confused(shop, judged):
    folder = current_version(shop.paths.classifier_evaluations)
    page = (folder / "classifier.md").read_text()
    assert "### coin\n\n![What is taken for what](confused-01.png)" in page
    mistakes = pd.read_parquet(folder / "classifier_mistakes.parquet")
    coins = mistakes[mistakes["task"] == "coin"]
    assert {*coins["true_label"]} <= {"heads", "tails"}
    assert (coins["true_label"] != coins["given_label"]).all()
    with Image.open(folder / "confused-01.png") as sheet:
        red, green, blue = np.asarray(sheet.convert("RGB"), int).reshape(-1, 3).T
    assert (red - np.maximum(green, blue)).max() > 100, "no red product on the sheet"


def test_the_version_s_run_knows_the_figures_and_a_second_time_nothing_is_new(
    shop, scores, run_in_shop
):
    root = shop.paths.classifier_evaluations
    first = current_version(root).name
    registry = Registry(shop.settings, shop.paths)
    before = registry.version("classifier", 1).metrics
    found = scores["value"]["classifier", "colour", "macro_f1"]
    assert before["held_out/macro_f1/colour"] == found
    code, printed = run_in_shop("evaluate", "--model", "classifier", "--as-of", "2026-01-02",
                                "--version", "1")  # fmt: skip
    assert code == 0, printed
    assert current_version(root).name.partition(".")[0] == first
    assert registry.version("classifier", 1).metrics == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "classifier", "--weeks", "3", "--jobs", "2"],
         "--model classifier has no --weeks and no --jobs; see `vitrine evaluate --help`"),
        (["--version", "1"], "--model ranker has no --version; see `vitrine evaluate --help`"),
        (["--model", "classifier", "--version", "9"],
         "there is no version 9 of the classifier; there are 1"),
    ],
)  # fmt: skip
def test_what_does_not_belong_is_refused_in_one_line(run_in_shop, arguments, said):
    code, printed = run_in_shop("evaluate", "--as-of", "2026-01-02", *arguments)
    assert (code, printed) == (2, f"vitrine: {said}\n")


def test_a_version_that_knows_later_products_does_not_answer(run_in_shop):
    code, printed = run_in_shop("evaluate", "--model", "classifier", "--as-of", "2026-01-01")
    assert code == 2
    assert "knows what was received until 2026-01-02T00:00:00Z" in printed


def test_without_a_classifier_the_message_says_what_to_run(tmp_path):
    typed = typing_in(tmp_path, VITRINE_SOURCE="fashion_products")
    code, printed = typed("evaluate", "--model", "classifier", "--as-of", "2026-01-02")
    assert code != 0
    assert "no classifier was trained" in printed
    assert "vitrine train classifier --as-of" in printed


@pytest.mark.parametrize(
    ("is_champion", "days", "reason"),
    [(True, 0, ""), (True, 1, ""), (True, -1, "which is later"), (False, 1, "not the champion")],
)
def test_only_a_champion_and_no_earlier_instant_takes_the_place_of_the_current_one(
    is_champion, days, reason, tmp_path
):
    with new_version(tmp_path, "first") as folder:
        rows = pd.DataFrame({"as_of": [pd.Timestamp(AS_OF)]})
        rows.to_parquet(folder / publication.SCORES)
    found = publication.why_aside(tmp_path, AS_OF + days * DAY, 2, is_champion=is_champion)
    assert reason in found
    assert bool(reason) == bool(found)
