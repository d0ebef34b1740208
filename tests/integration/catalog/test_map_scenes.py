"""What a map's tile is drawn from: ranks, zooms, and that its number is bounded."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from support.catalog_rows import add_scene

from earthgql.catalog.map_scenes import MOST_PICTURES, MOST_SCENES, summary, tiles_of_map
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.errors import BadInputError
from earthgql.imagery.grid import TileIndex, tile_bounds
from earthgql.imagery.source import PlacedTile

# Of another place than any test that commits.
TILE = TileIndex(10, 3, 900)
ANY = TileFilter()


def children(tile: TileIndex, finer: int) -> list[TileIndex]:
    side = 1 << finer
    return [
        TileIndex(tile.z + finer, (tile.x << finer) + x, (tile.y << finer) + y)
        for x in range(side)
        for y in range(side)
    ]


def shown(connection: Connection, tile: TileIndex, where: TileFilter = ANY) -> list[TileIndex]:
    return [placed.source.index for placed in tiles_of_map(connection, tile, where)]


def area(placed: PlacedTile) -> float:
    """Its share of the world."""
    return 0.25**placed.cell.z


def test_newest_first_within_a_band(connection: Connection) -> None:
    older, newer = (datetime(year, 1, 1, tzinfo=UTC) for year in (2015, 2020))
    for name, zoom, date in (
        ("unknown", 10, None),
        ("older", 12, older),
        ("newer", 11, newer),
        ("coarse", 9, newer),
        ("fine", 13, older),
    ):
        finer = zoom - TILE.z
        cells = children(TILE, finer) if finer >= 0 else [TileIndex(9, TILE.x >> 1, TILE.y >> 1)]
        add_scene(connection, name, cells, date)
    order = dict.fromkeys(cell.z for cell in shown(connection, TILE))
    assert list(order) == [13, 11, 12, 10, 9]
    before = TileFilter(at=datetime(2018, 1, 1, tzinfo=UTC))
    assert list(dict.fromkeys(cell.z for cell in shown(connection, TILE, before))) == [13, 12, 10]
    assert shown(connection, TILE, TileFilter(scene="unknown")) == [TILE]


def test_zooms_of_one_scene(connection: Connection) -> None:
    """The next higher zoom is reduced; behind it, lower ones are enlarged."""
    parent = TileIndex(9, TILE.x >> 1, TILE.y >> 1)
    add_scene(connection, "zooms", [parent, *children(TILE, 1), *children(TILE, 3)])
    found = shown(connection, TILE)
    assert sorted(found[:4]) == children(TILE, 1)
    assert found[4:] == [parent]
    assert shown(connection, children(TILE, 1)[0]) == [children(TILE, 1)[0], parent]


def test_only_tiles_that_exist(connection: Connection) -> None:
    corners = [children(TILE, 2)[0], children(TILE, 2)[-1]]
    add_scene(connection, "corners", corners)
    assert sorted(shown(connection, TILE)) == corners
    assert shown(connection, children(TILE, 2)[5]) == []
    assert shown(connection, TILE._replace(x=TILE.x + 1)) == []


def test_across_the_antimeridian(connection: Connection) -> None:
    west, east = TileIndex(6, 63, 50), TileIndex(6, 0, 50)
    add_scene(connection, "pacific", [west, east])
    edge, other = tile_bounds(west), tile_bounds(east)
    connection.execute(
        text(
            "UPDATE scene SET footprint = ST_MakeEnvelope(:w, :s, :e, :n, 4326)"
            " WHERE name = 'pacific'"
        ),
        {"w": edge.west, "s": edge.south, "e": other.east + 360, "n": edge.north},
    )
    assert shown(connection, west) == [west]
    assert shown(connection, east) == [east]
    assert sorted(shown(connection, TileIndex(0, 0, 0))) == [east, west]
    assert shown(connection, TileIndex(6, 30, 50)) == []
    assert summary(connection, TileFilter(scene="pacific")).bounds[::2] == (-180, 180)


def test_pictures_are_bounded_and_spread(connection: Connection) -> None:
    """Of 32 x 32 tiles at zoom 14, some are drawn for those around them."""
    tiles = children(TileIndex(9, 100, 200), 5)
    add_scene(connection, "many", tiles)
    for zoom in (0, 6, 9):
        cell = TileIndex(zoom, 100 >> (9 - zoom), 200 >> (9 - zoom))
        placed = tiles_of_map(connection, cell, ANY)
        assert 200 < len(placed) <= MOST_PICTURES
        assert {each.source.index for each in placed} <= set(tiles)
        assert sum(area(each) for each in placed) == pytest.approx(0.25**9)
        for each in placed:
            finer = each.source.index.z - each.cell.z
            assert each.source.index.x >> finer == each.cell.x
            assert each.source.index.y >> finer == each.cell.y


def test_scenes_are_bounded(connection: Connection) -> None:
    """Those that cover much of the tile come first, by rank; then the largest of the others."""
    add_scene(connection, "whole", [TILE])
    for number in range(2 * MOST_SCENES):
        add_scene(connection, f"small {number}", [children(TILE, 4)[number]])
    add_scene(connection, "quarter", [children(TILE, 1)[0]])
    found = shown(connection, TILE)
    assert len(found) == MOST_SCENES
    assert TILE in found
    assert children(TILE, 1)[0] in found


def test_rasters_are_drawn_on_the_grid_of_the_map(connection: Connection, tmp_path: Path) -> None:
    add_scene(connection, "raster", children(TILE, 2))
    connection.execute(
        text("UPDATE scene SET kind = 'raster', uri = :uri WHERE name = 'raster'"),
        {"uri": str(tmp_path / "r.tif")},
    )
    for tile in (TILE, children(TILE, 2)[3], children(TILE, 5)[77]):
        [placed] = tiles_of_map(connection, tile, ANY)
        assert placed.cell == placed.source.index == tile
        assert placed.source.kind == "raster"


def test_a_scene_that_does_not_exist(connection: Connection) -> None:
    with pytest.raises(BadInputError, match="no scene is named 'none'"):
        tiles_of_map(connection, TILE, TileFilter(scene="none"))
    with pytest.raises(BadInputError, match="no scene is named 'none'"):
        summary(connection, TileFilter(scene="none"))
