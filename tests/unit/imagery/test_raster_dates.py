"""When a raster was acquired: by its tags, or its name."""

from pathlib import Path

import pytest
from support.imagery_files import noise, write_raster
from support.raster_scenes import source

from earthgql.errors import IngestError
from earthgql.imagery.guard import open_raster
from earthgql.imagery.raster.dates import acquisition_time, date_in_name, name_pattern, parse_tag


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("2016-10-04T12:37:05+00:00", "2016-10-04T12:37:05+00:00"),
        ("2016-10-04T12:37:05+02:00", "2016-10-04T12:37:05+02:00"),
        ("2016-10-04T12:37:05-0300", "2016-10-04T12:37:05-03:00"),
        ("2016-10-04 12:37:05 +05", "2016-10-04T12:37:05+05:00"),
        ("2016-10-04T12:37:05.123456789Z", "2016-10-04T12:37:05.123456+00:00"),
        ("2016-10-04T12:37:05,5 UTC", "2016-10-04T12:37:05.500000+00:00"),
        ("2016-10-04T12:37Z", "2016-10-04T12:37:00+00:00"),
        ('"2016-10-04T12:37:05.000000Z";', None),
        ('"2016-10-04T12:37:05.000000Z"', "2016-10-04T12:37:05+00:00"),
        ("2016:10:04 12:37:05", "2016-10-04T12:37:05+00:00"),
        ("20161004T123705", "2016-10-04T12:37:05+00:00"),
        ("20161004", "2016-10-04T00:00:00+00:00"),
        ("2016-13-40", None),
        ("2016-10-04T12:37:05+24:00", None),
        ("9999-12-31T23:00:00-02:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_tags_are_parsed(value: str, wanted: str | None) -> None:
    found = parse_tag(value)
    assert (found and found.isoformat()) == wanted


@pytest.mark.parametrize(
    ("tags", "tag", "wanted"),
    [
        ({"acquired": "2020-01-02T03:04:05.6Z"}, "ACQUIRED", "2020-01-02T03:04:05.600000+00:00"),
        (
            {"DATE_ACQUIRED": "2020-05-18", "SCENE_CENTER_TIME": '"13:38:01.5Z"'},
            "DATE_ACQUIRED",
            "2020-05-18T13:38:01.500000+00:00",
        ),
        (
            {"PRODUCT_START_TIME": "2020-05-18T13:38:01.024Z", "PRODUCT_STOP_TIME": "2020"},
            "PRODUCT_START_TIME",
            "2020-05-18T13:38:01.024000+00:00",
        ),
        ({"firstLineTime": "2019-03-04T05:06:07Z"}, "FIRSTLINETIME", "2019-03-04T05:06:07+00:00"),
        (
            {"IMAGING_DATE": "2018-07-08", "IMAGING_TIME": "10:11:12.0Z"},
            "IMAGING_DATE",
            "2018-07-08T10:11:12+00:00",
        ),
        (
            {
                "TIFFTAG_DATETIME": "2022:01:01 00:00:00",
                "SENSING_TIME": "2021-02-03T04:05:06+02:00",
            },
            "SENSING_TIME",
            "2021-02-03T04:05:06+02:00",
        ),
    ],
)
def test_tags_of_producers_come_before_the_time_of_writing(
    tmp_path: Path, tags: dict[str, str], tag: str, wanted: str
) -> None:
    path = write_raster(tmp_path / "t.tif", noise(1, 8, 8), tags=tags)
    with open_raster(tmp_path, path) as dataset:
        found = acquisition_time(dataset)
    assert found is not None
    assert (found[0].isoformat(), found[1]) == (wanted, tag)


def test_the_time_of_writing_is_said_to_be_that(tmp_path: Path) -> None:
    tags = {"TIFFTAG_DATETIME": "2022:01:01 00:00:00"}
    raster = source(write_raster(tmp_path / "t.tif", noise(1), tags=tags))
    date = raster.metadata().acquired_at
    assert date is not None
    assert date.isoformat() == "2022-01-01T00:00:00+00:00"
    assert raster.notes() == [
        "its date, 2022-01-01, is that of the tag TIFFTAG_DATETIME, often the time of writing; "
        "--acquired-at gives another"
    ]


@pytest.mark.parametrize(
    ("name", "pattern", "wanted"),
    [
        ("20200518_133801_1025_3B.tif", None, "2020-05-18T13:38:01+00:00"),
        ("S2A_MSIL2A_20200518T133801_N0214.tif", None, "2020-05-18T13:38:01+00:00"),
        ("LC08_L1TP_227073_20200518_20200820_02_T1.tif", None, "2020-05-18T00:00:00+00:00"),
        ("field 2020-05-18.tif", None, "2020-05-18T00:00:00+00:00"),
        ("tile_12345678_9.tif", None, None),
        ("20201340.tif", None, None),
        ("a_18.05.2020.tif", "%d.%m.%Y", "2020-05-18T00:00:00+00:00"),
        ("LE72270732003123.tif", "LE7??????%Y%j", None),
        ("LE72270732003123.tif", "LE7227073%Y%j", "2003-05-03T00:00:00+00:00"),
        ("x_2020_y_0518.tif", "x_%Y*_%m%d", "2020-05-18T00:00:00+00:00"),
    ],
)
def test_dates_in_names(name: str, pattern: str | None, wanted: str | None) -> None:
    found = date_in_name(name, name_pattern(pattern))
    assert (found and found.isoformat()) == wanted


@pytest.mark.parametrize("pattern", ["%m%d", "%Y%x", "%Y%Y", "%", "date"])
def test_impossible_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(IngestError, match="--acquired-pattern"):
        name_pattern(pattern)


def test_a_name_without_a_date_is_an_error(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "field.tif", noise(1))
    with pytest.raises(IngestError, match=r"field\.tif: no date is found in its name"):
        source(path, acquired_from_name=True).metadata()
