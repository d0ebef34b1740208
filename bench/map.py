"""Tiles of imagery over HTTP, against TiTiler on the same COG.

    python -m bench map --json bench/results/map.json

The COG (EPSG:32722, 8,192 x 8,192 pixels, JPEG or DEFLATE, with overviews) is made for it, and so
is the database. earthgql is `manage.py serve` as anybody runs it; TiTiler is titiler.core behind
uvicorn, with the settings that its documentation recommends. One process each, asked in turn.
Cold: each tile is asked for once, and no other of its size before. Warm: the same tiles again. No
ETags are sent: those answers read no pixels. Medians and 95th percentiles in milliseconds, and
ratios of medians, which are what matters. TiTiler is installed into var/bench the first time.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import rasterio
from affine import Affine
from sqlalchemy import Engine

from bench.flow import is_ready
from bench.machine import describe, load
from bench.peer import installed
from bench.scratch import scratch_database
from bench.serving import Client, Server, serve, start
from bench.warm import ratio, summary
from earthgql.imagery import grid
from earthgql.imagery.grid import Bounds, TileIndex
from earthgql.ingest.raster.options import RasterOptions
from earthgql.ingest.raster.source import RasterSource
from earthgql.ingest.store import store
from earthgql.settings import PROJECT_ROOT

TITILER = ("titiler.core==2.4.0", "uvicorn==0.54.0")
SIZE = 8192
ZOOMS = {"overview": 11, "own": 14, "enlarged": 16}
CLIENTS = (1, 16)
# https://developmentseed.org/titiler/advanced/performance_tuning/
_TUNING = {
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".tif",
    "GDAL_CACHEMAX": "200",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_INGESTED_BYTES_AT_OPEN": "32768",
    "VSI_CACHE": "TRUE",
}

Times = dict[str, list[float]]


def write_cog(path: Path, compression: str) -> Path:
    """Write a COG of smooth colours with noise in them, 10 m a pixel, at 54 W and 3 S."""
    from rasterio.shutil import copy

    random = np.random.default_rng(1)
    small = random.integers(30, 220, (3, SIZE // 64, SIZE // 64), np.uint8)
    values = small.repeat(64, axis=1).repeat(64, axis=2)
    values += random.integers(0, 30, values.shape[1:], np.uint8)
    profile = {
        "driver": "GTiff",
        "width": SIZE,
        "height": SIZE,
        "count": 3,
        "dtype": "uint8",
        "crs": "EPSG:32722",
        "transform": Affine(10, 0, 600_000, 0, -10, 9_700_000),
        "photometric": "RGB",
        "tiled": True,
    }
    plain = path.with_suffix(".plain.tif")
    with rasterio.open(plain, "w", **profile) as dataset:
        dataset.write(values)
    options = {"QUALITY": "85"} if compression == "JPEG" else {}
    copy(plain, path, driver="COG", COMPRESS=compression, BLOCKSIZE="512", **options)
    plain.unlink()
    return path


def tiles(bounds: Bounds, zoom: int, count: int) -> list[TileIndex]:
    """Tiles of a zoom away from the edges, spread evenly."""
    west, south, east, north = bounds
    across, down = (east - west) / 20, (north - south) / 20
    inner = Bounds(west + across, south + down, east - across, north - down)
    inside = list(grid.tiles_in(inner, zoom))
    return inside[:: max(1, len(inside) // count)][:count]


class Servers:
    """Both servers, on one COG."""

    def __init__(self, stack: ExitStack, engine: Engine, cog: Path) -> None:
        url = engine.url.render_as_string(hide_password=False)
        self.ports: dict[str, int] = {}
        served = start(serve, {"EARTHGQL_DATABASE_URL": url})
        self._add(stack, "earthgql", served)
        while not is_ready(served.port):
            time.sleep(0.1)
        python = installed("titiler", TITILER)
        command = ["-m", "uvicorn", "bench.titiler_server:app", "--log-level", "error"]
        environment = {**_TUNING, "PYTHONPATH": str(PROJECT_ROOT)}
        self._add(
            stack,
            "titiler",
            start(lambda port: [str(python), *command, "--port", str(port)], environment),
        )
        self._clients = {
            name: [Client(port) for _ in range(max(CLIENTS))] for name, port in self.ports.items()
        }
        self._cog = quote(str(cog), safe="")

    def _add(self, stack: ExitStack, name: str, server: Server) -> None:
        stack.callback(server.stop)
        self.ports[name] = server.port

    def path(self, name: str, tile: TileIndex, ending: str) -> str:
        place = f"{tile.z}/{tile.x}/{tile.y}.{ending}"
        if name == "earthgql":
            return f"/imagery/{place}"
        return f"/cog/tiles/WebMercatorQuad/{place}?url={self._cog}"

    def times(self, asked: Sequence[TileIndex], ending: str, clients: int, rounds: int) -> Times:
        """Ask both servers for all tiles, ``clients`` at once; milliseconds of each answer.

        They take turns after each such batch, so that a busy moment hits both.
        """
        found: Times = {name: [] for name in self.ports}
        names = list(self.ports)
        with ThreadPoolExecutor(clients) as pool:
            for turn in range(rounds):
                for first in range(0, len(asked), clients):
                    for name in names if (turn + first // clients) % 2 else names[::-1]:
                        batch = zip(
                            self._clients[name], asked[first : first + clients], strict=False
                        )
                        found[name] += pool.map(
                            lambda one, n=name: self._ask(n, *one, ending), batch
                        )
        return found

    def _ask(self, name: str, client: Client, tile: TileIndex, ending: str) -> float:
        path = self.path(name, tile, ending)
        began = time.perf_counter()
        answer = client.ask(path)
        assert len(answer) > 1000, (name, tile)
        return (time.perf_counter() - began) * 1000


def measure(
    engine: Engine, cog: Path, rounds: int, count: int, formats: Sequence[str]
) -> dict[str, Any]:
    with rasterio.open(cog) as dataset:
        bounds = Bounds(*rasterio.warp.transform_bounds(dataset.crs, "EPSG:4326", *dataset.bounds))
    results: dict[str, Any] = {}
    for ending in formats:
        with ExitStack() as stack:
            servers = Servers(stack, engine, cog)
            # Libraries are loaded, and connections made, by tiles that are not measured.
            servers.times(tiles(bounds, 13, 32), ending, max(CLIENTS), 1)
            for kind, zoom in ZOOMS.items():
                chosen = tiles(bounds, zoom, count)
                for clients in CLIENTS:
                    own = chosen[: len(chosen) // 2] if clients == 1 else chosen[len(chosen) // 2 :]
                    for state, turns in (("cold", 1), ("warm", rounds)):
                        times = summary(servers.times(own, ending, clients, turns))
                        name = f"{ending} {kind} {state} {clients}"
                        results[name] = {**times, "ratio": ratio(times, "earthgql", "titiler")}
                        print(name, results[name], flush=True)
    return results


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=4, help="of warm tiles")
    parser.add_argument("--tiles", type=int, default=64, help="of a zoom")
    parser.add_argument("--formats", nargs="+", default=["png", "webp", "jpg"])
    parser.add_argument("--compression", choices=["JPEG", "DEFLATE"], default="JPEG")
    parser.add_argument("--json", type=Path, help="where to write the results")
    arguments = parser.parse_args(argv)
    machine = describe()
    with tempfile.TemporaryDirectory() as folder, scratch_database() as engine:
        cog = write_cog(Path(folder) / "cog.tif", arguments.compression)
        store(engine, RasterSource("cog", str(cog), folder, RasterOptions(zoom=14)))
        results = measure(engine, cog, arguments.rounds, arguments.tiles, arguments.formats)
    report = {"machine": machine, "load_after": load(), "imagery": results}
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
