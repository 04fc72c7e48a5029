import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.classifier.hostile import encoded
from training.classifier import images
from training.classifier.decoding import MOST_BYTES, BadImageError
from training.classifier.images import ImageFile, ImageStore

RED = Image.new("RGB", (40, 40), (250, 0, 0))


def pixels(store: ImageStore, file: ImageFile) -> np.ndarray:
    found = store.get(file)
    assert found is not None
    return found


def kept(folder: Path, name: str, data: bytes) -> ImageFile:
    (folder / name).write_bytes(data)
    return ImageFile(folder / name, hashlib.sha256(data).hexdigest())


class Watched(ImageFile):
    """A photograph that notes when it is read."""

    looked_at: list[str]

    def read(self) -> bytes:
        self.looked_at.append(self.path.name)
        return super().read()


def watched(files: list[ImageFile], looked_at: list[str]) -> list[ImageFile]:
    kind = type("Watched", (Watched,), {"looked_at": looked_at})
    return [kind(file.path, file.sha256) for file in files]


def reasons(store: ImageStore, files: list[ImageFile]) -> dict[str, str]:
    return {file.path.name: refusal.reason for file, refusal in store.add(files).items()}


@pytest.fixture
def photographs(tmp_path) -> list[ImageFile]:
    """Two good ones, three bad ones, one that is not there, one that is another."""
    good = kept(tmp_path, "good.png", encoded(RED, "PNG"))
    return [
        kept(tmp_path, "cut.jpg", encoded(RED, "JPEG")[:100]),
        kept(tmp_path, "text.png", b"hello"),
        kept(tmp_path, "empty.png", b""),
        ImageFile(tmp_path / "absent.png", "0" * 64),
        ImageFile(good.path, "1" * 64),
        good,
        kept(tmp_path, "also.png", encoded(Image.new("RGB", (9, 9), "blue"), "PNG")),
    ]


def test_a_bad_image_is_refused_and_the_rest_goes_on(tmp_path, photographs):
    store = ImageStore(tmp_path / "store", 8)
    assert reasons(store, photographs) == {
        "cut.jpg": "truncated",
        "text.png": "wrong_type",
        "empty.png": "empty",
        "absent.png": "missing",
        "good.png": "changed",
    }
    *bad, good, also = photographs
    assert pixels(store, good)[4, 4].tolist() == [250, 0, 0]
    assert pixels(store, also)[4, 4].tolist() == [0, 0, 255]
    assert all(store.get(file) is None for file in bad)


def test_nothing_is_decoded_or_refused_twice_while_its_bytes_are_the_same(tmp_path, photographs):
    first = reasons(ImageStore(tmp_path / "store", 8), photographs)
    files = sorted(path for path in (tmp_path / "store").rglob("*") if path.is_file())
    looked_at: list[str] = []
    again = ImageStore(tmp_path / "store", 8)
    assert reasons(again, watched(photographs, looked_at)) == first
    assert looked_at == ["absent.png", "good.png"], "those may be otherwise by now"
    assert sorted(path for path in (tmp_path / "store").rglob("*") if path.is_file()) == files


def test_what_was_missing_or_other_than_announced_is_looked_at_again(tmp_path):
    data = encoded(RED, "PNG")
    late = ImageFile(tmp_path / "late.png", hashlib.sha256(data).hexdigest())
    store = ImageStore(tmp_path / "store", 8)
    assert reasons(store, [late]) == {"late.png": "missing"}
    late.path.write_bytes(data[:50])
    [refusal] = store.add([late]).values()
    assert refusal.reason == "changed"
    assert refusal.detail.startswith("50 bytes with the hash ")
    late.path.write_bytes(data)
    assert reasons(store, [late]) == {}
    assert pixels(store, late).shape == (8, 8, 3)


def test_one_store_holds_several_sizes_and_one_memory_of_what_was_refused(tmp_path, photographs):
    cut, good = photographs[0], photographs[5]
    assert reasons(ImageStore(tmp_path / "store", 8), [cut, good]) == {"cut.jpg": "truncated"}
    cut.path.unlink()
    larger = ImageStore(tmp_path / "store", 16)
    assert reasons(larger, [cut, good]) == {"cut.jpg": "truncated"}
    assert pixels(larger, good).shape == (16, 16, 3)
    assert pixels(ImageStore(tmp_path / "store", 8), good).shape == (8, 8, 3)


def test_other_rules_decode_everything_anew(tmp_path, photographs):
    good = photographs[5]
    ImageStore(tmp_path / "store", 8).add([good])
    [of_rules] = (tmp_path / "store").iterdir()
    of_rules.rename(of_rules.with_name(f"rules-{images.RULES - 1}"))
    assert ImageStore(tmp_path / "store", 8).get(good) is None


