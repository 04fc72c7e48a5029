import io
import json
import re
import subprocess
import sys
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from tests.conftest import REPOSITORY
from tests.training.classifier import hostile
from tests.training.classifier.hostile import RED, encoded
from training.classifier.decoding import (
    MOST_BYTES,
    MOST_PIXELS,
    MOST_WORKING_BYTES,
    REASONS,
    BadImageError,
    decode,
)

PLAIN = Image.new("RGB", (40, 40), RED)
NOISE = Image.effect_noise((64, 64), 80).convert("RGB")
LEFT_RED = Image.new("RGB", (16, 16), "white")
LEFT_RED.paste(RED, (0, 0, 8, 16))


def turned(orientation: int | str) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def refusal(data: bytes) -> BadImageError:
    with pytest.raises(BadImageError) as refused:
        decode(data, 16)
    assert refused.value.reason in REASONS
    return refused.value


def is_red(pixel: np.ndarray) -> bool:
    return bool(pixel[0] > 200 and pixel[1:].max() < 70)


def test_an_image_becomes_a_square_of_the_asked_size_padded_with_white():
    wide = decode(encoded(Image.new("RGB", (40, 20), RED), "PNG"), 16)
    assert wide.shape == (16, 16, 3)
    assert wide.dtype == np.uint8
    assert wide[8, 8].tolist() == [*RED]
    assert wide[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_a_large_image_is_as_if_it_had_been_resized_at_once(format_):
    picture = Image.radial_gradient("L").resize((1111, 1400), Image.Resampling.BICUBIC)
    picture = Image.merge("RGB", (picture, picture.rotate(90, expand=False), picture))
    options = {"lossless": True} if format_ == "WEBP" else {}
    data = encoded(picture, format_, **options)
    small = picture.resize((51, 64), Image.Resampling.BILINEAR)
    assert np.abs(decode(data, 64)[:, 8:56].astype(int) - np.asarray(small)[:, 2:50]).max() < 12


def test_transparency_lies_over_white():
    clear = decode(encoded(Image.new("RGBA", (8, 8), (0, 0, 0, 0)), "PNG"), 8)
    half = decode(encoded(Image.new("RGBA", (8, 8), (0, 0, 0, 128)), "WEBP", lossless=True), 8)
    keyed = decode(encoded(PLAIN, "PNG", transparency=RED), 8)
    indexed = PLAIN.quantize(2)
    palette = decode(encoded(indexed, "PNG", transparency=indexed.getpixel((0, 0))), 8)
    assert (clear == 255).all()
    assert (np.abs(half.astype(int) - 127) < 3).all()
    assert (keyed == 255).all()
    assert (palette == 255).all()


def test_transparency_of_a_large_image_does_not_bleed_its_hidden_colour():
    picture = Image.new("RGBA", (3000, 1200), (0, 0, 255, 0))
    picture.paste((*RED, 255), (0, 0, 1500, 1200))
    small = decode(encoded(picture, "PNG", compress_level=1), 64)
    assert small[32, 10].tolist() == [*RED]
    assert small[32, 54].tolist() == [255, 255, 255]
    assert (small[:, :, 2] <= small[:, :, 0]).all()


def test_cmyk_palette_grey_and_deep_images_become_rgb_of_8_bits():
    cmyk = decode(encoded(PLAIN.convert("CMYK"), "JPEG"), 8)
    palette = decode(encoded(PLAIN.convert("P"), "PNG"), 8)
    deep = Image.fromarray(np.full((40, 40), 100 * 256, np.uint16))
    assert is_red(cmyk[4, 4])
    assert is_red(palette[4, 4])
    assert decode(encoded(PLAIN.convert("L"), "JPEG"), 8)[4, 4].tolist() == [75, 75, 75]
    assert decode(encoded(deep, "PNG"), 8)[4, 4].tolist() == [100, 100, 100]


def test_a_colour_profile_is_applied_where_it_can_be():
    # A profile whose colours are swapped: red and blue change places.
    swapped = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    red, blue = swapped.index(b"rXYZ"), swapped.index(b"bXYZ")
    swapped = bytearray(swapped)
    swapped[red : red + 4], swapped[blue : blue + 4] = b"bXYZ", b"rXYZ"
    applied = decode(encoded(PLAIN, "JPEG", icc_profile=bytes(swapped)), 8)[4, 4]
    assert applied[2] > 200 > applied[0]
    for unusable in (b"nonsense", bytes(swapped[:300])):
        assert is_red(decode(encoded(PLAIN, "JPEG", icc_profile=unusable), 8)[4, 4])
    cmyk = encoded(PLAIN.convert("CMYK"), "JPEG", icc_profile=bytes(swapped))
    assert is_red(decode(cmyk, 8)[4, 4]), "a profile of another colour space is passed over"


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP"])
def test_an_exif_rotation_is_applied(format_):
    # The camera was turned: show it a quarter clockwise.
    upright = decode(encoded(LEFT_RED.resize((64, 64), 0), format_, exif=turned(6)), 16)
    assert is_red(upright[2, 8])
    assert upright[14, 8].min() > 240


@pytest.mark.parametrize("exif", [b"Exif\0\0nonsense", turned(9), turned(0)], ids=str)
def test_an_exif_rotation_that_is_none_leaves_the_picture_as_it_is(exif):
    as_it_is = decode(encoded(LEFT_RED.resize((64, 64), 0), "JPEG", exif=exif), 16)
    assert is_red(as_it_is[8, 2])


@pytest.mark.parametrize("format_", ["PNG", "WEBP", "MPO"])
def test_of_several_pictures_the_first_is_the_photograph(format_):
    green = Image.new("RGB", PLAIN.size, (0, 200, 0))
    data = encoded(PLAIN, format_, save_all=True, append_images=[green])
    with Image.open(io.BytesIO(data)) as several:
        assert getattr(several, "n_frames", 1) == 2
    assert is_red(decode(data, 8)[4, 4])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"%PDF-1.4 not an image", "wrong_type"),
        (b"<html>404</html>", "wrong_type"),
        (encoded(PLAIN, "GIF"), "wrong_type"),
        (encoded(PLAIN, "TIFF"), "wrong_type"),
        (encoded(PLAIN, "BMP"), "wrong_type"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "wrong_type"),
        (encoded(NOISE, "JPEG")[:600], "truncated"),
        (encoded(NOISE, "JPEG")[:-2], "truncated"),
        (encoded(NOISE, "JPEG")[:1500] + bytes(3000), "truncated"),
        (encoded(NOISE, "JPEG", progressive=True)[:1500], "truncated"),
        (encoded(NOISE, "PNG")[:600], "truncated"),
        (encoded(NOISE, "WEBP")[:600], "truncated"),
        (encoded(NOISE, "JPEG")[:20], "truncated"),
        (encoded(NOISE, "PNG")[:20], "truncated"),
        (encoded(PLAIN, "PNG").replace(b"IDAT", b"IDAT\0"), "damaged"),
        (encoded(PLAIN, "JPEG") + bytes(MOST_BYTES), "too_large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_image_is_refused_with_its_reason(data, reason):
    assert refusal(data).reason == reason


def test_a_refusal_says_what_was_found():
    assert refusal(hostile.png(9000, 9000)).detail == "9,000 × 9,000 pixels, PNG"
    assert refusal(b"<html>").detail == "begins with b'<html>'"


def test_the_page_has_every_reason_and_the_limits():
    page = (REPOSITORY / "docs" / "photographs.md").read_text()
    said = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", page, re.MULTILINE))
    assert said == REASONS
    text = " ".join(page.split())
    assert f"{MOST_BYTES / 1e6:.0f} MB or {MOST_PIXELS / 1e6:.0f} megapixels" in text
    assert f"more than {MOST_WORKING_BYTES // 2**20} MiB: a PNG above" in text
    megapixels = MOST_WORKING_BYTES // 10**6
    assert f"PNG above {megapixels // 4} megapixels, a WebP above about {megapixels // 17}," in text
    assert f"JPEG above {megapixels // 6} to {megapixels // 3}." in text


@pytest.mark.parametrize(
    "data",
    [
        hostile.png(10_000, 10_000, rows=1),
        encoded(PLAIN, "MPO", save_all=True, append_images=[PLAIN]).replace(b"MPF\0", b"MPF\1"),
        encoded(PLAIN, "JPEG", exif=turned(6).tobytes()[:-12]),
    ],
    ids=["size", "pictures", "exif"],
)
def test_what_is_passed_over_or_refused_makes_no_noise(data, recwarn):
    with suppress(BadImageError):
        decode(data, 16)
    assert not recwarn


SEEDS = (
    encoded(NOISE, "JPEG", exif=turned(6)),
    encoded(NOISE, "JPEG", progressive=True),
    encoded(NOISE.convert("RGBA"), "PNG", exif=turned(3)),
    encoded(NOISE.convert("P"), "PNG", transparency=3),
    encoded(NOISE, "WEBP", save_all=True, append_images=[PLAIN.resize(NOISE.size)]),
)


@settings(max_examples=300, deadline=None)
@given(
    data=st.sampled_from(SEEDS),
    changes=st.lists(st.tuples(st.integers(0, 900), st.integers(0, 255)), max_size=8),
    cut=st.one_of(st.none(), st.integers(0, 2000)),
)
def test_whatever_is_changed_in_a_file_it_is_decoded_or_refused(data, changes, cut):
    changed = bytearray(data)
    for place, value in changes:
        changed[place % len(changed)] = value
    with suppress(BadImageError):
        assert decode(bytes(changed[:cut]), 16).shape == (16, 16, 3)


def test_no_file_takes_more_than_200_megabytes(tmp_path):
    (tmp_path / "in" / "hostile").mkdir(parents=True)
    (tmp_path / "in" / "tame.png").write_bytes(encoded(PLAIN, "PNG"))
    files = hostile.files()
    for name, data in files.items():
        (tmp_path / "in" / "hostile" / name).write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-m", "tests.training.classifier.hostile", str(tmp_path / "in")],
        capture_output=True,
        text=True,
        check=True,
        cwd=REPOSITORY,
    )
    answer = json.loads(done.stdout)
    expected = {name: name.partition("-")[0] for name in files if not name.startswith("decoded")}
    assert answer["refused"] == expected
    assert done.stderr == ""
    # Less would mean that the largest images of the list were not really decoded.
    assert 50e6 < answer["risen_bytes"] < 200e6
