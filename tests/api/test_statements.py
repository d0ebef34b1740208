"""How many SQL statements a request takes, and how many tiles it has inferred."""

from support.api_client import NORTH_WEST, WHOLE_SCENE, ZOOM, Api, centre

from earthgql.imagery.grid import TileIndex

VIEWPORT = """
query ($bounds: BoundsInput!) {
  tilesInBounds(bounds: $bounds, first: 100) {
    nodes { classification { scores { label score } } %s }
  }
}
"""


def registered(api: Api) -> None:
    """Register the model, which a process does once, before statements are counted."""
    api.data(
        "query ($lat: Float!, $lon: Float!) { classifyPoint(lat: $lat, lon: $lon) { labels } }",
        **dict(zip(("lat", "lon"), centre(NORTH_WEST), strict=True)),
    )
    with api.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM tile_score")
    api.classifier.submissions.clear()


def test_viewport_cold_and_warm(fresh_api: Api) -> None:
    registered(fresh_api)
    with fresh_api.statements() as cold:
        first = fresh_api.data(VIEWPORT % "", bounds=WHOLE_SCENE)
    assert len(first["tilesInBounds"]["nodes"]) == 100
    assert len(cold) == 3, cold
    assert fresh_api.classifier.tiles == 100
    with fresh_api.statements() as warm:
        second = fresh_api.data(VIEWPORT % "", bounds=WHOLE_SCENE)
    assert len(warm) == 2, warm
    assert fresh_api.classifier.tiles == 100
    assert second == first


def test_one_more_statement_per_loaded_field(fresh_api: Api) -> None:
    registered(fresh_api)
    fresh_api.data(VIEWPORT % "", bounds=WHOLE_SCENE)
    counts = {}
    for fields in ("", "id quadkey imageUrl footprint", "scene { name }", "scene { tileCount }"):
        with fresh_api.statements() as seen:
            fresh_api.data(VIEWPORT % fields, bounds=WHOLE_SCENE)
        counts[fields] = len(seen)
    assert list(counts.values()) == [2, 2, 3, 4]


def test_a_partly_known_viewport_classifies_the_rest_only(fresh_api: Api) -> None:
    registered(fresh_api)
    north = {**WHOLE_SCENE, "south": centre(NORTH_WEST)[0]}
    fresh_api.data(VIEWPORT % "", bounds=north)
    assert fresh_api.classifier.tiles == 10
    fresh_api.data(VIEWPORT % "", bounds=WHOLE_SCENE)
    assert fresh_api.classifier.tiles == 100


def test_aliased_points_take_one_statement(fresh_api: Api) -> None:
    registered(fresh_api)
    places = [
        centre(TileIndex(ZOOM, NORTH_WEST.x + i % 10, NORTH_WEST.y + i // 10)) for i in range(50)
    ]
    fields = "\n".join(
        f"p{i}: classifyPoint(lat: {lat}, lon: {lon}) {{ labels tile {{ x }} }}"
        for i, (lat, lon) in enumerate(places)
    )
    with fresh_api.statements() as cold:
        answer = fresh_api.data(f"{{ {fields} }}")
    assert [point["tile"]["x"] for point in answer.values()] == [
        NORTH_WEST.x + i % 10 for i in range(50)
    ]
    assert len(cold) == 3
    assert fresh_api.classifier.tiles == 50
    with fresh_api.statements() as warm:
        fresh_api.data(f"{{ {fields} }}")
    assert len(warm) == 2


def test_different_entry_points_infer_a_tile_once(fresh_api: Api) -> None:
    registered(fresh_api)
    lat, lon = centre(NORTH_WEST)
    tile = fresh_api.data(f"{{ classifyPoint(lat: {lat}, lon: {lon}) {{ tile {{ id }} }} }}")
    fresh_api.classifier.submissions.clear()
    with fresh_api.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM tile_score")
    with fresh_api.statements() as seen:
        fresh_api.data(
            """query ($bounds: BoundsInput!, $lat: Float!, $lon: Float!, $id: ID!) {
              classifyPoint(lat: $lat, lon: $lon) { labels }
              tilesInBounds(bounds: $bounds) { nodes { classification { labels } } }
              tile(id: $id) { classification { labels } }
              node(id: $id) { ... on Tile { classification { labels } } }
            }""",
            bounds=WHOLE_SCENE,
            lat=lat,
            lon=lon,
            id=tile["classifyPoint"]["tile"]["id"],
        )
    assert fresh_api.classifier.tiles == 100
    assert len(seen) == 5  # three ways to find tiles, one to find scores, one to store them


def test_same_viewport_without_classification_runs_no_model(fresh_api: Api) -> None:
    with fresh_api.statements() as seen:
        fresh_api.data(
            "query ($b: BoundsInput!) { tilesInBounds(bounds: $b) { nodes { id } } }", b=WHOLE_SCENE
        )
    assert len(seen) == 1
    assert fresh_api.classifier.submissions == []
