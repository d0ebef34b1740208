"""Arguments declared once, and handed to resolvers as one value."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated

import strawberry
from strawberry.types import ExecutionResult

from earthgql.api.argument_groups import Arguments, grouped

Size = Annotated[int, strawberry.argument(description="How many.")]


@dataclass(frozen=True, slots=True)
class Part(Arguments):
    size: Size = 3
    after_that: str | None = None


@dataclass(frozen=True, slots=True)
class Whole(Arguments):
    name: str | None = None
    part: Part = field(default_factory=Part)
    last: bool = False


@dataclass(frozen=True, slots=True)
class LargeWhole(Whole):
    name: Annotated[str | None, strawberry.argument(description="Another name.")] = None


@strawberry.type
class Query:
    @strawberry.field
    @grouped
    async def small(self, *, first: int, whole: Whole, end: int = 1) -> str:
        return repr((first, whole, end))

    @strawberry.field
    @grouped
    async def large(self, *, whole: LargeWhole) -> str:
        return repr(whole)


SCHEMA = strawberry.Schema(query=Query)


def ask(document: str) -> ExecutionResult:
    return asyncio.run(SCHEMA.execute(document))


def test_each_field_of_a_group_is_an_argument_at_its_place() -> None:
    sdl = " ".join(str(SCHEMA).split())
    assert (
        'small( first: Int! name: String = null """How many.""" size: Int! = 3 '
        "afterThat: String = null last: Boolean! = false end: Int! = 1 ): String!"
    ) in sdl
    assert 'large( """Another name.""" name: String = null """How many.""" size' in sdl


def test_resolvers_get_one_value() -> None:
    answer = ask('{ small(first: 7, size: 4, afterThat: "x", last: true, name: "n") }')
    assert answer.errors is None
    assert answer.data == {"small": repr((7, Whole("n", Part(4, "x"), True), 1))}
    assert ask("{ large }").data == {"large": repr(LargeWhole())}
    both = ask("{ a: large(size: 1) b: large }").data
    assert both == {"a": repr(LargeWhole(part=Part(1))), "b": repr(LargeWhole())}


def test_what_is_no_argument_is_refused() -> None:
    assert ask("{ large(part: 1) }").errors
    assert ask("{ small }").errors
