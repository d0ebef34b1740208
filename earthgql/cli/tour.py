"""What the demo shows once it serves: addresses, three queries answered, how much is right."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.syntax import Syntax

_TIMEOUT_S = 60
_ASKED_AGAIN = 10
_LINES_SHOWN = 28
_LABELS = """
query ($scene: String!, $bounds: BoundsInput!) {
  tilesInBounds(bounds: $bounds, scene: $scene, first: 1000) {
    nodes { z x y classification { labels } }
  }
}
"""
_WORLD = {"west": -180, "south": -85, "east": 180, "north": 85}


def _f2(truth: Mapping[Any, Set[str]], answers: Mapping[Any, Set[str]]) -> float:
    """Sample-averaged F2 over all tiles of the truth; one without an answer counts as wrong."""
    from earthgql.training.metrics import sample_f

    labels = sorted(set().union(*truth.values(), *answers.values()))
    rows = [
        [[label in table.get(tile, ()) for label in labels] for tile in truth]
        for table in (truth, answers)
    ]
    return sample_f(np.array(rows[0], dtype=np.uint8), np.array(rows[1], dtype=np.bool_))


class Tour:
    """Asks a running server, over HTTP like any client, and prints."""

    def __init__(self, scenes: tuple[str, ...], truth: Path | None, out: Console) -> None:
        """Prepare a tour.

        Args:
            scenes: names, the one to ask about last.
            truth: folder of the generated landscapes; None when the scene is somebody's own.
            out: where to print.
        """
        self._scenes = scenes
        self._truth = truth
        self._out = out
        self._url = ""

    def show(self, url: str) -> None:
        """Print the tour of the server at ``url``."""
        self._url = url
        try:
            self._print_examples()
            if self._truth:
                self._print_truth(self._truth)
        except (OSError, ValueError, KeyError) as error:
            self._out.print(f"The tour broke off: {error}", markup=False)
        self._out.print(
            f"\n[bold green]Ready.[/] GraphiQL: [bold]{url}/graphql[/]  "
            f"Health: {url}/readyz  Stop with Ctrl-C."
        )

    def _print_examples(self) -> None:
        place = urllib.parse.urlencode({"scene": self._scenes[-1]})
        for example in self._get(f"/examples.json?{place}")["examples"]:
            answer = self._ask(example["query"], example["variables"])
            self._out.rule(example["title"], align="left")
            self._out.print(Syntax(example["query"].strip(), "graphql", background_color="default"))
            if example["variables"]:
                self._out.print("with", json.dumps(example["variables"]), style="dim")
            lines = json.dumps(answer, indent=1, ensure_ascii=False).splitlines()
            shown = "\n".join(lines[:_LINES_SHOWN])
            self._out.print(Syntax(shown, "json", background_color="default"))
            if len(lines) > _LINES_SHOWN:
                self._out.print(f"… {len(lines) - _LINES_SHOWN} more lines", style="dim")

    def _print_truth(self, folder: Path) -> None:
        from earthgql.ingest.landscape import ACQUIRED, landscape_file
        from earthgql.tiles.grid import TileIndex

        for date, scene in enumerate(self._scenes):
            truth = landscape_file(folder, date=date).truth
            answers = {
                TileIndex(node["z"], node["x"], node["y"]): set(node["classification"]["labels"])
                for node in self._all_labels(scene)
            }
            self._out.print(
                f"{ACQUIRED[date]:%Y-%m-%d}: {len(answers)} of {len(truth)} tiles answered, "
                f"F2 against the truth {_f2(truth, answers):.3f}"
            )

    def _all_labels(self, scene: str) -> list[dict[str, Any]]:
        """Ask until every tile is classified: a deadline ends a request, asking again goes on."""
        variables = {"scene": scene, "bounds": _WORLD}
        for _ in range(_ASKED_AGAIN):
            nodes = self._ask(_LABELS, variables)["data"]["tilesInBounds"]["nodes"]
            if all(node["classification"] for node in nodes):
                return list(nodes)
        raise ValueError(f"some tiles of {scene!r} stay without labels")

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(self._url + path, timeout=_TIMEOUT_S) as response:  # noqa: S310
            return json.load(response)

    def _ask(self, query: str, variables: dict[str, Any]) -> Any:
        request = urllib.request.Request(  # noqa: S310
            f"{self._url}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310
            return json.load(response)
