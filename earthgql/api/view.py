"""``/graphql`` over HTTP: what of a request is GraphQL, and how the answer is written."""

import json
import time
from collections.abc import Callable
from typing import Any, cast

from cross_web import AsyncHTTPRequestAdapter, HTTPException
from flask import Request, Response, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Engine
from strawberry.flask.views import AsyncGraphQLView
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError

from earthgql.api import errors
from earthgql.api.context import Context
from earthgql.api.limits import count_operations
from earthgql.api.loaders import Loaders
from earthgql.api.loops import Loops
from earthgql.api.schema import schema
from earthgql.classification import ScoringService
from earthgql.errors import error_body

RESPONSE_TYPE = "application/graphql-response+json"


class GraphQLView(AsyncGraphQLView[Context, None]):
    """Answers GraphQL requests, and browsers that come without one with a page to ask from.

    Statuses are those of the GraphQL over HTTP draft: requests that are none get 400, documents
    that are refused get 400 for clients that accept ``application/graphql-response+json`` and
    200 for all others, errors within an answer get 200.
    """

    init_every_request = False

    def __init__(
        self,
        engine: Engine,
        scoring: ScoringService,
        inference_deadline: float,
        page: Callable[[], Response],
    ) -> None:
        """Make the view.

        Args:
            engine: where to read.
            scoring: what classifies tiles.
            inference_deadline: seconds a request may spend on inference.
            page: makes the page for browsers.
        """
        super().__init__(schema(), graphql_ide="graphiql", subscription_protocols=())
        self._engine = engine
        self._scoring = scoring
        self._inference_deadline = inference_deadline
        self._page = page
        self._loops = Loops()

    def dispatch_request(self) -> ResponseReturnValue:  # type: ignore[override]
        """Answer, with JSON also where the request is no GraphQL."""
        if request.method == "HEAD":
            # As GET; the body is left out by who sends the response.
            request.method = "GET"
        try:
            # Flask would make an event loop and a thread for every request.
            return self._loops.run(super().dispatch_request())
        except (UnicodeDecodeError, RecursionError):
            return _refusal(400, "the request is not JSON in UTF-8, or nested too deeply")

    async def run(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer a request; see the base class."""
        try:
            return await super().run(request, *args, **kwargs)
        except HTTPException as error:
            return _refusal(error.status_code, error.reason)

    async def get_context(self, request: Request, response: Response) -> Context:  # noqa: ARG002
        """Make what the resolvers of this request share."""
        deadline = time.monotonic() + self._inference_deadline
        return Context(
            loaders=Loaders(self._engine, self._scoring, deadline),
            scoring=self._scoring,
            request=request,
        )

    async def get_sub_response(self, request: Request) -> Response:
        """Start the response in the media type that the client prefers."""
        types = ["application/json", RESPONSE_TYPE]
        best = request.accept_mimetypes.best_match(types, default="application/json")
        return Response(status=200, content_type=f"{best}; charset=utf-8")

    def should_render_graphql_ide(self, request: Any) -> bool:
        """Tell whether a browser came without a query."""
        accepted = request.headers.get("accept", "")
        return bool(
            request.method == "GET"
            and request.query_params.get("query") is None
            and "text/html" in accepted
        )

    async def render_graphql_ide(self, request: Request) -> Response:  # noqa: ARG002
        """Return the page for browsers."""
        return self._page()

    def decode_json(self, data: str | bytes) -> object:
        """Parse JSON, strictly: NaN and Infinity are none."""
        try:
            text = data.decode() if isinstance(data, bytes) else data
            return json.loads(text, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            raise HTTPException(400, f"the request is not JSON: {_reason(error)}") from error

    async def parse_http_body(self, request: AsyncHTTPRequestAdapter) -> GraphQLRequestData:
        """Read the one GraphQL request in a body or a query string."""
        content_type = (request.content_type or "").partition(";")[0].strip().lower()
        if request.method == "GET":
            fields: object = self.parse_query_params(request.query_params)
        elif content_type == "application/json":
            fields = self.decode_json(await request.get_body())
        else:
            raise HTTPException(415, "a POST must have the content type application/json")
        return _request_data(fields)

    async def execute_single(self, *args: Any, **kwargs: Any) -> ExecutionResult:
        """Execute a request; one that leaves open which operation it means is refused."""
        asked: GraphQLRequestData = kwargs["request_data"]
        if asked.query is None or not asked.query.strip():
            raise HTTPException(400, "the request has no query")
        if asked.operation_name is None and count_operations(asked.query) > 1:
            raise HTTPException(400, "several operations: name one of them in operationName")
        return await super().execute_single(*args, **kwargs)

    async def process_result(
        self,
        request: Request,  # noqa: ARG002
        result: ExecutionResult,
    ) -> GraphQLHTTPResponse:
        """Give every error its code, and mask those that are not the client's."""
        executed = not isinstance(result, PreExecutionError)
        response: dict[str, Any] = {"data": result.data} if executed else {}
        if result.errors:
            response["errors"] = errors.present(result.errors, executed=executed)
        return cast(GraphQLHTTPResponse, response)

    def create_response(self, response_data: Any, sub_response: Response) -> Response:
        """Write the response."""
        refused = response_data.get("data") is None and "data" not in response_data
        if refused and sub_response.mimetype == RESPONSE_TYPE:
            sub_response.status_code = 400
        sub_response.set_data(self.encode_json(response_data))
        return sub_response


def _request_data(fields: object) -> GraphQLRequestData:
    if isinstance(fields, list):
        raise HTTPException(400, "lists of requests are not taken: send them one by one")
    if not isinstance(fields, dict):
        raise HTTPException(400, "the request must be a JSON object")
    kinds = {"query": str, "variables": dict, "operationName": str, "extensions": dict}
    for name, kind in kinds.items():
        if not isinstance(fields.get(name), kind | None):
            what = "a string" if kind is str else "an object"
            raise HTTPException(400, f"{name} must be {what}")
    return GraphQLRequestData(
        query=fields.get("query"),
        variables=fields.get("variables"),
        operation_name=fields.get("operationName") or None,
        extensions=fields.get("extensions"),
    )


def _refusal(status: int, message: str) -> Response:
    body = json.dumps(error_body(message, errors.BAD_REQUEST))
    return Response(body, status=status, content_type="application/json; charset=utf-8")


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is not a number")


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos}"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error)
