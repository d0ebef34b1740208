"""``viewport``: the tiles of a viewport as columns."""

import base64
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine
from support.api_client import (
    NORTH_WEST,
    SCENE,
    SIDE,
    WHOLE_SCENE,
    ZOOM,
    Api,
    centre,
    ingest,
    make_api,
    viewport,
    write_raster,
)
from support.pixel_classifier import PixelClassifier

from earthgql.api.types.viewport import NONE, SCALE, SCORE_MATRIX_SCALAR
from earthgql.imagery import grid
from earthgql.imagery.grid import TileIndex
from earthgql.settings import PROJECT_ROOT

FIELDS = """
  labels ids z x y scores tilesTotal tilesClassified
  model { name version labels thresholds }
  errors { code message rows }
  pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
"""
COLUMNS = f"""
query ($bounds: BoundsInput!, $first: Int! = 2000, $after: String, $scene: String, $zoom: Int,
       $at: DateTime, $infer: Boolean! = true) {{
  viewport(bounds: $bounds, first: $first, after: $after, scene: $scene, zoom: $zoom, at: $at,
           infer: $infer) {{ {FIELDS} }}
}}
"""
OBJECTS = """
query ($bounds: BoundsInput!) { tilesInBounds(bounds: $bounds, first: 1000) {
  nodes { id z x y imageUrl classification(cutoff: 0) { scores { label score } } } } }
"""
DOCUMENT = (PROJECT_ROOT / "docs" / "viewport.md").read_text()


def ask(api: Api, **variables: Any) -> dict[str, Any]:
    view: dict[str, Any] = api.data(COLUMNS, **({"bounds": WHOLE_SCENE} | variables))["viewport"]
    return view


def numbers(view: dict[str, Any]) -> np.ndarray:
    """The matrix of numbers in ``scores``, decoded without the documented decoders."""
    return np.array(memoryview(base64.b64decode(view["scores"])).cast("H")).reshape(
        -1, len(view["labels"])
    )


def registered(api: Api) -> None:
    """Register the model, which a process does once, before statements are counted."""
    lat, lon = centre(NORTH_WEST)
    api.data(f"{{ classifyPoint(lat: {lat}, lon: {lon}) {{ labels }} }}")
    with api.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM tile_score")
    api.classifier.submissions.clear()


def test_columns_equal_objects(api: Api) -> None:
    view = ask(api)
    nodes = api.data(OBJECTS, bounds=WHOLE_SCENE)["tilesInBounds"]["nodes"]
    assert [node["id"] for node in nodes] == [
        base64.b64encode(f"Tile:{number}".encode()).decode() for number in view["ids"]
    ]
    for axis in "zxy":
        assert [node[axis] for node in nodes] == view[axis]
    assert all(
        node["imageUrl"].endswith(f"/tiles/{number}.png")
        for node, number in zip(nodes, view["ids"], strict=True)
    )
    by_label = [
        {score["label"]: score["score"] for score in node["classification"]["scores"]}
        for node in nodes
    ]
    expected = [[scores[label] for label in view["labels"]] for scores in by_label]
    np.testing.assert_allclose(numbers(view) / SCALE, expected, rtol=0, atol=0.51 / SCALE)
    assert view["tilesTotal"] == view["tilesClassified"] == len(nodes) == SIDE * SIDE
    assert view["labels"] == view["model"]["labels"]
    assert view["errors"] == []
    assert view["pageInfo"]["hasNextPage"] is False


def test_statements(fresh_api: Api) -> None:
    registered(fresh_api)
    with fresh_api.statements() as cold:
        first = ask(fresh_api)
    assert len(cold) == 3, cold
    assert sum(fresh_api.classifier.submissions) == 100
    with fresh_api.statements() as warm:
        second = ask(fresh_api)
    assert len(warm) == 1, warm
    assert sum(fresh_api.classifier.submissions) == 100
    assert second == first


def test_only_unknown_tiles_are_classified(fresh_api: Api) -> None:
    registered(fresh_api)
    north = {**WHOLE_SCENE, "south": centre(NORTH_WEST)[0]}
    assert ask(fresh_api, bounds=north)["tilesClassified"] == SIDE
    assert ask(fresh_api)["tilesClassified"] == 100
    assert sum(fresh_api.classifier.submissions) == 100


