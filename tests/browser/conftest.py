"""A Chromium for the tests of a module, and the map of a small site."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright
from sqlalchemy import Engine
from support.chromium import find_chromium
from support.map_page import WAIT_MS, MapSite, MapVisit, make_site

# A busy machine draws a frame in a second.
expect.set_options(timeout=WAIT_MS)


# Not of the session: while Playwright runs, its event loop does, and no other can in this thread.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a screen, which draws WebGL without a graphics card."""
    chromium = find_chromium()
    # Playwright's own Node.js needs a library (libatomic) that a bare Debian lacks.
    node = shutil.which("node") or str(Path(sys.executable).with_name("node"))
    os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", node)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium.path,
            env=dict(chromium.environment),
            args=[*chromium.arguments, "--enable-unsafe-swiftshader"],
        )
        yield browser
        browser.close()


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
