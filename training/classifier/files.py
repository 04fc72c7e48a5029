"""A classifier on disk: `model.safetensors` (weights) and `model.json` (all else).

That is its shape, its tasks with their classes, and how sure it must be to answer each.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file, save_file
from transformers import ResNetConfig, ResNetModel

from training.classifier.calibration import Calibration, Shown
from training.classifier.catalogue import Task
from training.classifier.config import ClassifierConfig
from training.classifier.model import ProductClassifier
from training.classifier.sentences import opened
from vitrine.errors import BadInputError

if TYPE_CHECKING:
    import pandas as pd

WEIGHTS, DESCRIPTION = "model.safetensors", "model.json"
SENTENCES = "sentence_encoder"
"""Folder of the pretrained sentence encoder, in a model that reads texts with one."""
FORMAT = 6


def save(model: ProductClassifier, folder: Path) -> None:
    """Write the model into an existing folder."""
    weights = {name: value.contiguous().cpu() for name, value in model.state_dict().items()}
    save_file(weights, folder / WEIGHTS)
    description = {
        "format": FORMAT,
        "config": model.config.to_json(),
        "encoder": model.encoder.config.to_dict(),
        "tasks": [asdict(task) for task in model.tasks],
        "calibrations": {
            shown.value: [calibration.to_json() for calibration in calibrations]
            for shown, calibrations in model.calibrations.items()
        },
    }
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=2) + "\n")
    if model.config.text_pretrained:
        opened(model.config.text_pretrained).save(folder / SENTENCES)


def load(folder: Path, device: torch.device | None = None) -> ProductClassifier:
    """Read what `save` wrote, ready to predict.

    Raises
    ------
    BadInputError
        If the folder was written by another version of this format.
    """
    description = json.loads((folder / DESCRIPTION).read_text())
    if description["format"] != FORMAT:
        raise BadInputError(
            f"{folder} holds a classifier of format {description['format']}, this version reads"
            f" {FORMAT}; train again with `vitrine train classifier`"
        )
    tasks = tuple(
        Task(t["name"], tuple(t["classes"]), t["is_multi_label"]) for t in description["tasks"]
    )
    device = device or torch.device("cpu")
    config = ClassifierConfig.from_json(description["config"])
    if config.text_pretrained:
        # What it was trained with may be gone, or out of reach here.
        config = replace(config, text_pretrained=str(folder / SENTENCES))
        opened(config.text_pretrained).to(device)
    encoder = ResNetModel(ResNetConfig.from_dict(description["encoder"]))
    model = ProductClassifier(config, tasks, encoder)
    model.load_state_dict(load_file(folder / WEIGHTS))
    model.calibrations = {
        shown: tuple(map(Calibration.from_json, description["calibrations"][shown.value]))
        for shown in Shown
    }
    return model.to(device).eval()


def predictor(folder: Path) -> "Callable[[pd.DataFrame], pd.DataFrame]":
    """Return the model as MLflow serves it: `product_id, text, images` to labelled rows.

    `images` holds a list of file paths a product; see `training.classifier.labelling.table` for the
    answer's columns.
    """
    from training.classifier.catalogue import Product
    from training.classifier.images import ImageFile
    from training.classifier.labelling import Decoder, label

    model = load(folder)

    def answer(frame: "pd.DataFrame") -> "pd.DataFrame":
        products = [
            Product(
                row["product_id"], row["text"], tuple(ImageFile(Path(p)) for p in row["images"])
            )
            for row in frame.to_dict("records")
        ]
        return label(model, products, Decoder(model.config.image_size)).to_pandas()

    return answer