def test_equal_photographs_of_two_products_are_decoded_once(tmp_path, photographs):
    good = photographs[5]
    copy = kept(tmp_path, "copy.png", good.path.read_bytes())
    gone = ImageFile(tmp_path / "gone.png", good.sha256)
    looked_at: list[str] = []
    store = ImageStore(tmp_path / "store", 8)
    shown = watched([gone, good, copy], looked_at)
    assert reasons(store, shown) == {}, "the pixels are there, whoever shows them"
    assert looked_at == ["gone.png", "good.png"]
    assert np.array_equal(pixels(store, gone), pixels(store, copy))
    assert [len(np.load(path)) for path in (tmp_path / "store").rglob("*.npy")] == [1]


def test_many_images_keep_their_own_pixels_over_several_segments(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "SEGMENT_BYTES", 3 * 8 * 8 * 3)
    monkeypatch.setattr(images, "PROGRESS_EVERY", 5)
    shades = range(0, 250, 25)
    files = [
        kept(tmp_path, f"{s}.png", encoded(Image.new("RGB", (8, 8), (s, s, s)), "PNG"))
        for s in shades
    ]
    said: list[str] = []
    ImageStore(tmp_path / "store", 8).add(files, said.append)
    store = ImageStore(tmp_path / "store", 8)
    assert [int(pixels(store, file)[0, 0, 0]) for file in files] == list(shades)
    assert len(list((tmp_path / "store").rglob("*.npy"))) == 4
    assert said == [f"decoded {n} of 10 new images at 8 pixels" for n in (6, 10)]


READ_WITH_FEW_FILES = """
import resource, sys
from pathlib import Path

import torch

from training.classifier.images import ImageFile, ImageStore

resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
store = ImageStore(Path(sys.argv[1]), 8)
rows = [store.get(ImageFile(Path("gone.png"), sha256)) for sha256 in sys.argv[2:]]
print([int(row[0, 0, 0]) for row in rows])
print(any(row.flags.writeable for row in rows))
"""


def test_a_store_of_more_segments_than_files_may_be_open_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "SEGMENT_BYTES", 8 * 8 * 3)
    files = [
        kept(tmp_path, f"{s}.png", encoded(Image.new("RGB", (8, 8), (s, s, s)), "PNG"))
        for s in range(100)
    ]
    ImageStore(tmp_path / "store", 8).add(files)
    assert len(list((tmp_path / "store").rglob("*.npy"))) == 100
    command = [sys.executable, "-c", READ_WITH_FEW_FILES, str(tmp_path / "store")]
    command += [file.sha256 or "" for file in files]
    read = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert read.stdout.splitlines() == [str(list(range(100))), "False"], read.stderr[-2000:]


WRITE = """
import sys
from pathlib import Path

from training.classifier.images import ImageFile, ImageStore

names = [argument.rsplit("=", 1) for argument in sys.argv[2:]]
ImageStore(Path(sys.argv[1]), 512).add(ImageFile(Path(name), sha256) for name, sha256 in names)
"""


def test_a_killed_writer_leaves_nothing_that_is_read(tmp_path):
    """It is killed in the middle of its segments, of 21 images each."""
    shades = range(200)
    files = [
        kept(tmp_path, f"{s}.png", encoded(Image.new("RGB", (8, 8), (s, s, s)), "PNG"))
        for s in shades
    ]
    root = tmp_path / "store"
    named = [f"{file.path}={file.sha256}" for file in files]
    writer = subprocess.Popen([sys.executable, "-c", WRITE, str(root), *named])
    while writer.poll() is None and not list(root.rglob("*.npy")):
        time.sleep(0.001)
    writer.kill()
    assert writer.wait() == -signal.SIGKILL
    store = ImageStore(root, 512)
    found = {s: store.get(file) for s, file in zip(shades, files, strict=True)}
    assert any(view is None for view in found.values())
    assert all(view is None or (view == s).all() for s, view in found.items())
    store.add(files)
    again = ImageStore(root, 512)
    assert all((pixels(again, file) == s).all() for s, file in zip(shades, files, strict=True))


def test_a_segment_whose_hashes_were_not_written_is_not_read(tmp_path, photographs):
    """What a writer leaves that is killed between the two: the hashes come last."""
    ImageStore(tmp_path / "store", 8).add(photographs)
    for index in (tmp_path / "store").rglob("*.parquet"):
        index.unlink()
    store = ImageStore(tmp_path / "store", 8)
    assert store.get(photographs[5]) is None
    store.add(photographs)
    assert pixels(store, photographs[5])[4, 4].tolist() == [250, 0, 0]


def test_what_is_no_file_is_missing(tmp_path):
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    for name in ("folder.png", "pipe.png"):
        with pytest.raises(BadImageError, match="missing"):
            ImageFile(tmp_path / name).read()


def test_of_a_file_without_end_only_the_beginning_is_read(tmp_path):
    file = ImageFile(tmp_path / "long.jpg")
    with file.path.open("wb") as long:
        long.truncate(3 * MOST_BYTES)
    assert len(file.read()) == MOST_BYTES + 1
    digest = hashlib.sha256(bytes(3 * MOST_BYTES)).hexdigest()
    assert len(ImageFile(file.path, digest).read()) == MOST_BYTES + 1
    with pytest.raises(BadImageError, match="changed"):
        ImageFile(file.path, "0" * 64).read()
