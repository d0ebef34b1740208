"""Where a raster's pixels lie on Earth: by a transform, ground control points or RPCs."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine
from rasterio._err import CPLE_AppDefinedError, CPLE_BaseError
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.rpc import RPC
from rasterio.transform import GCPTransformer, RPCTransformer
from rasterio.warp import transform

from earthgql.errors import ImageUnreadableError
from earthgql.imagery.grid import HALF_WORLD_M

WEB_MERCATOR = CRS.from_epsg(3857)
WGS84 = CRS.from_epsg(4326)
Floats = npt.NDArray[np.float64]
# Projections whose x is proportional to the longitude: a revolution is a shift of x.
_CYLINDRICAL = ("merc", "webmerc", "eqc", "cea", "mill", "gall", "comill")
# A fit of control points that misses none by more is taken for the transform.
_GCP_FIT_PIXELS = 0.5
# GDAL's warper would choose a datum transformation for an area of interest in whose longitudes it
# forgets the prime meridian (tens of metres in Java); with all of the Earth PROJ chooses, by point.
_PROJ_ALONE = {"INSERT_CENTER_LONG": "NO", "AREA_OF_INTEREST": "-180,-90,180,90"}
_EARTH_RADII_M = (6_340_000.0, 6_400_000.0)
_BODIES = {
    "the Moon": 1737.4,
    "Mercury": 2439.7,
    "Venus": 6051.8,
    "Mars": 3396.19,
    "Ceres": 470.0,
    "Io": 1821.5,
    "Europa": 1560.8,
    "Ganymede": 2631.2,
    "Callisto": 2410.3,
    "Titan": 2575.0,
    "Pluto": 1188.3,
}


@dataclass(frozen=True)
class Georeference:
    """How pixels and the ground belong together; exactly one of transform, gcps and rpcs is set.

    Pixel positions are column and row, counted from the outer corner of the first pixel.

    Attributes:
        crs: of transform and gcps; EPSG:4326 with rpcs.
        width: pixels.
        height: pixels.
        transform: affine, pixels to coordinates.
        gcps: ground control points that no affine transform fits; a thin-plate spline is used.
        rpcs: rational polynomial coefficients.
        rpc_height: height of the ground for rpcs, metres above the ellipsoid.
        origin: where it comes from, in words.
    """

    crs: CRS
    width: int
    height: int
    transform: Affine | None = None
    gcps: tuple[GroundControlPoint, ...] = ()
    rpcs: RPC | None = None
    rpc_height: float = 0.0
    origin: str = "its transform"

    def from_mercator(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Transform metres of EPSG:3857 to ``crs``; infinite where that is not possible."""
        return transformed(WEB_MERCATOR, self.crs, x, y)

    def to_pixels(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Return column and row of positions in ``crs``; infinite where there is none."""
        if self.transform is not None:
            inverse: Affine = ~self.transform
            with np.errstate(invalid="ignore"):
                column = inverse.a * x + inverse.b * y + inverse.c
                row = inverse.d * x + inverse.e * y + inverse.f
            return column, row
        column, row = np.full(x.shape, np.inf), np.full(x.shape, np.inf)
        known = np.isfinite(x) & np.isfinite(y)
        if known.any():
            with self._transformer() as own:
                row[known], column[known] = own.rowcol(x[known], y[known], op=np.asarray)
        return column, row

    def to_lonlat(self, column: Floats, row: Floats) -> tuple[Floats, Floats]:
        """Return longitude and latitude, EPSG:4326, of pixel positions; infinite if unknown."""
        return transformed(self.crs, WGS84, *self._to_own(column, row))

    def to_mercator(self, column: Floats, row: Floats) -> tuple[Floats, Floats]:
        """Return metres of EPSG:3857 of pixel positions; infinite where they have none."""
        return transformed(self.crs, WEB_MERCATOR, *self._to_own(column, row))

    def _to_own(self, column: Floats, row: Floats) -> tuple[Floats, Floats]:
        if self.transform is not None:
            own = self.transform
            return own.a * column + own.b * row + own.c, own.d * column + own.e * row + own.f
        with self._transformer() as transformer:
            x, y = transformer.xy(row.ravel(), column.ravel(), offset="ul")
        return np.reshape(x, column.shape), np.reshape(y, column.shape)

    def _transformer(self) -> Any:
        if self.rpcs is not None:
            return RPCTransformer(self.rpcs, RPC_HEIGHT=str(self.rpc_height))
        return GCPTransformer(list(self.gcps), tps=True)

    @property
    def period(self) -> float | None:
        """360 degrees in units of ``crs``, where a raster may lie whole revolutions away."""
        return None if self.rpcs is not None else _period(self.crs)

    def turns(self, x: Floats) -> range:
        """Return the numbers of whole revolutions that bring the raster to longitudes ``x``."""
        known = x[np.isfinite(x)]
        if self.period is None or not known.size:
            return range(1)
        left, right = self._horizontal_limits()
        first = math.ceil((known.min() - right) / self.period)
        return range(first, math.floor((known.max() - left) / self.period) + 1)

    def _horizontal_limits(self) -> tuple[float, float]:
        edge = np.linspace(0, 1, 5)
        column, row = np.meshgrid(edge * self.width, edge * self.height)
        x, _ = self._to_own(column, row)
        return float(x.min()), float(x.max())

    def warp_arguments(
        self, window: tuple[int, int, int, int], shape: tuple[int, int], turns: int
    ) -> dict[str, Any]:
        """Return the georeference of a window, as ``rasterio.warp.reproject`` takes it.

        Args:
            window: column, row, width and height in pixels.
            shape: rows and columns it was read as.
            turns: whole revolutions to the east.
        """
        column, row, width, height = window
        shift = turns * (self.period or 0.0)
        across, down = width / shape[1], height / shape[0]
        if self.transform is not None:
            own = Affine.translation(shift, 0) @ self.transform
            placed = own @ Affine.translation(column, row) @ Affine.scale(across, down)
            return {"src_transform": placed, "src_crs": self.crs, **_PROJ_ALONE}
        if self.rpcs is not None:
            return self._rpc_arguments(column, row, across, down)
        gcps = [
            GroundControlPoint(
                (point.row - row) / down, (point.col - column) / across, point.x + shift, point.y
            )
            for point in self.gcps
        ]
        return {"gcps": gcps, "src_crs": self.crs, "METHOD": "GCP_TPS", **_PROJ_ALONE}

    def _rpc_arguments(self, column: int, row: int, across: float, down: float) -> dict[str, Any]:
        # RPCs count from the middle of the first pixel.
        assert self.rpcs is not None  # noqa: S101
        values = self.rpcs.to_dict()
        values |= {
            "line_off": (values["line_off"] + 0.5 - row) / down - 0.5,
            "samp_off": (values["samp_off"] + 0.5 - column) / across - 0.5,
            "line_scale": values["line_scale"] / down,
            "samp_scale": values["samp_scale"] / across,
        }
        return {"rpcs": RPC(**values), "src_crs": WGS84, "RPC_HEIGHT": str(self.rpc_height)}

    def rpc_height_matters(self) -> bool:
        """Tell whether heights within the range of the RPCs move pixels by more than one."""
        assert self.rpcs is not None  # noqa: S101
        heights = (
            self.rpc_height,
            self.rpcs.height_off - self.rpcs.height_scale,
            self.rpcs.height_off + self.rpcs.height_scale,
        )
        x, y = np.array([self.rpcs.long_off]), np.array([self.rpcs.lat_off])
        places = [replace(self, rpc_height=height).to_pixels(x, y) for height in heights]
        return not all(
            math.hypot(column[0] - places[0][0][0], row[0] - places[0][1][0]) < 1
            for column, row in places
        )


def georeference(dataset: Any, rendering: Mapping[str, Any], name: str) -> Georeference:
    """Return how a raster is georeferenced.

    Args:
        dataset: an open rasterio dataset.
        rendering: ``crs`` and ``transform`` where the file has none of its own, ``rpc_height``
            in metres; as stored with the scene.
        name: of the raster, for messages.

    Raises:
        ImageUnreadableError: if it is not georeferenced, or not on Earth.
    """
    size = (int(dataset.width), int(dataset.height))
    given = rendering.get("crs")
    crs, points = dataset.crs, dataset.gcps
    own: Affine = dataset.transform
    if rendering.get("transform"):
        own = Affine(*rendering["transform"])
    if is_placing(own):
        crs = checked_crs(given or crs, name)
        return Georeference(crs, *size, transform=own)
    if points[0]:
        return _by_gcps(points[0], checked_crs(given or points[1] or crs, name), size, name)
    if dataset.rpcs is not None:
        height = float(rendering.get("rpc_height") or 0)
        origin = f"RPCs, at a height of {height:g} m"
        return Georeference(WGS84, *size, rpcs=dataset.rpcs, rpc_height=height, origin=origin)
    raise ImageUnreadableError(
        f"{name} is not georeferenced: it has no transform, ground control points or RPCs; "
        "gdal_edit -a_ullr and -a_srs, or a world file beside it and --crs, tell where it lies"
    )


def is_placing(transform: Affine) -> bool:
    """Tell whether a dataset's transform is one: without, drivers say identity or zeros."""
    return transform != Affine.identity() and transform.determinant != 0


def _by_gcps(
    points: Sequence[GroundControlPoint], crs: CRS, size: tuple[int, int], name: str
) -> Georeference:
    period = _period(crs)
    x = np.array([point.x for point in points], dtype=np.float64)
    y = np.array([point.y for point in points], dtype=np.float64)
    column = np.array([point.col for point in points], dtype=np.float64)
    row = np.array([point.row for point in points], dtype=np.float64)
    if _in_one_line(column, row) or _in_one_line(x, y):
        raise ImageUnreadableError(
            f"{name}: its {len(points)} ground control points do not place it, as three that are "
            "not in one line would; gdal_translate -gcp gives others, gdal_edit -a_ullr a transform"
        )
    affine = _fitting_affine(column, row, x, y)
    if affine is None and period:  # on both sides of the antimeridian
        x -= period * np.rint((x - x[0]) / period)
        affine = _fitting_affine(column, row, x, y)
    if affine is not None:
        origin = f"{len(points)} ground control points, which an affine transform fits"
        return Georeference(crs, *size, transform=affine, origin=origin)
    gcps = tuple(GroundControlPoint(*place) for place in zip(row, column, x, y, strict=True))
    origin = f"{len(points)} ground control points, by a thin-plate spline"
    return Georeference(crs, *size, gcps=gcps, origin=origin)


def _fitting_affine(column: Floats, row: Floats, x: Floats, y: Floats) -> Affine | None:
    """Return the affine transform that misses no control point by much, if there is one."""
    terms = np.stack([column, row, np.ones_like(row)], axis=1)
    fit, *_ = np.linalg.lstsq(terms, np.stack([x, y], axis=1), rcond=None)
    affine = Affine(fit[0, 0], fit[1, 0], fit[2, 0], fit[0, 1], fit[1, 1], fit[2, 1])
    if not affine.determinant:
        return None
    inverse: Affine = ~affine
    missed = np.hypot(
        inverse.a * x + inverse.b * y + inverse.c - column,
        inverse.d * x + inverse.e * y + inverse.f - row,
    )
    return affine if missed.max() <= _GCP_FIT_PIXELS else None


def _in_one_line(x: Floats, y: Floats) -> bool:
    """Tell whether points spread in one direction only, but for rounding."""
    spread = np.linalg.svd(np.stack([x - x.mean(), y - y.mean()]), compute_uv=False)
    return bool(len(spread) < 2 or spread[1] <= 1e-7 * spread[0])


def checked_crs(crs: CRS | str | None, name: str) -> CRS:
    """Return a CRS that longitudes and latitudes on Earth can be computed from.

    Raises:
        ImageUnreadableError: if there is none, or it is of another body, or local.
    """
    if crs is None:
        raise ImageUnreadableError(
            f"{name} has no CRS: give --crs, such as --crs EPSG:32633, or gdal_edit -a_srs"
        )
    try:
        crs = CRS.from_user_input(crs)
    except CRSError:
        raise ImageUnreadableError(f"{name}: {str(crs)[:80]!r} is no CRS") from None
    if body := _other_body(crs):
        raise ImageUnreadableError(f"{name} shows another body than Earth: {body}")
    try:
        _check_transformable(crs)
    except (CPLE_BaseError, RasterioError):
        raise ImageUnreadableError(
            f"{name}: its CRS ({crs_name(crs)}) cannot be transformed to longitude and latitude; "
            "give another with --crs"
        ) from None
    return crs


@lru_cache(maxsize=256)
def _check_transformable(crs: CRS) -> None:
    try:
        transform(WEB_MERCATOR, crs, [0.0], [0.0])
    except CPLE_AppDefinedError:
        return  # a position outside its domain


@lru_cache(maxsize=256)
def _other_body(crs: CRS) -> str | None:
    wkt = crs.to_wkt()
    found = re.search(r'(?:ELLIPSOID|SPHEROID)\["[^"]*",\s*([\d.eE+]+)', wkt)
    if found is None or _EARTH_RADII_M[0] < (radius := float(found[1])) < _EARTH_RADII_M[1]:
        return None
    named = re.search(r'(?:GEOGCS|GEOGCRS|BASEGEOGCRS|GEODCRS)\["([^"]*)"', wkt)
    name = named[1].removeprefix("GCS_").replace("_", " ") if named else ""
    body = min(_BODIES, key=lambda body: abs(_BODIES[body] * 1000 - radius))
    if abs(_BODIES[body] * 1000 / radius - 1) > 0.005:
        body = "an unknown one"
    if name and not name.lower().startswith(("unknown", "undefined", "unnamed")):
        return name
    return f"{body}, of a radius of {radius / 1000:,.0f} km"


def crs_name(crs: CRS) -> str:
    """Return a CRS as its EPSG code and name, or as its name."""
    found = re.match(r'\w+\["([^"]*)"', crs.to_wkt())
    name = found[1] if found else "unnamed"
    code = crs.to_epsg()
    return f"EPSG:{code} {name}" if code else name


@lru_cache(maxsize=256)
def _period(crs: CRS) -> float | None:
    """Return 360 degrees in units of a CRS whose x is proportional to the longitude, else None."""
    if crs.is_geographic:
        return float(2 * math.pi / crs.units_factor[1])
    if crs == WEB_MERCATOR:
        return 2 * HALF_WORLD_M
    try:
        parameters = crs.to_dict()
    except CRSError:
        return None
    if parameters.get("proj") not in _CYLINDRICAL:
        return None
    middle = float(parameters.get("lon_0", 0))
    lon = np.array([middle - 60, middle + 60])
    x, _ = transformed(WGS84, crs, (lon + 180) % 360 - 180, np.zeros(2))
    third = float(x[1] - x[0])
    return 3 * third if math.isfinite(third) and third > 0 else None


def transformed(source: CRS, target: CRS, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Transform positions between two CRS; those that have none in ``target`` become infinite."""
    shape = x.shape
    x, y = x.ravel(), y.ravel()
    known = np.isfinite(x) & np.isfinite(y)
    out = np.full((2, x.size), np.inf)
    out[:, known] = _transform_all(source, target, x[known], y[known])
    out[:, ~np.isfinite(out).all(axis=0)] = np.inf
    return out[0].reshape(shape), out[1].reshape(shape)


def _transform_all(source: CRS, target: CRS, x: Floats, y: Floats) -> Floats:
    """Transform, leaving out by halves what PROJ refuses: one such point fails them all."""
    if not x.size:
        return np.empty((2, 0))
    try:
        return np.array(transform(source, target, x, y)[:2], dtype=np.float64)
    except CPLE_AppDefinedError:
        if x.size == 1:
            return np.full((2, 1), np.inf)
    middle = x.size // 2
    parts = (slice(0, middle), slice(middle, x.size))
    return np.concatenate(
        [_transform_all(source, target, x[part], y[part]) for part in parts], axis=1
    )
