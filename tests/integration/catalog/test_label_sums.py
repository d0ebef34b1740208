"""Sums that label tiles are made of equal what their tiles and scores say, whatever happened."""

import math
import random
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import replace
from datetime import datetime
from functools import partial

import pytest
from sqlalchemy import Connection, Engine, exc, text
from support.catalog_rows import add_model, add_scene, add_scores, children
from support.overlap_rule import day

from earthgql.catalog.label_tiles import changes, sums
from earthgql.catalog.label_tiles.changes import block_zoom, blocks_in, join_notes, revision
from earthgql.catalog.label_tiles.depth import scenes_below
from earthgql.catalog.label_tiles.served import LabelTile, serve, state
from earthgql.catalog.label_tiles.sums import Renewal, old_blocks
from earthgql.catalog.label_tiles.tile import label_tile
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.imagery.grid import TileIndex

LABELS = ("a", "b", "c")
PLACE = TileIndex(7, 40, 60)
SCENES = text("SELECT id FROM scene ORDER BY id")


def random_tiles(chance: random.Random) -> set[TileIndex]:
    """Tiles of one to three zooms from 7 to 14, in blocks of 16."""
    tiles: set[TileIndex] = set()
    for finer in chance.sample(range(8), chance.randint(1, 3)):
        corners = children(PLACE, max(finer - 2, 0))
        for corner in chance.sample(corners, min(len(corners), 12)):
            inside = children(corner, min(finer, 2))
            tiles |= set(chance.sample(inside, chance.randint(1, len(inside))))
    return tiles


class Changes:
    """Changes a database at random, as ingests, jobs and users do."""

    def __init__(self, engine: Engine, chance: random.Random) -> None:
        self.engine, self.chance, self.scenes = engine, chance, 0
        with engine.begin() as conn:
            self.models = [add_model(conn, name, LABELS, 0.37) for name in ("one", "two")]

    def make(self) -> None:
        steps: list[Callable[[Connection], None]] = [
            *[self.ingest, self.classify] * 3,
            *(self.delete_scene, self.delete_tiles, self.delete_scores),
            *(self.change_scores, self.date),
        ]
        self.step(self.chance.choice(steps))

    def step(self, act: Callable[[Connection], None]) -> None:
        with self.engine.begin() as conn:
            conn.execute(text("SELECT setseed(:seed)"), {"seed": self.chance.random()})
            act(conn)

    def ingest(self, conn: Connection) -> None:
        self.scenes += 1
        moment = self.chance.choice((None, day(1), day(2), day(3)))
        add_scene(conn, f"s{self.scenes}", sorted(random_tiles(self.chance)), moment)

    def classify(self, conn: Connection) -> None:
        known = "SELECT id FROM tile WHERE random() < 0.5 AND id NOT IN"
        model = self.chance.choice(self.models)
        scored = f"(SELECT tile_id FROM tile_score WHERE model_id = {model.id})"
        ids = conn.scalars(text(f"{known} {scored}")).all()
        add_scores(conn, model, {i: [round(self.chance.random(), 2) for _ in LABELS] for i in ids})

    def delete_scene(self, conn: Connection) -> None:
        if scenes := conn.scalars(SCENES).all():
            conn.execute(
                text("DELETE FROM scene WHERE id = :id"), {"id": self.chance.choice(scenes)}
            )

    def delete_tiles(self, conn: Connection) -> None:
        conn.execute(text("DELETE FROM tile WHERE random() < 0.1"))

    def delete_scores(self, conn: Connection) -> None:
        conn.execute(text("DELETE FROM tile_score WHERE random() < 0.1"))

    def change_scores(self, conn: Connection) -> None:
        conn.execute(text("UPDATE tile_score SET scores[2] = 0.99 WHERE random() < 0.1"))

    def date(self, conn: Connection) -> None:
        moment = self.chance.choice((None, day(1), day(2), day(3)))
        change = text(
            "UPDATE scene SET acquired_at = :at WHERE id = (SELECT id FROM scene"
            " ORDER BY random() LIMIT 1)"
        )
        conn.execute(change, {"at": moment})


