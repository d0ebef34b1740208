import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from PIL import Image
from rasterio.io import MemoryFile
from support.imagery_files import encoded, plain

from earthgql.errors import ImageUnreadableError
from earthgql.imagery.grid import TileIndex
from earthgql.imagery.pictures import decode
from earthgql.imagery.reading import read_tile
from earthgql.imagery.source import TileSource


def first(encoded_picture: bytes) -> tuple[int, ...]:
    pixels = decode(encoded_picture, name="test")
    assert pixels.shape == (256, 256, 3)
    assert pixels.dtype == np.uint8
    return tuple(int(v) for v in pixels[0, 0])


@pytest.mark.parametrize(
    ("picture", "colour"),
    [
        (encoded(plain()), (200, 100, 50)),
        (encoded(plain().quantize(4)), (200, 100, 50)),
        (encoded(plain(77, "L")), (77, 77, 77)),
        (encoded(plain((77, 255), "LA")), (77, 77, 77)),
        (encoded(plain((77, 0), "LA")), (0, 0, 0)),
        (encoded(plain((200, 100, 50, 255), "RGBA")), (200, 100, 50)),
        (encoded(plain((200, 100, 50, 128), "RGBA")), (200, 100, 50)),
        (encoded(plain((200, 100, 50, 0), "RGBA")), (0, 0, 0)),
        (encoded(plain(1, "1")), (255, 255, 255)),
        (encoded(Image.fromarray(np.full((256, 256), 0xC812, np.uint16))), (0xC8,) * 3),
        (encoded(plain(), "WEBP", lossless=True), (200, 100, 50)),
        (encoded(plain((200, 100, 50, 0), "RGBA"), "WEBP", lossless=True), (0, 0, 0)),
    ],
    ids=[
        "RGB",
        "palette",
        "L",
        "LA",
        "LA-clear",
        "RGBA",
        "RGBA-half",
        "RGBA-clear",
        "1",
        "I16",
        "webp",
        "webp-clear",
    ],
)
def test_every_mode_becomes_rgb(picture: bytes, colour: tuple[int, ...]) -> None:
    assert first(picture) == colour


@pytest.mark.parametrize("mode", ["CMYK", "L", "RGB"])
def test_jpegs_become_rgb(mode: str) -> None:
    picture = encoded(plain((200, 100, 50)).convert(mode), "JPEG", quality=95)
    wanted = plain((200, 100, 50)).convert(mode).convert("RGB").getpixel((0, 0))
    assert first(picture) == pytest.approx(wanted, abs=6)


def grainy(side: int) -> Image.Image:
    dots = np.random.default_rng(5).integers(0, 256, (side // 8, side // 8, 3), np.uint8)
    return Image.fromarray(dots.repeat(8, axis=0).repeat(8, axis=1))


@pytest.mark.parametrize("side", [256, 128])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("subsampling", [0, 1, 2], ids=["444", "422", "420"])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpegs_have_the_pixels_that_pillow_gives(
    side: int, mode: str, subsampling: int, progressive: bool
) -> None:
    options = {"quality": 80, "progressive": progressive}
    if mode != "L":
        options["subsampling"] = subsampling
    picture = encoded(grainy(side).convert(mode), "JPEG", **options)
    with Image.open(io.BytesIO(picture)) as opened:
        wanted = opened.convert("RGB").resize((256, 256), Image.Resampling.BILINEAR)
    assert np.array_equal(decode(picture, name="test"), np.asarray(wanted))


def test_a_jpeg_is_not_decoded_where_only_others_are_taken() -> None:
    with pytest.raises(ImageUnreadableError, match="not a PNG picture"):
        decode(encoded(plain(), "JPEG"), name="test", formats=("PNG",))


def test_clear_entries_of_a_palette_become_black() -> None:
    picture = plain().quantize(4)
    assert first(encoded(picture, transparency=picture.getpixel((0, 0)))) == (0, 0, 0)


def test_other_sizes_are_resized() -> None:
    assert first(encoded(Image.new("RGB", (512, 500), (9, 8, 7)))) == (9, 8, 7)


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"not a picture",
        encoded(plain())[:200],
        encoded(plain(), "JPEG")[:-300],
        encoded(plain(), "WEBP")[:40],
        encoded(plain(), "GIF"),
        encoded(plain(), "TIFF"),
        encoded(plain(), "BMP"),
    ],
    ids=["empty", "text", "cut-png", "cut-jpeg", "cut-webp", "gif", "tiff", "bmp"],
)
def test_damaged_and_other_formats_are_refused(bad: bytes) -> None:
    with pytest.raises(ImageUnreadableError):
        decode(bad, name="test")


