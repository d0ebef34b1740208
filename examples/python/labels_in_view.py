# /// script
# requires-python = ">=3.11"
# dependencies = ["gql[requests]>=4", "pydantic>=2"]
# ///
"""List what is in a viewport, tile by tile, with gql: checked against the schema, and typed.

uv run labels_in_view.py http://127.0.0.1:8000 -54.95 -3.10 -54.90 -3.06
"""

import sys
from collections.abc import Iterator

from gql import Client, GraphQLRequest, gql
from gql.transport.exceptions import TransportConnectionFailed, TransportQueryError
from gql.transport.requests import RequestsHTTPTransport
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

PAGE = gql("""
query LabelsInView($bounds: BoundsInput!, $after: String) {
  tilesInBounds(bounds: $bounds, first: 200, after: $after) {
    nodes {
      quadkey
      classification {
        scores {
          label
          score
        }
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
""")


class Answer(BaseModel):
    """Part of an answer: its fields in Python's spelling."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True, extra="forbid")


class LabelScore(Answer):
    """How sure the model is that a label applies."""

    label: str
    score: float


class Classification(Answer):
    """The labels of a tile that reach their threshold, the surest one first."""

    scores: list[LabelScore]


class Tile(Answer):
    """A tile; without classification if its picture cannot be read or time ran out."""

    quadkey: str
    classification: Classification | None


class PageInfo(Answer):
    """Where a page is in the list."""

    has_next_page: bool
    end_cursor: str | None


class TilePage(Answer):
    """A page of tiles."""

    nodes: list[Tile]
    page_info: PageInfo


def connect(server: str) -> Client:
    """Make a client that checks queries against the server's schema before it sends them."""
    transport = RequestsHTTPTransport(f"{server}/graphql", timeout=60, retries=3)
    return Client(transport=transport, fetch_schema_from_transport=True)


def tiles_in_view(
    client: Client, west: float, south: float, east: float, north: float
) -> Iterator[Tile]:
    """Yield the tiles of a viewport, page by page.

    Args:
        client: of the server.
        west: western edge, degrees of longitude; above ``east`` across the antimeridian.
        south: southern edge, degrees of latitude.
        east: eastern edge.
        north: northern edge.

    Raises:
        TransportQueryError: if the server refuses; ``errors`` holds codes and messages. A page of
            which only some tiles could not be classified is answered all the same.
    """
    bounds = {"west": west, "south": south, "east": east, "north": north}
    after = None
    with client as session:
        while True:
            request = GraphQLRequest(PAGE, variable_values={"bounds": bounds, "after": after})
            try:
                answer = session.execute(request)["tilesInBounds"]
            except TransportQueryError as error:
                answer = (error.data or {}).get("tilesInBounds")
                if answer is None:
                    raise
            page = TilePage.model_validate(answer)
            yield from page.nodes
            if not page.page_info.has_next_page:
                return
            after = page.page_info.end_cursor


def main() -> None:
    """Print a line a tile."""
    server, *corners = sys.argv[1:] or ["http://127.0.0.1:8000"]
    west, south, east, north = map(float, corners or (-54.95, -3.10, -54.90, -3.06))
    try:
        for tile in tiles_in_view(connect(server), west, south, east, north):
            if tile.classification is None:
                print(tile.quadkey, "could not be classified")
            else:
                scores = tile.classification.scores
                print(tile.quadkey, *(f"{s.label} {s.score:.2f}" for s in scores), sep="  ")
    except TransportQueryError as error:
        refused = (f"{e['extensions']['code']}: {e['message']}" for e in error.errors or ())
        sys.exit("\n".join(refused))
    except TransportConnectionFailed as error:
        sys.exit(f"{server} does not answer: {error}")


if __name__ == "__main__":
    main()
