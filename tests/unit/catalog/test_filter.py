"""Conditions in plain JSON, and what becomes of them."""

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from support.pixel_classifier import PIXEL_IDENTITY

from earthgql.catalog.cutoffs import cutoffs_of
from earthgql.catalog.models import ModelRecord, label_column
from earthgql.catalog.scores import as_real, real_cutoff
from earthgql.catalog.tiles.filter import LabelTerm, TileFilter, needs_model, tile_filter
from earthgql.catalog.tiles.filter_json import Where, parse_where
from earthgql.errors import BadInputError, ModelUnavailableError

MODEL = ModelRecord(7, PIXEL_IDENTITY)
ROAD = PIXEL_IDENTITY.labels.index("road") + 1
WATER = PIXEL_IDENTITY.labels.index("water") + 1
SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}


def asked(where: Any, **arguments: Any) -> TileFilter:
    return tile_filter(parse_where(where), MODEL, **arguments)


def test_a_filter_without_conditions_lets_everything_through() -> None:
    assert tile_filter(None, None) == TileFilter()
    assert tile_filter(Where(), None) == TileFilter()
    assert not needs_model(parse_where({"labels": {"all": []}, "scene": "a", "within": SQUARE}))


def test_all_conditions() -> None:
    found = asked(
        {
            "labels": {
                "all": [{"label": "road"}, {"label": "water", "minScore": 0.25}],
                "any": [{"label": "road", "minScore": 1}],
                "none": [{"label": "water", "minScore": 0}],
            },
            "scene": "lake",
            "zoom": 14,
            "acquired": {"from": "2024-05-01T00:00:00Z", "to": "2024-06-01T00:00:00+02:00"},
            "classified": True,
            "within": SQUARE,
        },
        at=datetime(2024, 7, 1),
    )
    assert found.all_of == (LabelTerm(WATER, 0.25), LabelTerm(ROAD, 0.5))
    assert found.any_of == (LabelTerm(ROAD, 1.0),)
    assert found.none_of == (LabelTerm(WATER, 0.0),)
    assert (found.scene, found.zoom, found.classified, found.model_id) == ("lake", 14, True, 7)
    assert found.acquired_from == datetime(2024, 5, 1, tzinfo=UTC)
    assert found.acquired_to == datetime(2024, 5, 31, 22, tzinfo=UTC)
    assert found.at == datetime(2024, 7, 1, tzinfo=UTC)
    assert found.within is not None
    assert found.within.parts == ((0, 0, 1, 1),)


def test_the_order_of_conditions_does_not_matter() -> None:
    terms = [{"label": "road"}, {"label": "water", "minScore": 0.5}]
    one = asked({"labels": {"any": terms}})
    assert one == asked({"labels": {"any": [*terms[::-1], terms[0]]}})
    assert hash(one) == hash(asked({"labels": {"any": terms[::-1]}}))


def test_of_several_scores_of_a_label_one_decides() -> None:
    terms = [{"label": "road", "minScore": score} for score in (0.5, 0.75, 0.25)]
    found = asked({"labels": {"all": terms, "any": terms, "none": terms}})
    assert found.all_of == (LabelTerm(ROAD, 0.75),)
    assert found.any_of == found.none_of == (LabelTerm(ROAD, 0.25),)


def test_old_arguments_and_conditions_go_together() -> None:
    assert asked({"zoom": 3}, scene="lake") == asked({"scene": "lake"}, zoom=3)
    assert asked({"zoom": 3}, zoom=3) == asked({"zoom": 3})