def test_shares_the_work_with_other_fields(fresh_api: Api) -> None:
    registered(fresh_api)
    with fresh_api.statements() as seen:
        answer = fresh_api.data(
            f"""query ($bounds: BoundsInput!, $north: BoundsInput!) {{
              viewport(bounds: $bounds) {{ {FIELDS} }}
              again: viewport(bounds: $bounds) {{ {FIELDS} }}
              north: viewport(bounds: $north) {{ tilesClassified }}
              tilesInBounds(bounds: $bounds) {{ nodes {{ classification {{ labels }} }} }}
            }}""",
            bounds=WHOLE_SCENE,
            north={**WHOLE_SCENE, "south": centre(NORTH_WEST)[0]},
        )
    assert sum(fresh_api.classifier.submissions) == 100
    # Two viewports, tiles as objects, what is stored, what was computed.
    assert len(seen) == 5, seen
    assert answer["viewport"] == answer["again"]
    assert answer["north"]["tilesClassified"] == SIDE


def test_pages(api: Api) -> None:
    whole = ask(api)
    view, seen, after = {}, [], None
    for _ in range(4):
        with api.statements() as statements:
            view = ask(api, first=30, after=after)
        assert len(statements) == 2  # the tiles, and how many there are on all pages
        assert view["tilesTotal"] == 100
        assert view["tilesClassified"] == len(view["ids"]) == len(numbers(view))
        assert view["pageInfo"]["hasPreviousPage"] is (after is not None)
        seen += view["ids"]
        after = view["pageInfo"]["endCursor"]
    assert seen == whole["ids"]
    assert view["pageInfo"]["hasNextPage"] is False
    full = ask(api, first=100)
    assert full["pageInfo"]["hasNextPage"] is False
    cursor = api.data(
        """query ($bounds: BoundsInput!) { tilesInBounds(bounds: $bounds, first: 30) {
          pageInfo { endCursor } } }""",
        bounds=WHOLE_SCENE,
    )["tilesInBounds"]["pageInfo"]["endCursor"]
    assert ask(api, first=30, after=cursor)["ids"] == whole["ids"][30:60]


def test_without_inference_unknown_tiles_have_no_scores(fresh_api: Api) -> None:
    registered(fresh_api)
    view = ask(fresh_api, infer=False)
    assert fresh_api.classifier.submissions == []
    assert (view["tilesTotal"], view["tilesClassified"], view["errors"]) == (100, 0, [])
    assert (numbers(view) == NONE).all()
    north = {**WHOLE_SCENE, "south": centre(NORTH_WEST)[0]}
    ask(fresh_api, bounds=north)
    view = ask(fresh_api, infer=False)
    known = numbers(view)[:, 0] != NONE
    assert view["tilesClassified"] == known.sum() == SIDE
    assert {y for y, has in zip(view["y"], known, strict=True) if has} == {NORTH_WEST.y}


def test_a_file_that_cannot_be_read_takes_no_neighbour_along(
    fresh_engine: Engine, tmp_path: Path
) -> None:
    beside = TileIndex(ZOOM, NORTH_WEST.x + 2, NORTH_WEST.y)
    for name, corner in (("left", NORTH_WEST), ("right", beside)):
        ingest(fresh_engine, write_raster(tmp_path / f"{name}.tif", corner, 2, 2), name)
    api = make_api(fresh_engine)
    (tmp_path / "left.tif").unlink()
    view = ask(api, bounds=viewport(NORTH_WEST, 4, 2))
    lost = [row for row, x in enumerate(view["x"]) if x < beside.x]
    [error] = view["errors"]
    assert error["code"] == "IMAGE_UNREADABLE"
    assert "left.tif" in error["message"]
    assert error["rows"] == lost
    assert (view["tilesTotal"], view["tilesClassified"]) == (8, 4)
    assert ((numbers(view) == NONE).all(axis=1).nonzero()[0] == lost).all()
    assert (numbers(view)[[row for row in range(8) if row not in lost]] <= SCALE).all()


def test_late_tiles_are_errors_and_a_repeated_request_continues(
    fresh_engine: Engine, raster: Path
) -> None:
    ingest(fresh_engine, raster, SCENE)
    api = make_api(fresh_engine, PixelClassifier(seconds_per_tile=0.1), inference_deadline=3.0)
    done = 0
    for _ in range(20):
        view = ask(api, bounds=viewport(NORTH_WEST, 5, 10))
        late = {row for error in view["errors"] for row in error["rows"]}
        assert {error["code"] for error in view["errors"]} <= {"TIMEOUT"}
        assert set((numbers(view)[:, 0] == NONE).nonzero()[0]) == late
        assert view["tilesClassified"] == 50 - len(late) > done
        done = view["tilesClassified"]
        if done == 50:
            break
    assert done == 50


def test_the_total_of_tiles_not_classified_is_that_of_before(fresh_api: Api) -> None:
    where = "first: 10, where: {classified: false}"
    asked = f"""{{ viewport({where}) {{ ids ...More }} }}
      fragment More on Viewport {{ all: tilesTotal tilesClassified }}"""
    for left in (100, 90):
        view = fresh_api.data(asked)["viewport"]
        assert (len(view["ids"]), view["tilesClassified"], view["all"]) == (10, 10, left)


