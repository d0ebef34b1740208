"""Two models side by side on the map."""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import Engine
from support.map_page import MapSite, MapVisit, make_site
from support.pixel_classifier import PIXEL_IDENTITY
from support.stored_scores import score, tile_ids

OTHER = dataclasses.replace(PIXEL_IDENTITY, version="0", sha256="0ther" * 12 + "0000")


@pytest.fixture
def two_models(fresh_engine: Engine, tmp_path: Path) -> Iterator[MapSite]:
    """The site, with another model by which all tiles of the newer scene have water alone."""
    with make_site(fresh_engine, tmp_path) as site:
        newer = tile_ids(fresh_engine)[16:]
        score(fresh_engine, {tile: {"water": 1.0} for tile in newer}, OTHER)
        yield site


def test_compares_two_models(browser: Browser, two_models: MapSite) -> None:
    with MapVisit.of(browser, two_models) as visit:
        visit.open(label="water", panel="models")
        page, low = visit.page, 1
        # Of 15 tiles that both have classified, 7 have water by both, 8 by the other one alone;
        # they agree on all 16 other labels.
        expect(page.get_by_text("Classified by both: 15 tiles")).to_be_visible()
        expect(page.get_by_text("96.9%")).to_be_visible()
        row = page.get_by_role("row", name=re.compile("^water"))
        expect(row.get_by_role("cell")).to_have_text(["46.7%", "7", "8", "0"])
        # 1/16 is below the threshold, so the ground is bare; by the other model it is not.
        bare = visit.colour(low)
        page.get_by_role("button", name="Swap A and B").click()
        visit.settle()
        assert visit.address()["model"] == "pixel 0"
        assert abs(visit.colour(low) - bare).max() > 30
        page.get_by_role("button", name="Swipe on the map").click()
        expect(page.locator("canvas.maplibregl-canvas")).to_have_count(2)
        expect(page.get_by_role("slider", name=re.compile("pixel 1.*pixel 0"))).to_be_visible()
        most = page.get_by_role("listitem").filter(has_text="scores differ").first
        expect(most).to_contain_text("Only B water")
        most.get_by_role("button").click()
        visit.settle()
        tile = two_models.tile(0)
        assert visit.address()["tile"] == f"{tile.z}/{tile.x}/{tile.y}"
        assert visit.violations() == []


def test_one_model_alone(visit: MapVisit) -> None:
    visit.open(panel="models")
    expect(visit.page.get_by_text("Only pixel 1 has classified something here")).to_be_visible()
    expect(visit.page.get_by_text("manage.py model fine-tune")).to_be_visible()
    assert visit.violations() == []
