"""Rasters as hypothesis draws them: where they lie, what they hold, which pixels are valid."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from affine import Affine
from hypothesis import strategies as st
from pyproj import CRS, Transformer


class Region(NamedTuple):
    """A CRS, where rasters in it may have their middle (degrees), and how large pixels may be.

    ``finest`` and ``coarsest`` are powers of ten of metres.
    """

    crs: str
    west: float
    south: float
    east: float
    north: float
    finest: float = -0.5
    coarsest: float = 2.5


_AREAS = (
    Region("EPSG:3857", -179, -80, 179, 80),
    Region("EPSG:4326", -180, -80, 180, 80),
    Region("EPSG:32633", 10, 5, 20, 80),
    Region("EPSG:32701", -183, -75, -172, -5),  # UTM across the antimeridian
    Region("EPSG:32660", 172, 5, 183, 75),
    Region("EPSG:3035", -5, 38, 25, 65, coarsest=3.5),  # LAEA
    Region("EPSG:2154", -3, 43, 7, 50),  # Lambert-93
    Region("EPSG:27572", -3, 43, 7, 50),  # NTF, from the meridian of Paris
    Region("EPSG:5070", -120, 27, -72, 47, coarsest=3.5),  # Albers
    Region("EPSG:2263", -74.2, 40.6, -73.7, 41, coarsest=1),  # feet
    Region("EPSG:27700", -5, 50.5, 1, 57, coarsest=2),
    Region("EPSG:4301", 132, 33, 141, 43, coarsest=2),  # Tokyo
    Region("EPSG:4135", -158, 20, -155.5, 21.5, coarsest=1.5),  # Old Hawaiian
    Region("EPSG:4807", -3, 43, 7, 50, coarsest=2),  # grads from the meridian of Paris
    Region("EPSG:4813", 106, -8, 114, -6.5, coarsest=2),  # from the meridian of Jakarta
    Region("EPSG:4258", -5, 38, 30, 65),
    Region("EPSG:3413", -180, 62, 180, 84, finest=1, coarsest=3.3),
    Region("EPSG:3413", -180, 88, 180, 90, finest=3.3, coarsest=4),  # around the pole
    Region("EPSG:3995", -180, 88, 180, 90, finest=3.3, coarsest=4),
    Region("EPSG:3031", -180, -84, 180, -65, finest=1, coarsest=3.3),
    Region("EPSG:3031", -180, -90, 180, -88, finest=3.3, coarsest=4),
    Region("EPSG:3571", -180, 55, 180, 84, finest=1, coarsest=3.3),
    Region("EPSG:3832", 110, -70, 250, 70, coarsest=3.5),  # Mercator around 150 degrees east
    Region("EPSG:3395", -175, -75, 175, 80, coarsest=3),
    Region("EPSG:6933", -170, -60, 170, 60, coarsest=3.5),  # cylindrical equal area
    # PROJ's Robinson leaps by decimetres at every fifth parallel.
    Region("+proj=robin +lon_0=150 +datum=WGS84", 0, -70, 300, 70, 1.5, 3.5),
    Region("+proj=sinu +R=6371007.181 +units=m", -100, -60, 100, 70, coarsest=3),  # MODIS
    Region("+proj=geos +h=35785831 +lon_0=0 +sweep=y +datum=WGS84", -35, -35, 35, 35, 3, 3.6),
    Region("+proj=omerc +lat_0=4 +lonc=115 +alpha=53 +gamma=53 +datum=WGS84", 110, 1, 118, 7),
)


@dataclass(frozen=True)
class Place:
    """Where a raster lies.

    Attributes:
        crs: as PROJ takes it.
        transform: affine, pixels to coordinates.
        georeference: "transform", "point" (of the middles of pixels), "gcps" or "world file".
    """

    crs: str
    transform: Affine
    georeference: str = "transform"


@dataclass(frozen=True)
class Content:
    """What a raster holds.

    Attributes:
        layout: which bands there are, see ``LAYOUTS``.
        dtype: of the values.
        wavelength: of the picture, in pixels.
        shift: of the picture, in pixels.
        validity: how invalid pixels are marked, see ``MARKS``.
        shape: of the invalid area, see ``INVALID_AREAS``.
        nodata: the value that marks them.
        alpha_at: how many bands come before the alpha band.
        opaque: its value where pixels are valid.
        filled: whether the picture goes on below a mask; else there is 0.
    """

    layout: str = "rgb"
    dtype: str = "uint8"
    wavelength: float = 60.0
    shift: float = 0.0
    validity: str = "all"
    shape: str = "half"
    nodata: float = 0.0
    alpha_at: int = 0
    opaque: int = 255
    filled: bool = False


@dataclass(frozen=True)
class Storage:
    """How a raster is stored, as creation options of GDAL name it; overviews are factors."""

    compress: str = "none"
    interleave: str = "pixel"
    tiled: bool = False
    block: int = 128
    endianness: str = "little"
    overviews: tuple[int, ...] = ()


@dataclass(frozen=True)
class DrawnRaster:
    """A raster, and the tiles that are wanted of it.

    Attributes:
        width: pixels.
        height: pixels.
        place: where it lies.
        content: what it holds.
        storage: how it is stored.
        zoom_offset: zooms above the native one; None: the zoom is left to the ingest.
        min_valid: share of valid pixels that a tile needs.
        stretched: whether limits are given for values that are not 8-bit.
    """

    width: int
    height: int
    place: Place
    content: Content
    storage: Storage
    zoom_offset: int | None = None
    min_valid: float = 0.5
    stretched: bool = False


LAYOUTS: dict[str, tuple[str, ...]] = {
    "rgb": ("red", "green", "blue"),
    "grey": ("gray",),
    "grey and another": ("gray", "undefined"),
    "rgbn": ("red", "green", "blue", "undefined"),
    "bgrn": ("blue", "green", "red", "undefined"),
    "bgrn by names": ("undefined",) * 4,
    "five": ("undefined",) * 5,
    "palette": ("palette",),
    "1 bit": ("gray",),
    "4 bits": ("gray",),
    "white is 0": ("gray",),
    "cmyk": ("cyan", "magenta", "yellow", "black"),
}
"""Colour interpretations of the bands, without alpha."""

CATEGORICAL = ("palette", "1 bit", "4 bits")
"""Layouts whose few values are shown as areas of one value each."""

_BYTES_ONLY = (*CATEGORICAL, "white is 0", "cmyk")
_DTYPES = ("uint8", "uint16", "int16", "float32")
_NODATA = {
    "uint8": (0, 255),
    "uint16": (0, 65535),
    "int16": (0, -32768, -9999),
    "float32": (0, -9999, -3.4028234663852886e38, math.nan),
}
_OPAQUE = {"uint8": (255, 1), "uint16": (65535, 255), "int16": (32767, -1), "float32": (1, 255)}
MARKS = ("all", "nodata", "mask", ".msk", "alpha", "mask and nodata", "not a number")
INVALID_AREAS = ("half", "corner", "disc", "blobs", "frame")


def _metres(crs: CRS, lat: float) -> tuple[float, float]:
    """Units of a CRS per metre, along x and y."""
    factor = crs.axis_info[0].unit_conversion_factor if crs.axis_info else 1.0
    if not crs.is_geographic:
        return 1 / factor, 1 / factor
    per_metre = 1 / 6378137 / factor
    return per_metre / max(0.1, math.cos(math.radians(lat))), per_metre


@st.composite
def _regional(draw: st.DrawFn, width: int, height: int) -> tuple[str, Affine]:
    area = draw(st.sampled_from(_AREAS))
    lon = area.west + (area.east - area.west) * draw(st.integers(0, 100)) / 100
    lat = area.south + (area.north - area.south) * draw(st.integers(0, 100)) / 100
    crs = CRS.from_user_input(area.crs)
    x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(lon, lat)
    power = area.finest + (area.coarsest - area.finest) * draw(st.integers(0, 20)) / 20
    across, down = (unit * 10**power for unit in _metres(crs, lat))
    across *= draw(st.sampled_from((1.0, 1.0, 0.7, 1.6)))
    angle = draw(st.sampled_from((0, 0, 0, 30, 90, 135, 180, 287)))
    down *= draw(st.sampled_from((-1, -1, 1)))  # 1: the first row is the southernmost
    if crs.is_geographic and draw(st.booleans()):
        x += draw(st.sampled_from((1, -1))) * math.tau / crs.axis_info[0].unit_conversion_factor
    middle = Affine.translation(-width / 2, -height / 2)
    own = Affine.translation(x, y) @ Affine.scale(across, abs(across)) @ Affine.rotation(angle)
    return area.crs, own @ Affine.scale(1, down / abs(across)) @ middle


@st.composite
def _worldwide(draw: st.DrawFn, width: int, height: int) -> tuple[str, Affine]:
    """All longitudes, from where a grid may begin, or nearly all."""
    west = draw(st.sampled_from((-180.0, 0.0, 20.0, -30.0)))
    pixel = draw(st.sampled_from((360.0, 300.0))) / width
    west -= draw(st.sampled_from((0.0, 0.5))) * pixel
    down = min(180.0, height * pixel) / height
    own = Affine(pixel, 0, west, 0, -down, down * height / 2)
    return draw(st.sampled_from(("EPSG:4326", "EPSG:4258"))), own


@st.composite
def _on_grid(draw: st.DrawFn, width: int, height: int) -> tuple[str, Affine]:
    """The tiles' own grid, whose pixels need no warping, or half a pixel off it."""
    half_world = math.pi * 6378137
    zoom = draw(st.integers(3, 20))
    step = 2 * half_world / 256 / 2**zoom
    off = draw(st.sampled_from((0.0, 0.5)))
    column = draw(st.integers(0, 100)) / 100 * (256 * 2**zoom - width)
    row = draw(st.integers(0, 100)) / 100 * (256 * 2**zoom - height)
    west, north = (math.floor(column) + off) * step, (math.floor(row) + off) * step
    return "EPSG:3857", Affine(step, 0, west - half_world, 0, -step, half_world - north)


