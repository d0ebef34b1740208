"""``tilemapresource.xml``: how tools such as gdal2tiles.py describe a pyramid of tiles.

OSGeo's Tile Map Service Specification 1.0.0: y counts from the south in all profiles; only
"mercator" (also written "global-mercator") has the tiles of WebMercatorQuad.
"""

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from earthgql.errors import IngestError

NAME = "tilemapresource.xml"
_PROFILES = ("mercator", "global-mercator")
_CODES = ("3857", "3785", "900913", "41001")
_MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class TileMapResource:
    """Profile and SRS of a pyramid, as they are written; "" where they are missing."""

    profile: str
    srs: str

    @property
    def is_mercator(self) -> bool:
        """Whether its tiles are those of WebMercatorQuad, with y from the south."""
        if self.profile:
            return self.profile.lower() in _PROFILES
        return self.srs.rpartition(":")[2] in ("", *_CODES)

    def __str__(self) -> str:
        """Name the profile, else the SRS."""
        return f"profile {self.profile!r}" if self.profile else f"SRS {self.srs!r}"


def read_tile_map_resource(folder: Path) -> TileMapResource | None:
    """Read the description of a pyramid's folder; None if it has none.

    Raises:
        IngestError: if it is there but cannot be read as such.
    """
    try:
        with (folder / NAME).open("rb") as file:
            content = file.read(_MAX_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise IngestError(f"{NAME} cannot be read: {error.strerror}") from None
    try:
        if b"<!ENTITY" in content:  # small files of entities expand without bounds
            raise ElementTree.ParseError("it declares entities")
        root = ElementTree.fromstring(content)  # noqa: S314
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise IngestError(
            f"{NAME} is damaged ({error}): mend it, or remove it and give --scheme"
        ) from None
    tile_sets = root.find("TileSets")
    profile = "" if tile_sets is None else tile_sets.get("profile", "")
    return TileMapResource(profile.strip(), (root.findtext("SRS") or "").strip())
