"""What `vitrine sql` and the data dictionary say of the files that the product classifier fills."""

from typing import NamedTuple


class Column(NamedTuple):
    """A column of a published file."""

    name: str
    data_type: str
    description: str


class Table(NamedTuple):
    """A published file."""

    name: str
    description: str
    columns: tuple[Column, ...]


_PRODUCT = Column("product_id", "varchar", "Product.")
ATTRIBUTES = Table(
    "product_attributes",
    "One row per product and task of the classifier: the label that the shop gave, else the one"
    " that the classifier is sure of. A given label is never overwritten.",
    (
        _PRODUCT,
        Column("task", "varchar", "What is asked of a product, such as colour."),
        Column(
            "label",
            "varchar",
            "The answer, or several, separated by a vertical bar; null where a person must give it."
            " A predicted one names those that are sure, so others may be missing.",
        ),
        Column(
            "source",
            "varchar",
            "given (by the shop), predicted (95 % of a task's predicted answers are right), or ask"
            " a person (nobody gave a label, and the classifier is not sure enough).",
        ),
        Column(
            "probability",
            "float",
            "How probable a predicted label is, calibrated; of several answers, the least probable."
            " Null for others.",
        ),
        Column(
            "model_version", "integer", "Classifier that was asked; null where the label is given."
        ),
        Column(
            "guess",
            "varchar",
            "What the classifier holds to be likeliest, also where it is not sure or a label is"
            " given; null where the task is none of its own.",
        ),
        Column("guess_probability", "float", "How probable that is, calibrated."),
        Column(
            "is_sure",
            "boolean",
            "Whether the classifier would answer so: above the threshold that the task has for"
            " what there is of the product, photographs, words or both.",
        ),
        Column(
            "is_disputed",
            "boolean",
            "Whether the classifier is sure of something else than the given label: one of the two"
            " is wrong, the label most likely where the guess is most probable.",
        ),
    ),
)
EMBEDDINGS = Table(
    "product_embeddings",
    "One row per product: a vector of length 1; products that resemble each other are near.",
    (
        _PRODUCT,
        Column("model_version", "integer", "Classifier that made it."),
        Column(
            "content_received_at",
            "timestamptz",
            "Since when the words and photographs that it was made of had reached Vitrine: who asks"
            " about an instant before that may not use it.",
        ),
        Column("embedding", "float[]", "The vector; the product of two is their cosine."),
    ),
)
QUARANTINED_IMAGES = Table(
    "quarantined_images",
    "One row per photograph of the newest catalogue that landed but cannot be used, and why. One"
    " that the shop replaces by a good one leaves the table.",
    (
        _PRODUCT,
        Column("view", "varchar", "Which view, such as front or back."),
        Column("path", "varchar", "File, relative to the landing folder."),
        Column("sha256", "varchar", "Hash that the shop announced, hexadecimal."),
        Column(
            "reason",
            "varchar",
            "missing (no such file), changed (its bytes are not those announced), empty, wrong_type"
            " (not JPEG, PNG or WebP), too_large (to decode within the memory allowed), truncated"
            " (it ends before the picture does), or damaged (it contradicts itself).",
        ),
        Column("detail", "varchar", "What was found, such as the size in pixels."),
        Column(
            "received_at",
            "timestamptz",
            "When the row that names the photograph reached Vitrine: bad since then.",
        ),
    ),
)
TABLES = (ATTRIBUTES, EMBEDDINGS, QUARANTINED_IMAGES)
