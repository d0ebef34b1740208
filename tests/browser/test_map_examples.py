"""Pages of another origin that show labels with the layers of ``frontend/src/embed.ts``."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from flask import Flask
from PIL import Image
from playwright.sync_api import Browser, expect
from sqlalchemy import Engine
from support.http_server import serving
from support.map_page import WAIT_MS, MapSite, make_site

from earthgql.web import pages


@pytest.fixture(scope="module")
def open_site(module_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MapSite]:
    """A server that lets pages of other ports of this machine read its answers."""
    folder = tmp_path_factory.mktemp("site")
    with make_site(module_engine, folder, cors_origins=r"http://127\.0\.0\.1:\d+") as site:
        yield site


@pytest.mark.parametrize("library", ["maplibre", "leaflet"])
def test_an_example_of_another_origin(browser: Browser, open_site: MapSite, library: str) -> None:
    elsewhere = Flask("elsewhere", static_folder=str(pages.STATIC), static_url_path="/static")
    with serving(elsewhere) as url:
        page = browser.new_page(viewport={"width": 700, "height": 600})
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.goto(f"{url}/static/examples/{library}.html?server={open_site.url}")
        painted = page.locator("body[data-painted]")
        expect(painted).to_be_attached(timeout=WAIT_MS)

        def shown() -> np.ndarray:
            page.wait_for_timeout(700)
            picture = Image.open(io.BytesIO(page.locator("#map").screenshot()))
            return np.asarray(picture.convert("RGB")).astype(int)

        def choose(label: str, cutoff: str) -> None:
            page.get_by_label("Label").select_option(label)
            page.get_by_label("Cutoff").fill(cutoff)

        choose("blooming", "0.5")
        bare = shown()
        painted_tiles = []
        for cutoff in ("0.7", "0.3"):
            choose("water", cutoff)
            painted_tiles.append((np.abs(shown() - bare).max(axis=2) > 20).mean())
        # Of 15 tiles with scores from 0/16 to 14/16, 3 reach the higher cutoff, and 10 the lower.
        few, many = painted_tiles
        assert few > 0.05
        assert many / few == pytest.approx(10 / 3, rel=0.2)
        names = page.evaluate(
            "async url => Object.keys(await import(url))",
            f"{open_site.url}/static/earthgql-layers.js",
        )
        assert {"labelLayer", "labelSource", "restyleLabels", "labelPaint", "VIRIDIS"} <= {*names}
        page.close()
        assert complaints == []


def test_examples_are_built() -> None:
    assert {path.name for path in Path(pages.STATIC, "examples").iterdir()} == {
        "leaflet.html",
        "maplibre.html",
    }
