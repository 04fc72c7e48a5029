import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from training.classifier.images import BadImageError, ImageFile, ImageStore, decode


def encoded(image: Image.Image, format_: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def pixels(store: ImageStore, file: ImageFile) -> np.ndarray:
    found = store.get(file)
    assert found is not None
    return found


def kept(folder, name: str, data: bytes) -> ImageFile:
    (folder / name).write_bytes(data)
    return ImageFile(folder / name, hashlib.sha256(data).hexdigest())


RED = Image.new("RGB", (40, 40), (250, 0, 0))


def test_an_image_becomes_a_square_of_the_asked_size_padded_with_white():
    wide = decode(encoded(Image.new("RGB", (40, 20), (250, 0, 0)), "PNG"), 16)
    assert wide.shape == (16, 16, 3)
    assert wide.dtype == np.uint8
    assert wide[8, 8].tolist() == [250, 0, 0]
    assert wide[0, 0].tolist() == [255, 255, 255]


def test_transparency_lies_over_white():
    clear = decode(encoded(Image.new("RGBA", (8, 8), (0, 0, 0, 0)), "PNG"), 8)
    assert (clear == 255).all()


def test_cmyk_and_palette_images_become_rgb():
    cmyk = decode(encoded(RED.convert("CMYK"), "JPEG"), 8)
    palette = decode(encoded(RED.convert("P"), "PNG"), 8)
    assert cmyk[4, 4, 0] > 200 > cmyk[4, 4, 1]
    assert palette[4, 4, 0] > 200 > palette[4, 4, 1]


def test_an_exif_rotation_is_applied():
    left_red = Image.new("RGB", (16, 16), "white")
    left_red.paste((250, 0, 0), (0, 0, 8, 16))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it a quarter clockwise
    upright = decode(encoded(left_red, "PNG", exif=exif), 16)
    assert upright[2, 8].tolist() == [250, 0, 0]
    assert upright[14, 8].tolist() == [255, 255, 255]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "wrong_type"),
        (b"%PDF-1.4 not an image", "wrong_type"),
        (encoded(RED, "GIF"), "wrong_type"),
        (encoded(Image.effect_noise((64, 64), 80).convert("RGB"), "JPEG")[:600], "truncated"),
        (encoded(Image.effect_noise((64, 64), 80).convert("RGB"), "PNG")[:600], "truncated"),
        (encoded(Image.new("1", (8000, 8000)), "PNG"), "too_large"),
        (encoded(Image.new("1", (20000, 10000)), "PNG"), "too_large"),
    ],
)
def test_a_bad_image_is_refused_with_its_reason(data, reason):
    with pytest.raises(BadImageError) as refused:
        decode(data, 16)
    assert refused.value.reason == reason


def test_a_bad_image_is_counted_and_the_rest_goes_on(tmp_path):
    good = kept(tmp_path, "good.png", encoded(RED, "PNG"))
    broken = kept(tmp_path, "broken.jpg", encoded(RED, "JPEG")[:100])
    text = kept(tmp_path, "text.png", b"hello")
    absent = ImageFile(tmp_path / "absent.png", "0" * 64)
    other = ImageFile(good.path, "1" * 64)
    store = ImageStore(tmp_path / "store", 8)
    refused = store.add([broken, text, absent, other, good])
    assert refused == {"truncated": 1, "wrong_type": 1, "missing": 1, "changed": 1}
    assert pixels(store, good)[4, 4].tolist() == [250, 0, 0]
    assert store.get(broken) is None


def test_what_was_decoded_once_is_never_decoded_again(tmp_path):
    good = kept(tmp_path, "good.png", encoded(RED, "PNG"))
    ImageStore(tmp_path / "store", 8).add([good, good])
    good.path.unlink()
    later = ImageStore(tmp_path / "store", 8)
    assert later.add([good]) == {}
    assert pixels(later, good).shape == (8, 8, 3)
    assert ImageStore(tmp_path / "store", 16).add([good]) == {"missing": 1}


def test_many_images_keep_their_own_pixels_over_several_segments(tmp_path, monkeypatch):
    monkeypatch.setattr("training.classifier.images.SEGMENT_BYTES", 3 * 8 * 8 * 3)
    shades = range(0, 250, 25)
    files = [
        kept(tmp_path, f"{s}.png", encoded(Image.new("RGB", (8, 8), (s, s, s)), "PNG"))
        for s in shades
    ]
    ImageStore(tmp_path / "store", 8).add(files)
    store = ImageStore(tmp_path / "store", 8)
    assert [int(pixels(store, file)[0, 0, 0]) for file in files] == list(shades)
    assert len(list((tmp_path / "store").rglob("*.npy"))) == 4
