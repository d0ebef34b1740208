from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.imagery_files import encoded, plain, write_pyramid

from earthgql.errors import IngestError
from earthgql.imagery.grid import TileIndex
from earthgql.ingest.picture_folder import PictureFolder
from earthgql.ingest.pyramid_source import PyramidSource
from earthgql.ingest.scene_source import SceneMetadata
from earthgql.ingest.store import dry_run

CELLS = [TileIndex(5, x, 9) for x in range(5)]


def resource(profile: str, srs: str = "EPSG:3857") -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<TileMap version="1.0.0" tilemapservice="http://tms.osgeo.org/1.0.0">\n'
        f"  <Title>t</Title><Abstract></Abstract><SRS>{srs}</SRS>\n"
        '  <TileFormat width="256" height="256" mime-type="image/png" extension="png"/>\n'
        f'  <TileSets profile="{profile}"><TileSet href="5" units-per-pixel="1" order="5"/>'
        "</TileSets>\n</TileMap>\n"
    )


def source(folder: Path, scheme: str | None = None, size: int | None = None) -> PyramidSource:
    pictures = PictureFolder(folder)
    return PyramidSource("p", str(folder), scheme, pictures, SceneMetadata(), size)


def tiles(pyramid: PyramidSource) -> set[tuple[int, ...]]:
    columns = [np.stack([c.zoom, c.x, c.y], axis=1) for c in pyramid.chunks()]
    return set(map(tuple, np.concatenate(columns).tolist()))


@pytest.mark.parametrize(
    ("chosen", "note"),
    [
        (None, "for tilemapresource.xml says so"),
        ("tms", None),
        ("xyz", "against --scheme xyz: remove that file if it is wrong"),
    ],
)
@pytest.mark.parametrize(
    "content", [resource("mercator"), resource("global-mercator"), resource("", "OSGEO:41001")]
)
def test_a_description_of_the_pyramid_is_believed(
    tmp_path: Path, content: str, chosen: str | None, note: str | None
) -> None:
    folder = write_pyramid(tmp_path / "p", CELLS, tms=True)
    (folder / "tilemapresource.xml").write_text(content)
    pyramid = source(folder, chosen)
    assert tiles(pyramid) == set(CELLS)
    assert [n for n in pyramid.notes() if "south" in n] == (
        [n for n in pyramid.notes() if note in n] if note else []
    )
    assert bool(pyramid.notes()) == bool(note)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (resource("geodetic", "EPSG:4326"), "profile 'geodetic': its tiles are not those of Web M"),
        (resource("raster"), "profile 'raster'"),
        (resource("", "EPSG:4326"), "SRS 'EPSG:4326'"),
        ("<TileMap>", "damaged"),
        ('<!DOCTYPE t [<!ENTITY a "a">]><TileMap>&a;</TileMap>', "declares entities"),
    ],
)
def test_pyramids_of_other_grids_are_refused(tmp_path: Path, content: str, reason: str) -> None:
    folder = write_pyramid(tmp_path / "p", CELLS)
    (folder / "tilemapresource.xml").write_text(content)
    with pytest.raises(IngestError, match=reason):
        dry_run(source(folder))


@pytest.mark.parametrize(
    ("side", "size", "count", "zoom", "note"),
    [
        (256, None, 5, 5, None),
        (512, None, 20, 6, "of 512 x 512 pixels: each is 4 tiles of zoom + 1"),
        (1024, None, 80, 7, "each is 16 tiles of zoom + 2"),
        (512, 256, 5, 5, "5 of 5 pictures looked at are resized to 256 x 256"),
        (300, None, 5, 5, "resized to 256 x 256 pixels, such as one of 300 x 300"),
        (256, 512, 20, 6, "5 of 5 pictures looked at are resized to 512 x 512"),
    ],
)
@pytest.mark.parametrize("suffix", [".png", "@2x.png"])
def test_large_pictures_are_several_tiles(
    tmp_path: Path,
    *,
    suffix: str,
    side: int,
    size: int | None,
    count: int,
    zoom: int,
    note: str | None,
) -> None:
    for _, x, y in CELLS:
        (tmp_path / "5" / str(x)).mkdir(parents=True)
        picture = encoded(Image.new("RGB", (side, side)))
        (tmp_path / "5" / str(x) / f"{y}{suffix}").write_bytes(picture)
    pyramid = source(tmp_path, size=size)
    found = dry_run(pyramid)
    assert (found.tiles, found.zooms) == (count, (zoom,))
    assert {(z - zoom + 5, x >> zoom - 5, y >> zoom - 5) for z, x, y in tiles(pyramid)} == set(
        CELLS
    )
    assert len(tiles(pyramid)) == count
    assert [note in n for n in pyramid.notes()] == ([True] if note else [])


