"""GraphiQL in a real browser, on a real server: types a query, runs it, reads the answer."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine
from support.api_client import NORTH_WEST, SCENE, ingest, make_api, write_raster
from support.http_server import serving

from earthgql.web import operations, pages

WAIT_MS = 60_000


@pytest.fixture(scope="module")
def url(module_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with one scene."""
    assert (pages.STATIC / "graphiql.html").is_file(), "build it first: make setup"
    raster = write_raster(tmp_path_factory.mktemp("browser") / "lake.tif", NORTH_WEST, 4, 4)
    ingest(module_engine, raster, SCENE)
    with serving(make_api(module_engine).app) as url:
        yield url


@dataclass
class Visit:
    """A page that was opened, and what it did since."""

    page: Page
    requests: list[str]
    complaints: list[str]

    def run(self) -> None:
        """Press the button that runs the query."""
        self.page.get_by_role("button", name=re.compile("Execute query")).click()

    def answer(self, part: str) -> str:
        """Wait until the answer shows ``part``, and return all that it shows."""
        shown = self.page.locator(".graphiql-response .view-lines")
        expect(shown).to_contain_text(part, timeout=WAIT_MS)
        return shown.inner_text()


@pytest.fixture
def visit(browser: Browser, url: str) -> Iterator[Visit]:
    """GraphiQL, opened by somebody who was never there."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    visit = Visit(page, [], [])
    page.on("request", lambda request: visit.requests.append(request.url))
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    page.on("console", lambda m: visit.complaints.append(m.text) if m.type == "error" else None)
    page.goto(f"{url}/graphql")
    # Both editors stand before anybody would click: the one of variables comes last.
    for editor, part in (
        (".graphiql-query-editor", "WhatIsHere"),
        (".graphiql-editor-tool", "lat"),
    ):
        shown = page.locator(f"{editor} .view-lines").first
        expect(shown).to_contain_text(part, timeout=WAIT_MS)
    yield visit
    context.close()
    assert visit.complaints == []
    hosts = {urlsplit(r).netloc for r in visit.requests if urlsplit(r).scheme in ("http", "https")}
    assert hosts == {urlsplit(url).netloc}
    assert {urlsplit(r).scheme for r in visit.requests} <= {"http", "data", "blob"}


def test_types_a_query_and_reads_its_answer(visit: Visit) -> None:
    visit.page.locator(".graphiql-query-editor .view-lines").first.click()
    visit.page.keyboard.press("Control+A")
    visit.page.keyboard.press("Delete")
    visit.page.keyboard.type("{ scenes(first: 5) { nodes { name tileCount } } }", delay=20)
    # The list of suggestions may still be on its way, and would lie over the button.
    visit.page.wait_for_timeout(500)
    visit.page.keyboard.press("Escape")
    visit.run()
    answer = visit.answer("tileCount")
    assert json.loads(answer.replace("\xa0", " ")) == {
        "data": {"scenes": {"nodes": [{"name": SCENE, "tileCount": 16}]}}
    }


def test_opens_with_examples_that_have_answers(visit: Visit) -> None:
    tabs = visit.page.locator(".graphiql-tab-button")
    expect(tabs).to_have_text(["WhatIsHere", "WhatIsInView", "WhatIsIngested"])
    assert visit.page.title().startswith("earthgql")
    editor = visit.page.locator(".graphiql-query-editor .view-lines").first
    for place, part in enumerate(("score", "quadkey", "tileCount")):
        tabs.nth(place).click()
        expect(editor).to_contain_text(tabs.nth(place).inner_text(), timeout=WAIT_MS)
        visit.run()
        assert '"errors"' not in visit.answer(part)


def test_opens_operations_of_the_collection(visit: Visit) -> None:
    visit.page.get_by_role("button", name="Show Operations").click()
    panel = visit.page.get_by_role("region", name="Operations")
    expect(panel.get_by_role("heading", level=3)).to_have_text(
        [kind.title for kind in operations.kinds()]
    )
    title = operations.operation("TileCard").title
    tabs = visit.page.locator(".graphiql-tab-button")
    panel.get_by_role("button", name=title).click()
    expect(tabs).to_have_text(["WhatIsHere", "WhatIsInView", "WhatIsIngested", "TileCard"])
    editor = visit.page.locator(".graphiql-query-editor .view-lines").first
    expect(editor).to_contain_text("TileCard", timeout=WAIT_MS)
    visit.run()
    assert '"errors"' not in visit.answer("footprint")
    # What is open already is shown, not opened again.
    panel.get_by_role("button", name=operations.operation("WhatIsHere").title).click()
    expect(editor).to_contain_text("WhatIsHere", timeout=WAIT_MS)
    expect(tabs).to_have_count(4)


def test_comes_back_to_what_one_left(visit: Visit) -> None:
    visit.page.locator(".graphiql-tab-button").nth(1).click()
    variables = visit.page.locator(".graphiql-editor-tool .view-lines").first
    expect(variables).to_contain_text("bounds", timeout=WAIT_MS)
    visit.page.wait_for_timeout(1_000)
    visit.page.reload()
    expect(variables).to_contain_text("bounds", timeout=WAIT_MS)


def test_the_built_pages_name_no_other_host() -> None:
    page = (pages.STATIC / "graphiql.html").read_text()
    assert not re.search(r"(src|href)=.(https?:)?//", page)
    for sheet in Path(pages.STATIC).rglob("*.css"):
        assert not re.search(r"(url\(|@import\s+)['\"]?(https?:)?//", sheet.read_text())