def random_tile(chance: random.Random) -> TileIndex:
    """A tile of a map that shares area with the place."""
    zoom = chance.randint(0, 10)
    if zoom <= PLACE.z:
        return TileIndex(zoom, PLACE.x >> (PLACE.z - zoom), PLACE.y >> (PLACE.z - zoom))
    return chance.choice(children(PLACE, zoom - PLACE.z))


def live(engine: Engine, tile: TileIndex, model: ModelRecord) -> bytes:
    with engine.connect() as conn:
        below = scenes_below(conn, tile, TileFilter())
        return label_tile(conn, tile, TileFilter(), model, below)


def served(engine: Engine, tile: TileIndex, model: ModelRecord) -> LabelTile:
    return serve(engine, tile, TileFilter(model_id=model.id), model)


def revision_of(engine: Engine, tile: TileIndex, model: ModelRecord) -> int:
    with engine.begin() as conn:
        return revision(conn, tile, model.id)


@pytest.mark.parametrize("seed", range(3))
def test_sums_equal_those_of_tiles(fresh_engine: Engine, seed: int) -> None:
    chance = random.Random(seed)
    made = Changes(fresh_engine, chance)
    for act in (made.ingest, made.ingest, made.classify, made.classify):
        made.step(act)
    compared = 0
    for _ in range(12):
        before = {
            (tile, model.id): (live(fresh_engine, tile, model), model)
            for tile in [random_tile(chance)]
            for model in made.models
        }
        revisions = {
            (tile, model): revision_of(fresh_engine, tile, record)
            for (tile, model), (_, record) in before.items()
        }
        made.make()
        for (tile, number), (body, model) in before.items():
            expected, found = live(fresh_engine, tile, model), served(fresh_engine, tile, model)
            assert found.complete
            assert found.body == expected
            if expected != body:
                assert revision_of(fresh_engine, tile, model) > revisions[tile, number]
            compared += bool(expected)
    assert compared > 10


def test_another_threshold_makes_other_sums(fresh_engine: Engine) -> None:
    with fresh_engine.begin() as conn:
        model = add_model(conn, "one", LABELS, 0.37)
        ids = add_scene(conn, "fine", children(PLACE, 3), day(1)).values()
        add_scores(conn, model, {tile: [0.3, 0.4, 0.8] for tile in ids})
    tile = TileIndex(3, PLACE.x >> 4, PLACE.y >> 4)
    first = served(fresh_engine, tile, model)
    other = replace(model, identity=replace(model.identity, thresholds=(0.2, 0.5, 0.9)))
    second = served(fresh_engine, tile, other)
    assert second.body == live(fresh_engine, tile, other)
    assert first.body != second.body
    assert served(fresh_engine, tile, model).body == first.body
    with fresh_engine.connect() as conn:
        states = {state(conn, tile, TileFilter(), each) for each in (model, other)}
    assert len(states) == 2


def test_joined_notes_keep_revisions(fresh_engine: Engine) -> None:
    made = Changes(fresh_engine, random.Random(2))
    for _ in range(8):
        made.make()
    [model, _] = made.models
    tiles = [TileIndex(0, 0, 0), TileIndex(5, PLACE.x >> 2, PLACE.y >> 2), PLACE]
    before = [revision_of(fresh_engine, tile, model) for tile in tiles]
    count = text("SELECT count(*) FROM label_change")
    with fresh_engine.begin() as conn:
        many = conn.scalar(count)
        for zoom in range(0, 24, changes.STEP):
            join_notes(conn, blocks_in(TileIndex(0, 0, 0), zoom))
        assert conn.scalar(count) < many
    assert [revision_of(fresh_engine, tile, model) for tile in tiles] == before


def until(moment: float, act: Callable[[], object], allowed: str) -> list[Exception]:
    """Repeat something; returns its errors, but for those whose messages name what is allowed."""
    errors = []
    while time.monotonic() < moment:
        try:
            act()
        except (exc.IntegrityError, exc.OperationalError) as error:
            if not re.search(allowed, str(error)):
                errors.append(error)
    return errors


