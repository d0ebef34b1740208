"""``/imagery``: tiles of a map, their pixels compared with what the sources hold."""

import io
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from support.api_client import NORTH_WEST, Api, ingest
from support.imagery_files import (
    encoded,
    noise,
    tile_colour,
    write_mbtiles,
    write_pyramid,
    write_raster,
)

from earthgql.imagery.grid import TileIndex, mercator_bounds
from earthgql.ingest.mbtiles_source import MBTilesSource
from earthgql.ingest.picture_folder import PictureFolder
from earthgql.ingest.pyramid_source import PyramidSource
from earthgql.ingest.scene_source import SceneMetadata
from earthgql.ingest.store import store

MEETING = TileIndex(14, 9000, 5000)
PYRAMID = TileIndex(8, 20, 100)


def get(api: Api, tile: TileIndex, ending: str = "png", **query: str) -> np.ndarray:
    """The pixels of a tile, ``[256, 256, 3 or 4]``."""
    response = api.client.get(address(tile, ending), query_string=query)
    assert response.status_code == 200, response.text
    kind = {"png": "PNG", "webp": "WEBP", "jpg": "JPEG"}[ending]
    return np.asarray(Image.open(io.BytesIO(response.data), formats=[kind]))


def address(tile: TileIndex, ending: str = "png") -> str:
    return f"/imagery/{tile.z}/{tile.x}/{tile.y}.{ending}"


def on_grid(path: Path, tile: TileIndex, values: np.ndarray, **options: object) -> Path:
    """Write values [bands, height, width] as pixels of a tile, from its north-west corner on."""
    west, _, east, north = mercator_bounds(tile)
    return write_raster(
        path,
        values,
        crs="EPSG:3857",
        west=west,
        north=north,
        pixel=(east - west) / 256,
        photometric="RGB",
        **options,
    )


def children(tile: TileIndex, finer: int) -> list[TileIndex]:
    side = 1 << finer
    return [
        TileIndex(tile.z + finer, tile.x * side + x, tile.y * side + y)
        for y in range(side)
        for x in range(side)
    ]


def pyramid(api: Api, folder: Path, name: str, size: int | None = None) -> None:
    source = PyramidSource(name, str(folder), None, PictureFolder(folder), SceneMetadata(), size)
    assert store(api.engine, source).status == "new"


def mosaic(tiles: Iterable[TileIndex], side: int) -> np.ndarray:
    """A picture of tiles in rows, each ``side`` pixels of its colour."""
    colours = np.array([tile_colour(tile) for tile in tiles], np.uint8)
    across = int(len(colours) ** 0.5)
    return colours.reshape(across, across, 3).repeat(side, axis=0).repeat(side, axis=1)


@pytest.fixture(scope="module")
def lake(raster: Path) -> np.ndarray:
    """Pixels of the scene "lake", ``[height, width, 3]``."""
    with rasterio.open(raster) as dataset:
        return dataset.read().transpose(1, 2, 0)


def test_zoom_of_the_scene_is_its_pixels(api: Api, lake: np.ndarray) -> None:
    tile = NORTH_WEST._replace(x=NORTH_WEST.x + 3, y=NORTH_WEST.y + 2)
    np.testing.assert_array_equal(get(api, tile), lake[512:768, 768:1024])


def test_lower_zoom_is_means(api: Api, lake: np.ndarray) -> None:
    shown = get(api, TileIndex(11, NORTH_WEST.x >> 3, NORTH_WEST.y >> 3)).astype(int)
    means = lake[:2048, :2048].reshape(256, 8, 256, 8, 3).mean(axis=(1, 3))
    assert np.abs(shown - means)[4:-4, 4:-4].mean() < 2.5
    # Squares of 32 pixels are one tile each, of a colour of its own with noise in it.
    squares = np.abs(shown - means).reshape(8, 32, 8, 32, 3)[:, 4:-4, :, 4:-4]
    assert squares.max() < 8
    signed = (shown - means).reshape(8, 32, 8, 32, 3)[:, 4:-4, :, 4:-4]
    assert np.abs(signed.mean(axis=(1, 3))).max() < 0.3


