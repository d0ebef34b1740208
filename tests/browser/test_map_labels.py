"""What the labels panel tells of the view, and how a view is classified."""

import re

import numpy as np
from playwright.sync_api import Page, expect
from support.job_scene import wait_until
from support.job_worker import working
from support.map_page import UNCLASSIFIED, WAIT_MS, MapVisit


def _row(page: Page, label: str) -> str:
    """What the histogram says of a label."""
    found = page.get_by_role("list", name="In this view").get_by_role(
        "button", name=re.compile(rf"^{label}\b")
    )
    return found.inner_text().replace("\n", " ")


def test_the_histogram_is_of_the_view(visit: MapVisit) -> None:
    visit.open(label="water")
    page = visit.page
    expect(page.get_by_text("15 of 16 tiles")).to_be_visible()
    # The scores of water are n / 16, of 15 tiles: 7 reach the threshold of 0.5.
    assert "7 tiles" in _row(page, "water")
    assert "46.7%" in _row(page, "water")
    expect(page.locator(".legend")).to_contain_text("Score of a tile")
    page.get_by_role("slider", name=re.compile("Cutoff")).fill("25")
    rows = page.get_by_role("list", name="In this view")
    expect(rows).to_contain_text("11 tiles")
    rows.get_by_role("button", name=re.compile("^primary")).click()
    expect(page.get_by_role("combobox", name="Label")).to_have_value("primary")
    assert visit.address()["label"] == "primary"
    assert "cutoff" not in visit.address()
    # Three zooms closer, the middle of the scenes shows four tiles.
    for _ in range(3):
        page.get_by_role("button", name="Zoom in").click()
    expect(page.get_by_text("4 of 4 tiles")).to_be_visible()


def test_a_view_without_imagery_leads_to_the_scenes(visit: MapVisit) -> None:
    visit.open(label="water", map="12/40/40")
    expect(visit.page.get_by_text("There is no imagery in this view.")).to_be_visible()
    assert visit.violations() == []
    visit.page.get_by_role("button", name="See what there is").click()
    expect(visit.page.get_by_role("heading", name="Scenes", level=2)).to_be_visible()


def test_the_legend_of_larger_squares(visit: MapVisit) -> None:
    lat, lon = visit.site.map().split("/")[1:]
    visit.open(label="water", map=f"6/{lat}/{lon}")
    legend = visit.page.locator(".legend")
    expect(legend).to_contain_text("Share of tiles with the label")
    expect(legend).to_contain_text("100%")


def test_a_view_is_classified_and_fills_in(visit: MapVisit) -> None:
    visit.open(label="water", cutoff="0", opacity="1")
    page, hatched = visit.page, visit.colour(UNCLASSIFIED)
    start = page.get_by_role("button", name="Classify this view (1 tile)")
    start.click()
    job = page.get_by_role("region", name="Classification")
    expect(job).to_contain_text("Waiting for a worker")
    assert visit.violations() == []
    # No worker runs yet, so the job is found again, and can be cancelled.
    page.reload()
    expect(job).to_contain_text("Waiting for a worker")
    job.get_by_role("button", name="Cancel").click()
    expect(job).to_contain_text("Cancelled")
    start.click()
    with working(visit.site.api):
        expect(job).to_contain_text("Classified.", timeout=WAIT_MS)
        expect(page.locator(".coverage")).to_contain_text("16 of 16 tiles", timeout=WAIT_MS)
    wait_until(lambda: np.abs(visit.colour(UNCLASSIFIED) - hatched).max() > 30)
    expect(start).to_have_count(0)
