"""Limits of documents, checked before validation and execution.

Each fragment is weighed once, so a document of fragments that spread each other is weighed in time
linear in its length, although it would unfold to an answer of any size. Validation by GraphQL's own
rules compares repeated fields and spreads pair by pair, so those are limited too.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import cast

from cachetools import LRUCache
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    parse,
)
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import validate_document

from earthgql.api.execution.introspection import (
    FIELDS,
    IntrospectionWeight,
    SchemaAnswers,
    is_introspection,
)
from earthgql.api.execution.weights import Costs, Weight, weigh_field

MAX_LENGTH = 500_000
MAX_TOKENS = 20_000
MAX_DEPTH = 20
MAX_ALIASES = 1_000
MAX_VALUES = 250_000
MAX_AREAS = 24
MAX_OBJECTS = 64
MAX_NESTING = 32
MAX_DIGITS = 400
MAX_OPERATIONS = 50
MAX_FRAGMENTS = 50
MAX_FIELDS = 5_000
MAX_REPEATS = 50
MAX_COMMENTS = 5_000
KEPT_CHARACTERS = 500_000
"""Of parsed documents, each of which takes up to 400 bytes a character."""

CODE = "QUERY_TOO_LARGE"


class QueryTooLargeError(GraphQLError):
    """A document exceeds a limit."""

    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": CODE})


@dataclass(slots=True)
class ParsedDocument:
    """A parsed document.

    Attributes:
        node: its syntax tree.
        characters: of its text.
        operations: how many it has.
        values: the most that one of its operations answers.
        introspects: whether its operations ask for nothing but the schema.
        errors: what validation found, once that is known.
    """

    node: DocumentNode
    characters: int
    operations: int
    values: int
    introspects: bool
    errors: list[GraphQLError] | None = None


class Parser:
    """Parses documents for a schema within the limits, each text once; threads may share it."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._costs = Costs(schema)
        self._answers = SchemaAnswers(schema)
        self._lock = threading.Lock()
        self._parsed: LRUCache[str, ParsedDocument] = LRUCache(
            KEPT_CHARACTERS, getsizeof=lambda document: document.characters
        )

    def parse(self, text: str) -> ParsedDocument:
        """Parse a document, unless it is cached.

        Raises:
            GraphQLError: if it is no GraphQL.
            QueryTooLargeError: if it exceeds a limit.
        """
        with self._lock:
            known = self._parsed.get(text)
        if known is not None:
            return known
        if len(text) > MAX_LENGTH:
            raise QueryTooLargeError(f"the document is longer than {MAX_LENGTH:,} characters")
        node = parse(text, max_lexical_tokens=MAX_TOKENS, max_comments=MAX_COMMENTS)
        scale = _Scale(node, self._costs, self._answers)
        values = scale.check()
        document = ParsedDocument(node, len(text), len(scale.operations), values, scale.introspects)
        with self._lock:
            self._parsed[text] = document
        return document

    def count_operations(self, text: str) -> int:
        """Return how many operations a document has; 0 if it cannot be parsed."""
        try:
            return self.parse(text).operations
        except GraphQLError:
            return 0


@cache
def parser_for(schema: GraphQLSchema) -> Parser:
    """Return the one parser of a schema."""
    return Parser(schema)


