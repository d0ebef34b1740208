"""States of the map in which pages are seldom looked at: dark, and answers that are errors."""

import gzip
import json
import re

import pytest
from playwright.sync_api import Browser, Route, expect
from support.map_page import MapSite, MapVisit

from earthgql.web import pages

PANELS = ("labels", "place", "area", "time", "models", "scenes", "picture")
FIRST_LOAD_KB = 200


def test_every_panel_in_the_dark(browser: Browser, map_site: MapSite) -> None:
    with MapVisit.of(browser, map_site, color_scheme="dark") as visit:
        lat, lon = map_site.map().split("/")[1:]
        for panel in PANELS:
            visit.open(label="water", panel=panel, point=f"{lat},{lon}")
            assert {panel: visit.violations()} == {panel: []}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_error_is_told(browser: Browser, map_site: MapSite, scheme: str) -> None:
    def refuse(route: Route) -> None:
        error = {"message": "too much work", "extensions": {"code": "OVERLOADED"}}
        route.fulfill(status=503, json={"errors": [error]})

    with MapVisit.of(browser, map_site, color_scheme=scheme) as visit:
        visit.expected = ["503"]
        visit.page.route(
            lambda url: url.endswith("/graphql"),
            lambda route: (
                refuse(route)
                if "LabelHistogram" in json.dumps(route.request.post_data)
                else route.continue_()
            ),
        )
        visit.open(label="water")
        expect(visit.page.get_by_role("alert")).to_contain_text("The server is busy")
        assert visit.violations() == []


def test_scripts_of_the_first_load_are_small() -> None:
    names = re.findall(r'assets/[^"]+\.js', (pages.STATIC / "index.html").read_text())
    own = [name for name in names if "maplibre" not in name]
    sizes = [len(gzip.compress((pages.STATIC / name).read_bytes())) for name in own]
    assert 0 < sum(sizes) <= FIRST_LOAD_KB * 1000
