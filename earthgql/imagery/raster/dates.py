"""When a raster was acquired, by its tags or its name."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from earthgql.errors import IngestError

# In this order; what producers call the start of the acquisition comes before its end.
_DATE_TAGS = (
    "ACQUISITION_DATETIME",
    "ACQUISITIONDATETIME",
    "ACQUIRED",  # Planet
    "ACQUISITIONDATE",
    "ACQUISITION_DATE",
    "ACQUISITION_TIME",
    "DATE_ACQUIRED",  # Landsat, with SCENE_CENTER_TIME
    "SENSING_TIME",  # Sentinel-2
    "SENSING_START",
    "DATATAKE_1_DATATAKE_SENSING_START",
    "DATATAKE_SENSING_START",
    "PRODUCT_START_TIME",
    "GENERAL_ACQUISITION_DATE",
    "FIRSTLINETIME",  # Maxar
    "EARLIESTACQTIME",
    "TLCTIME",
    "LATESTACQTIME",
    "IMAGE_DATE",
    "IMAGING_DATE",  # Airbus
    "STRT_DATE",
    "TIME_COVERAGE_START",
    "DATETIME",
)
_WRITTEN_TAG = "TIFFTAG_DATETIME"
_TIMES = {
    "DATE_ACQUIRED": "SCENE_CENTER_TIME",
    "ACQUISITION_DATE": "ACQUISITION_TIME",
    "IMAGING_DATE": "IMAGING_TIME",
}
_DATE = re.compile(
    r"(?P<year>\d{4})[:/-]?(?P<month>\d{2})[:/-]?(?P<day>\d{2})"
    r"(?:[T ](?P<hour>\d{2}):?(?P<minute>\d{2})(?::?(?P<second>\d{2})(?:[.,](?P<fraction>\d+))?)?"
    r"\s?(?P<zone>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?)?Z?",
    re.IGNORECASE,
)
_IN_NAME = re.compile(
    r"(?<!\d)(?P<year>(?:19|20)\d{2})(?P<mark>[-_.]?)(?P<month>0[1-9]|1[0-2])(?P=mark)"
    r"(?P<day>0[1-9]|[12]\d|3[01])(?:[T_ -]?(?P<hour>[01]\d|2[0-3])[:_-]?(?P<minute>[0-5]\d)"
    r"[:_-]?(?P<second>[0-5]\d))?(?!\d)",
    re.IGNORECASE,
)
_DIRECTIVES = {
    "%Y": r"(?P<year>\d{4})",
    "%m": r"(?P<month>\d{2})",
    "%d": r"(?P<day>\d{2})",
    "%j": r"(?P<yearday>\d{3})",
    "%H": r"(?P<hour>\d{2})",
    "%M": r"(?P<minute>\d{2})",
    "%S": r"(?P<second>\d{2})",
}


def parse_tag(value: str) -> datetime | None:
    """Parse a date or time as tags have it, UTC if it names no zone; None if it is none."""
    found = _DATE.fullmatch(value.strip().strip('"'))
    if found is None:
        return None
    return _date(found.groupdict())


def _date(parts: Mapping[str, str | None]) -> datetime | None:
    numbers = {
        name: int(parts.get(name) or 0) for name in ("year", "hour", "minute", "second", "yearday")
    }
    try:
        fraction = float(f"0.{parts.get('fraction') or 0}")
        if numbers["yearday"]:
            day = datetime(numbers["year"], 1, 1, tzinfo=UTC)
            day += timedelta(days=numbers["yearday"] - 1)
            if day.year != numbers["year"]:
                return None
        else:
            month, monthday = int(parts.get("month") or 1), int(parts.get("day") or 1)
            day = datetime(numbers["year"], month, monthday, tzinfo=UTC)
        time = day.replace(
            hour=numbers["hour"],
            minute=numbers["minute"],
            second=numbers["second"],
            microsecond=int(fraction * 1e6),
            tzinfo=_zone(parts.get("zone")),
        )
        time.astimezone(UTC)  # as it is kept, within the years 1 to 9999
    except (ValueError, OverflowError):
        return None
    return time


def _zone(text: str | None) -> timezone:
    if not text or text[0] not in "+-":
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if offset >= timedelta(hours=16):
        raise ValueError(text)
    return timezone(-offset if text[0] == "-" else offset)


def acquisition_time(dataset: Any) -> tuple[datetime, str] | None:
    """Return the time of acquisition in a raster's tags, and the tag; None if it has none.

    ``TIFFTAG_DATETIME`` comes last: it is often the time at which the file was written.
    """
    tags: dict[str, str] = {}
    for namespace in ("IMAGERY", None):
        for key, value in dataset.tags(ns=namespace).items():
            tags[key.upper().rpartition("#")[2]] = str(value).strip().strip('"')
    for tag in (*_DATE_TAGS, _WRITTEN_TAG):
        date = tags.get(tag, "")
        time = tags.get(_TIMES.get(tag, ""), "")
        both = f"{date}T{time}" if time and not re.search(r"[T ]\d", date) else date
        if found := parse_tag(both) or parse_tag(date):
            return found, tag
    return None


def is_time_of_writing(tag: str) -> bool:
    """Tell whether a tag often holds the time at which the file was written."""
    return tag == _WRITTEN_TAG


def name_pattern(pattern: str | None) -> re.Pattern[str]:
    """Return what finds a date in a name.

    Args:
        pattern: text with %Y, %m, %d (or %j, the day of the year), %H, %M, %S; ``*`` stands for
            anything. None: the first year, month and day, as in 20200518 or 2020-05-18.

    Raises:
        IngestError: if it has no year, or a directive that is none of these.
    """
    if pattern is None:
        return _IN_NAME
    expression = ""
    for piece in re.findall(r"%.?|\*|[^%*]+", pattern):
        if piece.startswith("%"):
            if piece not in _DIRECTIVES or _DIRECTIVES[piece] in expression:
                raise IngestError(
                    f"--acquired-pattern {pattern!r}: {piece} is none of %Y %m %d %j %H %M %S, "
                    "each once"
                )
            expression += _DIRECTIVES[piece]
        else:
            expression += ".*?" if piece == "*" else re.escape(piece)
    if "year" not in expression:
        raise IngestError(f"--acquired-pattern {pattern!r} has no %Y")
    return re.compile(expression)


def date_in_name(name: str, pattern: re.Pattern[str]) -> datetime | None:
    """Return the date in a file's name, UTC; None if the pattern finds none."""
    for found in pattern.finditer(name):
        if (date := _date(found.groupdict())) is not None:
            return date
    return None
