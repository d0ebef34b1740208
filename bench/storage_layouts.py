"""Ways to keep the scores of tiles in PostgreSQL: tables, their indexes, and how both are read."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

from bench.scratch import IDENTITY
from earthgql.catalog.label_indexes import LOWEST_INDEXED

LABELS = range(1, len(IDENTITY.labels) + 1)
WHOLE = 32767
PARTITIONS = 16
_TABLE = """
CREATE TABLE {table} (
  tile_id bigint NOT NULL, model_id int NOT NULL, scores {kind} NOT NULL,
  computed_at timestamptz NOT NULL, domain_distance real){partitions}
"""
_INDEX = "CREATE INDEX {table}_label_{k} ON {table} (model_id, {index}){rows}"
# Of partial indexes PostgreSQL uses no statistics.
_STATISTICS = "CREATE STATISTICS {table}_label_{k} ON (scores[{k}]) FROM {table}"
_BRIN = "CREATE INDEX ON {table} USING brin (model_id, {scores}) WITH (pages_per_range = 32)"
_PART = "CREATE TABLE {{table}}_{n} PARTITION OF {{table}} FOR VALUES {values}"


@dataclass(frozen=True)
class Layout:
    """One way to keep scores.

    Texts may contain ``{k}``, a label counted from 1, and ``{a}`` and ``{b}``, its two bytes.

    Attributes:
        name: of the layout.
        table: of its rows.
        kind: type of the column ``scores``.
        encoded: a row's ``scores``, made of the ``real[]`` scores ``s.scores``.
        score: what a label's score is compared by, in rows ``k``.
        scale: what a cutoff is multiplied by, if scores are whole numbers.
        index: columns of a label's index behind the model; none: one BRIN index of all.
        lowest: the lowest score that the indexes hold.
        coarse: a condition that goes with each on a label, for its index; with ``{cutoff}``.
        order: the expressions of a label's order.
        sent: the scores of a row as bytes.
        whole: the column ``scores`` in a form that each score is taken from, for sums.
        partitions: how the table is divided.
        parts: statements that make its partitions; with ``{step}``, tiles of one.
        largest: whether it is also measured where there are very many tiles.
        filled: the order in which its rows were written.
        tiles: the table of its tiles.
    """

    name: str
    table: str
    kind: str = "real[]"
    encoded: str = "s.scores"
    score: str = "k.scores[{k}]"
    scale: int | None = None
    index: str = "(scores[{k}]), tile_id"
    lowest: float | None = None
    coarse: str = ""
    order: tuple[str, ...] = ("k.scores[{k}]", "k.tile_id")
    sent: str = "array_send(k.scores)"
    whole: str = "k.scores || CAST('{}' AS real[])"
    partitions: str = ""
    parts: tuple[str, ...] = ()
    largest: bool = False
    filled: str = "s.tile_id"
    tiles: str = "tile"

    def cutoff(self, cutoff: float) -> str:
        """A cutoff as it is compared with a score."""
        if self.scale is None:
            return f"CAST({cutoff!r} AS real)"
        return f"CAST({round(cutoff * self.scale)} AS {'int' if self.kind == 'bytea' else 'int2'})"

    def has(self, label: int, cutoff: float) -> str:
        """The condition that a tile has a label."""
        coarse = self.coarse.format(k=label, cutoff=round(cutoff * WHOLE))
        return f"{put(self.score, label)} >= {self.cutoff(cutoff)}{coarse}"

    def sorted(self, label: int, way: str) -> str:
        """What follows ``ORDER BY``."""
        return ", ".join(f"{put(part, label)} {way}" for part in self.order)

    def create(self, tiles: int) -> Iterator[str]:
        """The statements that make the table, empty, for so many tiles."""
        yield _TABLE.format(table=self.table, kind=self.kind, partitions=self.partitions)
        for part in self.parts:
            yield part.format(table=self.table, step=tiles // PARTITIONS + 1)

    def indexes(self) -> Iterator[str]:
        """The statements that make its key and its indexes."""
        yield f"ALTER TABLE {self.table} ADD PRIMARY KEY (tile_id, model_id)"
        yield f"CREATE INDEX {self.table}_model ON {self.table} (model_id)"
        if not self.index:
            yield _BRIN.format(table=self.table, scores=each("(scores[{k}])"))
            return
        for k in LABELS:
            rows = ""
            if self.lowest is not None:
                rows = f" WHERE scores[{k}] >= {self.cutoff(self.lowest)}"
            yield _INDEX.format(table=self.table, k=k, index=put(self.index, k), rows=rows)
            if rows:
                yield _STATISTICS.format(table=self.table, k=k)


def put(template: str, k: int) -> str:
    """A text for a label."""
    return template.format(k=k, a=2 * k - 2, b=2 * k - 1)


def each(template: str, between: str = ", ") -> str:
    """A text for each label."""
    return between.join(put(template, k) for k in LABELS)


def _rounded(score: str) -> str:
    return f"CAST({score} * {WHOLE} AS smallint)"


def _in_space() -> Iterator[str]:
    edges = ["MINVALUE", *(f"({n} * {{step}})" for n in range(1, PARTITIONS)), "MAXVALUE"]
    for n, (first, last) in enumerate(itertools.pairwise(edges)):
        yield _PART.format(n=n, values=f"FROM ({first}) TO ({last})")


ALL_INDEXED = Layout("real[], all scores indexed", "all_indexed", largest=True)
HIGHER_INDEXED = replace(
    ALL_INDEXED,
    name=f"real[], scores from {LOWEST_INDEXED} indexed",
    table="higher_indexed",
    lowest=LOWEST_INDEXED,
)
SMALL = replace(
    ALL_INDEXED,
    name=f"smallint[], n/{WHOLE}, all indexed",
    table="small",
    kind="smallint[]",
    encoded=f"ARRAY[{each(_rounded('s.scores[{k}]'))}]",
    scale=WHOLE,
    whole="k.scores || CAST('{}' AS smallint[])",
    largest=False,
)
_BYTES = "(get_byte({0}scores, {{a}}) << 8 | get_byte({0}scores, {{b}}))"
LAYOUTS = (
    ALL_INDEXED,
    HIGHER_INDEXED,
    SMALL,
    replace(
        SMALL,
        name=f"smallint[], scores from {LOWEST_INDEXED} indexed",
        table="small_higher",
        lowest=LOWEST_INDEXED,
        largest=True,
    ),
    replace(
        SMALL,
        name="smallint[], indexes without the tile",
        table="small_narrow",
        index="(scores[{k}])",
    ),
    Layout(
        "bytea, two bytes a score, all indexed",
        "two_bytes",
        kind="bytea",
        encoded=each(f"int2send({_rounded('s.scores[{k}]')})", " || "),
        score=_BYTES.format("k."),
        scale=WHOLE,
        index=_BYTES.format("") + ", tile_id",
        order=(_BYTES.format("k."), "k.tile_id"),
        sent="k.scores",
        whole="k.scores",
    ),
    Layout(
        "real[], indexes of whole numbers without the tile",
        "narrow",
        index=f"({_rounded('scores[{k}]')})",
        coarse=f" AND {_rounded('k.scores[{k}]')} >= CAST({{cutoff}} AS smallint)",
        order=(_rounded("k.scores[{k}]"), "k.scores[{k}]", "k.tile_id"),
    ),
    Layout("real[], one BRIN index", "brin", index=""),
    Layout(
        "real[], a partition for each model",
        "by_model",
        partitions=" PARTITION BY LIST (model_id)",
        parts=tuple(_PART.format(n=n, values=f"IN ({n})") for n in (1, 2)),
    ),
    Layout(
        f"real[], {PARTITIONS} partitions by space",
        "by_space",
        partitions=" PARTITION BY RANGE (tile_id)",
        parts=tuple(_in_space()),
        tiles="tile_by_space",
    ),
    replace(
        HIGHER_INDEXED,
        name=f"{HIGHER_INDEXED.name}, tiles numbered by space",
        table="in_space",
        tiles="tile_by_space",
    ),
    Layout("real[], written in random order", "shuffled", filled="random()"),
)
