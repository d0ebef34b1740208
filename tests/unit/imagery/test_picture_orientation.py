import io
import struct

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps
from support.imagery_files import encoded

from earthgql.imagery.grid import TileIndex
from earthgql.imagery.pictures import Part, decode, part_of_picture

# What each value of EXIF's Orientation does to the upright picture: the inverse of the display.
STORED_AS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def upright(width: int = 256, height: int = 256) -> Image.Image:
    """Red in the north-west, green in the north-east, blue in the south-west."""
    pixels = np.full((height, width, 3), 40, np.uint8)
    for channel, (top, left) in enumerate(((0, 0), (0, 1), (1, 0))):
        rows = slice(top * height // 2, (top + 1) * height // 2)
        columns = slice(left * width // 2, (left + 1) * width // 2)
        pixels[rows, columns, channel] = 220
    return Image.fromarray(pixels)


def turned(picture: Image.Image, orientation: int, kind: str, **options: object) -> bytes:
    turn = STORED_AS[orientation]
    stored = picture if turn is None else picture.transpose(turn)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return encoded(stored, kind, exif=exif, **options)


@pytest.mark.parametrize("orientation", STORED_AS)
@pytest.mark.parametrize("size", [(256, 256), (600, 300)])
@pytest.mark.parametrize(
    ("kind", "options"),
    [("JPEG", {"quality": 95}), ("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})],
    ids=["jpeg", "png", "webp", "tiff"],
)
def test_turned_pictures_are_put_upright(
    orientation: int, size: tuple[int, int], kind: str, options: dict[str, object]
) -> None:
    content = turned(upright(*size), orientation, kind, **options)
    pixels = decode(content, name="test", formats=("JPEG", "PNG", "WEBP", "TIFF"))
    with Image.open(io.BytesIO(content)) as opened:
        wanted = ImageOps.exif_transpose(opened).convert("RGB")
    wanted = wanted.resize((256, 256), Image.Resampling.BILINEAR)
    assert np.array_equal(pixels, np.asarray(wanted))
    error = pixels.astype(int) - np.asarray(upright().resize((256, 256))).astype(int)
    assert np.abs(error[8:120, 8:120]).max() < 12
    assert np.abs(error[136:248, 8:120]).max() < 12


def with_segments(jpeg: bytes, *segments: tuple[int, bytes]) -> bytes:
    """Put segments after the start of a JPEG."""
    added = b"".join(
        struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content
        for marker, content in segments
    )
    return jpeg[:2] + added + jpeg[2:]


def test_exif_is_found_behind_other_segments() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 3
    plain = encoded(upright(), "JPEG", quality=95)
    profile = (0xE2, b"ICC_PROFILE\0\1\1" + bytes(60_000))
    content = with_segments(plain, profile, (0xFE, b"a comment"), (0xE1, exif.tobytes()))
    turned_back = decode(plain, name="test")[::-1, ::-1]
    assert np.array_equal(decode(content, name="test"), turned_back)


@pytest.mark.parametrize(
    "damaged", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0" + b"\xff" * 40, b"x"]
)
def test_damaged_exif_turns_nothing(damaged: bytes) -> None:
    plain = encoded(upright(), "JPEG", quality=95)
    content = with_segments(plain, (0xE1, damaged))
    assert np.array_equal(decode(content, name="test"), decode(plain, name="test"))


def test_an_orientation_that_does_not_exist_turns_nothing() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 9
    pixels = decode(encoded(upright(), exif=exif), name="test")
    assert np.array_equal(pixels, np.asarray(upright()))


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("across", [2, 4])
def test_tiles_of_a_large_picture_are_its_parts(kind: str, across: int) -> None:
    side = 256 * across
    content = encoded(upright(side, side), kind)
    with Image.open(io.BytesIO(content)) as opened:
        whole = np.asarray(opened.convert("RGB"))
    for y in range(across):
        for x in range(across):
            tile = TileIndex(9, 40 * across + x, 70 * across + y)
            picture, part = part_of_picture(tile, across)
            assert picture == (9 - across // 2, 40, 70)
            assert part == Part(across, x, y)
            pixels = decode(content, name="test", part=part)
            square = whole[256 * y : 256 * (y + 1), 256 * x : 256 * (x + 1)]
            assert np.array_equal(pixels, square)
