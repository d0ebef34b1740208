"""The request of a job: an area, and which of the tiles that overlap there."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from earthgql.catalog.tiles.areas import Area, area_of, plain
from earthgql.catalog.tiles.filter import TileFilter, tile_filter
from earthgql.imagery.grid import Bounds


@dataclass(frozen=True, slots=True)
class AreaRequest:
    """Tiles that a job is to classify; valid.

    Attributes:
        parts: rectangles that hold the area, as ``areas.area_of`` gives them.
        where: which of the tiles in these.
        polygon: the GeoJSON geometry as ``areas.plain`` writes it, if the area is more than a
            rectangle.
    """

    parts: tuple[Bounds, ...]
    where: TileFilter
    polygon: Mapping[str, Any] | None = None

    @classmethod
    def of(
        cls,
        bounds: tuple[Bounds, ...] | None,
        polygon: Mapping[str, Any] | None,
        *,
        scene: str | None = None,
        zoom: int | None = None,
        at: datetime | None = None,
        area: Area | None = None,
    ) -> Self:
        """Validate a request.

        Args:
            bounds: a rectangle as ``grid.bounds`` gives it; or
            polygon: a GeoJSON Polygon or MultiPolygon.
            scene: only tiles of the scene of this name.
            zoom: only tiles of this zoom.
            at: leaves out scenes acquired later; without a zone it is taken as UTC.
            area: that of the polygon, if it has been validated.

        Raises:
            BadInputError: if one of these is not valid, or not exactly one area is given.
        """
        parts, area = area_of(bounds, area or polygon)
        where = tile_filter(None, None, scene=scene, zoom=zoom, at=at)
        kept = None if polygon is None else plain(polygon)
        return cls(parts, replace(where, within=area), kept)

    def as_json(self) -> dict[str, Any]:
        """Write it as it is stored; the same request always gives the same JSON."""
        where = self.where
        return {
            "bounds": None if self.polygon is not None else [list(part) for part in self.parts],
            "polygon": self.polygon,
            "scene": where.scene,
            "zoom": where.zoom,
            "at": where.at.isoformat() if where.at is not None else None,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Read what ``as_json`` wrote."""
        bounds, at = stored["bounds"], stored["at"]
        return cls.of(
            tuple(Bounds(*part) for part in bounds) if bounds is not None else None,
            stored["polygon"],
            scene=stored["scene"],
            zoom=stored["zoom"],
            at=datetime.fromisoformat(at) if at is not None else None,
        )

    def digest(self, model_id: int) -> str:
        """Hash the request with the model it is for."""
        text = json.dumps({**self.as_json(), "model": model_id}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
