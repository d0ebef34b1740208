"""A Chromium for the tests of a module, and the map of a small site."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import Engine
from support.chromium import running_chromium
from support.map_page import WAIT_MS, MapSite, MapVisit, make_site

# A busy machine draws a frame in a second.
expect.set_options(timeout=WAIT_MS)


# Not of the session: while Playwright runs, its event loop does, and no other can in this thread.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for the tests of a module."""
    with running_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def map_site(module_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MapSite]:
    """A server with scenes of two dates and made-up scores; see ``make_site``."""
    with make_site(module_engine, tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture
def visit(browser: Browser, map_site: MapSite) -> Iterator[MapVisit]:
    """The map of the site in a browser that was never there; complaints fail the test."""
    with MapVisit.of(browser, map_site) as visit:
        yield visit
