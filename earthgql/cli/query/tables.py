"""Print a GraphQL answer as tables."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

_BOUNDS = {"west", "south", "east", "north"}
_WIDEST = 10_000
_LONGEST_CELL = 200


class _Listing(NamedTuple):
    """A table with a title above and a caption below."""

    title: str
    table: Table
    caption: str = ""


def print_tables(data: Mapping[str, Any], out: Console) -> None:
    """Print the answer of each field: lists as rows, what is nested in columns with dotted names.

    Args:
        data: of the answer.
        out: where to print; off a terminal no line is broken.
    """
    if not out.is_terminal:
        out = Console(file=out.file, width=_WIDEST, color_system=None)
    for name, value in data.items():
        for title, table, caption in _listings(name, value):
            out.print(Text(cell_text(title), style="bold"))
            out.print(table)
            if caption:
                out.print(Text(caption, style="dim"))


def _listings(title: str, value: Any) -> Iterator[_Listing]:
    if isinstance(value, Mapping):
        nodes = _nodes(value)
        if nodes is not None:
            yield _Listing(title, _table_of_rows(nodes), _caption(value))
            return
        rows = _columns(value)
        if rows:
            yield _Listing(title, _table_of_rows(rows))
        lists = {k: v for k, v in value.items() if _is_list_of_objects(v)}
        rest = {k: v for k, v in value.items() if k not in lists and not (rows and _is_column(v))}
        if rest:
            yield _Listing(title, _table_of_pairs(flatten(rest)))
        for name, items in lists.items():
            yield _Listing(f"{title}.{name}", _table_of_rows(items))
    elif _is_list_of_objects(value):
        yield _Listing(title, _table_of_rows(value))
    else:
        yield _Listing(title, _table_of_pairs({"": cell_text(value)}))


def flatten(value: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return the values of an object and of objects in it, by dotted names."""
    found: dict[str, str] = {}
    for name, inner in value.items():
        if isinstance(inner, Mapping) and not _is_one_cell_text(inner):
            found |= flatten(inner, f"{prefix}{cell_text(name)}.")
        else:
            found[prefix + cell_text(name)] = cell_text(inner)
    return found


def cell_text(value: Any) -> str:
    """Return the text of a table's cell: one short line without control characters."""
    if value is None:
        text = ""
    elif isinstance(value, float):
        text = f"{value:.7g}"
    elif isinstance(value, Mapping) and set(value) == _BOUNDS:
        text = ",".join(f"{value[edge]:.6g}" for edge in ("west", "south", "east", "north"))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        text = ", ".join(_item(item) for item in value)
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 1]}…"


def _item(item: Any) -> str:
    if isinstance(item, Mapping):
        return " ".join(f"{v:.3f}" if isinstance(v, float) else cell_text(v) for v in item.values())
    return cell_text(item)


def _is_one_cell_text(value: Mapping[str, Any]) -> bool:
    return set(value) == _BOUNDS or "coordinates" in value


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) for v in value)


def _is_column(value: Any) -> bool:
    return isinstance(value, list) and all(not isinstance(v, Mapping | list) for v in value)


def _nodes(value: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """The items of a connection; None if it is none."""
    if isinstance(value.get("nodes"), list):
        return [node or {} for node in value["nodes"]]
    if isinstance(value.get("edges"), list):
        return [{**(edge.get("node") or {}), **_cursor(edge)} for edge in value["edges"]]
    return None


def _cursor(edge: Mapping[str, Any]) -> dict[str, Any]:
    return {"cursor": edge["cursor"]} if "cursor" in edge else {}


def _caption(connection: Mapping[str, Any]) -> str:
    parts = []
    if connection.get("totalCount") is not None:
        parts.append(f"{connection['totalCount']:,} in all")
    page = connection.get("pageInfo") or {}
    if page.get("hasNextPage"):
        parts.append(f"more follow (after: {json.dumps(page.get('endCursor'))})")
    return ", ".join(parts)


def _columns(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of an answer in columns, such as a viewport's; empty if it is not in columns."""
    columns = {name: value[name] for name in ("ids", "z", "x", "y") if _is_column(value.get(name))}
    if len(columns) < 2 or len({len(column) for column in columns.values()}) != 1:
        return []
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _table_of_rows(rows: Sequence[Mapping[str, Any]]) -> Table:
    cells = [flatten(row) for row in rows]
    names = list(dict.fromkeys(name for row in cells for name in row))
    table = Table()
    for name in names:
        numbers = all(_is_number(row.get(name, "")) for row in cells)
        table.add_column(Text(name), justify="right" if numbers else "left")
    for row in cells:
        table.add_row(*(Text(row.get(name, "")) for name in names))
    return table


def _table_of_pairs(pairs: Mapping[str, str]) -> Table:
    table = Table(show_header=False)
    for name, text in pairs.items():
        table.add_row(Text(name, style="bold"), Text(text))
    return table


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).replace("-", "", 1).replace("e", "", 1).isdigit() or not text
