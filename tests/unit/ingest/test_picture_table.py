from pathlib import Path

import pytest
from support.imagery_files import encoded, plain

from earthgql.errors import IngestError
from earthgql.ingest.picture_table import PictureTable
from earthgql.ingest.pyramid_source import PyramidSource
from earthgql.ingest.scene_source import SceneMetadata
from earthgql.ingest.store import dry_run

HEADER = "id,z_coord,x_coord,y_coord,path\n"


def write(tmp_path: Path, content: str | bytes) -> PictureTable:
    table = tmp_path / "t.csv"
    table.write_bytes(content.encode() if isinstance(content, str) else content)
    return PictureTable(table, tmp_path)


def paths(table: PictureTable) -> list[tuple[int, int, int, str]]:
    return [(z, x, y, path) for z, x, y, path, _ in table]


def refusal(tmp_path: Path, content: str | bytes) -> str:
    with pytest.raises(IngestError) as refused:
        list(write(tmp_path, content))
    message = str(refused.value)
    assert message.startswith(f"{tmp_path / 't.csv'} line ")
    return message.removeprefix(f"{tmp_path / 't.csv'} ")


ROWS = [(3, 1, 2, "p/a.png"), (3, 2, 2, "p/ä,b.png")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_fields_and_encodings_of_all_kinds_are_read(
    tmp_path: Path, delimiter: str, encoding: str, end: str
) -> None:
    lines = [["path", "Y_Coord ", "x_coord", "z_coord", "note"]]
    lines += [[f'"{path}"', str(y), str(x), str(z), ""] for z, x, y, path in ROWS]
    content = end.join(delimiter.join(line) for line in lines) + end + delimiter * 4 + end + end
    table = write(tmp_path, content.encode(encoding))
    assert paths(table) == ROWS
    said = " ".join(table.notes())
    assert ("separated by" in said) == (delimiter != ",")
    assert "all 2 pictures are missing, the first is p/a.png" in said


def test_the_first_line_of_excel_is_passed_over(tmp_path: Path) -> None:
    assert paths(write(tmp_path, "sep=;\n" + HEADER.replace(",", ";") + "1;3;1;2;a.png\n")) == [
        (3, 1, 2, "a.png")
    ]
    assert refusal(tmp_path, "sep=;\n" + HEADER.replace(",", ";") + "1;3;1;x;a.png\n") == (
        "line 3: z, x, y must be whole numbers, and no field missing"
    )


ROW = "1,3,1,2,a.png\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (HEADER + ROW + '2,3,2,2,"b.png\n' + "3,3,3,2,c.png\n" * 2000, "line 3: a quote is not"),
        (HEADER + ROW + '2,3,2,2,"b.png\n' + "3,3,3,2,c.png\n" * 20_000, "line 3: a quote is not"),
        (HEADER + ROW + '2,3,2,2,"b.png\n3,3,3,2,"c.png"\n', "line 3: a quote is not closed"),
        (HEADER + ROW + '2,3,2,2,b.png"\n', "line 3: a quote is not closed"),
        (HEADER + ROW + '2,3,2,2,"b".png\n', "line 3: "),
        ('id,z_coord,x_coord,y_coord,"path\n' + ROW, "line 1: a quote is not closed"),
        (HEADER + "1,3,1,2,a,b.png\n", "line 2: 6 fields, but 5 columns"),
        (HEADER + "1,3,1,2\n", "line 2: z, x, y must be whole numbers, and no field missing"),
        (HEADER + "1,3.0,1,2,a.png\n", "line 2: z, x, y must be whole numbers"),
        (HEADER + "1,3,1_0,2,a.png\n", "line 2: z, x, y must be whole numbers"),
        (HEADER + ROW + "1,3,8,2,a.png\n", "line 3: z=3 x=8 y=2 is not in the grid: beyond 0 to 7"),
        (HEADER + ROW + "1,3,1,-1,a.png\n", "line 3: z=3 x=1 y=-1 is not in the grid"),
        (HEADER + "1,25,1,1,a.png\n", "line 2: z=25 x=1 y=1 is not in the grid: zooms are 0 to 24"),
        (HEADER + "1,3,1,2,https://x.org/a.png\n", "line 2: 'https://x.org/a.png' is a URL"),
        (HEADER + "1,3,1,2,file:///tmp/a.png\n", "line 2: 'file:///tmp/a.png' is a URL"),
        (HEADER + "1,3,1,2,C:\\tiles\\a.png\n", "line 2: 'C:\\\\tiles\\\\a.png' is not a path"),
        (HEADER + "1,3,1,2,..\\a.png\n", "line 2: '..\\\\a.png' is not a path below --root"),
        (HEADER + "1,3,1,2,\\\\host\\a.png\n", "line 2: "),
        (HEADER + "1,3,1,2, \n", "line 2: ' ' is not a path below --root"),
        (HEADER + "1,3,1,2,.\n", "line 2: '.' is not a file"),
        (HEADER.replace("id", "path") + ROW, "line 1: there are two columns path"),
        ("z;x;y;path\n3;1;2;a.png\n", "line 1: no column z_coord, x_coord, y_coord"),
        ((HEADER + ROW * 2000).encode() + b"1,3,1,2,\xe4.png\n", "line 2002: cannot be read as"),
        ((HEADER + ROW).encode("utf-16")[:-1], "line 2: cannot be read as CSV: the text"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    assert refusal(tmp_path, content).startswith(message)


@pytest.mark.parametrize("scheme", ["tms", "xyz"])
def test_a_tile_listed_twice_is_named_as_written(tmp_path: Path, scheme: str) -> None:
    rows = "".join(f"{i},12,{i % 4096},{i // 4096},a.png\n" for i in range(30_000))
    table = write(tmp_path, HEADER + rows + "x,12,5,2,b.png\n")
    source = PyramidSource("t", str(tmp_path), scheme, table, SceneMetadata())
    with pytest.raises(IngestError) as refused:
        dry_run(source)
    first, second = 2 * 4096 + 5 + 2, 30_002
    assert str(refused.value) == (
        f"{tmp_path / 't.csv'} line {second}: z=12 x=5 y=2 is listed twice, first in line {first}"
    )


def test_backslashes_are_read_as_slashes_where_that_finds_the_picture(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.png").write_bytes(encoded(plain()))
    (tmp_path / "odd\\name.png").write_bytes(encoded(plain()))
    table = write(tmp_path, HEADER + "1,3,1,2,p\\a.png\n2,3,2,2,odd\\name.png\n3,3,3,2,p\\b.png\n")
    listed = [(path, fingerprint is not None) for *_, path, fingerprint in table]
    assert listed == [("p/a.png", True), ("odd\\name.png", True), ("p/b.png", False)]
    assert table.notes() == [
        "in 2 paths, backslashes are read as slashes",
        "warning: 1 of 3 pictures are missing, the first is p/b.png",
    ]
