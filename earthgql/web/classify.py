"""``POST /classify``: what the model says about a picture that is not on the map."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import IO, Any

from flask import Blueprint, Request, request
from flask.typing import ResponseReturnValue
from pydantic import TypeAdapter
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from earthgql.catalog.cutoffs import (
    CutoffsByLabel,
    cutoffs_of,
    labels_at_cutoffs,
    margin,
    parse_cutoffs,
)
from earthgql.errors import (
    BadInputError,
    MediaTypeError,
    RequestTooLargeError,
    shortened,
)
from earthgql.imagery.source import Pixels
from earthgql.models.protocol import ModelIdentity
from earthgql.scoring.service import PictureScores, ScoringService
from earthgql.turns import Turns

FIELD = "image"
FORMATS = ("JPEG", "PNG", "TIFF")
MAX_BYTES = 10_000_000
"""Of a picture."""

_FORM_BYTES = 16_000  # of the form around the picture
# Less than Werkzeug's buffer would refuse pictures.
_TEXT_BYTES = 200_000
_MAX_PARTS = 8
# A picture of 25 megapixels takes some hundred megabytes on its way to 256 by 256.
_DECODED_AT_ONCE = 2

_WAITING = 8
WAIT_S = 5.0
"""How long a picture waits for others to be decoded; meanwhile it keeps a thread."""

_CUTOFFS = TypeAdapter(CutoffsByLabel)


def blueprint(scoring: ScoringService) -> Blueprint:
    """Return the route that classifies uploads."""
    routes = Blueprint("classify", __name__)
    decoding = Turns(
        _DECODED_AT_ONCE,
        waiting=_WAITING,
        wait_s=WAIT_S,
        refusal="too many pictures are being decoded: send it again later",
    )

    @routes.post("/classify")
    def classify() -> ResponseReturnValue:
        """Classify the picture in the field ``image``.

        ``cutoff``, a number, and ``cutoffs``, a JSON object of numbers by label, are optional
        fields of the form or of the query string.

        Raises:
            BadInputError: if there is no picture, or a cutoff is no number or of no label.
            ImageUnreadableError: if it cannot be decoded.
            MediaTypeError: if the body is no multipart form.
            OverloadedError: if too many large pictures are being decoded, or tiles classified.
            RequestTooLargeError: if it is larger than ``MAX_BYTES``, or the form has too many
                parts or too much text.
        """
        form, files = _parts(request)
        try:
            cutoff = _number(form.get("cutoff", request.args.get("cutoff")))
            by_label = _numbers(form.get("cutoffs", request.args.get("cutoffs")))
            picture = _picture(files)
            with decoding.turn():
                pixels = _pixels(picture)
        finally:
            for _, file in files.items(multi=True):
                file.close()
        model = scoring.classifier.identity
        cutoffs = cutoffs_of(model, cutoff, by_label)
        return _classification(model, scoring.classify_pixels(pixels), cutoffs)

    return routes


def _parts(upload: Request) -> tuple[MultiDict[str, str], MultiDict[str, FileStorage]]:
    """Read a multipart form; Werkzeug alone would take one cut short for one without a picture."""
    if upload.mimetype != "multipart/form-data":
        raise MediaTypeError(
            f"send the picture as the field {FIELD!r} of a form: multipart/form-data, not "
            f"{upload.mimetype or 'nothing'}"
        )
    limit = MAX_BYTES + _FORM_BYTES
    if upload.content_length is not None and upload.content_length > limit:
        raise _too_large()
    parser = FormDataParser(
        # In memory: a form that is cut short would leave a file open.
        stream_factory=_memory,
        max_content_length=limit,
        max_form_memory_size=_TEXT_BYTES,
        max_form_parts=_MAX_PARTS,
        silent=False,
    )
    try:
        _, form, files = parser.parse_from_environ(upload.environ)
    except RequestEntityTooLarge:
        raise RequestTooLargeError(
            f"the form may have one picture of at most {MAX_BYTES // 1_000_000} MB, {_MAX_PARTS} "
            f"parts, and {_TEXT_BYTES // 1_000} kB of text"
        ) from None
    except (ClientDisconnected, ValueError):
        raise BadInputError(
            "the upload was cut short, or is not the form it says it is: send it again"
        ) from None
    return form, files


def _memory(
    total_content_length: int | None,  # noqa: ARG001 - the signature is Werkzeug's
    content_type: str | None,  # noqa: ARG001
    filename: str | None,  # noqa: ARG001
    content_length: int | None = None,  # noqa: ARG001
) -> IO[bytes]:
    return io.BytesIO()


def _picture(files: MultiDict[str, FileStorage]) -> FileStorage:
    found = list(files.items(multi=True))
    if [name for name, _ in found] != [FIELD]:
        raise BadInputError(f"the form must have one picture, as a file in the field {FIELD!r}")
    return found[0][1]


def _pixels(picture: FileStorage) -> Pixels:
    encoded = picture.stream.read(MAX_BYTES + 1)
    if len(encoded) > MAX_BYTES:
        raise _too_large()
    if not encoded:
        raise BadInputError(f"the picture in the field {FIELD!r} is empty")
    # GDAL, which comes with it, is not for starting a server.
    from earthgql.imagery import pictures

    return pictures.decode(encoded, name="the picture", formats=FORMATS)


def _too_large() -> RequestTooLargeError:
    return RequestTooLargeError(f"a picture may have {MAX_BYTES // 1_000_000} MB at most")


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        raise BadInputError(
            f"cutoff must be a number between 0 and 1, not {shortened(text)}"
        ) from None


def _numbers(text: str | None) -> dict[str, float] | None:
    if text is None:
        return None
    try:
        return _CUTOFFS.validate_python(parse_cutoffs(text))
    except ValueError:
        raise BadInputError("cutoffs must be a JSON object of numbers by label") from None


def _classification(
    model: ModelIdentity, found: PictureScores, cutoffs: Sequence[float]
) -> dict[str, Any]:
    """Return the fields of GraphQL's ``Classification``, without a tile."""
    entries = [
        {"label": label, "score": score, "cutoff": cutoff, "margin": margin(score, cutoff)}
        for label, score, cutoff in labels_at_cutoffs(model.labels, found.scores, cutoffs)
    ]
    return {
        "model": {"name": model.name, "version": model.version, "sha256": model.sha256},
        "computedAt": datetime.now(UTC).isoformat(),
        "domainDistance": found.domain_distance,
        "labels": [entry["label"] for entry in entries],
        "scores": entries,
    }
