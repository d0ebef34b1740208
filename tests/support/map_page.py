"""The map page in a browser, on a site of which it is known what every pixel should be."""

import io
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import Engine
from support.api_client import NORTH_WEST, Api, centre, ingest, make_api, write_raster
from support.http_server import serving
from support.stored_scores import score, tile_ids

from earthgql.imagery.grid import TileIndex
from earthgql.web import pages

WAIT_MS = 30_000
SIDE = 4
"""The site's scenes have so many tiles along each side."""
DATES = {"older": "2016-08-04T14:00:00Z", "newer": "2017-08-11T14:00:00Z"}
UNCLASSIFIED = 15
"""The newer scene's tile without scores, counted by rows from the north-west: the last."""
_AXE = Path(__file__).parents[2] / "frontend/node_modules/axe-core/axe.min.js"


@dataclass(frozen=True)
class MapSite:
    """A server with two scenes of 4 by 4 tiles at one place, of two dates.

    Of tile n of the newer scene, counted by rows from the north-west, the score of ``water`` is
    n / 16; the last tile has none. In the older scene all tiles have 0.9 for ``primary``.
    """

    url: str
    api: Api

    def tile(self, number: int) -> TileIndex:
        """The place of a tile of a scene, by its number."""
        row, column = divmod(number, SIDE)
        return TileIndex(NORTH_WEST.z, NORTH_WEST.x + column, NORTH_WEST.y + row)

    def map(self, zoom: float = 12.0) -> str:
        """The ``map`` of an address that shows the middle of the scenes."""
        lat, lon = centre(self.tile(0))
        far_lat, far_lon = centre(self.tile(UNCLASSIFIED))
        return f"{zoom}/{(lat + far_lat) / 2}/{(lon + far_lon) / 2}"


@contextmanager
def make_site(engine: Engine, folder: Path, **settings: Any) -> Iterator[MapSite]:
    """Ingest the scenes, keep the scores, and serve both."""
    assert (pages.STATIC / "index.html").is_file(), "build it first: make setup"
    for seed, (name, date) in enumerate(DATES.items()):
        raster = write_raster(folder / f"{name}.tif", NORTH_WEST, SIDE, SIDE, seed)
        ingest(engine, raster, name, acquired_at=datetime.fromisoformat(date))
    tiles = tile_ids(engine)
    half = SIDE * SIDE
    scores: dict[int, Mapping[str, float]] = {tile: {"primary": 0.9} for tile in tiles[:half]}
    scores |= {tile: {"water": n / half} for n, tile in enumerate(tiles[half:-1])}
    score(engine, scores)
    api = make_api(engine, **settings)
    with serving(api.app) as url:
        yield MapSite(url, api)


@dataclass
class MapVisit:
    """The page that was opened, and what it did since."""

    page: Page
    context: BrowserContext
    site: MapSite
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    """Patterns of complaints that the test brings about, such as those of a lost server."""

    @classmethod
    @contextmanager
    def of(cls, browser: Browser, site: MapSite, **options: Any) -> Iterator[Self]:
        """Visit a site; at the end, complaints and requests to other hosts are failures."""
        options = {"viewport": {"width": 1000, "height": 700}, "locale": "en-US", **options}
        context = browser.new_context(reduced_motion="reduce", **options)
        visit = cls(context.new_page(), context, site)
        visit.page.on("request", lambda request: visit.requests.append(request.url))
        visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        visit.page.on("console", visit._listen)
        # No tour lies over the page unless a test asks for it.
        visit.page.add_init_script("localStorage.setItem('earthgql:tour', 'seen')")
        try:
            yield visit
        finally:
            context.close()
        left = [c for c in visit.complaints if not any(re.search(p, c) for p in visit.expected)]
        assert left == []
        hosts = {urlsplit(r).netloc for r in visit.requests if urlsplit(r).scheme == "http"}
        assert hosts <= {urlsplit(site.url).netloc}

    def _listen(self, message: Any) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def open(self, **query: str) -> None:
        """Open the page at an address, and wait until the map is painted."""
        self.page.goto(f"{self.site.url}/?{urlencode({'map': self.site.map(), **query})}")
        self.settle()

    def settle(self) -> None:
        """Wait until the map has all its tiles and stands still."""
        container = self.page.locator("#map .maplibregl-map").first
        expect(container).to_have_attribute("aria-busy", "false", timeout=WAIT_MS)

    def asked(self, part: str) -> list[str]:
        """The requests so far whose URL has a part."""
        return [url for url in self.requests if part in url]

    def address(self) -> dict[str, str]:
        """The parameters of the page's address."""
        values: dict[str, str] = self.page.evaluate(
            "Object.fromEntries(new URLSearchParams(location.search))"
        )
        return values

    def canvas(self) -> np.ndarray:
        """What the map shows: uint8 [rows, columns, 3]."""
        picture = self.page.locator("canvas.maplibregl-canvas").first.screenshot()
        return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))

    def colour(self, number: int) -> np.ndarray:
        """The mean colour that the map shows in the middle of a tile: [red, green, blue]."""
        x, y = self.position(number)
        box = self.page.locator("canvas.maplibregl-canvas").first.bounding_box()
        assert box is not None
        column, row = int(x - box["x"]), int(y - box["y"])
        mean: np.ndarray = self.canvas()[row - 4 : row + 5, column - 4 : column + 5].mean(
            axis=(0, 1)
        )
        return mean

    def position(self, number: int) -> tuple[float, float]:
        """Where the page shows the middle of a tile: pixels from its left and top edges."""
        zoom, lat, lon = map(float, self.address()["map"].split("/"))
        box = self.page.locator("canvas.maplibregl-canvas").first.bounding_box()
        assert box is not None
        there, here = (_mercator(*place) for place in (centre(self.site.tile(number)), (lat, lon)))
        scale = 512 * 2**zoom
        x = box["x"] + box["width"] / 2 + (there[0] - here[0]) * scale
        return x, box["y"] + box["height"] / 2 + (there[1] - here[1]) * scale

    def click_tile(self, number: int) -> None:
        """Click the middle of a tile on the map."""
        self.page.mouse.click(*self.position(number))

    def panel(self, name: str) -> None:
        """Open a panel by its tab."""
        self.page.get_by_role("navigation").get_by_role("button", name=name, exact=True).click()

    def violations(self) -> list[str]:
        """What axe-core finds wrong with the page as it is: rule and elements."""
        self.page.evaluate(_AXE.read_text())
        found = self.page.evaluate("axe.run({resultTypes: ['violations']})")
        return [
            f"{violation['id']}: {json.dumps([node['target'] for node in violation['nodes']])}"
            for violation in found["violations"]
        ]


def _mercator(lat: float, lon: float) -> tuple[float, float]:
    """Web Mercator as fractions of the world, from its north-west corner."""
    y = 0.5 - np.arctanh(np.sin(np.radians(lat))) / (2 * np.pi)
    return lon / 360 + 0.5, float(y)
