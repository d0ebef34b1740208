"""What is sent for a request: the application's answer, or JSON where it cannot be asked."""

import json
from typing import Any

from waitress.task import ErrorTask, WSGITask

from earthgql.cli.server.http.parser import RequestParser
from earthgql.errors import error_body

_CODES = {408: "TIMEOUT", 413: "REQUEST_TOO_LARGE", 414: "REQUEST_TOO_LARGE",
          431: "REQUEST_TOO_LARGE", 500: "INTERNAL_ERROR", 503: "OVERLOADED"}  # fmt: skip
_LONGEST_MESSAGE = 200
NO_ROOM = "too many connections of this address, or of all: close some, or try again later"


def answer_to(connection: Any, request: RequestParser) -> Any:
    """Return the task that answers a request with an error."""
    # What the application says of a body that breaks off depends on the address.
    return (Answer if request.is_broken_body() else Refusal)(connection, request)


class _Logged:
    """A task that is logged when it is done, and closes the connection if the server ends."""

    channel: Any
    request: Any
    start_time: float

    def service(self) -> None:
        super().service()  # type: ignore[misc]
        self.channel.server.log_answer(self)

    def build_response_header(self) -> bytes:
        if self.channel.server.is_draining:
            self.set_close_on_finish()  # type: ignore[attr-defined]
        built: bytes = super().build_response_header()  # type: ignore[misc]
        return built


class Answer(_Logged, WSGITask):  # type: ignore[misc]
    """The application's answer."""

    def get_environment(self) -> dict[str, Any]:
        """Return the WSGI environment; reading a body that broke off raises ``OSError``."""
        environ: dict[str, Any] = super().get_environment()
        if self.request.error is not None:
            environ["wsgi.input"] = _Broken()
            self.set_close_on_finish()
            self.channel.linger()
        return environ


class Refusal(_Logged, ErrorTask):  # type: ignore[misc]
    """JSON that says why a request is not passed to the application."""

    def execute(self) -> None:
        """Write it, and close the connection."""
        error = self.request.error
        self.status = f"{error.code} {error.reason}"
        body = refusal(error.code, error.body)
        self.content_length = len(body)
        self.response_headers.extend(_HEADERS)
        self.set_close_on_finish()
        self.channel.linger()
        self.write(body)


class _Broken:
    """A body that cannot be read."""

    def read(self, _size: int = -1) -> bytes:
        raise OSError("the body broke off, or is none")

    readline = readinto = read


_HEADERS = (
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
)


def refusal(status: int, message: str) -> bytes:
    """Return the body of a refusal."""
    code = _CODES.get(status, "BAD_REQUEST")
    return json.dumps(error_body(message[:_LONGEST_MESSAGE], code)).encode() + b"\n"


def no_room() -> bytes:
    """Return the whole answer to a connection for which there is no room."""
    body = refusal(503, NO_ROOM)
    headers = (*_HEADERS, ("Content-Length", str(len(body))), ("Retry-After", "5"))
    lines = ["HTTP/1.1 503 Service Unavailable", *(": ".join(each) for each in headers)]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body
