"""Scenes on the map: the list, the way to each, and a database without any."""

from datetime import datetime
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, expect
from sqlalchemy import Engine
from support.api_client import NORTH_WEST, ingest, make_api, write_raster
from support.http_server import serving
from support.map_page import DATES, MapSite, MapVisit


def test_lists_scenes_and_flies_to_them(visit: MapVisit) -> None:
    visit.open(panel="scenes", map="3/10/10")
    scenes = visit.page.get_by_role("main").get_by_role("listitem")
    expect(scenes).to_have_count(len(DATES))
    expect(scenes.first).to_contain_text("16 tiles")
    expect(scenes.first.get_by_role("time")).to_have_attribute(
        "datetime", "2016-08-04T14:00:00+00:00"
    )
    bare = visit.canvas()
    scenes.first.get_by_role("button", name="Fly there to older").press("Enter")
    visit.settle()
    zoom, lat, lon = map(float, visit.address()["map"].split("/"))
    middle = list(map(float, visit.site.map().split("/")[1:]))
    assert zoom > 10
    assert np.allclose([lat, lon], middle, atol=0.02)
    # The button has the focus, so the scene is outlined.
    outlined = visit.canvas()
    visit.page.get_by_role("heading", name="Scenes").click()
    visit.settle()
    assert np.abs(visit.canvas().astype(int) - outlined).max() > 100
    assert np.abs(outlined.astype(int) - bare).mean() > 1
    assert visit.violations() == []


def test_an_empty_database_says_how_to_get_imagery_in(
    browser: Browser, fresh_engine: Engine, tmp_path: Path
) -> None:
    api = make_api(fresh_engine)
    with serving(api.app) as url, MapVisit.of(browser, MapSite(url, api)) as visit:
        visit.page.goto(f"{url}/")
        start = visit.page.get_by_role("region", name="No imagery yet")
        expect(start).to_contain_text("make demo")
        visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
        start.get_by_role("button", name="Copy").first.click()
        expect(start.get_by_role("button", name="Copied")).to_be_visible()
        assert visit.page.evaluate("navigator.clipboard.readText()") == "make demo\n"
        assert visit.violations() == []
        # As soon as there is some, the page shows it.
        raster = write_raster(tmp_path / "lake.tif", NORTH_WEST, 2, 2)
        ingest(fresh_engine, raster, "lake", acquired_at=datetime.fromisoformat(DATES["older"]))
        expect(start).to_be_hidden(timeout=20_000)
        visit.settle()
        assert float(visit.address()["map"].split("/")[0]) > 10
