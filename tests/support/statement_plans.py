"""How PostgreSQL goes about the statements of a connection."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event


@contextmanager
def plans(conn: Connection, *, analyze: bool = False) -> Iterator[list[str]]:
    """Collect the plan of each statement in the block, as JSON.

    Args:
        conn: that runs the statements.
        analyze: run each once more, for how often its steps were run.
    """
    options = "ANALYZE, FORMAT JSON" if analyze else "FORMAT JSON"
    statements: list[str] = []

    def note(_c: Any, cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        statements.append(cursor.mogrify(statement, parameters).decode())

    found: list[str] = []
    event.listen(conn, "before_cursor_execute", note)
    yield found
    event.remove(conn, "before_cursor_execute", note)
    driver = conn.connection.driver_connection
    assert driver is not None
    with driver.cursor() as cursor:
        for statement in statements:
            cursor.execute(f"EXPLAIN ({options}) {statement}")
            found.append(json.dumps(cursor.fetchone()))


def reads_all_of(plan: str, table: str) -> bool:
    """Tell whether a plan reads a table from one end to the other."""
    return any(
        step["Node Type"] == "Seq Scan" and step["Relation Name"] == table
        for step in steps(json.loads(plan))
    )


def steps(part: Any) -> Iterator[dict[str, Any]]:
    """Yield the steps of a plan, in any order."""
    if isinstance(part, list):
        for one in part:
            yield from steps(one)
    elif isinstance(part, dict):
        if "Node Type" in part:
            yield part
        for one in part.values():
            yield from steps(one)


def compares_pairs(plan: str, text: str) -> bool:
    """Tell whether a plan joins by a condition with such a text that is no key, pair by pair."""
    return any(text in step.get("Join Filter", "") for step in steps(json.loads(plan)))


def joins_by(plan: str, columns: Sequence[str]) -> bool:
    """Tell whether a plan joins somewhere by keys of which these columns are."""
    keys = (step.get("Hash Cond", step.get("Merge Cond", "")) for step in steps(json.loads(plan)))
    return any(all(f".{column} =" in key for column in columns) for key in keys)
