import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
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


def read(folder, asked):
    manifest = {"data_end": "2026-03-01T00:00:00Z", "as_of": "2026-03-28T00:00:00Z"}
    found = embeddings.Embeddings(folder, manifest).read(parse_instant(asked))
    assert found.column_names == ["product_id", "embedding"]
    return found["product_id"].to_pylist()


def test_an_instant_between_model_and_catalogue_knows_what_had_been_received(tmp_path):
    came = {"old": "2026-02-01", "young": "2026-03-05", "younger": "2026-03-20"}
    rows = {
        "product_id": list(came),
        embeddings.RECEIVED: [parse_instant(day) for day in came.values()],
        "embedding": [[1.0, 0.0]] * 3,
    }
    pq.write_table(pa.table(rows), tmp_path / embeddings.FILE)
    assert read(tmp_path, "2026-03-05") == ["old"], "what comes at an instant is not known by it"
    assert read(tmp_path, "2026-03-06") == ["old", "young"]
    assert read(tmp_path, "2026-03-28") == list(came)


def test_what_does_not_say_when_it_was_received_is_as_young_as_its_catalogue(tmp_path):
    rows = {"product_id": ["a"], "embedding": [[1.0, 0.0]]}
    pq.write_table(pa.table(rows), tmp_path / embeddings.FILE)
    assert read(tmp_path, "2026-03-27") == []
    assert read(tmp_path, "2026-03-28") == ["a"]
