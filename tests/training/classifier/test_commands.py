import pytest
from click.testing import CliRunner

from training.classifier.commands import classifier
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


def test_pretrained_weights_go_with_the_large_preset():
    assert preset_of("resnet50", "folder").pretrained == "folder"
    with pytest.raises(BadArgumentError, match="--preset resnet50"):
        preset_of("cpu", "folder")


@pytest.mark.parametrize("change", [{"epochs": 0}, {"dropout": 1.0}, {"stage_depths": (1,)}])
def test_a_configuration_is_checked_when_it_is_made(tiny, change):
    with pytest.raises(BadArgumentError):
        type(tiny)(**(tiny.to_json() | change))
