"""``/graphql`` over HTTP: reads requests, executes them, and writes responses."""

import hashlib
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

from cross_web import AsyncHTTPRequestAdapter, HTTPException
from flask import Request, Response, request
from flask.typing import ResponseReturnValue
from graphql import GraphQLError
from sqlalchemy import Engine
from strawberry.flask.views import AsyncGraphQLView
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError

from earthgql.api import errors
from earthgql.api.context import Context
from earthgql.api.execution.documents import Documents, RefusedDocumentError
from earthgql.api.execution.kept_answers import EncodedData, KeptAnswers
from earthgql.api.execution.loops import EventLoops
from earthgql.api.execution.statistics import (
    CountingLoaders,
    CountingScoring,
    RequestStatistics,
)
from earthgql.api.loaders import Loaders
from earthgql.api.schema import document_parser, schema
from earthgql.cancellation import Abandoned
from earthgql.errors import AnswerTooLargeError, OverloadedError, error_body
from earthgql.jobs.service import JobService
from earthgql.scoring.service import ScoringService
from earthgql.turns import Turns

RESPONSE_TYPE = "application/graphql-response+json"
SUMS_WAITING = 8
SUM_WAIT_S = 2.0
"""Seconds that a sum over an area waits for others."""

_SUMS_REFUSED = "too many sums over areas are being computed: ask again later"


