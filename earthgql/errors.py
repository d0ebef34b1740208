"""One tree of errors, each with a public code, and the one table that maps them to HTTP.

The message of an ``EarthGQLError`` names the thing and the remedy, and may be shown to a client.
Every other exception is a defect: it is logged in full and masked.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

MASKED = "Internal error: it was logged, and whoever runs this server can find it there."
"""The message that clients get after a defect."""


class EarthGQLError(Exception):
    """Base of every error whose message may be shown to a client."""

    code: ClassVar[str] = "INTERNAL_ERROR"
    status: ClassVar[int] = 500
    headers: ClassVar[Mapping[str, str]] = {}

    @property
    def public_message(self) -> str:
        """The message for clients over the network."""
        return str(self)


class BadInputError(EarthGQLError):
    """An argument is outside its domain: latitude 91, NaN, south above north, cutoff 2."""

    code = "BAD_USER_INPUT"
    status = 400


class MediaTypeError(EarthGQLError):
    """A request's body is of a kind that its address does not take."""

    code = "UNSUPPORTED_MEDIA_TYPE"
    status = 415


class RequestTooLargeError(EarthGQLError):
    """A request's body is larger than its address takes."""

    code = "REQUEST_TOO_LARGE"
    status = 413


class ForeignHostError(EarthGQLError):
    """A request names a host that is not this server's, as after DNS rebinding."""

    code = "HOST_NOT_ALLOWED"
    status = 421


class ForeignOriginError(EarthGQLError):
    """A page of an origin that may not call this server has sent a request."""

    code = "ORIGIN_NOT_ALLOWED"
    status = 403


class RouteClosedError(EarthGQLError):
    """A route that answers whatever is asked, on a server for trusted documents only."""

    code = "DOCUMENT_NOT_TRUSTED"
    status = 403


class AreaTooLargeError(EarthGQLError):
    """An area has more tiles than one query may read; use a smaller one, one zoom or one scene."""

    code = "AREA_TOO_LARGE"
    status = 422


class AnswerTooLargeError(EarthGQLError):
    """An answer has more bytes than this server sends; ask for less at once."""

    code = "ANSWER_TOO_LARGE"
    status = 422


class NotFoundError(EarthGQLError):
    """A named thing (scene, tile, model) does not exist."""

    code = "NOT_FOUND"
    status = 404


class ImageUnreadableError(EarthGQLError):
    """The picture of a tile is missing, corrupt, too large, or of a format not allowed."""

    code = "IMAGE_UNREADABLE"
    status = 422


class ModelUnavailableError(EarthGQLError):
    """The model bundle is missing, damaged, or contradicts one already known."""

    code = "MODEL_UNAVAILABLE"
    status = 503


class ModelNotLoadedError(ModelUnavailableError):
    """The model that this server runs cannot be loaded or run; the message names files."""

    @property
    def public_message(self) -> str:
        """A message without the server's folders."""
        return (
            "The model of this server cannot be loaded or run; only stored scores are answered. "
            "Whoever runs this server finds the reason in its log."
        )


class DeadlineError(EarthGQLError):
    """Something was not done within its deadline; repeated, inference continues."""

    code = "TIMEOUT"
    status = 504


class ClientGoneError(EarthGQLError):
    """The client hung up before its answer was ready; nobody reads this."""

    code = "CLIENT_CLOSED_REQUEST"
    status = 499


class OverloadedError(EarthGQLError):
    """This process has too much work; a later request may succeed."""

    code = "OVERLOADED"
    status = 503
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "2"}


class DatabaseUnavailableError(EarthGQLError):
    """The database cannot be reached or started."""

    code = "DATABASE_UNAVAILABLE"
    status = 503

    @property
    def public_message(self) -> str:
        """A message without the driver's text, which names hosts and sockets."""
        return (
            "The database cannot be reached or lacks its tables: try again later. "
            "Whoever runs this server finds the reason in its log."
        )


class DiskFullError(DatabaseUnavailableError):
    """The database's disk is full; nothing was changed."""

    @property
    def public_message(self) -> str:
        """A message without the server's folders."""
        return (
            "The database's disk is full, and nothing was changed: try again later. "
            "Whoever runs this server finds more in its log."
        )


class SetupError(EarthGQLError):
    """The machine lacks something earthgql needs; the message says how to get it."""

    code = "SETUP"


class IngestError(EarthGQLError):
    """A source cannot be ingested; the message names the file and the reason."""

    code = "INGEST"
    status = 422


class NoTilesError(IngestError):
    """A source is sound but gives no tile: it is counted apart from those that failed."""


class TrainingError(EarthGQLError):
    """A data set, checkpoint or training run is unusable; nothing was overwritten."""

    code = "TRAINING"


def shortened(value: object) -> str:
    """Return a value from a client, shortened for a message."""
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else value[:57] + "...")
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # lists in lists in lists, a number of thousands of digits
        return "a value nested too deeply, or too long"
    return text if len(text) <= 60 else text[:57] + "..."


def error_body(message: str, code: str) -> dict[str, Any]:
    """Return the body of an HTTP response that is nothing but one error, as in GraphQL."""
    return {"errors": [{"message": message, "extensions": {"code": code}}]}
