import pytest
from click.testing import CliRunner

from training.classifier.commands import classifier, classify
from training.classifier.config import preset_of
from vitrine.errors import BadArgumentError, StageSkipped


def test_a_shop_without_images_skips_the_training_by_name_and_reason(tmp_path):
    home = {"VITRINE_HOME": str(tmp_path), "VITRINE_SOURCE": "online_retail"}
    result = CliRunner().invoke(classifier, ["--as-of", "2011-10-24"], env=home)
    assert isinstance(result.exception, StageSkipped)
    assert result.exception.exit_code == 99
    assert str(result.exception) == (
        "train classifier skipped: the shop online_retail provides no product_images"
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("products.csv", "is the file of --products"),
        ("link.csv", "is the file of --products"),
        ("photographs/labels.csv", "lies within --images"),
        ("photographs/front/labels.parquet", "lies within --images"),
        ("labels.xlsx", "only .csv and .parquet files are written"),
        ("labels", "only .csv and .parquet files are written"),
    ],
)
def test_labels_overwrite_nothing_that_was_handed_in(tmp_path, out, said):
    (tmp_path / "photographs").mkdir()
    (tmp_path / "products.csv").write_text("id,name\n7,Fine shirt\n")
    (tmp_path / "link.csv").symlink_to("products.csv")
    before = sorted(tmp_path.rglob("*"))
    asked = ["--images", tmp_path / "photographs", "--products", tmp_path / "products.csv"]
    words = [str(word) for word in (*asked, "--out", tmp_path / out)]
    result = CliRunner().invoke(classify, words, env={"VITRINE_HOME": str(tmp_path / "home")})
    assert isinstance(result.exception, BadArgumentError)
    assert said in str(result.exception)
    assert "\n" not in str(result.exception)
    assert sorted(tmp_path.rglob("*")) == before


def test_pretrained_weights_go_with_the_large_preset():
    assert preset_of("resnet50", "folder").pretrained == "folder"
    with pytest.raises(BadArgumentError, match="--preset resnet50"):
        preset_of("cpu", "folder")


@pytest.mark.parametrize("change", [{"epochs": 0}, {"dropout": 1.0}, {"stage_depths": (1,)}])
def test_a_configuration_is_checked_when_it_is_made(tiny, change):
    with pytest.raises(BadArgumentError):
        type(tiny)(**(tiny.to_json() | change))
