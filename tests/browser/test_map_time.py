"""The time panel in a browser: two dates side by side, what changed, and a label over time."""

import re
import time

import numpy as np
from playwright.sync_api import expect
from support.map_page import DATES, UNCLASSIFIED, WAIT_MS, MapVisit

CHANGED = range(8, UNCLASSIFIED)
"""The newer scene has 0.5 or more for ``water`` on these tiles; the older one has 0 everywhere."""


def test_compares_two_dates(visit: MapVisit) -> None:
    visit.open(panel="time", label="water")
    after = visit.page.locator(".map-area").first.screenshot()
    visit.page.get_by_role("button", name="Compare two dates").click()
    expect(visit.page.get_by_text(f"{len(CHANGED)} places")).to_be_visible()
    assert visit.address()["before"] == DATES["older"]
    places = visit.page.locator("ol.changed-places > li")
    expect(places).to_have_count(len(CHANGED))
    # The greatest change comes first: the tile whose score went from 0 to 14/16.
    expect(places.first).to_contain_text("Score 0.00 → 0.88")
    assert visit.page.locator(".map-area").first.screenshot() != after
    assert visit.violations() == []

    before = visit.address()["map"]
    places.last.get_by_role("button").click()
    visit.page.wait_for_function("map => !location.search.includes(map)", arg=before)
    expect(places).to_have_count(len(CHANGED))

    visit.page.go_back()
    expect(visit.page.get_by_role("button", name="Compare two dates")).to_be_visible()
    expect(visit.page.get_by_role("slider")).to_have_count(0)


def test_the_divider_moves_by_keys_and_pointer(visit: MapVisit) -> None:
    def off_middle() -> np.ndarray:
        """The colour of a tile between its middle, where its sign is, and its corner."""
        x, y = (
            0.7 * a + 0.3 * b for a, b in zip(visit.position(5), visit.position(10), strict=True)
        )
        box = visit.page.locator("canvas.maplibregl-canvas").first.bounding_box()
        assert box is not None
        row, column = int(y - box["y"]), int(x - box["x"])
        # The picture of the canvas has what lies over it: the left map.
        return visit.canvas()[row - 3 : row + 4, column - 3 : column + 4].mean(axis=(0, 1))

    visit.open(panel="time", label="primary", at=DATES["older"], opacity="0.4")
    older = off_middle()
    visit.open(panel="time", label="primary", before=DATES["older"], opacity="0.4")
    expect(visit.page.get_by_text(f"{UNCLASSIFIED} places")).to_be_visible()
    divider = visit.page.get_by_role("slider", name=re.compile("Aug 4, 2016"))
    divider.press("Home")
    expect(divider).to_have_attribute("aria-valuenow", "0")
    visit.settle()
    assert np.abs(off_middle() - older).max() > 20
    divider.press("End")
    deadline = time.monotonic() + WAIT_MS / 1000
    while np.abs(off_middle() - older).max() > 6:
        assert time.monotonic() < deadline, "the left map does not show the older scene"
        visit.page.wait_for_timeout(200)

    divider.press("Home")
    divider.press("PageUp")
    expect(divider).to_have_attribute("aria-valuenow", "10")
    # Which waits until the divider stands still.
    divider.hover()
    box = divider.bounding_box()
    assert box is not None
    visit.page.mouse.down()
    visit.page.mouse.move(box["x"] + 200, box["y"] + 300, steps=5)
    visit.page.mouse.up()
    expect(divider).not_to_have_attribute("aria-valuenow", "10")


def test_a_label_over_time(visit: MapVisit) -> None:
    visit.open(panel="time", label="water", interval="year")
    bars = visit.page.locator("ol.bars button")
    expect(bars).to_have_count(2)
    expect(bars.last).to_have_attribute("aria-pressed", "true")
    bars.first.click()
    visit.page.wait_for_url(re.compile("[?&]at=2016-08-04"))
    expect(bars.first).to_have_attribute("aria-pressed", "true")
    visit.page.get_by_text("As a table").click()
    row = visit.page.get_by_role("row", name=re.compile("^2017"))
    assert float(row.get_by_role("cell").first.inner_text().split()[0]) > 0
    expect(visit.page.get_by_role("row", name=re.compile("^2016"))).to_contain_text("0 km²")
    assert visit.violations() == []
