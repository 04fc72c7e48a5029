import json
import os

import pytest

from vitrine import embeddings
from vitrine.interval import parse_instant
from vitrine.publish import new_version


def publish(root, number, model, data_end="2026-03-01T00:00:00Z"):
    with new_version(root, f"{number:02}", 2, embeddings.newest_of_models) as folder:
        manifest = folder / embeddings.MANIFEST
        manifest.write_text(json.dumps({"version": model, "data_end": data_end}))
        os.utime(folder, (number, number))
    published = root / "versions" / f"{number:02}"
    for file in (published, published / embeddings.MANIFEST):
        os.utime(file, (number, number))


def test_of_each_of_the_last_models_the_newest_publication_stays(tmp_path):
    for number, model in enumerate([1, 1, 2, 2, 2, 3, 4, 5, 6, 6, 6], start=1):
        publish(tmp_path, number, model)
    kept = sorted(path.name for path in (tmp_path / "versions").iterdir())
    # The last two, and one each of models 2 to 5; the first model's are gone.
    assert kept == ["05", "06", "07", "08", "10", "11"]


@pytest.mark.parametrize(
    ("asked", "expected"), [("2026-03-01", None), ("2026-03-02", 2), ("2026-03-09", 3)]
)
def test_an_instant_knows_the_newest_of_what_had_learnt_nothing_later(tmp_path, asked, expected):
    for number, (model, data_end) in enumerate([(2, "2026-03-02"), (3, "2026-03-08")], start=1):
        publish(tmp_path, number, model, f"{data_end}T00:00:00Z")
    found = embeddings.known_at(tmp_path, parse_instant(asked))
    assert (found and found.manifest["version"]) == expected
