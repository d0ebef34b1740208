"""``/tiles/<id>.png``: exactly the pixels that are classified."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.api_client import NORTH_WEST, Api, viewport

from earthgql.catalog.tiles.lookup import sources_by_ids
from earthgql.imagery.reading import read_tile

IMAGES = "query ($b: BoundsInput!) { tilesInBounds(bounds: $b) { nodes { id imageUrl } } }"


@pytest.fixture(scope="module")
def url(api: Api) -> str:
    """URL of the first tile's image."""
    nodes = api.data(IMAGES, b=viewport(NORTH_WEST, 1, 1))["tilesInBounds"]["nodes"]
    return str(nodes[0]["imageUrl"])


def test_pixels_are_those_that_are_classified(api: Api, url: str) -> None:
    response = api.client.get(url)
    assert (response.status_code, response.content_type) == (200, "image/png")
    shown = np.asarray(Image.open(io.BytesIO(response.data)))
    assert (shown.shape, shown.dtype) == ((256, 256, 3), np.uint8)
    tile_id = int(Path(url).stem)
    with api.engine.connect() as connection:
        source = sources_by_ids(connection, [tile_id])[tile_id]
    np.testing.assert_array_equal(shown, read_tile(source))
    assert shown.std() > 1


def test_browsers_need_not_load_it_twice(api: Api, url: str) -> None:
    first = api.client.get(url)
    etag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "public, max-age=300"
    again = api.client.get(url, headers={"If-None-Match": etag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
    other = api.client.get(url, headers={"If-None-Match": '"other"'})
    assert (other.status_code, other.data) == (200, first.data)
    assert api.client.head(url).headers["ETag"] == etag


def test_tiles_have_etags_of_their_own(api: Api) -> None:
    nodes = api.data(IMAGES, b=viewport(NORTH_WEST, 3, 3))["tilesInBounds"]["nodes"]
    etags = {api.client.get(node["imageUrl"]).headers["ETag"] for node in nodes}
    assert len(etags) == len(nodes) == 9


@pytest.mark.parametrize("path", ["/tiles/{}.png", "/jobs/{}/events"])
@pytest.mark.parametrize("digits", [400, 5000])
def test_ids_of_many_digits(api: Api, path: str, digits: int) -> None:
    response = api.client.get(path.format("9" * digits))
    assert response.status_code == 404
    [error] = response.get_json()["errors"]
    assert error["extensions"]["code"] == "NOT_FOUND"
    assert len(error["message"]) < 200


@pytest.mark.parametrize(
    "path",
    [
        "/tiles/0.png",
        "/tiles/987654321.png",
        f"/tiles/{10**30}.png",
        "/tiles/abc.png",
        "/tiles/-1.png",
        "/tiles/1.jpg",
        "/tiles/..%2f1.png",
    ],
)
def test_no_such_tile(api: Api, path: str) -> None:
    response = api.client.get(path)
    assert response.status_code == 404
    assert response.get_json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"