WRONG = {
    "no object": ([], "^where: must be an object$"),
    "labels that are no object": ({"labels": []}, "^where.labels: must be an object$"),
    "a condition that is no object": (
        {"labels": {"all": ["road"]}},
        "^where.labels.all.0: must be an object$",
    ),
    "a name as Python has it": (
        {"labels": {"all": [{"label": "road", "min_score": 0.5}]}},
        "where.labels.all.0.min_score: there is nothing of this name",
    ),
    "from as Python has it": (
        {"acquired": {"from_": None}},
        "where.acquired.from_: there is nothing",
    ),
    "unknown condition": ({"zooom": 3}, "where.zooom: there is nothing of this name"),
    "unknown kind of labels": (
        {"labels": {"some": []}},
        "where.labels.some: there is nothing of this name",
    ),
    "labels in an object": ({"labels": {"all": {}}}, "where.labels.all: must be a list$"),
    "65 labels": (
        {"labels": {"any": [{"label": "road"}] * 65}},
        "where.labels.any: may have 64 items at most$",
    ),
    "a label that is a number": (
        {"labels": {"any": [{"label": 7}]}},
        "where.labels.any.0.label: must be text$",
    ),
    "no label": ({"labels": {"all": [{}]}}, "where.labels.all.0.label: is missing"),
    "a score that is a word": (
        {"labels": {"all": [{"label": "road", "minScore": "high"}]}},
        "where.labels.all.0.minScore: must be a number$",
    ),
    "unknown label": (
        {"labels": {"none": [{"label": "raod"}]}},
        "model pixel 1 has no label 'raod'; the nearest is 'road'",
    ),
    "label in capitals": ({"labels": {"all": [{"label": "ROAD"}]}}, "the nearest is 'road'"),
    "score 2": (
        {"labels": {"all": [{"label": "road", "minScore": 2}]}},
        "minScore of road must be between 0 and 1, not 2",
    ),
    "score NaN": ({"labels": {"all": [{"label": "road", "minScore": math.nan}]}}, "not nan"),
    "zoom 99": ({"zoom": 99}, "zoom must be between 0 and 24, not 99"),
    "a name with a NUL": ({"scene": "a\0"}, "no scene is named"),
    "from without a zone": (
        {"acquired": {"from": "2024-05-01T00:00:00"}},
        "acquired.from needs a time zone: 2024-05-01T00:00:00Z, or an offset",
    ),
    "to without a zone": ({"acquired": {"to": "2024-05-01"}}, "acquired.to needs a time zone"),
    "a year alone": ({"acquired": {"from": "2024"}}, "where.acquired.from: a time is written as"),
    "seconds": ({"acquired": {"from": 0}}, "where.acquired.from: a time is written as"),
    "a zoom in quotes": ({"zoom": "15"}, "where.zoom: must be a whole number$"),
    "a zoom that is true": ({"zoom": True}, "where.zoom: must be a whole number$"),
    "a zoom of 400 digits": ({"zoom": 10**400}, f"not 1{'0' * 56}[.]{{3}}$"),
    "yes": ({"classified": "yes"}, "where.classified: must be true or false$"),
    "a score in quotes": (
        {"labels": {"any": [{"label": "road", "minScore": "0.5"}]}},
        "where.labels.any.0.minScore: must be a number$",
    ),
    "a score of 400 digits": (
        {"labels": {"any": [{"label": "road", "minScore": 10**400}]}},
        "where.labels.any.0.minScore: must be a number$",
    ),
    "a long name": ({"x" * 400: 1}, f"^where.{'x' * 60}: "),
    "no time": ({"acquired": {"to": "yesterday"}}, "where.acquired.to: "),
    "an empty span": (
        {"acquired": {"from": "2024-05-01T00:00:00Z", "to": "2024-05-01T00:00:00Z"}},
        "must be before acquired.to",
    ),
    "unclassified with labels": (
        {"classified": False, "labels": {"none": [{"label": "road"}]}},
        "no tile is both",
    ),
    "no polygon": ({"within": "everywhere"}, "the polygon must be a GeoJSON Polygon"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_refused(name: str) -> None:
    where, message = WRONG[name]
    with pytest.raises(BadInputError, match=message):
        asked(where)


def test_conditions_that_contradict_the_arguments() -> None:
    with pytest.raises(BadInputError, match="zoom is given twice, as 4 and as 3"):
        asked({"zoom": 3}, zoom=4)
    with pytest.raises(BadInputError, match="scene is given twice, as 'b' and as 'a'"):
        asked({"scene": "a"}, scene="b")


def test_conditions_on_scores_need_a_model() -> None:
    for where in ({"classified": False}, {"labels": {"any": [{"label": "road"}]}}):
        with pytest.raises(ModelUnavailableError, match="no model"):
            tile_filter(parse_where(where), None)


def test_a_score_is_compared_as_it_is_shown() -> None:
    # 0.7 as real is 0.699999988, which people see as 0.7: it counts from 0.7 on.
    for floor in (0.7, 0.3, 0.1, 0.0, 1.0, 1 / 3, 0.30000001, 0.29999999, 5e-324, 1e-45):
        least = np.float32(real_cutoff(floor))
        (shown,) = as_real([least])
        (below,) = as_real([np.nextafter(least, np.float32(-1))])
        assert shown >= floor
        assert below < floor


def test_cutoffs() -> None:
    count = len(PIXEL_IDENTITY.labels)
    assert cutoffs_of(PIXEL_IDENTITY, None) == PIXEL_IDENTITY.thresholds
    assert cutoffs_of(PIXEL_IDENTITY, 0.2) == (0.2,) * count
    some = cutoffs_of(PIXEL_IDENTITY, None, {"road": 0.9})
    assert some[ROAD - 1] == 0.9
    assert [cutoff for cutoff in some if cutoff != 0.9] == [0.5] * (count - 1)
    assert cutoffs_of(PIXEL_IDENTITY, 0.2, {"road": 0.0})[ROAD - 1] == 0.0


@pytest.mark.parametrize(
    ("cutoff", "by_label", "message"),
    [
        (1.5, {}, "cutoff must be between 0 and 1, not 1.5"),
        (math.nan, {}, "not nan"),
        (None, {"road": -1}, "cutoff of road must be between 0 and 1, not -1"),
        (None, {"Wate": 0.5}, "no label 'Wate'; the nearest is 'water'"),
    ],
)
def test_wrong_cutoffs(cutoff: float | None, by_label: dict[str, float], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        cutoffs_of(PIXEL_IDENTITY, cutoff, by_label)


def test_the_place_of_a_label() -> None:
    assert [label_column(PIXEL_IDENTITY, label) for label in PIXEL_IDENTITY.labels] == [
        *range(1, len(PIXEL_IDENTITY.labels) + 1)
    ]
