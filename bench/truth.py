"""Changes between the demo's two dates, as the model finds them, against those that were drawn."""

from typing import Any

from bench.scratch import scratch_database
from earthgql.catalog.analysis.changes import label_changes
from earthgql.catalog.scores import real_cutoff
from earthgql.catalog.tiles.filter import LabelTerm, TileFilter
from earthgql.catalog.tiles.lookup import tiles_by_ids, tiles_in_bounds
from earthgql.demo.scene_file import ACQUIRED, ensure_scene_file
from earthgql.imagery import grid
from earthgql.imagery.grid import TileIndex
from earthgql.ingest.raster.options import RasterOptions
from earthgql.ingest.raster.source import RasterSource
from earthgql.ingest.store import store
from earthgql.models import load_classifier
from earthgql.scoring.service import ScoringService
from earthgql.settings import load_settings

# What people do to a forest; a label that is seldom true says little about the rest.
CLEARING = ("agriculture", "cultivation", "slash_burn", "bare_ground", "road", "habitation")
WORLD = grid.bounds(-180, -90, 180, 90)
Truth = dict[TileIndex, frozenset[str]]


def measure_truth() -> dict[str, Any]:
    """Classify both dates and compare, for each label and for clearings of any kind."""
    settings = load_settings()
    drawn = [ensure_scene_file(settings.var_dir / "demo", date=date) for date in (0, 1)]
    with scratch_database() as engine:
        for landscape in drawn:
            path = landscape.raster
            store(engine, RasterSource(path.stem, str(path), str(path.parent), RasterOptions()))
        scoring = ScoringService(engine, lambda: load_classifier(settings), 3600.0)
        with engine.connect() as conn:
            ids = [
                tile.id
                for landscape in drawn
                for tile in tiles_in_bounds(
                    conn, WORLD, TileFilter(scene=landscape.raster.stem), limit=10_000
                )
            ]
        scoring.classify_tiles(ids)
        model = scoring.model
        result: dict[str, Any] = {
            "model": f"{model.identity.name} {model.identity.version}",
            "tiles": len(ids) // 2,
        }
        column = model.identity.labels.index("cloudy") + 1
        term = LabelTerm(column, real_cutoff(model.identity.thresholds[column - 1]))
        clear = TileFilter(none_of=(term,), model_id=model.id)
        truths = (drawn[0].truth, drawn[1].truth)
        with engine.connect() as conn:
            for name, where in (("all tiles", TileFilter()), ("not cloudy", clear)):
                found = {
                    label: _found(conn, model, label, where) for label in model.identity.labels
                }
                result[name] = _scores(truths, found)
        scoring.close()
    return result


def _found(conn: Any, model: Any, label: str, where: TileFilter) -> dict[str, set[TileIndex]]:
    column = model.identity.labels.index(label)
    changes = label_changes(
        conn,
        WORLD,
        where,
        model,
        column=column + 1,
        cutoff=model.identity.thresholds[column],
        begin=ACQUIRED[0],
        end=ACQUIRED[1],
        first=10_000,
    ).changes
    tiles = tiles_by_ids(conn, [change.after_id for change in changes])
    return {
        kind: {
            tiles[change.after_id].index
            for change in changes
            if (change.score_after > change.score_before) == (kind == "appeared")
        }
        for kind in ("appeared", "vanished")
    }


def _scores(truths: tuple[Truth, Truth], found: dict[str, dict[str, set[TileIndex]]]) -> Any:
    """Precision and recall of each label's changes, over places not under cloud at either date."""
    seen = {tile for tile in truths[0] if not {"cloudy"} & (truths[0][tile] | truths[1][tile])}
    result = {}
    for label, kinds in found.items():
        for kind, places in kinds.items():
            one, other = truths if kind == "appeared" else truths[::-1]
            true = {tile for tile in seen if label in other[tile] - one[tile]}
            if true:
                result[f"{label} {kind}"] = _score(true, places & seen)
    cleared = {t for t in seen if (truths[1][t] - truths[0][t]) & set(CLEARING)}
    told = set().union(*(found[label]["appeared"] for label in CLEARING)) & seen
    return {"places seen": len(seen), "clearing of any kind": _score(cleared, told), **result}


def _score(true: set[TileIndex], found: set[TileIndex]) -> dict[str, float]:
    right = len(true & found)
    return {
        "true": len(true),
        "found": len(found),
        "right": right,
        "precision": round(right / len(found), 3) if found else 0.0,
        "recall": round(right / len(true), 3),
    }
