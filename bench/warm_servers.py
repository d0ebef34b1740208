"""Servers that benches compare, each made by a function that gunicorn calls.

All find their database in ``BENCH_DATABASE_URL``, and answer about the model in its first row.
"""

import json
import os
import threading
from functools import cache
from typing import Any

import psycopg2
import strawberry
from flask import Flask, Response, request
from sqlalchemy import make_url
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.flask.views import GraphQLView

from bench.scratch import IDENTITY
from bench.serving import THREADS
from earthgql.app import create_app
from earthgql.cli.server.gunicorn import pool_size
from earthgql.settings import Settings

FLOOR_VIEWPORT = """
SELECT t.id, t.z, t.x, t.y, k.scores FROM tile t
  JOIN tile_score k ON k.tile_id = t.id AND k.model_id = 1
 WHERE t.footprint && ST_MakeEnvelope(%s, %s, %s, %s, 4326) ORDER BY t.id LIMIT %s
"""
FLOOR_POINT = """
SELECT t.id, t.z, t.x, t.y, k.scores FROM tile t
  JOIN tile_score k ON k.tile_id = t.id AND k.model_id = 1
 WHERE t.footprint && ST_SetSRID(ST_Point(%s, %s), 4326) LIMIT 1
"""


def earthgql() -> Flask:
    """The application, as ``serve`` sizes it; its classifier has a name and is never asked."""

    class Named:
        identity = IDENTITY
        batch_size = 32
        parallel = 1

        def warm_up(self) -> None:
            pass

    url = os.environ["BENCH_DATABASE_URL"]
    settings = Settings(database_url=url)
    settings = settings.model_copy(update={"pool_size": pool_size(settings, THREADS)})
    return create_app(settings, load_classifier=Named)  # type: ignore[arg-type]


def floor() -> Flask:
    """Bare Flask, psycopg2 and json.dumps: the least that gives out the same rows."""
    app = Flask(__name__)
    kept = threading.local()
    url = make_url(os.environ["BENCH_DATABASE_URL"]).set(drivername="postgresql")

    def rows(statement: str, values: tuple[Any, ...]) -> list[Any]:
        if not hasattr(kept, "connection"):
            kept.connection = psycopg2.connect(url.render_as_string(hide_password=False))
            kept.connection.autocommit = True
        with kept.connection.cursor() as cursor:
            cursor.execute(statement, values)
            found: list[Any] = cursor.fetchall()
            return found

    @app.post("/viewport")
    def viewport() -> Response:
        asked = request.get_json()
        found = rows(FLOOR_VIEWPORT, (*asked["bounds"], asked["first"]))
        return Response(json.dumps({"rows": found}), content_type="application/json")

    @app.post("/point")
    def point() -> Response:
        asked = request.get_json()
        found = rows(FLOOR_POINT, (asked["lon"], asked["lat"]))
        return Response(json.dumps({"rows": found}), content_type="application/json")

    return app


def bare() -> Flask:
    """Bare Strawberry with its caches: the same objects, from rows in memory, no database."""

    @strawberry.type
    class Score:
        label: str
        score: float

    @strawberry.type
    class Classification:
        scores: list[Score]

    @strawberry.type
    class Tile:
        id: strawberry.ID
        z: int
        x: int
        y: int
        classification: Classification

    @strawberry.type
    class Connection:
        nodes: list[Tile]

    @cache
    def rows(count: int) -> list[tuple[int, int, int, int, list[float]]]:
        scores = [((i * 37) % 1000) / 1000 for i in range(len(IDENTITY.labels))]
        return [(i, 14, 8000 + i, 5900, scores) for i in range(count)]

    @strawberry.type
    class Query:
        @strawberry.field
        def tiles_in_bounds(self, first: int) -> Connection:
            return Connection(
                nodes=[
                    Tile(
                        id=strawberry.ID(str(row_id)),
                        z=z,
                        x=x,
                        y=y,
                        classification=Classification(
                            scores=[
                                Score(label=label, score=score)
                                for label, score in zip(IDENTITY.labels, scores, strict=True)
                            ]
                        ),
                    )
                    for row_id, z, x, y, scores in rows(first)
                ]
            )

    Query.__annotations__.update(Connection=Connection)
    schema = strawberry.Schema(query=Query, extensions=[ParserCache, ValidationCache])
    app = Flask(__name__)
    app.add_url_rule("/graphql", view_func=GraphQLView.as_view("graphql", schema=schema))
    return app