@st.composite
def _places(draw: st.DrawFn, width: int, height: int) -> Place:
    kind = draw(st.sampled_from((_regional, _regional, _regional, _worldwide, _on_grid)))
    crs, own = draw(kind(width, height))
    ways = ("transform", "transform", "transform", "point", "gcps", "world file")
    return Place(crs, own, draw(st.sampled_from(ways)))


@st.composite
def _contents(draw: st.DrawFn) -> Content:
    layout = draw(st.sampled_from(tuple(LAYOUTS)))
    dtype = "uint8" if layout in _BYTES_ONLY else draw(st.sampled_from(_DTYPES))
    marks = [mark for mark in MARKS if _fits(layout, dtype, mark)]
    validity = draw(st.sampled_from(marks))
    values = _NODATA[dtype]
    if layout == "white is 0":
        values = (0,)
    if layout in CATEGORICAL:
        values = (15 if layout == "4 bits" else 255,)
    return Content(
        layout=layout,
        dtype=dtype,
        wavelength=draw(st.sampled_from((60.0, 40.0, 90.0))),
        shift=draw(st.integers(0, 40)),
        validity=validity,
        shape=draw(st.sampled_from(INVALID_AREAS)),
        nodata=draw(st.sampled_from(values)),
        alpha_at=draw(st.integers(0, len(LAYOUTS[layout]))),
        opaque=draw(st.sampled_from(_OPAQUE[dtype])),
        filled=draw(st.booleans()),
    )


