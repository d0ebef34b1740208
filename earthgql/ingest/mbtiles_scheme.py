"""Whether the rows of an MBTiles file count from the south, as the standard has it.

Some files have them from the north, with or without a ``scheme`` row in their metadata; others
carry such a row, copied from a TileJSON, though they follow the standard. Where the metadata has
``bounds``, these decide.
"""

from collections.abc import Mapping, Sequence

from earthgql.imagery.grid import MAX_LAT, MAX_ZOOM, latitude

_FROM = {"tms": "south", "xyz": "north"}
Latitudes = tuple[float, float]


def choose_scheme(
    chosen: str | None, metadata: Mapping[str, str], rows: tuple[int, int, int] | None
) -> tuple[str, Sequence[str]]:
    """Return "tms" (rows count from the south) or "xyz", and what is to be said about it.

    Args:
        chosen: by the user, if so; it stands.
        metadata: of the file: ``scheme`` and ``bounds`` are looked at.
        rows: the last zoom, its first and its last row, as they are stored.
    """
    said = metadata.get("scheme", "").lower()
    said = said if said in _FROM else ""
    in_bounds = _within_bounds(metadata.get("bounds", ""), rows)
    if chosen:
        against = f"--scheme {chosen} stands, though its metadata says {said}"
        return chosen, (against,) if said not in ("", chosen) else ()
    if said == "xyz" and in_bounds != "tms":
        return "xyz", (
            "rows count from the north, for its metadata says scheme xyz (--scheme tms: no)",
        )
    if said == "xyz":
        return "tms", (
            "rows count from the south, though its metadata says scheme xyz: only so do its tiles "
            "lie within the bounds of its metadata (--scheme xyz: from the north)",
        )
    if in_bounds == "xyz":
        return "tms", (
            "warning: its tiles lie outside the bounds of its metadata, and would lie within if "
            "rows counted from the north: --scheme xyz",
        )
    return "tms", ()


def _within_bounds(bounds: str, rows: tuple[int, int, int] | None) -> str | None:
    """Return the only scheme by which the rows lie within the bounds' latitudes, if there is one.

    Args:
        bounds: "west,south,east,north" in degrees, as the standard has it.
        rows: as ``choose_scheme``.
    """
    try:
        _, south, _, north = (float(part) for part in bounds.split(","))
    except ValueError:
        return None
    if rows is None or not south < north or not _in_grid(*rows):
        return None
    zoom, first, last = rows
    cells = 1 << zoom
    spans = {
        "xyz": (latitude(last + 1, zoom), latitude(first, zoom)),
        "tms": (latitude(cells - first, zoom), latitude(cells - 1 - last, zoom)),
    }
    limits = (max(south, -MAX_LAT), min(north, MAX_LAT))
    within = [scheme for scheme, span in spans.items() if _share(span, limits) > 0.5]
    return within[0] if len(within) == 1 else None


def _in_grid(zoom: int, first: int, last: int) -> bool:
    return 0 <= zoom <= MAX_ZOOM and 0 <= first <= last < 1 << zoom


def _share(span: Latitudes, limits: Latitudes) -> float:
    """Return which share of the narrower of two ranges of latitudes both have in common."""
    if limits[0] >= limits[1]:
        return 0.0
    common = min(span[1], limits[1]) - max(span[0], limits[0])
    return common / min(span[1] - span[0], limits[1] - limits[0])
