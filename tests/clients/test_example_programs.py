"""The examples, run as their first lines say."""

import json
import subprocess
import sys
import urllib.request
from collections import Counter
from typing import Any

import pytest
from support.api_client import NORTH_WEST, viewport
from support.client_programs import EXAMPLES, Programs, programs_environment

pytestmark = pytest.mark.clients

VIEW = viewport(NORTH_WEST, 3, 2)
CORNERS = [str(VIEW[edge]) for edge in ("west", "south", "east", "north")]
# Nothing listens on the port "discard".
NOWHERE = "http://127.0.0.1:9"
QUERY = """
query ($bounds: BoundsInput!) {
  tilesInBounds(bounds: $bounds) {
    nodes { quadkey classification { scores { label score } } }
  }
}
"""


@pytest.fixture(scope="module")
def tiles(server: str) -> list[dict[str, Any]]:
    """What the examples are to print: the tiles of the viewport."""
    asked = urllib.request.Request(
        f"{server}/graphql",
        json.dumps({"query": QUERY, "variables": {"bounds": VIEW}}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(asked, timeout=60) as response:
        nodes: list[dict[str, Any]] = json.load(response)["data"]["tilesInBounds"]["nodes"]
    assert len(nodes) == 6
    return nodes


def test_python_with_gql(programs: Programs, tiles: list[dict[str, Any]]) -> None:
    printed = programs.run(
        EXAMPLES / "python",
        sys.executable,
        "labels_in_view.py",
        programs.servers["SERVER"],
        *CORNERS,
        capture=True,
    )
    assert printed.splitlines() == [
        "  ".join(
            [
                tile["quadkey"],
                *(f"{s['label']} {s['score']:.2f}" for s in tile["classification"]["scores"]),
            ]
        )
        for tile in tiles
    ]


NORTH_BELOW_SOUTH = ["0", "10", "1", "9"]


def refused(command: list[str], folder: str) -> str:
    """Run an example that must fail, and return what it says."""
    done = subprocess.run(
        command,
        cwd=EXAMPLES / folder,
        env=programs_environment({}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    return done.stderr


def test_python_prints_errors(server: str) -> None:
    example = [sys.executable, "labels_in_view.py"]
    told = refused([*example, server, *NORTH_BELOW_SOUTH], "python")
    assert told == "BAD_USER_INPUT: south (10.0) must not be above north (9.0)\n"
    told = refused([*example, NOWHERE], "python")
    assert told.startswith(f"{NOWHERE} does not answer: ")
    assert "Traceback" not in told


def test_typescript_with_generated_types(programs: Programs, tiles: list[dict[str, Any]]) -> None:
    folder = EXAMPLES / "typescript"
    programs.run(folder, "npm", "run", "--silent", "build")
    printed = programs.run(
        folder,
        "npm",
        "run",
        "--silent",
        "start",
        "--",
        programs.servers["SERVER"],
        *CORNERS,
        capture=True,
    )
    expected = Counter(
        score["label"] for tile in tiles for score in tile["classification"]["scores"]
    )
    first, *lines = printed.splitlines()
    assert first == "6 tiles"
    assert {label: int(count) for count, label in map(str.split, lines)} == expected
    example = ["node", "build/main.js"]
    told = refused([*example, programs.servers["SERVER"], *NORTH_BELOW_SOUTH], "typescript")
    assert told == "BAD_USER_INPUT: south (10.0) must not be above north (9.0)\n"
    told = refused([*example, NOWHERE], "typescript")
    assert told == f"UNREACHABLE: {NOWHERE}: fetch failed\n"
