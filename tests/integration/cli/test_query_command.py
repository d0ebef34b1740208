"""``manage.py query``: tables, JSON and maps of what the application answers in this process."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from sqlalchemy import Engine
from support.imagery_files import noise, write_raster
from support.pixel_classifier import PixelClassifier

import earthgql.models
from earthgql import cli
from earthgql.cli.query.drawing import draw_map, print_map
from earthgql.cli.query.tables import cell_text, print_tables
from earthgql.errors import BadInputError
from earthgql.ingest.raster.options import RasterOptions
from earthgql.ingest.raster.source import RasterSource
from earthgql.ingest.store import store

Ask = Callable[..., tuple[int, str, str]]
TILES = """query ($first: Int = 1) {
  tilesInBounds(bounds: {west: -180, south: -85, east: 180, north: 85}, first: $first) {
    nodes { z x y imageUrl classification { labels } } pageInfo { hasNextPage endCursor }
  }
}"""


@pytest.fixture
def ask(fresh_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Ask:
    """Runs the command on one scene, with a quick model; returns exit code and output."""
    path = write_raster(tmp_path / "[lake].tif", noise())
    store(fresh_engine, RasterSource("[lake]", str(path), str(path.parent), RasterOptions()))
    url = fresh_engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("EARTHGQL_DATABASE_URL", url)
    monkeypatch.setattr(earthgql.models, "load_classifier", lambda _: PixelClassifier())

    def run(*arguments: str) -> tuple[int, str, str]:
        status = cli.run(["query", *arguments])
        written = capsys.readouterr()
        return status, written.out, written.err

    return run


def test_a_list_is_a_table(ask: Ask) -> None:
    status, out, err = ask("{ scenes { nodes { name tileCount bounds { west north } } } }")
    assert (status, err) == (0, "")
    lines = [line.split("│") for line in out.splitlines() if "[lake]" in line]
    assert len(lines) == 1
    [names] = [line for line in out.splitlines() if "tileCount" in line]
    for name in ("name", "tileCount", "bounds.west", "bounds.north"):
        assert name in names


def test_json_is_the_answer(ask: Ask) -> None:
    status, out, _ = ask("{ scenes { nodes { name } } }", "--json")
    assert status == 0
    assert json.loads(out) == {"data": {"scenes": {"nodes": [{"name": "[lake]"}]}}}


def test_variables_and_files(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "query.graphql"
    file.write_text("query A($n: Int!) { scenes(first: $n) { nodes { name } } } query B { models }")
    for given in (["-v", "n=1"], ["--variables", '{"n": 1}'], ["--variables", "{}", "-v", "n=1"]):
        status, out, _ = ask("-f", str(file), "--operation", "A", "--json", *given)
        # B is not what is asked, but the document as a whole must be good.
        assert json.loads(out)["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
        assert status == 1
    named = "query ($id: ID!) { tile(id: $id) { x } }"
    status, out, err = ask(named, "-v", "id=what is this?")
    assert status == 1
    assert "BAD_USER_INPUT tile: 'what is this?' is not an id" in err
    assert out == ""  # the error says why there is nothing


def test_what_failed_has_no_table_and_what_is_not_there_an_empty_one(ask: Ask) -> None:
    some = '{ bad: tile(id: "x") { x } none: model(version: "9") { id } scenes { totalCount } }'
    status, out, err = ask(some)
    assert status == 1
    assert "BAD_USER_INPUT bad: 'x' is not an id" in err
    titles = [line for line in out.splitlines() if line.isalpha()]
    assert titles == ["none", "scenes"]


def test_labels_and_a_map(ask: Ask, tmp_path: Path) -> None:
    status, out, _ = ask(TILES)
    assert status == 0
    assert "classification.labels" in out
    assert "more follow (after: " in out
    picture = tmp_path / "map.png"
    status, out, err = ask(TILES, "-v", "first=100", "--map", "--picture", str(picture))
    assert status == 0
    assert f"Drew {picture}" in err
    rows = [line for line in out.splitlines() if line and set(line) <= set("AB CDEFG")]
    letters = "".join(rows)
    assert letters.replace(" ", "")
    assert len(letters.replace(" ", "")) % 2 == 0
    with Image.open(picture) as drawn:
        assert drawn.format == "PNG"
        assert np.asarray(drawn.convert("L")).std() > 1


def test_an_answer_of_errors_only_is_printed_and_not_drawn(ask: Ask, tmp_path: Path) -> None:
    raod = """{ tilesInBounds(bounds: {west: 0, south: 0, east: 1, north: 1},
        where: {labels: {any: [{label: "raod"}]}}) { nodes { z x y } } }"""
    picture = tmp_path / "map.png"
    for drawn in (["--map"], ["--picture", str(picture)]):
        status, _, err = ask(raod, *drawn)
        assert status == 1
        assert "BAD_USER_INPUT tilesInBounds: model pixel 1 has no label 'raod'" in err
        assert "no tiles to draw" not in err
    assert not picture.exists()


def test_wrong_usage(ask: Ask, tmp_path: Path) -> None:
    latin = tmp_path / "latin.graphql"
    latin.write_bytes("{ __typename } # \xe4".encode("latin-1"))
    for arguments, complaint in (
        ([], "give the query"),
        (["{ __typename }", "-f", "-"], "give the query"),
        (["{ __typename }", "-v", "n"], "is not NAME=VALUE"),
        (["{ __typename }", "--variables", "{"], "--variables is not JSON"),
        (["{ __typename }", "--variables", "[]"], "must be a JSON object"),
        (["{ __typename }", "--map"], "no tiles to draw"),
        (["{ __typename }", "--picture", str(tmp_path / "map.png")], "no tiles to draw"),
        (["-f", str(tmp_path / "none.graphql")], "No such file"),
        (["-f", str(latin)], "latin.graphql is no text in UTF-8"),
        (["{ __typename }", "--json", "--map"], "choose --json or --map"),
    ):
        status, _, err = ask(*arguments)
        assert status == 2, arguments
        assert complaint in err
    assert not (tmp_path / "map.png").exists()
    status, _, err = ask("{ nothing }")
    assert status == 1
    assert "GRAPHQL_VALIDATION_FAILED" in err


def printed(show: Callable[[Any, Console], None], data: Any, *, colour: bool = False) -> str:
    stream = io.StringIO()
    system = "truecolor" if colour else None
    show(data, Console(file=stream, width=60, force_terminal=colour, color_system=system))
    return stream.getvalue()


def test_tables_of_what_is_nested() -> None:
    answer = {
        "classifyPoint": {
            "scores": [{"label": "water", "score": 0.98765}, {"label": "road", "score": 0.5}],
            "tile": {"z": 3, "bounds": {"west": 1.5, "south": 2, "east": 3, "north": 4}},
        },
        "nothing": None,
        "viewport": {"ids": [7, 8], "z": [1, 1], "labels": ["a"], "tilesTotal": 2},
        "tiles": {"edges": [{"cursor": "c", "node": {"scores": [{"label": "a", "score": 1.0}]}}]},
    }
    text = printed(print_tables, answer)
    for part in ("classifyPoint.scores", "0.98765", "tile.z", "1.5,2,3,4", "tilesTotal", "a 1.000"):
        assert part in text
    assert [line for line in text.splitlines() if "7" in line and "1" in line]
    assert "nothing" in text


def test_a_terminal_obeys_nothing_of_an_answer() -> None:
    hostile = "\x1b]0;title\x07[red]name[/red]"
    assert cell_text(hostile) == "\ufffd]0;title\ufffd[red]name[/red]"
    text = printed(print_tables, {"scenes": {"nodes": [{"name": hostile, hostile: 1}]}})
    assert "\x1b" not in text
    assert "[red]name[/red]" in text
    tile = {"z": 1, "x": 0, "y": 0, "classification": {"labels": [hostile]}}
    assert "\x1b" not in printed(print_map, tile)


def node(x: int, y: int, *labels: str, z: int = 2, **more: Any) -> dict[str, Any]:
    return {"z": z, "x": x, "y": y, "classification": {"labels": list(labels)}, **more}


def test_a_tile_is_drawn_as_that_of_its_labels_which_fewest_have() -> None:
    tiles = [node(0, 0, "clear", "road"), node(1, 0, "clear"), node(1, 1, "clear"), node(0, 1)]
    lines = printed(print_map, {"nodes": tiles}).splitlines()
    assert lines[:2] == ["BBAA", "CCAA"]
    assert [line.split() for line in lines[2:]] == [
        ["A", "clear", "2"],
        ["B", "road", "1"],
        ["C", "no", "label", "1"],
    ]


def test_maps_of_zooms_quadkeys_and_both_sides_of_the_antimeridian() -> None:
    mixed = [node(0, 0, "a", z=1), node(0, 0, "b"), {"quadkey": "01", "labels": ["c"]}]
    assert printed(print_map, mixed).splitlines()[:2] == ["BBCC", "AAAA"]
    split = [node(7, 3, "east", z=3), node(0, 3, "west", z=3)]
    assert printed(print_map, split).splitlines()[0] == "BBAA"
    point = {"labels": ["d"], "tile": {"z": 5, "x": 1, "y": 1}}
    assert printed(print_map, {"classifyPoint": point}).splitlines()[0] == "AA"
    assert "\x1b[" in printed(print_map, point, colour=True)
    with pytest.raises(BadInputError, match="no tiles"):
        print_map({"scenes": None}, Console(file=io.StringIO()))


def test_a_picture_has_tiles_in_frames_and_a_legend() -> None:
    grey = Image.new("RGB", (256, 256), (99, 99, 99))
    stream = io.BytesIO()
    grey.save(stream, "PNG")
    asked: list[int] = []

    def pixels(tile_id: int) -> bytes | None:
        asked.append(tile_id)
        return stream.getvalue() if tile_id == 5 else None

    tiles = [node(0, 0, "a", imageUrl="http://x/tiles/5.png"), node(1, 0, "b", id="VGlsZTo2")]
    drawn = np.asarray(draw_map(tiles, pixels))
    assert asked == [5, 6]
    assert drawn.shape == (256 + 22, 512, 3)
    assert drawn[128, 128].tolist() == [99, 99, 99]
    frame, flat = drawn[0, 0].tolist(), drawn[128, 400].tolist()
    assert frame != flat
    assert (drawn[0, :256] == frame).all()
    assert (drawn[:256, 256:] == flat).all()
    legend = drawn[256:].reshape(-1, 3).tolist()
    assert frame in legend
    assert flat in legend


def test_a_viewport_in_columns_is_drawn() -> None:
    answer = {
        "viewport": {
            "ids": [1, 2],
            "z": [1, 1],
            "x": [0, 1],
            "y": [0, 0],
            "labels": ["a", "b"],
            # 1.0 and 0, then none.
            "scores": "/v8AAP////8=",
        }
    }
    lines = printed(print_map, answer).splitlines()
    assert lines[0] == "AABB"
    assert [line.split()[1:] for line in lines[1:]] == [["a", "1"], ["no", "label", "1"]]


def test_a_viewport_without_tiles_has_nothing_to_draw() -> None:
    answer = {"viewport": {"z": [], "x": [], "y": [], "labels": ["a", "b"], "scores": ""}}
    with pytest.raises(BadInputError, match="no tiles to draw"):
        printed(print_map, answer)
