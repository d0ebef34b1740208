"""Execution with short cuts answers as Strawberry does without them."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionResult
from support.api_client import NORTH_WEST, WHOLE_SCENE, Api, centre, viewport

from earthgql.api import schema as schemas
from earthgql.api.execution.direct import LeanExecution, make_lean
from earthgql.api.execution.loops import Loops
from earthgql.api.schema import schema

EVERYTHING = """
query ($b: BoundsInput!, $yes: Boolean! = true, $lat: Float!, $lon: Float!) {
  tilesInBounds(bounds: $b, first: 4) {
    nodes {
      __typename id z x renamed: y quadkey footprint bounds { west south east north }
      imageUrl scene { id name zoom acquiredAt attribution tileCount bounds { west } }
      classification(cutoff: 0.2) {
        ...scored computedAt labels top: scores(top: 2) { label }
        model { id name version labels thresholds sha256 } tile { id }
      }
      own: classification(model: "1", cutoffs: [{label: "road", cutoff: 0.1}]) {
        scores { label cutoff margin }
      }
      hidden: z @skip(if: $yes)
      shown: classification { scores @include(if: $yes) { score label __typename } }
    }
    edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    totalCount
  }
  roads: tilesInBounds(
    where: {labels: {any: [{label: "road", minScore: 0.2}]}, classified: null}
    orderBy: {label: "road", direction: ASC}, last: 2
  ) { nodes { x } totalCount }
  classifyPoint(lat: $lat, lon: $lon) { tile { ... on Node { id } } labels }
  viewport(bounds: $b, first: 3) { ids labels tilesTotal pageInfo { endCursor } model { id } }
  scenes { nodes { name tileCount } }
  models { nodes { name } edges { cursor } totalCount }
  model(version: "1") { name }
  node(id: "U2NlbmU6MQ==") { id ... on Scene { name } }
}
fragment scored on Classification { scores(top: 3) { label score } scores(top: 3) { score } }
"""


def test_answers_are_those_of_plain_strawberry(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    lat, lon = centre(NORTH_WEST)
    variables = {"b": viewport(NORTH_WEST, 3, 2), "lat": lat, "lon": lon}
    api.ask(EVERYTHING, **variables)
    lean = api.data(EVERYTHING, **variables)
    plain = strawberry.Schema(
        query=schemas.Query,
        types=[schemas.Tile, schemas.Scene, schemas.Model],
        config=StrawberryConfig(scalar_map=schemas._SCALARS),
    )
    view: Any = api.app.view_functions["graphql"]
    instance = next(c.cell_contents for c in view.__closure__ if hasattr(c.cell_contents, "schema"))
    monkeypatch.setattr(instance, "schema", plain)
    assert api.data(EVERYTHING, **variables) == lean
    assert list(lean["tilesInBounds"]["nodes"][0])[:4] == ["__typename", "id", "z", "x"]


def test_errors_are_those_of_plain_strawberry() -> None:
    @strawberry.type
    class Part:
        name: str
        size: int

    @strawberry.type
    class Query:
        @strawberry.field
        def parts(self) -> list[Part | None]:
            return [
                Part(name="whole", size=1),
                Part(name="unsized", size=None),  # type: ignore[arg-type]
                Part(name="huge", size=2**40),
                object(),  # type: ignore[list-item]
            ]

    def ask(made: strawberry.Schema) -> ExecutionResult:
        return made.execute_sync("{ parts { name size } }")

    lean = strawberry.Schema(query=Query, execution_context_class=LeanExecution)
    make_lean(lean._schema)
    one, other = ask(lean), ask(strawberry.Schema(query=Query))
    assert one.data == other.data == {"parts": [{"name": "whole", "size": 1}, None, None, None]}
    assert [error.formatted for error in one.errors or ()] == [
        error.formatted for error in other.errors or ()
    ]
    assert len(one.errors or ()) == 3


def test_what_is_an_attribute_is_read_as_one() -> None:
    fields: Any = schema()._schema.type_map
    for name in ("label", "score", "cutoff", "margin"):
        assert hasattr(fields["LabelScore"].fields[name].resolve, "read")
    assert not hasattr(fields["Query"].fields["classifyPoint"].resolve, "read")


def test_an_event_loop_serves_one_request_after_the_other() -> None:
    loops = Loops()

    async def which() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    first = loops.run(which())
    assert loops.run(which()) is first
    both = threading.Barrier(2)
    seen: list[asyncio.AbstractEventLoop] = []

    async def meet() -> None:
        both.wait(20)
        seen.append(asyncio.get_running_loop())

    threads = [threading.Thread(target=loops.run, args=(meet(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 2
    del loops, threads, thread
    assert all(loop.is_closed() for loop in seen)


def test_what_a_request_leaves_behind_is_cancelled() -> None:
    loops = Loops()
    left: list[asyncio.Task[None]] = []

    async def leave(fail: bool) -> None:
        left.append(asyncio.create_task(asyncio.sleep(3600)))
        if fail:
            raise ValueError

    loops.run(leave(False))
    with pytest.raises(ValueError):
        loops.run(leave(True))
    assert all(task.cancelled() for task in left)


def test_a_request_s_tiles_share_their_model(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    original = schemas.Model.of.__func__  # type: ignore[attr-defined]
    monkeypatch.setattr(
        schemas.Model, "of", classmethod(lambda cls, r: made.append(r) or original(cls, r))
    )
    api.data(
        "query ($b: BoundsInput!) { tilesInBounds(bounds: $b) { nodes { classification {"
        " model { name } } } } }",
        b=WHOLE_SCENE,
    )
    assert len(made) == 1


def test_loops_end_the_generators_that_they_began() -> None:
    ended: list[str] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            ended.append("numbers")

    kept = numbers()

    async def begin() -> int:
        return await anext(kept)

    loops = Loops()
    assert loops.run(begin()) == 1
    assert ended == []
    del loops
    gc.collect()
    assert ended == ["numbers"]


def test_a_loop_in_which_something_may_be_left_is_not_used_again() -> None:
    used: list[asyncio.AbstractEventLoop] = []
    left: list[asyncio.Task[None]] = []

    async def leave() -> None:
        used.append(asyncio.get_running_loop())
        left.append(asyncio.create_task(stubborn()))
        await asyncio.sleep(0)

    async def stubborn() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            asyncio.get_running_loop().stop()
            await asyncio.sleep(60)

    async def loop() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    loops = Loops()
    with pytest.raises(RuntimeError, match="stopped before"):
        loops.run(leave())
    assert used[0].is_closed()
    assert loops.run(loop()) is not used[0]
