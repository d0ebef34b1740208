"""Sums over an area from one span of time to the next."""

from datetime import UTC, datetime

from sqlalchemy import Connection
from support.area_sums import ANY, CELL, CUTOFFS, WORLD, day, statements
from support.catalog_rows import add_scene, add_scores, children

from earthgql.catalog.analysis.histogram import label_histogram
from earthgql.catalog.analysis.timeline import Interval, label_timeline
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.tiles.filter import TileFilter


def test_a_timeline_is_a_histogram_of_each_period(
    connection: Connection, model: ModelRecord
) -> None:
    tiles = children(CELL)
    moments = [
        datetime(2023, 12, 31, 23, 59, tzinfo=UTC),
        datetime(2024, 1, 1, 0, 0, tzinfo=UTC),
        datetime(2024, 1, 20, 12, tzinfo=UTC),
        datetime(2024, 4, 1, 0, 0, tzinfo=UTC),
    ]
    for number, moment in enumerate(moments):
        ids = add_scene(connection, f"s{number}", tiles[: 4 - number], moment)
        add_scores(connection, model, dict.fromkeys(ids.values(), (0.2 + number / 4, 0.9, 0.1)))
    undated = add_scene(connection, "undated", tiles)
    add_scores(connection, model, dict.fromkeys(undated.values(), (1, 1, 1)))
    with statements(connection) as seen:
        found = label_timeline(connection, WORLD, ANY, model, CUTOFFS, interval=Interval.MONTH)
    assert len(seen) == 3
    assert [(p.begins, p.ends) for p in found.periods] == [
        (datetime(2023, 12, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)),
        (datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC)),
        (datetime(2024, 4, 1, tzinfo=UTC), datetime(2024, 5, 1, tzinfo=UTC)),
    ]
    # In January the third tile is of the 1st, the first two are of the 20th.
    assert [p.sums.tiles for p in found.periods] == [4, 3, 1]
    assert [p.sums.labels[0].tiles for p in found.periods] == [0, 2, 1]
    assert [p.sums.labels[2].tiles for p in found.periods] == [0, 0, 0]
    for period in found.periods:
        where = TileFilter(acquired_from=period.begins, acquired_to=period.ends)
        assert period.sums == label_histogram(connection, WORLD, where, model, CUTOFFS).sums
    counts = {
        interval: [
            period.sums.tiles
            for period in label_timeline(
                connection, WORLD, ANY, model, CUTOFFS, interval=interval
            ).periods
        ]
        for interval in Interval
    }
    assert counts == {
        Interval.DAY: [4, 3, 2, 1],
        Interval.WEEK: [4, 3, 2, 1],  # 31 December 2023 was a Sunday
        Interval.MONTH: [4, 3, 1],
        Interval.QUARTER: [4, 3, 1],
        Interval.YEAR: [4, 3],
    }
    cut = TileFilter(acquired_from=day(10), acquired_to=datetime(2024, 1, 25, tzinfo=UTC))
    (only,) = label_timeline(connection, WORLD, cut, model, CUTOFFS, interval=Interval.YEAR).periods
    assert (only.begins, only.ends, only.sums.tiles) == (cut.acquired_from, cut.acquired_to, 2)


def test_many_periods_are_summed_at_once(connection: Connection, model: ModelRecord) -> None:
    tiles = children(CELL)
    for number in range(1, 15):
        moment = datetime(2024, 1, number, 12, tzinfo=UTC)
        for scene in range(1 + number % 2):
            ids = add_scene(connection, f"{number} {scene}", tiles[: 1 + number % 3], moment)
            scores = (number / 16, 0.9 * scene, 0.1)
            add_scores(connection, model, dict.fromkeys(ids.values(), scores))
    with statements(connection) as seen:
        found = label_timeline(connection, WORLD, ANY, model, CUTOFFS, interval=Interval.DAY)
    assert len(seen) == 3
    assert [p.begins for p in found.periods] == [
        datetime(2024, 1, number, tzinfo=UTC) for number in range(1, 15)
    ]
    assert [p.sums.tiles for p in found.periods] == [1 + number % 3 for number in range(1, 15)]
    for period in found.periods:
        where = TileFilter(acquired_from=period.begins, acquired_to=period.ends)
        assert period.sums == label_histogram(connection, WORLD, where, model, CUTOFFS).sums
