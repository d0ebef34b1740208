"""What the page does as a whole: its link, a picture of it, the tour, and a lost server."""

import re
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, expect
from support.map_page import MapSite, MapVisit

VIRIDIS_ENDS = ((68, 1, 84), (253, 231, 37))


def test_copies_the_link_and_saves_a_picture(visit: MapVisit, tmp_path: Path) -> None:
    visit.open(label="water", cutoff="0.1")
    visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.page.get_by_role("button", name="Copy the link").click()
    expect(visit.page.get_by_role("banner").get_by_role("status")).to_have_text("Link copied")
    assert visit.page.evaluate("navigator.clipboard.readText()") == visit.page.url
    assert visit.page.title() == "Labels · water · earthgql map"
    with visit.page.expect_download() as download:
        visit.page.get_by_role("button", name="Download the map").click()
    download.value.save_as(tmp_path / "map.png")
    picture = np.asarray(Image.open(tmp_path / "map.png").convert("RGB")).astype(int)
    shown = visit.canvas().astype(int)
    assert picture.shape[1] == shown.shape[1]
    # The map is between the title and the legend; controls are at its edges.
    offset = 48
    middle = slice(shown.shape[0] // 4, 3 * shown.shape[0] // 4)
    assert np.abs(picture[offset:][middle, 100:-100] - shown[middle, 100:-100]).mean() < 1
    for color in VIRIDIS_ENDS:
        assert np.abs(picture[offset + shown.shape[0] :] - color).max(axis=2).min() < 12


def test_the_tour_by_keyboard(browser: Browser, map_site: MapSite) -> None:
    with MapVisit.of(browser, map_site) as visit:
        visit.page.add_init_script("localStorage.removeItem('earthgql:tour')")
        visit.page.goto(visit.site.url)
        tour = visit.page.get_by_role("complementary")
        expect(tour).to_contain_text("Step 1 of 4")
        visit.page.keyboard.press("Escape")
        expect(tour).to_be_hidden()
        assert visit.page.evaluate("localStorage.getItem('earthgql:tour')") == "seen"
        visit.page.get_by_role("button", name=re.compile("^Tour")).press("Enter")
        for step in range(1, 4):
            expect(tour).to_contain_text(f"Step {step} of 4")
            expect(tour.get_by_role("heading")).to_be_focused()
            assert step > 1 or visit.violations() == []
            tour.get_by_role("button", name="Next").press("Enter")
        expect(visit.page.get_by_role("heading", name="Time", exact=True)).to_be_visible()
        tour.get_by_role("button", name="Done").press("Enter")
        expect(tour).to_be_hidden()


def test_a_lost_server_is_told_and_found_again(visit: MapVisit) -> None:
    visit.expected = ["ERR_INTERNET_DISCONNECTED", "Failed to fetch"]
    visit.open(label="water")
    visit.context.set_offline(True)
    banner = visit.page.get_by_text("The server cannot be reached. Trying again")
    expect(banner).to_be_visible()
    assert visit.violations() == []
    visit.context.set_offline(False)
    expect(banner).to_be_hidden(timeout=10_000)
