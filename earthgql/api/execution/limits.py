"""What a document may ask at most, checked before anything looks at it more closely.

Each fragment is weighed once, so a document of fragments that spread each other is weighed in time
linear in its length, although it would unfold to an answer of any size. Validation by GraphQL's own
rules compares repeated fields and spreads pair by pair, so those are limited too.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    parse,
)
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import validate_document

from earthgql.api.execution.recent import Recent
from earthgql.api.execution.weights import AREAS, Weight, values_of

MAX_LENGTH = 500_000
MAX_TOKENS = 20_000
MAX_DEPTH = 20
MAX_ALIASES = 1_000
MAX_VALUES = 250_000
MAX_AREAS = 24
MAX_OBJECTS = 64
MAX_OPERATIONS = 50
MAX_FRAGMENTS = 50
MAX_FIELDS = 5_000
MAX_REPEATS = 50
MAX_COMMENTS = 5_000
# Of parsed documents, each of which takes up to 400 bytes a character.
KEPT_CHARACTERS = 500_000
CODE = "QUERY_TOO_LARGE"


class QueryTooLargeError(GraphQLError):
    """A document asks for more than one request may."""

    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": CODE})


@dataclass(slots=True)
class _Document:
    """A parsed document, and what validation found wrong with it, once that is known."""

    node: DocumentNode
    operations: int
    errors: list[GraphQLError] | None = None


_recent: Recent[_Document] = Recent(KEPT_CHARACTERS)


def parse_within_limits(text: str) -> _Document:
    """Parse a document, unless that was done of late.

    Raises:
        GraphQLError: if it is no GraphQL.
        QueryTooLargeError: if it asks too much.
    """
    known = _recent.get(text)
    if known is not None:
        return known
    if len(text) > MAX_LENGTH:
        raise QueryTooLargeError(f"the document is longer than {MAX_LENGTH:,} characters")
    node = parse(text, max_lexical_tokens=MAX_TOKENS, max_comments=MAX_COMMENTS)
    _Scale(node).check()
    operations = sum(isinstance(part, OperationDefinitionNode) for part in node.definitions)
    document = _Document(node, operations)
    _recent.put(text, document, len(text))
    return document


def count_operations(text: str) -> int:
    """Return how many operations a document has; 0 if it cannot be parsed."""
    try:
        return parse_within_limits(text).operations
    except GraphQLError:
        return 0


class LimitedParser(SchemaExtension):
    """Parse documents within the limits, and validate them, each text once."""

    _document: _Document | None = None

    def on_parse(self) -> Iterator[None]:
        """Give the execution its document."""
        query = self.execution_context.query
        _check_variable(self.execution_context.variables)
        if query:
            self._document = parse_within_limits(query)
            self.execution_context.graphql_document = self._document.node
        yield

    def on_validate(self) -> Iterator[None]:
        """Tell the execution what is wrong with its document."""
        context, document = self.execution_context, self._document
        if document is not None:
            if document.errors is None:
                document.errors = validate_document(
                    context.schema._schema, document.node, context.validation_rules
                )
            context.pre_execution_errors = document.errors
        yield


class _Scale:
    """Weighs one document."""

    def __init__(self, document: DocumentNode) -> None:
        self._operations = [
            part for part in document.definitions if isinstance(part, OperationDefinitionNode)
        ]
        self._fragments = {
            part.name.value: part
            for part in document.definitions
            if isinstance(part, FragmentDefinitionNode)
        }
        self._known: dict[str, Weight] = {}
        self._fields = 0
        self._repeats = 0

    def check(self) -> None:
        """Raise QueryTooLargeError if the document asks too much."""
        if len(self._operations) > MAX_OPERATIONS:
            raise QueryTooLargeError(f"the document has more than {MAX_OPERATIONS} operations")
        if len(self._fragments) > MAX_FRAGMENTS:
            raise QueryTooLargeError(f"the document has more than {MAX_FRAGMENTS} fragments")
        for name in self._fragments:
            self._weigh_fragment(name, 0)
        for operation in self._operations:
            self._limit(self._weigh(operation.selection_set, 1))
            for variable in operation.variable_definitions or ():
                _check_value(variable.default_value)

    def _weigh(self, selections: SelectionSetNode, level: int) -> Weight:
        if level > MAX_DEPTH:
            raise QueryTooLargeError(f"the document is nested deeper than {MAX_DEPTH} levels")
        self._fields += len(selections.selections)
        if self._fields > MAX_FIELDS:
            raise QueryTooLargeError(f"the document names more than {MAX_FIELDS:,} fields")
        depth = values = aliases = areas = each = 0
        names: set[str] = set()
        for selection in selections.selections:
            if isinstance(selection, FragmentSpreadNode):
                name = f"...{selection.name.value}"
                part = self._weigh_fragment(selection.name.value, level - 1)
            elif isinstance(selection, FieldNode):
                name = (selection.alias or selection.name).value
                part = self._weigh_field(selection, level)
            else:
                name = ""
                part = self._weigh(selection.selection_set, level + 1)  # type: ignore[attr-defined]
            self._repeats += name in names
            names.add(name)
            depth = max(depth, part.depth)
            values += part.values
            aliases += part.aliases
            areas += part.areas
            each += part.each
        if self._repeats > MAX_REPEATS:
            raise QueryTooLargeError(f"the document repeats more than {MAX_REPEATS} fields")
        weight = Weight(depth, values, aliases, areas, each)
        self._limit(weight)
        return weight

    def _weigh_field(self, field: FieldNode, level: int) -> Weight:
        for given in field.arguments or ():
            _check_value(given.value)
        inner = self._weigh(field.selection_set, level + 1) if field.selection_set else Weight()
        values, each = values_of(field, inner)
        return Weight(
            depth=inner.depth + 1,
            values=values,
            aliases=inner.aliases + (field.alias is not None),
            areas=inner.areas + (field.name.value in AREAS),
            each=each,
        )

    def _weigh_fragment(self, name: str, level: int) -> Weight:
        if name not in self._known:
            # Until it is known it weighs nothing: a fragment that spreads itself is refused by
            # validation, here it only must not be followed for ever.
            self._known[name] = Weight()
            fragment = self._fragments.get(name)
            if fragment is not None:
                self._known[name] = self._weigh(fragment.selection_set, level + 1)
        return self._known[name]

    def _limit(self, weight: Weight) -> None:
        if weight.depth > MAX_DEPTH:
            raise QueryTooLargeError(f"the document is nested deeper than {MAX_DEPTH} levels")
        if weight.aliases > MAX_ALIASES:
            raise QueryTooLargeError(f"the document has more than {MAX_ALIASES:,} aliases")
        if weight.values > MAX_VALUES:
            raise QueryTooLargeError(f"the answer could have more than {MAX_VALUES:,} values")
        if weight.areas > MAX_AREAS:
            raise QueryTooLargeError(
                f"the document has more than {MAX_AREAS} fields that look at an area or count its "
                "tiles: send several requests"
            )


def _check_value(value: ValueNode | None) -> None:
    """Refuse a list of many objects, such as conditions on labels, in a document."""
    # Nested as deeply as the parser takes, which is not deep enough to matter here.
    if isinstance(value, ObjectValueNode):
        for entry in value.fields:
            _check_value(entry.value)
    elif isinstance(value, ListValueNode) and len(value.values) > MAX_OBJECTS:
        _check_objects(any(isinstance(item, ObjectValueNode) for item in value.values))


def _check_variable(value: object) -> None:
    """Refuse a list of many objects in variables; those of positions are none."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list) and len(value) > MAX_OBJECTS:
            _check_objects(any(isinstance(item, dict) for item in value))


def _check_objects(too_many: bool) -> None:
    if too_many:
        raise QueryTooLargeError(
            f"a list of the request has more than {MAX_OBJECTS} objects: conditions on labels, or "
            "cutoffs"
        )
