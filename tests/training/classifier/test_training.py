"""The whole way: lake, training, registry, gate, published embeddings, and `vitrine classify`."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from training.champion_commands import rollback
from training.classifier import commands, files
from training.classifier.calibration import Shown
from training.classifier.embeddings import embed
from training.classifier.serving import champion
from training.classifier.training import Catalogue, Report, train
from training.evaluation.gate import Decision
from training.promotion import Promotion
from training.registry import Registry, Trained
from vitrine.errors import NotPublishedError, StageSkipped
from vitrine.interval import DAY, format_instant, parse_instant
from vitrine.publish import current_version

AS_OF = parse_instant("2026-01-02")


@pytest.fixture(scope="module")
def shop(make_shop):
    return make_shop(260)


@pytest.fixture(scope="module")
def said() -> list[str]:
    """Lines of progress of the training below."""
    return []


@pytest.fixture(scope="module")
def trained(shop, tiny, said) -> Report:
    shop.photograph("p_3", "front").write_bytes(b"not an image any more")
    return train(shop.settings, shop.paths, AS_OF, tiny, said.append)


def test_a_model_that_beats_the_majority_becomes_champion(shop, trained):
    assert trained.is_champion, trained.reason
    assert trained.metrics["score"] > trained.metrics["majority/score"]
    version = Registry(shop.settings, shop.paths).champion("classifier")
    assert version == champion(shop.settings, shop.paths)[0]
    assert format_instant(version.data.end) == "2026-01-02T00:00:00Z"
    assert version.metrics["majority/score"] == trained.metrics["majority/score"]


def test_what_tuned_the_first_network_is_learnt_by_the_second(shop, trained, said, tiny):
    tuning = Catalogue.read(shop.paths, AS_OF).tuning
    assert f"once more, with the {len(tuning)} products that it was tuned by" in said
    assert sum(line.startswith("epoch ") for line in said) == 2 * tiny.epochs
    _, model = champion(shop.settings, shop.paths)
    labelled = [sum(task.name in p.labels for p in tuning) for task in model.tasks]
    assert [c.label_count for c in model.calibrations[Shown.BOTH]] == labelled


def test_a_bad_image_is_counted_and_the_training_goes_on(trained):
    assert trained.refused_images.total() == 1


def test_the_whole_catalogue_is_embedded(shop, trained):
    folder = current_version(shop.paths.embeddings)
    rows = pq.read_table(folder / "product_embeddings.parquet")
    columns = ["product_id", "model_version", "content_received_at", "embedding"]
    assert rows.column_names == columns
    assert max(rows["content_received_at"].to_pylist()) < AS_OF
    assert rows["product_id"].to_pylist() == sorted(f"p_{n}" for n in range(260))
    assert set(rows["model_version"].to_pylist()) == {trained.version.version}
    vectors = np.stack(rows["embedding"].to_numpy())
    assert vectors.shape == (260, 128)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["model"], manifest["version"]) == ("classifier", trained.version.version)
    assert (manifest["as_of"], manifest["product_count"]) == ("2026-01-02T00:00:00Z", 260)


def test_missing_labels_are_filled_where_the_model_is_sure(shop, trained):
    folder = current_version(shop.paths.embeddings)
    rows = pq.read_table(folder / "product_attributes.parquet").to_pandas()
    counted = json.loads((folder / "manifest.json").read_text())["attributes"]
    assert counted["row_count"] == len(rows) == 260 * 3
    for source, those in rows.groupby("source"):
        assert counted[f"{source.replace(' ', '_')}_count"] == len(those)
    catalogue = {p.product_id: p.labels for p in Catalogue.read(shop.paths, AS_OF).products}
    for row in rows.to_dict("records"):
        given = catalogue[row["product_id"]].get(row["task"])
        assert (row["source"] == "given") == (given is not None)
        assert given in (None, row["label"])
    # A coin's side is nowhere to be seen, and 26 tuning products make nobody sure of the rest.
    assert set(rows.source) == {"given", "ask a person"}
    tasks = ["coin", "colour", "kind"]
    shown = ("images and text", "images alone", "text alone")
    assert trained.asks_a_person == dict.fromkeys(shown, tasks)
    assert "  from text alone never answers coin, colour, kind" in trained.lines()


def test_the_report_says_how_right_it_is_whatever_is_shown(trained):
    prefixes = {
        "images and text": "",
        "images alone": "image_only/",
        "text alone": "text_only/",
        "majority class": "majority/",
    }
    assert [line.partition(", macro-F1")[0] for line in trained.lines()[1:5]] == [
        f"  {name}: accuracy {trained.metrics[f'{prefix}accuracy']:.4f}"
        for name, prefix in prefixes.items()
    ]


def test_mlflow_alone_can_serve_it(shop, trained):
    served = Registry(shop.settings, shop.paths).load(trained.version)
    request = {
        "product_id": ["new"],
        "text": ["Fine boot"],
        "images": [[str(shop.photograph("p_1", "front"))]],
    }
    answer = served.predict(pd.DataFrame(request))
    assert list(answer.columns) == ["product_id", "task", "label", "probability", "verdict"]
    kind = answer[answer.task == "kind"]
    assert kind.label.iloc[0] == "boot"
    assert kind.probability.sum() == pytest.approx(1, abs=1e-5)


@pytest.fixture(scope="module")
def classified(shop, trained, tmp_path_factory) -> tuple[pd.DataFrame, str]:
    folder = tmp_path_factory.mktemp("classify")
    (folder / "broken.png").write_bytes(b"oops")
    for name, product in (("seen", "p_0"), ("seen", "p_1")):
        view = "back" if product == "p_0" else "front"
        source = shop.photograph("p_0", view)
        (folder / f"{name}_{view}.png").write_bytes(source.read_bytes())
    (folder / "products.csv").write_text(
        'id,productDisplayName,price\nseen,"Boot, fine",3\nwritten,Fine shirt,4\nbroken,,5\n'
    )
    out = tmp_path_factory.mktemp("labels") / "predictions.parquet"
    run = classify(shop, folder, folder / "products.csv", out)
    assert run.returncode == 0, run.stderr
    return pd.read_parquet(out), run.stdout + run.stderr


def classify(shop, images: Path, products: Path, out: Path) -> subprocess.CompletedProcess[str]:
    command = f"classify --images {images} --products {products} --out {out}"
    return subprocess.run(
        [sys.executable, "-c", "from vitrine.cli import main; main()", *command.split()],
        env={
            "VITRINE_HOME": str(shop.settings.home),
            "VITRINE_LANDING": str(shop.settings.landing),
            "VITRINE_TORCH_THREADS": "1",
            "PATH": "/usr/bin:/bin",
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_product_gets_its_top_labels_a_task(classified):
    rows, _ = classified
    assert list(rows.columns) == ["product_id", "task", "label", "probability", "verdict"]
    counts = rows.groupby(["product_id", "task"], sort=False).size()
    assert counts.to_dict() == {
        (product, task): count
        for product in ("seen", "written", "broken")
        for task, count in (("coin", 2), ("colour", 3), ("kind", 3))
    }
    falling = rows.groupby(["product_id", "task"]).probability.apply(
        lambda p: p.is_monotonic_decreasing
    )
    assert falling.all()
    best = rows.groupby(["product_id", "task"]).first().label
    assert best["seen", "kind"] == "boot"
    assert best["written", "kind"] == "shirt"


def test_a_row_a_product_as_csv(shop, trained, tmp_path):
    (tmp_path / "products.csv").write_text("id,name\n007,Fine shirt\n8,Fine boot\n")
    home = {"VITRINE_HOME": str(shop.settings.home), "VITRINE_TORCH_THREADS": "1"}
    (tmp_path / "photographs").mkdir()
    asked = [
        "--images",
        str(tmp_path / "photographs"),
        "--products",
        str(tmp_path / "products.csv"),
    ]
    out = tmp_path / "labels.csv"
    run = CliRunner().invoke(commands.classify, [*asked, "--out", str(out), "--wide"], env=home)
    assert run.exit_code == 0, run.output
    assert out.read_text().splitlines() == [
        '"product_id","coin","colour","kind","ask_a_person"',
        '"007",,,,"coin|colour|kind"',
        '"8",,,,"coin|colour|kind"',
    ]


def test_a_model_that_is_never_sure_says_so(classified):
    rows, said = classified
    assert set(rows.verdict) == {"ask a person"}
    assert "text from productDisplayName" in said
    for task in ("coin  ", "colour", "kind  "):
        assert f"  {task}  never: no threshold surely keeps 95 % of its answers right" in said


def test_a_bad_photograph_is_reported(classified):
    _, said = classified
    assert "broken.png: wrong_type" in said
    assert "1 images (1 wrong_type)" in said
    assert "without a photograph: 1 products" in said


def test_bad_arguments_are_one_line_and_write_nothing(shop, tmp_path):
    out = tmp_path / "out.parquet"
    run = classify(shop, tmp_path / "absent", tmp_path / "absent.csv", out)
    assert run.returncode == 2
    assert run.stderr == f"vitrine: --images {tmp_path / 'absent'}: there is no such folder\n"
    assert not out.exists()


def test_without_a_champion_the_message_says_what_to_run(settings, paths):
    with pytest.raises(NotPublishedError, match="vitrine train classifier"):
        champion(settings, paths)


def test_too_few_products_are_refused(make_shop, tiny):
    small = make_shop(3)
    with pytest.raises(NotPublishedError, match="labelled products were received before"):
        train(small.settings, small.paths, AS_OF, tiny)


def test_the_embeddings_of_before_are_kept_while_nothing_changes(shop, trained):
    again = embed(shop.settings, shop.paths, AS_OF + DAY)
    assert not again.is_new
    assert again.folder == trained.embeddings == current_version(shop.paths.embeddings)
    assert "nothing has changed" in again.line()


def test_a_question_about_the_past_replaces_no_embeddings(shop, trained):
    with pytest.raises(StageSkipped, match="knows the data until 2026-01-02T00:00:00Z, later"):
        embed(shop.settings, shop.paths, AS_OF - timedelta(hours=1))
    assert current_version(shop.paths.embeddings) == trained.embeddings


def test_without_a_champion_or_a_product_nothing_is_embedded(make_shop, settings, paths):
    shop = make_shop(3)
    with pytest.raises(StageSkipped, match=r"embed skipped: .*vitrine train classifier"):
        embed(shop.settings, shop.paths, AS_OF)
    assert not shop.paths.embeddings.exists()


def test_a_champion_of_an_older_format_fails_no_day(shop, trained, tmp_path):
    def older(folder: Path) -> None:
        told = json.loads((folder / files.DESCRIPTION).read_text())
        told["format"] -= 1
        (folder / files.DESCRIPTION).write_text(json.dumps(told))

    assert promoted_copy(shop, trained, tmp_path, older) == 2
    with pytest.raises(StageSkipped, match=r"embed skipped: .*; train again with `vitrine train"):
        embed(shop.settings, shop.paths, AS_OF + 2 * DAY)
    assert current_version(shop.paths.embeddings) == trained.embeddings


def test_the_catalogue_is_embedded_by_whoever_serves_after_a_change(shop, trained, tmp_path):
    assert champion_number(shop) == 2

    def otherwise(folder: Path) -> None:
        (folder / "another.txt").write_text("so that it is not the same model")

    assert promoted_copy(shop, trained, tmp_path, otherwise) == 3
    by_third = embed(shop.settings, shop.paths, AS_OF)
    assert by_third.computed_count == 260
    # Version 2 is the one of an older format.
    assert "serves instead of version 3; embed skipped: " in rolled_back(shop)
    assert champion_number(shop) == 2
    assert current_version(shop.paths.embeddings) == by_third.folder
    said = rolled_back(shop, "--to", "1")
    assert "260 products by classifier version 1, 260 embedded anew" in said
    assert published_version(shop) == 1


def test_who_no_longer_serves_when_all_is_embedded_publishes_nothing(shop, trained):
    """Version 3 embeds a day later, and before it ends version 1 serves and has embedded."""
    promotion = Promotion.of(Registry(shop.settings, shop.paths), shop.paths)
    promotion.roll_back("classifier", to=3)
    said: list[str] = []

    def meanwhile(line: str) -> None:
        assert champion_number(shop) == 3
        said.extend([line, rolled_back(shop, "--to", "1")])

    with pytest.raises(StageSkipped, match="version 1 has come into service since version 3 began"):
        embed(shop.settings, shop.paths, AS_OF + DAY, meanwhile)
    assert [line.split(",")[0] for line in said] == [
        "embedded 260 of 260 products",
        "classifier version 1",
    ]
    assert published_version(shop) == 1


def test_a_mistyped_future_is_published_as_of_what_was_received(shop, trained):
    folder = current_version(shop.paths.embeddings)
    assert not embed(shop.settings, shop.paths, parse_instant("2027-01-01")).is_new
    right = (folder / "manifest.json").read_text()
    # An earlier release has written the later instant down.
    wrong = right.replace('"as_of": "2026-01-02', '"as_of": "2027-01-01')
    (folder / "manifest.json").write_text(wrong)
    assert json.loads(wrong)["as_of"] > json.loads(right)["as_of"]
    mended = embed(shop.settings, shop.paths, AS_OF)
    assert (mended.is_new, mended.computed_count) == (True, 0)
    assert (mended.folder / "manifest.json").read_text() == right


def promoted_copy(shop, trained: Report, folder: Path, change: Callable[[Path], None]) -> int:
    """Let a changed copy of the trained version's files serve; return its number."""
    models = Registry(shop.settings, shop.paths)
    for file in models.folder(trained.version).iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    change(folder)
    copy = Trained(
        folder=folder,
        entry=Path(__file__).parents[3] / "training" / "classifier" / "entry.py",
        params={},
        metrics={},
        curves={},
        data=trained.version.data,
        example_inputs=pd.DataFrame({"product_id": ["p"]}),
        example_outputs=pd.DataFrame({"product_id": ["p"]}),
    )
    version = models.register("classifier", copy)
    Promotion.of(models, shop.paths).promote(version, Decision(True, "better"))
    return champion_number(shop)


def published_version(shop) -> int:
    manifest = current_version(shop.paths.embeddings) / "manifest.json"
    number: int = json.loads(manifest.read_text())["version"]
    return number


def champion_number(shop) -> int:
    version = Registry(shop.settings, shop.paths).champion("classifier")
    assert version is not None
    return version.version


def rolled_back(shop, *words: str) -> str:
    environment = {
        "VITRINE_HOME": str(shop.settings.home),
        "VITRINE_LANDING": str(shop.settings.landing),
        "VITRINE_SOURCE": shop.settings.source,
    }
    result = CliRunner().invoke(rollback, ["classifier", *words], env=environment)
    assert result.exception is None, result.output
    return result.output