class LimitedParser(SchemaExtension):
    """Parse documents within the limits, and validate them, each text once."""

    _document: ParsedDocument | None = None

    def on_parse(self) -> Iterator[None]:
        """Give the execution its document."""
        context = self.execution_context
        _check_variable(context.variables)
        if context.query:
            self._document = parser_for(context.schema._schema).parse(context.query)
            context.graphql_document = self._document.node
        yield

    def on_validate(self) -> Iterator[None]:
        """Give the execution the errors of its document."""
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

    def __init__(self, document: DocumentNode, costs: Costs, answers: SchemaAnswers) -> None:
        self._costs = costs
        self.operations = [
            part for part in document.definitions if isinstance(part, OperationDefinitionNode)
        ]
        self._fragments = {
            part.name.value: part
            for part in document.definitions
            if isinstance(part, FragmentDefinitionNode)
        }
        self._introspection = IntrospectionWeight(answers, self._fragments, MAX_VALUES)
        self._known: dict[str, Weight] = {}
        self._fields = 0
        self._repeats = 0

    @property
    def introspects(self) -> bool:
        """Whether the operations ask for nothing but the schema."""
        return all(is_introspection(operation, self._fragments) for operation in self.operations)

    def check(self) -> int:
        """Return the values of the largest operation.

        Raises:
            QueryTooLargeError: if the document exceeds a limit.
        """
        if len(self.operations) > MAX_OPERATIONS:
            raise QueryTooLargeError(f"the document has more than {MAX_OPERATIONS} operations")
        if len(self._fragments) > MAX_FRAGMENTS:
            raise QueryTooLargeError(f"the document has more than {MAX_FRAGMENTS} fragments")
        for name in self._fragments:
            self._weigh_fragment(name, 0)
        values = 0
        for operation in self.operations:
            weight = self._weigh(operation.selection_set, 1, self._costs.root(operation))
            self._limit(weight)
            values = max(values, weight.values)
            for variable in operation.variable_definitions or ():
                _check_value(variable.default_value)
        return values

    def _weigh(self, selections: SelectionSetNode, level: int, type_name: str) -> Weight:
        if level > MAX_DEPTH:
            raise QueryTooLargeError(f"the document is nested deeper than {MAX_DEPTH} levels")
        self._fields += len(selections.selections)
        if self._fields > MAX_FIELDS:
            raise QueryTooLargeError(f"the document names more than {MAX_FIELDS:,} fields")
        parts: list[Weight] = []
        names: set[str] = set()
        for selection in selections.selections:
            name, part = self._weigh_selection(selection, level, type_name)
            self._repeats += name in names
            names.add(name)
            parts.append(part)
        if self._repeats > MAX_REPEATS:
            raise QueryTooLargeError(f"the document repeats more than {MAX_REPEATS} fields")
        weight = Weight(
            depth=max((part.depth for part in parts), default=0),
            values=sum(part.values for part in parts),
            aliases=sum(part.aliases for part in parts),
            areas=sum(part.areas for part in parts),
            per_row=sum(part.per_row for part in parts),
        )
        self._limit(weight)
        return weight

    def _weigh_selection(
        self, selection: SelectionNode, level: int, type_name: str
    ) -> tuple[str, Weight]:
        """Return the name of a part of a selection in the answer, and its weight."""
        if isinstance(selection, FieldNode):
            name = (selection.alias or selection.name).value
            return name, self._weigh_field(selection, level, type_name)
        if isinstance(selection, FragmentSpreadNode):
            name = selection.name.value
            return f"...{name}", self._weigh_fragment(name, level - 1)
        inline = cast(InlineFragmentNode, selection)
        condition = inline.type_condition
        inner_type = type_name if condition is None else condition.name.value
        return "", self._weigh(inline.selection_set, level + 1, inner_type)

    def _weigh_field(self, field: FieldNode, level: int, type_name: str) -> Weight:
        for argument in field.arguments or ():
            _check_value(argument.value)
        cost, inner_type = self._costs.field(type_name, field.name.value)
        inner = Weight()
        if field.selection_set:
            inner = self._weigh(field.selection_set, level + 1, inner_type)
        weight = weigh_field(field, cost, inner)
        if field.name.value in FIELDS:
            return weight._replace(values=self._introspection.of(field, weight.depth))
        return weight

    def _weigh_fragment(self, name: str, level: int) -> Weight:
        if name not in self._known:
            # Validation refuses a fragment that spreads itself; here it must not be followed for
            # ever, so within itself it weighs nothing.
            self._known[name] = Weight()
            fragment = self._fragments.get(name)
            if fragment is not None:
                type_name = fragment.type_condition.name.value
                self._known[name] = self._weigh(fragment.selection_set, level + 1, type_name)
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
    """Refuse values of a document that no argument takes, before they are converted.

    These are long lists of objects, such as conditions on labels, lists within lists within lists,
    and numbers of thousands of digits.
    """
    waiting = [(value, 0)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, ObjectValueNode):
            waiting.extend((entry.value, _deeper(depth)) for entry in value.fields)
        elif isinstance(value, ListValueNode):
            if len(value.values) > MAX_OBJECTS:
                _check_objects(any(isinstance(item, ObjectValueNode) for item in value.values))
            waiting.extend((item, _deeper(depth)) for item in value.values)
        elif isinstance(value, IntValueNode) and len(value.value) > MAX_DIGITS:
            raise QueryTooLargeError(f"a number of the document has more than {MAX_DIGITS} digits")


def _check_variable(value: object) -> None:
    """Refuse such values in variables; lists of positions are long, but have no objects."""
    waiting = [(value, 0)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, dict):
            waiting.extend((entry, _deeper(depth)) for entry in value.values())
        elif isinstance(value, list):
            if len(value) > MAX_OBJECTS:
                _check_objects(any(isinstance(item, dict) for item in value))
            inner = (item for item in value if isinstance(item, dict | list))
            waiting.extend((item, _deeper(depth)) for item in inner)


def _deeper(depth: int) -> int:
    if depth >= MAX_NESTING:
        raise QueryTooLargeError(
            f"a value of the request is nested deeper than {MAX_NESTING} levels"
        )
    return depth + 1


def _check_objects(too_many: bool) -> None:
    if too_many:
        raise QueryTooLargeError(
            f"a list of the request has more than {MAX_OBJECTS} objects: conditions on labels, or "
            "cutoffs"
        )
