"""Arguments that several fields share: which tiles, and the cutoffs of labels."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

import strawberry

from earthgql.api.argument_groups import Arguments
from earthgql.api.paging.page import ColumnPageArguments, PageArguments
from earthgql.api.types.inputs import BoundsInput, LabelCutoff, TileOrder, TileWhere
from earthgql.api.types.values import GeoJSON

SceneName = Annotated[
    str | None,
    strawberry.argument(description="Only tiles of the scene of this name (default: of any)."),
]
Zoom = Annotated[
    int | None,
    strawberry.argument(description="Only tiles of this zoom level (default: of any)."),
]
At = Annotated[
    datetime | None,
    strawberry.argument(
        description="The map at this time: scenes acquired later are left out. "
        "Without an offset it is taken as UTC."
    ),
]
Cutoff = Annotated[
    float | None,
    strawberry.argument(
        description="Labels with at least this score count, 0 to 1 "
        "(default: the model's own threshold of each label)."
    ),
]
WhereArgument = Annotated[
    TileWhere | None, strawberry.argument(description="Only tiles that meet these conditions.")
]
OrderArgument = Annotated[
    TileOrder | None,
    strawberry.argument(description="The order of the list (default: that of ingestion)."),
]
ModelName = Annotated[
    str | None,
    strawberry.argument(
        description="The model whose scores count: name and version with a space between, or one "
        "of them if that is unique (default: the model that this server runs). Of other models, "
        "stored scores are returned."
    ),
]
LabelCutoffs = Annotated[
    list[LabelCutoff] | None,
    strawberry.argument(
        description="Cutoffs of single labels; for the others `cutoff` holds, or the model's own "
        "thresholds."
    ),
]
ViewportBounds = Annotated[
    BoundsInput | None,
    strawberry.argument(
        description="The viewport (default: where `where.within` is, else the whole map)."
    ),
]
AreaBounds = Annotated[
    BoundsInput | None,
    strawberry.argument(
        description="The area, as a rectangle (default: `polygon`, else where `where.within` is, "
        "else the whole map)."
    ),
]
AreaPolygon = Annotated[
    GeoJSON | None,
    strawberry.argument(
        description="The area, as a GeoJSON Polygon or MultiPolygon of at most 10,000 positions."
    ),
]


@dataclass(frozen=True, slots=True)
class SceneArguments(Arguments):
    """Which of the tiles that overlap may answer."""

    scene: SceneName = None
    zoom: Zoom = None
    at: At = None


@dataclass(frozen=True, slots=True)
class CutoffArguments(Arguments):
    """The cutoffs of labels."""

    cutoff: Cutoff = None
    cutoffs: LabelCutoffs = None


@dataclass(frozen=True, slots=True)
class AreaArguments(Arguments):
    """An area, in one of two forms."""

    bounds: AreaBounds = None
    polygon: AreaPolygon = None


@dataclass(frozen=True, slots=True)
class TileArguments(Arguments):
    """Which tiles of the map to list, in which order, and which page of them."""

    bounds: ViewportBounds = None
    where: WhereArgument = None
    order_by: OrderArgument = None
    page: PageArguments = field(default_factory=PageArguments)
    source: SceneArguments = field(default_factory=SceneArguments)
    model: ModelName = None


@dataclass(frozen=True, slots=True)
class ColumnArguments(TileArguments):
    """The same for columns, with longer pages."""

    page: ColumnPageArguments = field(default_factory=ColumnPageArguments)
