"""The report that the demo prints: example queries with answers, and F2 against the truth."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.syntax import Syntax

_TIMEOUT_S = 300  # the first answer waits for the model, and a busy machine loads it slowly
_POLL_S = 0.2
_ATTEMPTS = 10
_LINES_SHOWN = 28
_WIDTH = 88
_LABELS = """
query ($scene: String!, $bounds: BoundsInput!, $after: String) {
  tilesInBounds(bounds: $bounds, scene: $scene, first: 32, after: $after) {
    nodes { z x y classification { labels } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
_WORLD = {"west": -180, "south": -85, "east": 180, "north": 85}


def _f2(truth: Mapping[Any, Set[str]], answers: Mapping[Any, Set[str]]) -> float:
    """Sample-averaged F2 over all tiles of the truth; one without an answer counts as wrong."""
    from earthgql.training.measure.metrics import sample_f

    labels = sorted(set().union(*truth.values(), *answers.values()))
    rows = [
        [[label in table.get(tile, ()) for label in labels] for tile in truth]
        for table in (truth, answers)
    ]
    return sample_f(np.array(rows[0], dtype=np.uint8), np.array(rows[1], dtype=np.bool_))


def compact(value: Any, indent: str = "") -> str:
    """Format as JSON in which whatever fits on a line is on one line."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(flat) <= _WIDTH or not isinstance(value, dict | list) or not value:
        return flat
    deeper = indent + "  "
    if isinstance(value, list):
        parts = [compact(item, deeper) for item in value]
        return "[\n" + ",\n".join(deeper + part for part in parts) + f"\n{indent}]"
    parts = [f"{json.dumps(key)}: {compact(item, deeper)}" for key, item in value.items()]
    return "{\n" + ",\n".join(deeper + part for part in parts) + f"\n{indent}}}"


class DemoReport:
    """Queries a running server over HTTP, as any client does, and prints the answers."""

    def __init__(self, scenes: tuple[str, ...], truth: Path | None, out: Console) -> None:
        """Make the report of some scenes.

        Args:
            scenes: names; the examples query the last one.
            truth: folder of the generated landscapes; None when the scene is somebody's own.
            out: where to print.
        """
        self._scenes = scenes
        self._truth = truth
        self._out = out
        self._url = ""

    def print(self, url: str) -> None:
        """Print the report of the server at ``url``."""
        self._url = url
        try:
            self._wait_for_model()
            self._print_examples()
            if self._truth:
                self._print_truth(self._truth)
        except Exception as error:  # whatever it is, the server goes on serving
            reason = f"{type(error).__name__}: {error}"
            self._out.print(f"The report broke off ({reason})", markup=False)
        self._out.print(
            f"\n[bold green]Ready.[/] Map: [bold]{url}/[/]  GraphiQL: [bold]{url}/graphql[/]  "
            f"Health: {url}/readyz  Stop with Ctrl-C."
        )

    def _wait_for_model(self) -> None:
        """Wait until the model is loaded or has failed; its first conversion takes a minute."""
        until = time.monotonic() + _TIMEOUT_S
        while time.monotonic() < until:
            try:
                self._get("/readyz")
                return
            except urllib.error.HTTPError as error:
                if json.load(error).get("status") == "failed":
                    return
            time.sleep(_POLL_S)

    def _print_examples(self) -> None:
        place = urllib.parse.urlencode({"scene": self._scenes[-1]})
        for example in self._get(f"/examples.json?{place}")["examples"]:
            answer = self._query_patiently(example["query"], example["variables"])
            self._out.rule(example["title"], align="left")
            self._out.print(Syntax(example["query"].strip(), "graphql", background_color="default"))
            if example["variables"]:
                self._out.print("with", json.dumps(example["variables"]), style="dim")
            lines = compact(answer).splitlines()
            shown = "\n".join(lines[:_LINES_SHOWN])
            self._out.print(Syntax(shown, "json", background_color="default"))
            if len(lines) > _LINES_SHOWN:
                self._out.print(f"… {len(lines) - _LINES_SHOWN} more lines", style="dim")

    def _print_truth(self, folder: Path) -> None:
        from earthgql.demo.scene_file import ACQUIRED, ensure_scene_file
        from earthgql.imagery.grid import TileIndex

        self._out.rule("How much of it is right", align="left")
        for date, scene in enumerate(self._scenes):
            truth = ensure_scene_file(folder, date=date).truth
            self._out.print(f"Classifying all {len(truth)} tiles of {scene!r} …", markup=False)
            answers = {
                TileIndex(node["z"], node["x"], node["y"]): set(node["classification"]["labels"])
                for node in self._all_labels(scene)
            }
            self._out.print(
                f"{ACQUIRED[date]:%Y-%m-%d}: {len(answers)} of {len(truth)} tiles answered, "
                f"F2 against the truth {_f2(truth, answers):.3f}"
            )

    def _all_labels(self, scene: str) -> list[dict[str, Any]]:
        """Query page by page: one request for all tiles could miss its deadline."""
        found: list[dict[str, Any]] = []
        after = None
        while True:
            page = self._page({"scene": scene, "bounds": _WORLD, "after": after})
            found += page["nodes"]
            if not page["pageInfo"]["hasNextPage"]:
                return found
            after = page["pageInfo"]["endCursor"]

    def _page(self, variables: dict[str, Any]) -> dict[str, Any]:
        """Repeat a query until all its tiles have labels; each attempt gets further."""
        for _ in range(_ATTEMPTS):
            page: dict[str, Any] = self._query(_LABELS, variables)["data"]["tilesInBounds"]
            if all(node["classification"] for node in page["nodes"]):
                return page
        raise ValueError(f"some tiles of {variables['scene']!r} stay without labels")

    def _query_patiently(self, query: str, variables: dict[str, Any]) -> Any:
        """Repeat a query that misses its deadline: the first may have to wait for the model."""
        for _ in range(_ATTEMPTS):
            answer = self._query(query, variables)
            codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
            if "TIMEOUT" not in codes:
                break
        return answer

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(self._url + path, timeout=_TIMEOUT_S) as response:  # noqa: S310
            return json.load(response)

    def _query(self, query: str, variables: dict[str, Any]) -> Any:
        request = urllib.request.Request(  # noqa: S310
            f"{self._url}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310
            return json.load(response)
