"""Which labels apply at a place: by mouse, by keyboard, and where nothing is."""

import re

import numpy as np
from playwright.sync_api import expect
from support.map_page import MapVisit

TILE = 14
"""Its score of ``water`` is 14/16; around it are four classified tiles that all have it."""


def test_a_click_shows_the_place(visit: MapVisit) -> None:
    visit.open(label="water")
    bare = visit.canvas()
    visit.click_tile(TILE)
    card = visit.page.get_by_role("article")
    water = card.get_by_role("listitem").first
    expect(water).to_contain_text("0.88")
    expect(water).to_contain_text("0.38 above the cutoff of 0.50")
    expect(water).to_contain_text("4 of 4 neighbours")
    expect(card.get_by_role("time").first).to_have_attribute("title", re.compile("2017.*UTC"))
    picture = card.get_by_role("img")
    expect(picture).to_have_js_property("naturalWidth", 256)
    # The tile is outlined, white on dark.
    visit.settle()
    assert (np.abs(visit.canvas().astype(int) - bare).max(axis=2) > 60).sum() > 200
    assert visit.violations() == []
    visit.page.reload()
    expect(water).to_contain_text("0.88")
    visit.page.go_back()
    expect(visit.page.get_by_role("heading", name="Labels", level=2)).to_be_visible()


def test_the_keyboard_reaches_every_place(visit: MapVisit) -> None:
    visit.open(label="water", panel="place")
    page, card = visit.page, visit.page.get_by_role("article")
    page.locator("canvas.maplibregl-canvas").focus()
    page.keyboard.press("Enter")
    expect(card).to_be_visible()
    coordinates = page.get_by_role("textbox", name="Latitude, longitude")
    coordinates.fill("nowhere")
    coordinates.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("write latitude and longitude")
    coordinates.fill("10 N 10 E")
    coordinates.press("Enter")
    expect(page.get_by_text("There is no imagery at 10.0000°, 10.0000°.")).to_be_visible()
    expect(card).to_have_count(0)
    assert visit.address()["point"] == "10,10"
    assert visit.violations() == []


def test_a_lost_server_is_told_and_asked_again(visit: MapVisit) -> None:
    visit.expected.append("net::ERR_FAILED")
    visit.open(label="water")
    visit.page.route("**/graphql", lambda route: route.abort())
    visit.click_tile(TILE)
    alert = visit.page.get_by_role("alert")
    expect(alert).to_contain_text("The server cannot be reached")
    visit.page.unroute("**/graphql")
    alert.get_by_role("button", name="Try again").click()
    expect(visit.page.get_by_role("article")).to_be_visible()
