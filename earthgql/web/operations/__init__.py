"""The operation collection: worked examples of queries, for each kind of user.

The documents are in folders next to this file, one for each kind, one operation a file. GraphiQL,
the demo's report, the tests of clients and the docs all use them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

from graphql import DocumentNode, NonNullTypeNode, OperationDefinitionNode, parse

FOLDER = Path(__file__).parent
_SENTENCE = re.compile(r"[^.?:]*[.?]?")


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation to try.

    Attributes:
        name: of the operation, and of its file.
        query: the document: this operation, the fragments it uses, and first a comment that says
            what it is for.
    """

    name: str
    query: str

    @property
    def title(self) -> str:
        """What it is for: the first sentence of the comment that the document begins with."""
        comment = takewhile(lambda line: line.startswith("#"), self.query.splitlines())
        text = " ".join(line.removeprefix("#").strip() for line in comment)
        return _SENTENCE.match(text)[0]  # type: ignore[index]

    def variables(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return those of ``values`` that are variables of the operation.

        Raises:
            KeyError: if a required variable is missing.
        """
        chosen: dict[str, Any] = {}
        for variable in _definition(parse(self.query)).variable_definitions or ():
            name = variable.variable.name.value
            if name in values:
                chosen[name] = values[name]
            elif isinstance(variable.type, NonNullTypeNode) and variable.default_value is None:
                raise KeyError(name)
        return chosen


@dataclass(frozen=True, slots=True)
class Kind:
    """Operations for one kind of user.

    Attributes:
        name: of the folder they are in.
        title: whom they are for.
        operations: in the order in which one would try them.
    """

    name: str
    title: str
    operations: tuple[Operation, ...]


_KINDS = {
    "map": (
        "Map front-end",
        ("WhatIsHere", "WhatIsInView", "WhereIsIt", "BeforeAndAfter", "TileCard"),
    ),
    "explorer": (
        "Explorer",
        (
            "WhatIsIngested",
            "HowMuchOfWhat",
            "HowItWentOn",
            "WhatChanged",
            "WhatIsInside",
            "WhereModelsDiffer",
        ),
    ),
    "viewport": ("Viewport client", ("ViewportAtOnce", "ViewportColumns", "TilesPageByPage")),
    "operator": (
        "Operator",
        (
            "SceneByScene",
            "WhichModels",
            "OneModel",
            "ClassifyThisArea",
            "HowFarIsTheJob",
            "WhichJobs",
            "CancelTheJob",
            "WhatIsThisId",
        ),
    ),
}


@cache
def kinds() -> tuple[Kind, ...]:
    """Return the collection."""
    return tuple(
        Kind(name, title, tuple(_read(name, operation) for operation in operations))
        for name, (title, operations) in _KINDS.items()
    )


def operation(name: str) -> Operation:
    """Return the operation of a name.

    Raises:
        KeyError: if there is none.
    """
    for kind in kinds():
        for found in kind.operations:
            if found.name == name:
                return found
    raise KeyError(name)


def _read(kind: str, name: str) -> Operation:
    return Operation(name, (FOLDER / kind / f"{name}.graphql").read_text(encoding="utf-8"))


def _definition(document: DocumentNode) -> OperationDefinitionNode:
    [found] = (d for d in document.definitions if isinstance(d, OperationDefinitionNode))
    return found