def _fits(layout: str, dtype: str, mark: str) -> bool:
    if mark == "not a number":
        return dtype == "float32"
    if layout in ("1 bit", "cmyk"):
        return mark in ("all", "mask", ".msk")
    if layout in _BYTES_ONLY:
        return mark != "alpha"
    return True


@st.composite
def _storages(draw: st.DrawFn, content: Content) -> Storage:
    compress = ["none", "deflate", "lzw", "zstd", "packbits"]
    bands = len(LAYOUTS[content.layout])
    lossy = content.validity in ("all", "mask", ".msk") and content.filled
    if content.dtype == "uint8" and lossy and content.layout in ("rgb", "grey"):
        compress += ["jpeg"] * 3
    if content.dtype == "uint8" and content.layout == "rgb" and content.validity != "alpha":
        compress += ["webp"]
    if content.layout == "1 bit":
        compress = ["none", "deflate", "lzw"]
    chosen = draw(st.sampled_from(compress))
    # GDAL 3.10 writes overviews of CMYK that cannot be read, or crashes; means of -1 become 0.
    bad = content.layout == "cmyk" or content.opaque < 0
    overviews = ((),) if bad else ((), (), (2, 4))
    pixelwise = bands == 1 or chosen in ("jpeg", "webp") or draw(st.booleans())
    return Storage(
        compress=chosen,
        interleave="pixel" if pixelwise else "band",
        tiled=draw(st.booleans()),
        block=draw(st.sampled_from((128, 64, 256))),
        endianness=draw(st.sampled_from(("little", "big"))),
        overviews=draw(st.sampled_from(overviews)),
    )


@st.composite
def drawn_rasters(draw: st.DrawFn) -> DrawnRaster:
    """Draw a raster of at most 640 x 640 pixels."""
    width, height = draw(st.integers(240, 640)), draw(st.integers(240, 640))
    content = draw(_contents())
    return DrawnRaster(
        width=width,
        height=height,
        place=draw(_places(width, height)),
        content=content,
        storage=draw(_storages(content)),
        zoom_offset=draw(st.sampled_from((None, None, 0, 1, 1, -1, -2))),
        min_valid=draw(st.sampled_from((0.5, 0.2, 0.05, 0.8, 0.95))),
        stretched=draw(st.booleans()),
    )


def valid_area(raster: DrawnRaster) -> np.ndarray:
    """Which pixels are valid, ``bool [height, width]``."""
    content = raster.content
    height, width = raster.height, raster.width
    if content.validity == "all":
        return np.ones((height, width), dtype=np.bool_)
    y, x = np.mgrid[0:height, 0:width]
    x, y = (x + 0.5) / width, (y + 0.5) / height
    offset = content.shift / 100
    return {
        "half": x + 0.3 * y > 0.3 + offset,
        "corner": x + y > 0.4 + offset,
        "disc": np.hypot(x - 0.5, y - 0.4) > 0.1 + offset / 2,
        "blobs": np.sin(9 * x + offset) + np.cos(8 * y) > -0.6,
        "frame": np.maximum(abs(x - 0.5), abs(y - 0.5)) < 0.45 - offset / 3,
    }[content.shape]