def test_lowest_zoom_shows_where_the_scene_is(api: Api) -> None:
    shown = get(api, TileIndex(8, NORTH_WEST.x >> 6, NORTH_WEST.y >> 6), scene="lake")
    top, left = (number % 64 * 4 for number in (NORTH_WEST.y, NORTH_WEST.x))
    expected = np.zeros((256, 256), bool)
    expected[top : top + 40, left : left + 40] = True
    np.testing.assert_array_equal(shown[..., 3] == 255, expected)
    assert set(np.unique(shown[..., 3])) == {0, 255}


def test_higher_zoom_interpolates(api: Api, lake: np.ndarray) -> None:
    tile = TileIndex(16, NORTH_WEST.x * 4 + 5, NORTH_WEST.y * 4 + 6)
    around = Image.fromarray(lake[: 64 * 10, : 64 * 10])
    box = (64 * 5 - 8, 64 * 6 - 8, 64 * 6 + 8, 64 * 7 + 8)
    wanted = np.asarray(around.resize((320, 320), Image.Resampling.BILINEAR, box=box))
    difference = get(api, tile).astype(int) - wanted[32:-32, 32:-32]
    assert np.abs(difference).max() <= 1


def test_highest_zoom(api: Api, lake: np.ndarray) -> None:
    shown = get(api, TileIndex(24, (NORTH_WEST.x << 10) + 514, (NORTH_WEST.y << 10) + 6))
    assert shown.shape == (256, 256, 3)
    assert np.ptp(shown, axis=(0, 1)).max() <= 50  # at most two pixels meet there
    assert np.abs(shown.mean(axis=(0, 1)) - lake[1, 128]).max() <= 50