class GraphQLView(AsyncGraphQLView[Context, None]):
    """Answers GraphQL requests, and browsers without a query with GraphiQL.

    Statuses are those of the GraphQL over HTTP draft: malformed requests get 400, documents
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
        *,
        documents: Documents,
        area_sums: int,
        answer_bytes: int,
        cache_seconds: int = 0,
    ) -> None:
        """Make the view.

        Args:
            engine: where to read.
            scoring: what classifies tiles.
            inference_deadline: seconds a request may spend on inference.
            page: makes the page for browsers.
            documents: those that clients may name.
            area_sums: how many are computed at once.
            answer_bytes: the most that an answer may have.
            cache_seconds: ``max-age`` of answers to GET that are made of stored values only.
        """
        super().__init__(schema(), graphql_ide="graphiql", subscription_protocols=())
        self._engine = engine
        self._scoring = scoring
        self._inference_deadline = inference_deadline
        self._page = page
        self._documents = documents
        self._parser = document_parser()
        self._kept = KeptAnswers()
        self._sums = Turns(
            area_sums, waiting=SUMS_WAITING, wait_s=SUM_WAIT_S, refusal=_SUMS_REFUSED
        )
        self._answer_bytes = answer_bytes
        self._cache_seconds = cache_seconds
        self._jobs = JobService(engine)
        self._loops = EventLoops()

    def dispatch_request(self) -> ResponseReturnValue:  # type: ignore[override]
        """Answer a request; malformed ones in JSON, too."""
        if request.method == "HEAD":
            # As GET; the server leaves out the body.
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
        except Abandoned as abandoned:
            reason = abandoned.reason
            return _refusal(200, str(reason), reason.code, data=None)
        except RefusedDocumentError as error:
            return _refusal(error.status_code, error.reason, error.code)
        except HTTPException as error:
            return _refusal(error.status_code, error.reason)

    async def get_context(self, request: Request, response: Response) -> Context:  # noqa: ARG002
        """Make the context of a request."""
        return Context(
            loaders=Loaders(self._engine, self._scoring, self._deadline()),
            scoring=self._scoring,
            jobs=self._jobs,
            sums=self._sums,
            request=request,
        )

    async def get_sub_response(self, request: Request) -> Response:
        """Start the response in the media type that the client prefers."""
        types = ["application/json", RESPONSE_TYPE]
        best = request.accept_mimetypes.best_match(types, default="application/json")
        return Response(status=200, content_type=f"{best}; charset=utf-8")

    def should_render_graphql_ide(self, request: Any) -> bool:
        """Tell whether a request is a browser's, without a query."""
        accepted = request.headers.get("accept", "")
        return bool(
            request.method == "GET"
            and not {"query", "extensions", "documentId"} & {*request.query_params}
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
        data = _request_data(fields)
        name = cast(dict[str, Any], fields).get("documentId")
        if not isinstance(name, str | None):
            raise HTTPException(400, "documentId must be a string")
        data.query = self._documents.text(data.query, name, data.extensions)
        return data

    async def execute_single(self, *_args: Any, **kwargs: Any) -> ExecutionResult:
        """Execute a request.

        Raises:
            HTTPException: if it has no document, or several operations and names none.
        """
        data: GraphQLRequestData = kwargs["request_data"]
        if data.query is None or not data.query.strip():
            raise HTTPException(400, "the request has no query")
        if data.operation_name is None and self._parser.count_operations(data.query) > 1:
            raise HTTPException(400, "several operations: name one of them in operationName")
        timed = data.extensions is not None and data.extensions.get("timing") is True
        if timed or kwargs["request_adapter"].method == "GET":
            return await self._execute_counted(data.query, timed, kwargs)
        return await self._execute_or_keep(data.query, kwargs)

    async def _execute_or_keep(self, document: str, kwargs: dict[str, Any]) -> ExecutionResult:
        """Execute a request, unless it is an introspection whose answer was kept."""
        if not self._introspects(document):
            return await super().execute_single(**kwargs)
        data: GraphQLRequestData = kwargs["request_data"]
        key = self._kept.key(document, data.operation_name, data.variables)
        kept = self._kept.get(key)
        if kept is not None:
            return ExecutionResult(data=cast(Any, kept), errors=None)
        result = await super().execute_single(**kwargs)
        if result.data is not None and not result.errors:
            result.data = cast(Any, self._kept.keep(key, result.data))
        return result

    def _introspects(self, document: str) -> bool:
        try:
            return self._parser.parse(document).introspects
        except GraphQLError:  # the execution reports it
            return False

    async def _execute_counted(
        self, document: str, timed: bool, kwargs: dict[str, Any]
    ) -> ExecutionResult:
        """Execute a request whose answer caches may keep, or has its timing."""
        statistics = RequestStatistics()
        scoring = CountingScoring(self._scoring, statistics)
        loaders = CountingLoaders(self._engine, scoring, self._deadline(), statistics)
        kwargs["context"] = replace(kwargs["context"], loaders=loaders, scoring=scoring)
        if timed:
            statistics.parse_s = self._seconds_to_parse(document)
        result = await self._execute_or_keep(document, kwargs)
        cache = kwargs["sub_response"].cache_control
        if timed:
            result.extensions = {**(result.extensions or {}), "timing": statistics.as_json()}
        if timed or result.errors or not statistics.only_stored:
            cache.no_store = True
        else:
            cache.public = cache.must_revalidate = True
            cache.max_age = self._cache_seconds
        return result

    def _seconds_to_parse(self, document: str) -> float:
        began = time.perf_counter()
        with suppress(GraphQLError):  # the execution reports it
            self._parser.parse(document)
        return time.perf_counter() - began

    def _deadline(self) -> float:
        return time.monotonic() + self._inference_deadline

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
        if result.extensions:
            response["extensions"] = result.extensions
        return cast(GraphQLHTTPResponse, response)

    def create_response(self, response_data: Any, sub_response: Response) -> Response:
        """Write the response."""
        codes = {error["extensions"]["code"] for error in response_data.get("errors", ())}
        if OverloadedError.code in codes:
            sub_response.headers.extend(OverloadedError.headers)
        refused = response_data.get("data") is None and "data" not in response_data
        if refused and sub_response.mimetype == RESPONSE_TYPE:
            sub_response.status_code = 400
        sub_response.set_data(self._encode_within_limit(response_data, sub_response))
        if sub_response.cache_control.public:
            _set_etag(sub_response)
        return sub_response

    def encode_json(self, data: object) -> str:
        """Write JSON; the data of an answer that was kept are JSON already."""
        kept = data.get("data") if isinstance(data, dict) else None
        if not isinstance(kept, EncodedData):
            return json.dumps(data, separators=(",", ":"))
        rest = json.dumps({**cast(dict[str, Any], data), "data": None}, separators=(",", ":"))
        return rest.replace('"data":null', f'"data":{kept}', 1)

    def _encode_within_limit(self, response_data: Any, response: Response) -> str:
        encoded = self.encode_json(response_data)
        if len(encoded) <= self._answer_bytes:
            return encoded
        response.cache_control.public = False
        response.cache_control.no_store = True
        error = AnswerTooLargeError(
            f"the answer has {len(encoded):,} bytes, and may have {self._answer_bytes:,}: ask for "
            "less at once"
        )
        return self.encode_json({"data": None, **error_body(str(error), error.code)})


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


def _set_etag(response: Response) -> None:
    """Give the answer an ETag, and make it 304 without a body if the client has it already."""
    tagged = f"{response.mimetype}\n".encode() + response.get_data()
    response.set_etag(hashlib.sha256(tagged).hexdigest()[:32])
    response.vary.add("Accept")
    response.make_conditional(request)


def _refusal(
    status: int, message: str, code: str = errors.BAD_REQUEST, **fields: object
) -> Response:
    body = json.dumps({**fields, **error_body(message, code)})
    headers = {"Cache-Control": "no-store"}
    content_type = "application/json; charset=utf-8"
    return Response(body, status=status, headers=headers, content_type=content_type)


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is not a number")


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos}"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if str(error).startswith("Exceeds the limit"):  # of Python's conversion of numbers
        return "a number has thousands of digits"
    return str(error)
