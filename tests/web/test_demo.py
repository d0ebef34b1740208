"""``manage.py demo`` as a process, with a raster of one's own and the real ResNet50."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from test_server import free_port

from earthgql.cli.demo.report import compact
from earthgql.database import migrate
from earthgql.database.engine import engine_on
from earthgql.settings import PROJECT_ROOT


def demo(database_url: str, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "demo", *options],
        cwd=PROJECT_ROOT,
        env={**os.environ, "EARTHGQL_DATABASE_URL": database_url, "COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    )


def test_demo_migrates_ingests_serves_and_answers(fresh_database_url: str, raster: Path) -> None:
    port = free_port()
    engine = engine_on(fresh_database_url)
    migrate.downgrade(engine, "base")
    engine.dispose()
    with demo(fresh_database_url, "--scene", str(raster), "--port", str(port)) as process:
        assert process.stdout
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("Ready."):
                break
        process.terminate()
        process.stdout.read()
    said = "".join(lines)
    address = f"http://127.0.0.1:{port}"
    assert lines[-1].startswith(f"Ready. Map: {address}/  GraphiQL: {address}/graphql")
    assert "broke off" not in said
    for question in ("classifyPoint", "tilesInBounds", "scenes"):
        assert question in said
    assert said.count('"data"') == 3
    assert '"errors"' not in said
    assert re.search(r'"name": "lake"', said)
    assert "[INFO]" not in said


def test_a_port_in_use_is_an_error_before_any_work(fresh_database_url: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        with demo(fresh_database_url, "--port", port) as process:
            said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said.startswith(f"Error: cannot listen on 127.0.0.1 port {port} ")
    assert "PORT=8123" in said
    assert len(said.splitlines()) == 1


def test_json_that_fits_on_a_line_is_on_one_line() -> None:
    value = {"scores": [{"label": f"label {n}", "score": 0.5} for n in range(5)], "none": []}
    text = compact(value)
    assert json.loads(text) == value
    assert '    {"label": "label 3", "score": 0.5},' in text.splitlines()
    assert '  "none": []' in text.splitlines()
    assert compact({"a": [1, None]}) == '{"a": [1, null]}'


def test_prepare_stops_before_serving_and_twice_changes_nothing(
    fresh_database_url: str, raster: Path
) -> None:
    for _ in range(2):
        with demo(fresh_database_url, "--scene", str(raster), "--prepare") as process:
            said, _ = process.communicate(timeout=60)
        assert process.returncode == 0, said
        assert "✓ Ingesting scene 'lake'" in said


@pytest.mark.parametrize("content", [b"no raster at all", b"II*\0cut off"])
def test_a_bad_scene_is_one_line(fresh_database_url: str, tmp_path: Path, content: bytes) -> None:
    bad = tmp_path / "bad.tif"
    bad.write_bytes(content)
    with demo(fresh_database_url, "--scene", str(bad)) as process:
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Traceback" not in said
    assert re.search(r"^Error: .*bad\.tif", said, flags=re.MULTILINE)
