"""Which products of an interval the classifier can learn from: labels and a photograph."""

from vitrine import lake
from vitrine.installation import Installation
from vitrine.interval import Interval
from vitrine.sources import require


def labelled_products(installation: Installation, interval: Interval) -> int:
    """Count the distinct products received in `interval` with a label and an image.

    Raises
    ------
    StageSkipped
        If the shop provides no products or no images.
    """
    require(installation.shop, "labels", "products", "product_images")
    root = installation.paths.lake
    products = lake.read(root, "products", interval, ["product_id", "attributes"])
    images = lake.read(root, "product_images", interval, ["product_id"])
    labelled = {
        row["product_id"] for row in products.to_pylist() if any(v for _, v in row["attributes"])
    }
    return len(labelled & set(images["product_id"].to_pylist()))
