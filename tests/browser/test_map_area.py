"""The area panel in a browser: drawn, typed, listed, sorted and downloaded."""

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from playwright.sync_api import Download, Page, expect
from support.api_client import centre
from support.map_page import UNCLASSIFIED, MapVisit

CLASSIFIED = UNCLASSIFIED
"""So many tiles of the newer scene have scores: all but the last."""


def drag(visit: MapVisit, first: int, last: int) -> None:
    """Drag on the map from the middle of a tile to the middle of another."""
    visit.page.mouse.move(*visit.position(first))
    visit.page.mouse.down()
    visit.page.mouse.move(*visit.position(last), steps=5)
    visit.page.mouse.up()


def column(page: Page, place: int) -> list[str]:
    """The texts of a column of the table of tiles."""
    expect(page.locator("table.tiles")).to_be_visible()
    return page.locator(f"table.tiles td:nth-child({place})").all_inner_texts()


def download(page: Page, name: str) -> Download:
    with page.expect_download() as waiting:
        page.locator(".downloads").get_by_text(name, exact=True).click()
    return waiting.value


def test_draws_a_rectangle_and_downloads_it(visit: MapVisit, tmp_path: Path) -> None:
    visit.open(panel="area", label="water")
    visit.page.get_by_role("button", name="Draw a rectangle").click()
    expect(visit.page.get_by_text("Drag on the map")).to_be_visible()
    drag(visit, 5, 15)
    # Tiles 5, 6, 7, 9, 10, 11, 13 and 14 have scores of n / 16; 15 has none.
    expect(visit.page.locator("table.tiles tbody tr")).to_have_count(8)
    assert column(visit.page, 3) == ["0.88", "0.81", "0.69", "0.63", "0.56", "0.44", "0.38", "0.31"]
    west, south, east, north = map(float, visit.address()["area"].split(","))
    assert west < east
    assert south < north
    assert "panel" in visit.address()
    assert visit.address()["panel"] == "area", "the clicks that draw open no card"

    rows = list(csv.DictReader(io.StringIO(download(visit.page, "CSV").path().read_text())))
    assert sorted(float(row["score_water"]) for row in rows) == [
        n / 16 for n in (5, 6, 7, 9, 10, 11, 13, 14)
    ]
    features = json.loads(download(visit.page, "GeoJSON").path().read_text())["features"]
    assert len(features) == 8
    visit.page.get_by_role("checkbox").check()
    expect(visit.page.locator("table.tiles tbody tr")).to_have_count(5)
    saved = tmp_path / "tiles.parquet"
    download(visit.page, "GeoParquet").save_as(saved)
    table = pq.read_table(saved)
    assert min(table.column("score_water").to_pylist()) > 0.5


def test_sorts_and_turns_pages_by_the_server(visit: MapVisit) -> None:
    visit.open(panel="area", label="water")
    visit.page.get_by_role("button", name="Use the view").click()
    heading = visit.page.get_by_role("columnheader", name="Score of water")
    expect(heading).to_have_attribute("aria-sort", "descending")
    expect(visit.page.get_by_text(re.compile(f"^1.10 of {CLASSIFIED}$"))).to_be_visible()
    visit.page.get_by_role("button", name="Next").click()
    expect(visit.page.get_by_text(re.compile(f"^11.{CLASSIFIED} of {CLASSIFIED}$"))).to_be_visible()
    visit.page.get_by_role("button", name="Previous").click()
    expect(visit.page.get_by_text(re.compile(f"^1.10 of {CLASSIFIED}$"))).to_be_visible()
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "ascending")
    expect(visit.page.locator("table.tiles td:nth-child(3)").first).to_have_text("0.00")
    visit.page.wait_for_url(re.compile("[?&]sort=score"))
    before = visit.address()["map"]
    visit.page.locator("table.tiles button.thumbnail").last.click()
    visit.page.wait_for_function("map => !location.search.includes(map)", arg=before)
    visit.page.go_back()
    expect(visit.page.get_by_text("Draw an area on the map to list")).to_be_visible()


def test_polygons_are_drawn_changed_and_cleared(visit: MapVisit) -> None:
    visit.open(panel="area", label="water")
    visit.page.get_by_role("button", name="Draw a polygon").click()
    expect(visit.page.get_by_text("Click the corners on the map")).to_be_visible()
    for corner in (0, 3, 8):
        visit.page.mouse.move(*visit.position(corner))
        visit.click_tile(corner)
    visit.click_tile(8)
    expect(visit.page.locator("table.tiles tbody tr")).to_have_count(9)
    assert len(visit.address()["area"].split(",")) == 6
    visit.page.get_by_role("button", name="Change its corners").click()
    expect(visit.page.get_by_text("Drag corners")).to_be_visible()
    drag(visit, 8, 15)
    expect(visit.page.locator(".pages")).to_contain_text(re.compile("of 1[0-5]"))
    visit.page.keyboard.press("Escape")
    visit.page.get_by_role("button", name="Clear", exact=True).click()
    expect(visit.page.get_by_text("Draw an area on the map to list")).to_be_visible()


def test_types_edges_by_keyboard(visit: MapVisit) -> None:
    visit.open(panel="area", label="water")
    visit.page.get_by_text("Type its edges").click()
    for name, value in (("West", "10"), ("South", "10"), ("East", "11"), ("North", "9")):
        visit.page.get_by_role("spinbutton", name=name).fill(value)
    visit.page.keyboard.press("Enter")
    assert "area" not in visit.address()
    visit.page.get_by_role("spinbutton", name="North").fill("11")
    visit.page.keyboard.press("Enter")
    expect(visit.page.get_by_text("There is no imagery in this area")).to_be_visible()
    assert visit.address()["area"] == "10,10,11,11"
    assert visit.violations() == []


def test_long_polygons_are_downloaded_too(visit: MapVisit) -> None:
    lat, lon = centre(visit.site.tile(UNCLASSIFIED))
    angles = np.linspace(0, 2 * np.pi, 150, endpoint=False)
    # A circle within the last tile, which has no scores, and around all tiles.
    for radius, tiles in ((0.002, 0), (1.0, CLASSIFIED)):
        corners = zip(lon + radius * np.cos(angles), lat + radius * np.sin(angles), strict=True)
        area = ",".join(f"{x:.5f},{y:.5f}" for x, y in corners)
        visit.open(panel="area", label="water", area=area)
        if not tiles:
            expect(visit.page.get_by_text("None of its tiles has been classified")).to_be_visible()
            expect(visit.page.get_by_role("button", name="Classify this area (1")).to_be_visible()
        rows = csv.DictReader(io.StringIO(download(visit.page, "CSV").path().read_text()))
        assert len(list(rows)) == tiles
