"""Statements made of fragments."""

import pytest

from earthgql.catalog.sql import Fragment, all_of, compose, join, page_by_id
from earthgql.catalog.tiles.conditions import ViewConditions
from earthgql.catalog.tiles.filter import LabelTerm, TileFilter
from earthgql.imagery import grid

ONE, TWO = Fragment("a = :a", {"a": 1}), Fragment("b = :b", {"b": 2})


def test_fragments_are_put_one_behind_the_other() -> None:
    assert Fragment("a = :ab = :b", {"a": 1, "b": 2}) == ONE + TWO
    assert Fragment("(a = :a)", {"a": 1}) == "(" + ONE + ")"
    assert join(" OR ", [ONE, "true", TWO]) == Fragment(
        "a = :a OR true OR b = :b", {"a": 1, "b": 2}
    )
    assert all_of([ONE, TWO]) == Fragment("a = :a AND b = :b", {"a": 1, "b": 2})
    assert all_of([]) == Fragment("true")


def test_parts_are_put_into_a_template() -> None:
    found = compose("SELECT '{{}}', {n}, :c FROM t WHERE {one}", {"c": 3}, n=7, one=ONE)
    assert found == Fragment("SELECT '{}', 7, :c FROM t WHERE a = :a", {"c": 3, "a": 1})
    # Braces and colons of a part are nothing to the template.
    assert compose("{a}", a=Fragment("'{b}'")) == Fragment("'{b}'")


def test_a_parameter_has_one_value() -> None:
    same, other = Fragment("c = :a", {"a": 1}), Fragment("c = :a", {"a": 2})
    assert (ONE + same).params == {"a": 1}
    for compose_both in (
        lambda: ONE + other,
        lambda: join(", ", [ONE, other]),
        lambda: compose("{one} {other}", one=ONE, other=other),
        lambda: compose("{one} :a", {"a": 3}, one=ONE),
    ):
        with pytest.raises(ValueError, match="'a' has two values"):
            compose_both()


def test_a_page_by_id() -> None:
    assert page_by_id(limit=None) == Fragment(
        " WHERE true ORDER BY id ASC LIMIT :limit", {"limit": None}
    )
    page = page_by_id(limit=5, after=3, before=9, backward=True)
    assert page.sql == " WHERE id > :after AND id < :before ORDER BY id DESC LIMIT :limit"
    assert page.params == {"limit": 5, "after": 3, "before": 9}


def test_conditions_take_any_alias_and_any_prefix() -> None:
    where = TileFilter(scene="lake", zoom=14, all_of=(LabelTerm(2, 0.5),), model_id=7)
    parts = grid.bounds(170, 10, -170, 20)
    view = ViewConditions.of(parts, where, "before_")
    assert view.scene_chosen("r") == Fragment("r.name = :before_scene", {"before_scene": "lake"})
    assert view.zoom_chosen("z") == Fragment("z.z = :before_zoom", {"before_zoom": 14})
    [term] = view.scores("t", "j")
    assert term.sql == "j.scores[:before_all0_column] >= CAST(:before_all0_cutoff AS real)"
    here = view.cell_here("b", ":zoom")
    assert here.sql.count("b.x BETWEEN") == 2
    assert {name[:7] for name in here.params} == {"before_"}
    both = here + ViewConditions.of(parts[:1], where, "after_").tile_here("a")
    assert both.params["after_w0"] == both.params["before_w0"] == 170


def test_without_conditions_all_is_chosen_and_off_the_grid_nothing_is_there() -> None:
    everywhere = ViewConditions.of(None, TileFilter())
    for condition in (everywhere.tile_here("t"), everywhere.scene_chosen("s")):
        assert condition == Fragment("true")
    assert ViewConditions.of(grid.bounds(0, 87, 10, 90), TileFilter()).tile_here("t").sql == "false"