def tiff(bands: int, kind: str, value: float = 100) -> bytes:
    shape = {"width": 256, "height": 256, "count": bands, "dtype": kind}
    place = Affine(10, 0, 5000, 0, -10, 5000)
    with MemoryFile() as file:
        with file.open(driver="GTiff", crs="EPSG:3857", transform=place, **shape) as dataset:
            dataset.write(np.full((bands, 256, 256), value, kind))
        return bytes(file.read())


@pytest.mark.parametrize(
    ("bands", "kind", "colour"),
    [(1, "uint8", 100), (1, "uint16", 0x64), (1, "int16", 0x64), (3, "uint8", 100)],
)
def test_tiffs_of_kinds_that_are_taken(bands: int, kind: str, colour: int) -> None:
    picture = tiff(bands, kind, 0x6412 if kind.endswith("16") else 100)
    assert decode(picture, name="test", formats=("TIFF",))[0, 0].tolist() == [colour] * 3


@pytest.mark.parametrize(
    ("bands", "kind", "said"),
    [
        (4, "uint16", "4 bands of 16 bits"),
        (3, "uint16", "3 bands of 16 bits"),
        (3, "float32", "3 bands of 32 bits"),
        (1, "float32", "1 band of 32 bits"),
        (1, "float64", "1 band of 64 bits"),
        (1, "uint32", "1 band of 32 bits"),
        (5, "uint8", "5 bands of 8 bits"),
        (8, "uint8", "8 bands of 8 bits"),
    ],
)
def test_tiffs_of_other_kinds_are_refused(bands: int, kind: str, said: str) -> None:
    with pytest.raises(ImageUnreadableError) as refused:
        decode(tiff(bands, kind), name="the picture", formats=("JPEG", "TIFF"))
    assert str(refused.value) == (
        f"the picture: a TIFF of this kind ({said}) is not taken: convert it to 8-bit RGB"
    )


def bomb(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1_000_000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [5001, 5478, 12_000, 60_000])
def test_large_pictures_are_refused_before_they_are_decoded(side: int) -> None:
    with pytest.raises(ImageUnreadableError, match=r"megapixels|exceeds limit"):
        decode(bomb(side, side), name="test")


def source(root: Path, path: str) -> TileSource:
    return TileSource("pyramid", str(root), str(root), path, TileIndex(1, 0, 0))


def test_files_are_read_below_the_root_only(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside.png"
    root.mkdir()
    outside.write_bytes(encoded(plain()))
    (root / "good.png").write_bytes(encoded(plain()))
    (root / "link.png").symlink_to(outside)
    (root / "inner.png").symlink_to(root / "good.png")
    assert read_tile(source(root, "good.png"))[0, 0].tolist() == [200, 100, 50]
    assert read_tile(source(root, "inner.png"))[0, 0].tolist() == [200, 100, 50]
    for path in ("link.png", "../outside.png", str(outside)):
        with pytest.raises(ImageUnreadableError, match="leads out"):
            read_tile(source(root, path))
    for path in ("none.png", ".", "a\0b"):
        with pytest.raises(ImageUnreadableError):
            read_tile(source(root, path))


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ImageUnreadableError, match=r"^pipe\.png does not exist"):
        read_tile(source(tmp_path, "pipe.png"))
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ImageUnreadableError, match=r"^folder\.png is a folder"):
        read_tile(source(tmp_path, "folder.png"))


def test_a_root_that_is_a_link_may_be_led_elsewhere(tmp_path: Path) -> None:
    current = tmp_path / "current"
    for name, colour in (("old", 10), ("new", 20)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes(encoded(plain((colour, 0, 0))))
        current.unlink(missing_ok=True)
        current.symlink_to(tmp_path / name)
        assert read_tile(source(current, "a.png"))[0, 0].tolist() == [colour, 0, 0]


def test_unknown_kinds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageUnreadableError, match="kind"):
        read_tile(TileSource("tape", "x", str(tmp_path), None, TileIndex(0, 0, 0)))