@pytest.fixture(scope="module")
def halves(api: Api, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """Scenes that meet in the middle of a tile, the western one beyond it; and an older one."""
    folder, pixels = tmp_path_factory.mktemp("halves"), noise(3, 256, 256)
    west, east = pixels.copy(), pixels.copy()
    west[:, :, 136:] = 0
    west[:, :, 128:136] = 9  # these overlap, and are older
    east[:, :, :128] = 0
    for name, values, date in (("west", west, "2020"), ("east", east, "2022")):
        path = on_grid(folder / f"{name}.tif", MEETING, values, nodata=0)
        ingest(api.engine, path, name, acquired_at=f"{date}-05-01", min_valid=0.1)
    path = on_grid(folder / "old.tif", MEETING, np.full((3, 128, 256), 77, np.uint8))
    ingest(api.engine, path, "old", acquired_at="2010-05-01", min_valid=0.1)
    return pixels.transpose(1, 2, 0)


def test_scenes_that_meet_in_a_tile(api: Api, halves: np.ndarray) -> None:
    np.testing.assert_array_equal(get(api, MEETING), halves)


def test_one_scene(api: Api, halves: np.ndarray) -> None:
    shown = get(api, MEETING, scene="east")
    np.testing.assert_array_equal(shown[:, 128:, :3], halves[:, 128:])
    assert (shown[:, 128:, 3] == 255).all()
    assert (shown[:, :128] == 0).all()


def test_scenes_of_a_moment(api: Api, halves: np.ndarray) -> None:
    shown = get(api, MEETING, at="2021-01-01")
    np.testing.assert_array_equal(shown[:, :128, :3], halves[:, :128])
    assert (shown[:, 128:136, :3] == 9).all()
    assert (shown[:128, 136:] == (77, 77, 77, 255)).all()
    assert (shown[128:, 136:, 3] == 0).all()


@pytest.mark.parametrize("ending", ["webp", "jpg"])
def test_lossy_formats(api: Api, halves: np.ndarray, ending: str) -> None:
    shown = get(api, MEETING, ending, scene="old").astype(int)
    assert np.abs(shown[:120, :, :3] - 77).max() <= 8
    if ending == "webp":
        assert (shown[:128, :, 3] == 255).all()
        assert (shown[128:, :, 3] == 0).all()
    else:
        assert shown.shape == (256, 256, 3)
        assert shown[136:].min() >= 247


@pytest.fixture(scope="module", params=["pyramid", "mbtiles"])
def coloured(api: Api, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """A scene of zoom 10 that fills a tile of zoom 8, each tile in its colour."""
    folder, tiles = tmp_path_factory.mktemp("coloured"), children(PYRAMID, 2)
    if request.param == "pyramid":
        pyramid(api, write_pyramid(folder, tiles), "pyramid")
    else:
        path = write_mbtiles(folder / "m.mbtiles", tiles)
        source = MBTilesSource("mbtiles", str(path), str(folder), SceneMetadata())
        assert store(api.engine, source).status == "new"
    return request.param


def test_pictures_of_the_zoom(api: Api, coloured: str) -> None:
    for tile in children(PYRAMID, 2)[:3]:
        assert (get(api, tile, scene=coloured) == tile_colour(tile)).all()


def test_pictures_reduced(api: Api, coloured: str) -> None:
    finest = children(PYRAMID, 2)
    shown = get(api, PYRAMID, scene=coloured)
    np.testing.assert_array_equal(shown, mosaic(finest, 64))
    world = get(api, TileIndex(2, PYRAMID.x >> 6, PYRAMID.y >> 6), scene=coloured)
    top, left = PYRAMID.y % 64 * 4, PYRAMID.x % 64 * 4
    assert (world[..., 3] == 255).sum() == 16
    np.testing.assert_array_equal(world[top : top + 4, left : left + 4, :3], mosaic(finest, 1))


def test_pictures_enlarged(api: Api, coloured: str) -> None:
    tile = children(PYRAMID, 2)[5]
    for finer in (1, 5, 14):
        deep = TileIndex(10 + finer, (tile.x << finer) + 1, tile.y << finer)
        assert (get(api, deep, scene=coloured) == tile_colour(tile)).all()


def test_enlarged_pixels_are_where_they_belong(api: Api, tmp_path: Path) -> None:
    cell = TileIndex(6, 3, 3)
    pixels = np.kron(noise(3, 16, 16).transpose(1, 2, 0), np.ones((16, 16, 1), np.uint8))
    pixels[:128, :128] = 0
    alpha = np.where(pixels[..., 0], 255, 0).astype(np.uint8)
    picture = Image.fromarray(np.dstack([pixels, alpha]))
    path = tmp_path / "6/3/3.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(encoded(picture))
    pyramid(api, tmp_path, "squares")
    whole = get(api, cell, scene="squares")
    np.testing.assert_array_equal(whole, np.asarray(picture))
    clear = get(api, TileIndex(7, 6, 6), scene="squares")
    assert (clear == 0).all()
    shown = get(api, TileIndex(7, 7, 7), scene="squares")
    enlarged = pixels[128:, 128:].repeat(2, axis=0).repeat(2, axis=1)
    middles = (slice(8, None, 32), slice(8, None, 32))
    np.testing.assert_array_equal(shown[middles][..., :3], enlarged[middles])
    half = get(api, TileIndex(5, 1, 1), scene="squares")
    np.testing.assert_array_equal(half[128:, 128:], np.asarray(picture)[::2, ::2])


def test_pictures_of_several_tiles(api: Api, tmp_path: Path) -> None:
    quarters = mosaic(children(TileIndex(4, 2, 2), 1), 256)
    path = tmp_path / "4/2/2.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(encoded(Image.fromarray(quarters)))
    pyramid(api, tmp_path, "large")
    np.testing.assert_array_equal(get(api, TileIndex(4, 2, 2), scene="large"), quarters[::2, ::2])
    assert (get(api, TileIndex(6, 11, 11), scene="large") == tile_colour(TileIndex(5, 5, 5))).all()


def test_overviews_of_a_pyramid_are_its_pictures(api: Api, tmp_path: Path) -> None:
    top = TileIndex(9, 50, 50)
    pyramid(api, write_pyramid(tmp_path, [top, *children(top, 3)]), "zooms")
    assert (get(api, top, scene="zooms") == tile_colour(top)).all()
    np.testing.assert_array_equal(
        get(api, TileIndex(10, 100, 100), scene="zooms"),
        mosaic(children(TileIndex(10, 100, 100), 2), 64),
    )


def test_no_imagery_is_transparent(api: Api) -> None:
    assert (get(api, TileIndex(3, 7, 7)) == 0).all()
    assert get(api, TileIndex(3, 7, 7)).shape == (256, 256, 4)
    assert (get(api, TileIndex(3, 7, 7), "jpg") == 255).all()
    first, second = (api.client.get(address(TileIndex(5, x, 31))) for x in (0, 1))
    assert first.data == second.data
    assert len(first.data) < 1000


def test_etag_and_caching(api: Api) -> None:
    first = api.client.get(address(NORTH_WEST))
    etag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "public, max-age=300"
    assert first.content_type == "image/png"
    again = api.client.get(address(NORTH_WEST), headers={"If-None-Match": etag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
    others = {
        api.client.get(address(NORTH_WEST, ending)).headers["ETag"] for ending in ("webp", "jpg")
    }
    others.add(api.client.get(address(NORTH_WEST._replace(x=8601))).headers["ETag"])
    assert len(others | {etag}) == 4
    assert api.client.head(address(NORTH_WEST)).headers["ETag"] == etag


def test_etag_follows_the_file(api: Api, tmp_path: Path) -> None:
    tile = TileIndex(12, 7, 7)
    path = on_grid(tmp_path / "f.tif", tile, noise(3, 256, 256))
    ingest(api.engine, path, "file")
    etag = api.client.get(address(tile)).headers["ETag"]
    status = path.stat()
    path.write_bytes(b"\0" * status.st_size)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    # Nothing is read where the client has the tile already.
    asked = {"If-None-Match": etag}
    assert api.client.get(address(tile), headers=asked).status_code == 304
    on_grid(path, tile, noise(3, 256, 256)[::-1])
    changed = api.client.get(address(tile), headers=asked)
    assert changed.status_code == 200
    assert changed.headers["ETag"] != etag
    path.unlink()
    gone = api.client.get(address(tile))
    assert gone.status_code == 200
    assert gone.headers["Cache-Control"] == "no-store"
    assert "ETag" not in gone.headers
    assert (np.asarray(Image.open(io.BytesIO(gone.data))) == 0).all()


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/imagery/25/0/0.png", 400, "BAD_USER_INPUT"),
        ("/imagery/3/8/0.png", 400, "BAD_USER_INPUT"),
        ("/imagery/3/0/8.webp", 400, "BAD_USER_INPUT"),
        ("/imagery/3/-1/0.png", 400, "BAD_USER_INPUT"),
        ("/imagery/3/1.5/0.png", 400, "BAD_USER_INPUT"),
        ("/imagery/a/0/0.png", 400, "BAD_USER_INPUT"),
        ("/imagery/3/٣/0.png", 400, "BAD_USER_INPUT"),
        ("/imagery/3/" + "9" * 5000 + "/0.png", 400, "BAD_USER_INPUT"),
        ("/imagery/3/0/0.tif", 404, "NOT_FOUND"),
        ("/imagery/3/0/0", 404, "NOT_FOUND"),
        ("/imagery/3/0/0.png?scene=none", 400, "BAD_USER_INPUT"),
        ("/imagery/3/0/0.png?at=yesterday", 400, "BAD_USER_INPUT"),
        ("/imagery/3/0/0.png?date=2020", 400, "BAD_USER_INPUT"),
        ("/imagery.json?scene=none", 400, "BAD_USER_INPUT"),
        ("/imagery.json?format=tif", 404, "NOT_FOUND"),
    ],
)
def test_bad_addresses(api: Api, path: str, status: int, code: str) -> None:
    response = api.client.get(path)
    assert response.status_code == status
    [error] = response.get_json()["errors"]
    assert error["extensions"]["code"] == code
    assert len(error["message"]) < 200


def test_tile_json(api: Api) -> None:
    found = api.client.get("/imagery.json?scene=lake&format=webp").get_json()
    west, south, east, north = found.pop("bounds")
    assert found == {
        "tilejson": "3.0.0",
        "name": "lake",
        "tiles": ["http://localhost/imagery/{z}/{x}/{y}.webp?scene=lake"],
        "scheme": "xyz",
        "minzoom": 0,
        "maxzoom": 14,
        "attribution": "",
    }
    assert -180 < west < east < 180
    assert south < north
    everything = api.client.get("/imagery.json").get_json()
    assert everything["tiles"] == ["http://localhost/imagery/{z}/{x}/{y}.png"]
    assert everything["bounds"][0] <= west
    assert everything["bounds"][3] >= north


def test_tile_json_of_nothing(api: Api) -> None:
    found = api.client.get("/imagery.json?at=1900-01-01&scene=west").get_json()
    assert (found["minzoom"], found["maxzoom"]) == (0, 0)
    assert found["bounds"][0] == -180
