"""What the predecessor's front-end does when its map is clicked, done by a page of another origin.

Its SatelliteMap component posts the place as JSON, looks at ``resp.ok``, shows ``message`` where
that is false, and else the predictions by probability. The page here does the same.
"""

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page
from playwright.sync_api import Error as PlaywrightError
from sqlalchemy import Engine
from support.api_client import NORTH_WEST, SCENE, Api, centre, ingest, make_api, write_raster
from support.http_server import serving

PAGE = """<!doctype html><title>A map</title><script>
async function clicked(url, lat, lng) {
  const resp = await fetch(`${url}/inference/predict`, {
    method: 'POST',
    headers: { Accept: 'application/json', 'Content-Type': 'application/json' },
    body: JSON.stringify({ lat1: lat, lng1: lng }),
  });
  const json = await resp.json();
  if (!resp.ok) {
    return { message: json.message };
  }
  json.predictions.sort((a, b) => b.probability - a.probability);
  return { predictions: json.predictions };
}
async function reachable(url) {
  try {
    return (await fetch(url)).status;
  } catch {
    return 'blocked';
  }
}
</script>"""


@pytest.fixture(scope="module")
def front_end() -> Iterator[str]:
    """The front-end's address, on a port of its own."""
    app = Flask("front-end")
    app.add_url_rule("/", "map", lambda: PAGE)
    with serving(app) as url:
        yield url


@pytest.fixture(scope="module")
def api(module_engine: Engine, front_end: str, tmp_path_factory: pytest.TempPathFactory) -> Api:
    """A server that lets pages of the front-end's origin call it, and no others."""
    raster = write_raster(tmp_path_factory.mktemp("browser") / "lake.tif", NORTH_WEST, 2, 2)
    ingest(module_engine, raster, SCENE)
    return make_api(module_engine, cors_origins=[re.escape(front_end)])


@pytest.fixture(scope="module")
def page(browser: Browser, front_end: str) -> Page:
    """The front-end in a browser."""
    page = browser.new_page()
    page.goto(front_end)
    return page


def test_a_click_on_the_map(api: Api, page: Page) -> None:
    lat, lon = centre(NORTH_WEST)

    def click(lat: float, lng: float) -> Any:
        return page.evaluate("([url, lat, lng]) => clicked(url, lat, lng)", [url, lat, lng])

    with serving(api.app) as url:
        shown = click(lat, lon)
        assert click(0, 0) == {"message": "There is no imagery at this place"}
        assert click(90, 0) == {"message": "There is no imagery at this place"}
        # What JSON.stringify makes of undefined and NaN.
        assert page.evaluate(f"clicked('{url}', undefined, NaN)") == {"message": "Invalid payload"}
        assert page.evaluate(f"reachable('{url}/inference/ping')") == 200
        point = f"classifyPoint(lat: {lat}, lon: {lon}, cutoff: 0) {{ scores {{ label score }} }}"
        # Over HTTP, for Playwright keeps an event loop running in this thread.
        asked = urllib.parse.urlencode({"query": f"{{ {point} }}"})
        with urllib.request.urlopen(f"{url}/graphql?{asked}", timeout=60) as response:
            scores = json.load(response)["data"]["classifyPoint"]["scores"]
    expected = [
        {"label": entry["label"], "probability": entry["score"]}
        for entry in scores
        if entry["score"] > 0.1
    ]
    assert expected
    assert shown == {"predictions": expected}


def test_a_server_that_does_not_name_its_origin(api: Api, page: Page) -> None:
    closed = make_api(api.engine, cors_origins=["https://maps.example"])
    with serving(closed.app) as url:
        assert page.evaluate(f"reachable('{url}/inference/ping')") == "blocked"
        with pytest.raises(PlaywrightError, match="Failed to fetch"):
            page.evaluate(f"clicked('{url}', 1, 2)")