def test_writers_and_readers_at_once(fresh_engine: Engine) -> None:
    """Nobody waits for another for ever, and in the end all sums are right."""
    made = Changes(fresh_engine, random.Random(3))
    for _ in range(4):
        made.step(made.ingest)
    acts: list[tuple[Callable[[], object], str]] = []
    for seed in (1, 2):
        writer = copy(made)
        writer.chance, writer.scenes = random.Random(seed), seed * 1000
        # Two classify the same tile. Deletions lock tiles in any order: those deadlocks are not of
        # the sums.
        acts.append((writer.make, "duplicate key|foreign key|deadlock"))
    for seed in (3, 4, 5):
        chance = random.Random(seed)
        acts.append((partial(read_anything, fresh_engine, made.models, chance), "nothing"))
    with ThreadPoolExecutor(len(acts)) as pool:
        moment = time.monotonic() + 4
        found = list(pool.map(lambda act: until(moment, *act), acts))
    assert found == [[]] * len(acts)
    for zoom in range(8):
        tile = TileIndex(zoom, PLACE.x >> (7 - zoom), PLACE.y >> (7 - zoom))
        for model in made.models:
            assert served(fresh_engine, tile, model) == LabelTile(
                live(fresh_engine, tile, model), True
            )


def read_anything(engine: Engine, models: list[ModelRecord], chance: random.Random) -> None:
    served(engine, random_tile(chance), chance.choice(models))


def test_what_was_cut_off_is_made_again(fresh_engine: Engine) -> None:
    """The server's process is ended while it makes sums: none of them is kept by halves."""
    with fresh_engine.begin() as conn:
        model = add_model(conn, "one", LABELS, 0.37)
        add_scene(conn, "fine", children(PLACE, 6), day(1))
    tile = TileIndex(2, PLACE.x >> 5, PLACE.y >> 5)
    expected, cut_off = live(fresh_engine, tile, model), 0
    kill = text(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND query LIKE '%WITH revision AS%'"
        " AND pid <> pg_backend_pid()"
    )
    with ThreadPoolExecutor(1) as pool:
        for _ in range(40):
            work = pool.submit(served, fresh_engine, tile, model)
            while not work.done():
                with fresh_engine.begin() as conn:
                    cut_off += conn.scalar(kill) if cut_off < 3 else 0
            if work.exception() is None:
                break
    assert cut_off
    assert served(fresh_engine, tile, model).body == expected


def test_what_another_makes_is_left_to_it(fresh_engine: Engine) -> None:
    made = Changes(fresh_engine, random.Random(4))
    with fresh_engine.begin() as conn:
        add_scene(conn, "fine", children(PLACE, 5), datetime(2024, 1, 1))
    [model, _] = made.models
    tile = TileIndex(3, PLACE.x >> 4, PLACE.y >> 4)
    blocks = blocks_in(tile, block_zoom(8))
    with fresh_engine.connect() as conn, conn.begin() as held:
        for x, y in old_blocks(conn, model, blocks):
            name = f"{model.id} 8 {x >> 4} {y >> 4}"
            conn.execute(text(sums._LOCK), {"block": name})
        began = time.monotonic()
        assert not served(fresh_engine, tile, model).complete
        assert time.monotonic() - began < 2
        held.rollback()
    assert served(fresh_engine, tile, model).complete


def test_short_time_is_not_enough_and_goes_on(fresh_engine: Engine) -> None:
    made = Changes(fresh_engine, random.Random(5))
    with fresh_engine.begin() as conn:
        add_scene(conn, "fine", children(PLACE, 6), datetime(2024, 1, 1))
    [model, _] = made.models
    tile = TileIndex(2, PLACE.x >> 5, PLACE.y >> 5)
    blocks = blocks_in(tile, block_zoom(7))
    assert not Renewal(fresh_engine, model, 0).renew(blocks)
    for _ in range(50):
        if Renewal(fresh_engine, model, 0.05).renew(blocks):
            break
    Renewal(fresh_engine, model, math.inf).renew_all()
    with fresh_engine.connect() as conn:
        assert old_blocks(conn, model, blocks_in(TileIndex(0, 0, 0), 0)) == []
    assert served(fresh_engine, tile, model).body == live(fresh_engine, tile, model)
