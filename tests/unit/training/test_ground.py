"""Areas drawn on a small picture, and the labels of its crops."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from earthgql.errors import BadInputError, TrainingError
from earthgql.landscape import LABELS
from earthgql.landscape.labels import CODES
from earthgql.training.ground import AREAS, GroundScene, read_scene, read_scenes
from earthgql.training.ground.areas import read_areas

WIDTH, HEIGHT = 700, 300


def _square(x: int, y: int, side: int) -> list[int]:
    """A square that fills side x side pixels."""
    end = side - 1
    return [x, y, x + end, y, x + end, y + end, x, y + end]


def _write(folder: Path, *areas: dict[str, Any], **more: Any) -> Path:
    pixels = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    Image.fromarray(pixels).save(folder / "made.png")
    content = {
        "image": "made.png",
        "width": WIDTH,
        "height": HEIGHT,
        "weather": "clear",
        "weather_maybe": [],
        "areas": [{"labels": [], "maybe": [], **area} for area in areas],
        **more,
    }
    path = folder / "made.json"
    path.write_text(json.dumps(content))
    return path


def _scene(folder: Path, *areas: dict[str, Any], **more: Any) -> GroundScene:
    return read_scene(folder, _write(folder, *areas, **more))


def test_ground_without_areas_is_forest_under_a_clear_sky(tmp_path: Path) -> None:
    reading = _scene(tmp_path).labels_of(0, 0)
    assert reading.tags == {"clear", "primary"}
    assert not reading.doubtful


def test_an_area_is_true_doubtful_or_absent_by_how_much_of_it_a_crop_holds(
    tmp_path: Path,
) -> None:
    scene = _scene(tmp_path, {"labels": ["water"], "rings": [_square(300, 100, 40)]})
    assert "water" in scene.labels_of(200, 0).tags
    sliver = scene.labels_of(300 + 3 - 256, 0)  # 3 columns of 40 pixels
    assert "water" in sliver.doubtful
    assert "water" not in sliver.tags
    beside = scene.labels_of(300 - 256, 0)
    assert "water" not in beside.tags | beside.doubtful


def test_labels_overlap(tmp_path: Path) -> None:
    plot = {"labels": ["cultivation", "slash_burn"], "maybe": ["agriculture"]}
    reading = _scene(tmp_path, {**plot, "rings": [_square(50, 50, 30)]}).labels_of(0, 0)
    assert reading.tags == {"clear", "primary", "cultivation", "slash_burn"}
    assert reading.doubtful == {"agriculture"}


def test_truth_and_known_follow_the_vocabulary(tmp_path: Path) -> None:
    area = {"labels": ["road"], "maybe": ["habitation"], "rings": [_square(0, 0, 30)]}
    reading = _scene(tmp_path, area).labels_of(0, 0)
    truth = {label for label, true in zip(LABELS, reading.truth, strict=True) if true}
    unknown = {label for label, known in zip(LABELS, reading.known, strict=True) if not known}
    assert truth == {"clear", "primary", "road"}
    assert unknown == {"habitation"}


def test_a_ring_inside_another_is_a_hole(tmp_path: Path) -> None:
    rings = [_square(10, 10, 50), _square(20, 20, 20)]
    water = _scene(tmp_path, {"labels": ["water"], "rings": rings}).mask("water")
    assert water[15, 15]
    assert not water[30, 30]


@pytest.mark.parametrize(
    ("side", "tags", "doubtful"),
    [
        (5, {"clear"}, set()),
        (10, set(), {"clear", "partly_cloudy"}),
        (60, {"partly_cloudy"}, set()),
        (220, set(), {"partly_cloudy", "cloudy"}),
    ],
)
def test_the_size_of_a_cloud_decides_the_weather(
    tmp_path: Path, side: int, tags: set[str], doubtful: set[str]
) -> None:
    scene = _scene(tmp_path, {"labels": ["cloud"], "rings": [_square(10, 10, side)]})
    reading = scene.labels_of(0, 0)
    assert reading.tags == tags | {"primary"}
    assert reading.doubtful == doubtful


def test_a_shadow_without_its_cloud_leaves_the_weather_open(tmp_path: Path) -> None:
    scene = _scene(tmp_path, {"labels": ["cloud_shadow"], "rings": [_square(10, 10, 40)]})
    assert scene.labels_of(0, 0).doubtful == {"clear", "partly_cloudy"}


def test_unknown_weather_is_doubtful_except_under_a_plain_cloud(tmp_path: Path) -> None:
    cloud = {"labels": ["cloud"], "rings": [_square(10, 10, 60)]}
    scene = _scene(tmp_path, cloud, weather_maybe=["clear", "haze"])
    assert scene.labels_of(400, 0).doubtful == {"clear", "haze"}
    assert scene.labels_of(0, 0).tags == {"partly_cloudy", "primary"}


def test_what_a_cloud_hides_is_not_seen(tmp_path: Path) -> None:
    water = {"labels": ["water"], "rings": [_square(20, 20, 30)]}
    cloud = {"labels": ["cloud"], "rings": [_square(10, 10, 60)]}
    scene = _scene(tmp_path, water, cloud)
    assert "water" not in scene.labels_of(0, 0).tags
    assert scene.cover()[30, 30] == 0


def test_a_smaller_crop_counts_as_if_resampled(tmp_path: Path) -> None:
    scene = _scene(tmp_path, {"labels": ["road"], "rings": [_square(0, 0, 12)]})
    assert "road" in scene.labels_of(0, 0).doubtful
    assert "road" in scene.labels_of(0, 0, size=128).tags


def test_logging_gaps_lie_in_forest_and_win_the_code(tmp_path: Path) -> None:
    area = {"labels": ["selective_logging"], "rings": [_square(5, 5, 40)]}
    scene = _scene(tmp_path, area)
    assert scene.mask("primary").all()
    assert scene.cover()[10, 10] == CODES["selective_logging"]
    assert scene.cover()[100, 100] == CODES["primary"]


def test_unsure_is_what_may_be_and_is_not_certain(tmp_path: Path) -> None:
    field = {"maybe": ["agriculture"], "rings": [_square(0, 0, 20)]}
    sure = {"labels": ["agriculture"], "rings": [_square(0, 0, 10)]}
    unsure = _scene(tmp_path, field, sure).unsure()
    assert unsure[15, 15]
    assert not unsure[5, 5]
    assert not unsure[50, 50]


@pytest.mark.parametrize(("x", "y", "size"), [(-1, 0, 256), (445, 0, 256), (0, 45, 256), (0, 0, 0)])
def test_a_crop_outside_is_refused(tmp_path: Path, x: int, y: int, size: int) -> None:
    scene = _scene(tmp_path)
    with pytest.raises(BadInputError, match="no crop"):
        scene.labels_of(x, y, size)


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    path = _write(tmp_path)
    (tmp_path / "made.png").unlink()
    with pytest.raises(TrainingError, match=r"made\.png"):
        read_scene(tmp_path, path)


def test_areas_drawn_on_another_size_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="drawn on 1 x 300"):
        _scene(tmp_path, width=1)


@pytest.mark.parametrize(
    "area",
    [
        {"labels": ["castle"], "rings": []},
        {"labels": ["water"], "rings": [[1, 2, 3, 4, 5, 6, 7]]},
        {"labels": ["water"], "rings": [[1, 2, 3, 4]]},
    ],
)
def test_a_wrong_area_is_refused(tmp_path: Path, area: dict[str, Any]) -> None:
    with pytest.raises(TrainingError, match=r"made\.json: no file of areas: areas\.0"):
        _scene(tmp_path, area)


def test_wrong_weather_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="weather"):
        _scene(tmp_path, weather="snow")


def test_missing_areas_are_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no files of areas"):
        read_scenes(tmp_path, tmp_path)
    with pytest.raises(TrainingError, match=r"none\.json"):
        read_scene(tmp_path, tmp_path / "none.json")


def test_all_scenes_of_a_folder_are_read(tmp_path: Path) -> None:
    _write(tmp_path)
    assert [scene.name for scene in read_scenes(tmp_path, tmp_path)] == ["made"]


def test_the_areas_that_are_shipped_can_be_read_and_lie_inside_their_scenes() -> None:
    files = sorted(AREAS.glob("*.json"))
    assert len(files) == 3
    for file in files:
        assert file.stat().st_size < 300_000
        scene = read_areas(file)
        points = [np.array(ring).reshape(-1, 2) for area in scene.areas for ring in area.rings]
        corners = np.concatenate(points)
        assert corners.min() >= 0
        assert (corners < [scene.width, scene.height]).all()
