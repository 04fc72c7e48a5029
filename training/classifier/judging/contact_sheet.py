"""Confused products as a picture: a line a pair of classes, a photograph a product.

A sheet holds the shop's photographs. So it stays in the home, and no page outside shows it.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from training.classifier.catalogue import Product
from training.classifier.images import BadImageError, decode
from training.classifier.judging.mistakes import confusions
from training.classifier.judging.scores import rows_of

LINES, COLUMNS = 5, 8
"""Pairs on a sheet, and products of a pair: those about which the classifier was surest."""
SIDE, GAP, CAPTION = 128, 8, 20
"""Pixels: of a photograph, between two, and of a line of text."""
MOST_SHEETS = 30
"""The tasks with the most mistakes have a sheet."""
INK, PAPER, EMPTY = "#333333", "white", "#eeeeee"


def draw_sheets(
    mistakes: pd.DataFrame, products: Mapping[str, Product], folder: Path
) -> dict[str, str]:
    """Draw a sheet for each task that has mistakes; return task -> file name."""
    counts = mistakes.groupby("task").size().sort_values(ascending=False, kind="stable")
    names = {}
    for number, task in enumerate(sorted(counts.index[:MOST_SHEETS]), start=1):
        names[task] = f"confused-{number:02}.png"
        of_task = mistakes[mistakes["task"] == task]
        draw_sheet(of_task, products, folder / names[task])
    return names


def draw_sheet(mistakes: pd.DataFrame, products: Mapping[str, Product], file: Path) -> None:
    """Draw one task's most frequent pairs, each with its products and how sure the classifier was.

    Of a product its first photograph is shown, or an empty field where that cannot be read.
    """
    pairs = confusions(mistakes, LINES)
    height = 2 * CAPTION + SIDE + GAP
    sheet = Image.new("RGB", (COLUMNS * (SIDE + GAP) + GAP, len(pairs) * height + GAP), PAPER)
    pen = ImageDraw.Draw(sheet)
    by_pair = mistakes.groupby(["true_label", "given_label"])
    for line, pair in enumerate(rows_of(pairs)):
        top = GAP + line * height
        said = f"{pair.true_label} → {pair.given_label}: {pair.product_count:,}"
        pen.text((GAP, top), said, fill=INK, font=_font(13))
        confused = by_pair.get_group((pair.true_label, pair.given_label))
        surest = confused.sort_values(["probability", "product_id"], ascending=[False, True])
        for column, row in enumerate(rows_of(surest.head(COLUMNS))):
            left = GAP + column * (SIDE + GAP)
            sheet.paste(_photograph(products[row.product_id]), (left, top + CAPTION))
            caption = f"{row.product_id}  {_sureness(row.probability)}"
            pen.text((left, top + CAPTION + SIDE + 2), caption, fill=INK, font=_font(11))
    sheet.save(file)


def _sureness(probability: float) -> str:
    return "" if np.isnan(probability) else f"{probability:.0%}"


def _photograph(product: Product) -> Image.Image:
    try:
        return Image.fromarray(decode(product.images[0].read(), SIDE))
    except (BadImageError, IndexError):
        return Image.new("RGB", (SIDE, SIDE), EMPTY)


@lru_cache
def _font(size: int) -> Any:
    """Return a font that has the letters of most languages."""
    from matplotlib import get_data_path

    return ImageFont.truetype(Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)