def test_which_tiles(fresh_engine: Engine, tmp_path: Path) -> None:
    for name, zoom, acquired in (("old", ZOOM, "2020-01-01"), ("new", ZOOM + 1, "2021-01-01")):
        corner = TileIndex(zoom, *(n << (zoom - ZOOM) for n in NORTH_WEST[1:]))
        source = write_raster(tmp_path / f"{name}.tif", corner, 2, 2)
        ingest(fresh_engine, source, name)
        with fresh_engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE scene SET acquired_at = %s WHERE name = %s", (acquired, name)
            )
    api = make_api(fresh_engine)
    bounds = viewport(NORTH_WEST, 2, 2)
    assert sorted(ask(api, bounds=bounds)["z"]) == [ZOOM] * 3 + [ZOOM + 1] * 4
    assert ask(api, bounds=bounds, scene="old")["z"] == [ZOOM] * 4
    assert ask(api, bounds=bounds, zoom=ZOOM + 1)["z"] == [ZOOM + 1] * 4
    assert ask(api, bounds=bounds, at="2020-06-01T00:00:00Z")["z"] == [ZOOM] * 4


def test_across_the_antimeridian(fresh_engine: Engine, tmp_path: Path) -> None:
    last = (1 << ZOOM) - 1
    for name, x in (("west", 0), ("east", last - 1)):
        path = write_raster(tmp_path / f"{name}.tif", TileIndex(ZOOM, x, 6000), 2, 1)
        ingest(fresh_engine, path, name)
    _, south, _, north = grid.tile_bounds(TileIndex(ZOOM, 0, 6000))
    bounds = {"west": 179.9, "east": -179.9, "south": south + 1e-6, "north": north - 1e-6}
    assert sorted(ask(make_api(fresh_engine), bounds=bounds)["x"]) == [0, 1, last - 1, last]


@pytest.mark.parametrize("south", [0, 86])
def test_nowhere(api: Api, south: int) -> None:
    view = ask(api, bounds={"west": 0, "south": south, "east": 1, "north": south + 1})
    assert [view[name] for name in ("ids", "z", "x", "y", "errors", "scores")] == [
        *([[]] * 5),
        "",
    ]
    assert view["tilesTotal"] == view["tilesClassified"] == 0
    assert view["pageInfo"]["endCursor"] is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"bounds": {**WHOLE_SCENE, "south": 80}},
        {"first": 0},
        {"first": 10_001},
        {"after": "nonsense"},
        {"scene": "none"},
        {"zoom": 99},
    ],
    ids=str,
)
def test_wrong_arguments(api: Api, wrong: dict[str, Any]) -> None:
    assert set(api.codes(COLUMNS, **({"bounds": WHOLE_SCENE} | wrong))) == {"BAD_USER_INPUT"}


def python_decoders() -> list[str]:
    described = SCORE_MATRIX_SCALAR.description or ""
    block = described.split("# Python, NumPy")[1].split("//")[0]
    fenced = re.findall(r"```python\n(.*?)```", DOCUMENT, flags=re.DOTALL)
    return ["\n".join(line.strip() for line in block.splitlines()), *fenced]


@pytest.mark.parametrize("code", python_decoders())
def test_the_documented_decoder_in_python(api: Api, code: str) -> None:
    ask(api, bounds=viewport(NORTH_WEST, 2, 2))
    view = ask(api, infer=False)
    names: dict[str, Any] = {"np": np, "base64": base64, "v": view}
    exec(code, names)
    expected = numbers(view).astype(float)
    assert (names["known"] == (expected[:, 0] != NONE)).all()
    known = names["known"]
    np.testing.assert_allclose(names["scores"][known], expected[known] / SCALE, atol=1e-7)


def node() -> str | None:
    beside = Path(sys.executable).with_name("node")
    return shutil.which("node") or (str(beside) if beside.exists() else None)


def javascript_decoders() -> list[str]:
    described = SCORE_MATRIX_SCALAR.description or ""
    block = described.split("// JavaScript")[1]
    return [block, *re.findall(r"```js\n(.*?)```", DOCUMENT, flags=re.DOTALL)]


@pytest.mark.skipif(node() is None, reason="no node at hand")
@pytest.mark.parametrize("code", javascript_decoders())
def test_the_documented_decoder_in_javascript(api: Api, tmp_path: Path, code: str) -> None:
    view = ask(api)
    (tmp_path / "view.json").write_text(json.dumps(view))
    (tmp_path / "decode.js").write_text(
        'const v = JSON.parse(require("fs").readFileSync(__dirname + "/view.json"));\n'
        f"{code}\nconsole.log(JSON.stringify(Array.from(n)));"
    )
    done = subprocess.run(
        [node() or "", tmp_path / "decode.js"], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == numbers(view).ravel().tolist()
