"""Requests as waitress parses them, with what it lets through refused."""

from typing import Any

from waitress.parser import HTTPRequestParser, ParsingError
from waitress.utilities import BadRequest, RequestHeaderFieldsTooLarge

from earthgql.cli.server.http.limits import LONGEST_LINE


class LineTooLongError(BadRequest):  # type: ignore[misc]
    """The request line is longer than ``LONGEST_LINE``; as all of these, it is never raised."""

    code = 414
    reason = "URI Too Long"


class TooSlowError(BadRequest):  # type: ignore[misc]
    """The request did not come within its time."""

    code = 408
    reason = "Request Timeout"


class RequestParser(HTTPRequestParser):  # type: ignore[misc]
    """Parses a request while it comes in.

    Attributes:
        error: what is wrong with it, of waitress's own kinds; None: nothing.
    """

    error: Any
    _has_fine_headers = False

    def received(self, data: bytes) -> int:
        """Take more bytes; returns how many of them belong to this request."""
        taken: int = super().received(data)
        if self.error is None or isinstance(self.error, RequestHeaderFieldsTooLarge):
            line = getattr(self, "first_line", None) if self.headers_finished else None
            if line is None:
                line = self.header_plus.lstrip().partition(b"\n")[0]
            if len(line) > LONGEST_LINE:
                self.error = LineTooLongError(f"a request line may have {LONGEST_LINE:,} bytes")
                self.completed = True
        return taken

    def parse_header(self, header_plus: bytes) -> None:
        """Parse the request line and the headers.

        Raises:
            ParsingError: if they are none.
        """
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # such as a length of 5,000 digits
            raise ParsingError("a header or the address is invalid") from error
        if self.chunked and "CONTENT_LENGTH" in self.headers:
            # Servers before this one may have read another length than this one would.
            raise ParsingError("a body has a Content-Length or is chunked, not both")
        self._has_fine_headers = True

    def is_broken_body(self) -> bool:
        """Whether the headers are fine and the body is none."""
        return self._has_fine_headers and self.error is not None and self.error.code == 400