def test_doubled_pictures_stand_for_those_beside_them(tmp_path: Path) -> None:
    folder = write_pyramid(tmp_path / "p", CELLS)
    for _, x, y in CELLS[:4]:
        picture = encoded(Image.new("RGB", (512, 512)))
        (folder / "5" / str(x) / f"{y}@2x.png").write_bytes(picture)
    pyramid = source(folder)
    assert dry_run(pyramid).tiles == 5
    listed = [path for *_, path, _ in pyramid.pictures]
    assert listed == [*(f"5/{x}/9@2x.png" for x in range(4)), "5/4/9.png"]
    assert pyramid.notes() == (
        "4 of 5 pictures looked at are resized to 256 x 256 pixels, such as one of 512 x 512",
        "4 pictures are passed over for their @2x versions",
    )


def test_what_is_passed_over_is_told(tmp_path: Path) -> None:
    folder = write_pyramid(tmp_path / "p", CELLS)
    for name in ("9.pbf", "8.pbf", "9.kml", "tile_9.png", "._9.png", "9.png.aux.xml"):
        (folder / "5" / "0" / name).write_bytes(b"x")
    pyramid = source(folder)
    assert dry_run(pyramid).tiles == 5
    assert pyramid.notes() == (
        "files that are not png, jpg or webp are passed over: 2 .pbf",
        "pictures whose names are not whole numbers are passed over, such as 5/0/tile_9.png",
    )


def test_pictures_outside_the_grid_and_twice_are_named(tmp_path: Path) -> None:
    folder = write_pyramid(tmp_path / "p", CELLS)
    (folder / "5" / "3" / "9.jpg").write_bytes(encoded(plain(), "JPEG"))
    with pytest.raises(
        IngestError, match=r"z=5 x=3 y=9 is listed twice: 5/3/9\.jpg and 5/3/9\.png"
    ):
        dry_run(source(folder, "tms"))
    (folder / "5" / "3" / "9.jpg").rename(folder / "5" / "3" / "32.jpg")
    with pytest.raises(IngestError, match=r"5/3/32\.jpg: z=5 x=3 y=32 is not in the grid"):
        dry_run(source(folder, "tms"))


def test_a_pyramid_of_unreadable_pictures_is_refused(tmp_path: Path) -> None:
    folder = write_pyramid(tmp_path / "p", CELLS)
    for path in folder.rglob("*.png"):
        path.write_bytes(b"<html>404</html>")
    with pytest.raises(IngestError, match=r"unreadable: 5/0/9\.png is no PNG.*HTML or XML"):
        dry_run(source(folder))
    (folder / "5" / "4" / "9.png").write_bytes(encoded(plain()))
    pyramid = source(folder)
    assert dry_run(pyramid).tiles == 5
    assert pyramid.notes()[0].startswith("warning: 4 of 5 pictures looked at are unreadable")


def test_pictures_of_the_last_zoom_cannot_be_several_tiles(tmp_path: Path) -> None:
    (tmp_path / "24" / "0").mkdir(parents=True)
    (tmp_path / "24" / "0" / "0.png").write_bytes(encoded(Image.new("RGB", (512, 512))))
    with pytest.raises(IngestError, match="--tile-size 256"):
        dry_run(source(tmp_path))
    assert dry_run(source(tmp_path, size=256)).tiles == 1
