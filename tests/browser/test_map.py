"""The map in a browser: what is painted, and that an address brings it back."""

import re

import numpy as np
import pytest
from playwright.sync_api import Browser, expect
from support.map_page import UNCLASSIFIED, MapSite, MapVisit

LOW, HIGH = 2, 14
"""Tiles whose scores of ``water`` are 1/8 and 7/8."""


def test_paints_imagery_and_the_label(visit: MapVisit) -> None:
    visit.open(label="blooming")
    bare = {n: visit.colour(n) for n in (LOW, HIGH, UNCLASSIFIED)}
    visit.page.get_by_role("combobox", name="Label").select_option("water")
    visit.settle()
    painted = {n: visit.colour(n) for n in bare}
    # 7/8 is over the threshold of 0.5 and bright in viridis; 1/8 is not, nor is what has no score.
    assert np.abs(painted[HIGH] - bare[HIGH]).max() > 20
    assert painted[HIGH][1] > painted[HIGH][2] + 60
    assert np.abs(painted[LOW] - bare[LOW]).max() < 4
    assert visit.address()["label"] == "water"


def test_the_cutoff_repaints_without_a_request(visit: MapVisit) -> None:
    visit.open(label="water")
    bare, before = visit.colour(LOW), len(visit.asked("/labels/"))
    slider = visit.page.get_by_role("slider", name=re.compile("Cutoff"))
    slider.fill("10")
    expect(visit.page).to_have_url(re.compile(r"cutoff=0\.1$"))
    visit.settle()
    assert np.abs(visit.colour(LOW) - bare).max() > 30
    assert len(visit.asked("/labels/")) == before


def test_an_address_shows_the_same_and_back_works(visit: MapVisit, browser: Browser) -> None:
    visit.open(label="water", cutoff="0.1", at="2017-09-01T00:00:00Z")
    shown, link = visit.canvas(), visit.page.url
    label = visit.page.get_by_role("combobox", name="Label")
    label.select_option("primary")
    visit.settle()
    assert np.abs(visit.canvas().astype(int) - shown).mean() > 1
    visit.page.go_back()
    expect(label).to_have_value("water")
    visit.settle()
    assert np.abs(visit.canvas().astype(int) - shown).mean() < 1
    with MapVisit.of(browser, visit.site) as other:
        other.page.goto(link)
        other.settle()
        assert np.abs(other.canvas().astype(int) - shown).mean() < 1


def test_the_moment_decides_which_scene_is_shown(visit: MapVisit) -> None:
    visit.open(label="primary")
    newer = visit.colour(HIGH)
    visit.open(label="primary", at="2016-09-01T00:00:00Z")
    # Of the older scene all tiles are `primary`, of the newer one none.
    assert np.abs(visit.colour(HIGH) - newer).max() > 30


def test_round_the_world(visit: MapVisit) -> None:
    visit.open(label="water")
    shown = visit.canvas()
    zoom, lat, lon = visit.site.map().split("/")
    visit.open(label="water", map=f"{zoom}/{lat}/{float(lon) + 360}")
    assert np.abs(visit.canvas().astype(int) - shown).mean() < 1


def test_keyboard_alone(visit: MapVisit) -> None:
    visit.open(label="water")
    visit.page.keyboard.press("Tab")
    expect(visit.page.get_by_role("link", name="Go to the map")).to_be_focused()
    visit.page.keyboard.press("Enter")
    visit.page.keyboard.press("Tab")
    canvas = visit.page.locator("canvas.maplibregl-canvas").first
    expect(canvas).to_be_focused()
    before = visit.address()["map"]
    visit.page.keyboard.press("ArrowRight")
    visit.settle()
    assert visit.address()["map"] != before


@pytest.mark.parametrize(
    ("width", "height", "scheme"),
    [(360, 740, "light"), (1280, 800, "dark"), (2560, 1440, "light")],
)
def test_fits_the_screen(
    browser: Browser, map_site: MapSite, width: int, height: int, scheme: str
) -> None:
    size = {"width": width, "height": height}
    with MapVisit.of(browser, map_site, viewport=size, color_scheme=scheme) as visit:
        visit.open(label="water")
        overflow = visit.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0
        box = visit.page.locator("canvas.maplibregl-canvas").first.bounding_box()
        assert box is not None
        assert box["height"] >= 0.35 * height
        assert visit.violations() == []


def test_in_portuguese(browser: Browser, map_site: MapSite) -> None:
    with MapVisit.of(browser, map_site, locale="pt-BR") as visit:
        visit.open(label="water")
        expect(visit.page.get_by_role("heading", name="Rótulos", level=2)).to_be_visible()
        assert visit.page.locator("html").get_attribute("lang") == "pt"
