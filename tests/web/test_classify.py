"""``POST /classify``: pictures that are not on the map, harmless and hostile."""

import io
import json
import struct
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image
from sqlalchemy import Engine
from support.api_client import NORTH_WEST, Api, make_api, viewport
from support.pixel_classifier import PIXEL_IDENTITY, GatedClassifier, pixel_scores

from earthgql.app import services_of
from earthgql.catalog.scores import as_real
from earthgql.web import classify as web_classify
from earthgql.web.classify import MAX_BYTES

RANDOM = np.random.default_rng(3)
PIXELS = (RANDOM.integers(0, 256, (256, 256, 3)) // 2 + (40, 80, 10)).astype(np.uint8)
TILES = """
query ($b: BoundsInput!) {
  tilesInBounds(bounds: $b) {
    nodes { imageUrl classification { labels scores { label score } model { name version } } }
  }
}
"""


def encoded(form: str, pixels: Any = PIXELS, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, form, **options)
    return stream.getvalue()


def send(api: Api, picture: bytes, name: str = "image", **fields: Any) -> Any:
    form = {name: (io.BytesIO(picture), "picture.bin"), **fields}
    return api.client.post("/classify", data=form)


HEAD = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
END = b"\r\n--x--\r\n"
KIND = "multipart/form-data; boundary=x"


def post(api: Api, body: bytes) -> Any:
    """Send a form as it is on the wire; the test client would leave files open for large ones."""
    return api.client.post("/classify", data=body, content_type=KIND)


def code(response: Any) -> tuple[int, str]:
    assert "Traceback" not in response.text
    return response.status_code, response.get_json()["errors"][0]["extensions"]["code"]


@pytest.fixture(scope="module")
def bare(module_engine: Engine) -> Api:
    """An application that nothing has been ingested for by this module's tests."""
    return make_api(module_engine)


def expected(pixels: Any) -> list[tuple[str, float]]:
    scores = as_real(pixel_scores(pixels[None])[0])
    return sorted(zip(PIXEL_IDENTITY.labels, scores, strict=True), key=lambda pair: -pair[1])


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("PNG", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_deflate"}),
        ("JPEG", {"quality": 90}),
        ("JPEG", {"quality": 80, "progressive": True}),
    ],
)
def test_scores_are_those_of_the_pixels(bare: Api, form: str, options: dict[str, Any]) -> None:
    picture = encoded(form, **options)
    answer = send(bare, picture)
    assert answer.status_code == 200
    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))
    counted = [(label, score) for label, score in expected(pixels) if score >= 0.5]
    told = answer.get_json()
    assert 0 < len(counted) < 17
    assert told["labels"] == [label for label, _ in counted]
    assert told["scores"] == [
        {"label": label, "score": score, "cutoff": 0.5, "margin": round(score - 0.5, 10)}
        for label, score in counted
    ]
    assert told["model"] == {
        "name": "pixel",
        "version": "1",
        "sha256": PIXEL_IDENTITY.sha256,
    }
    assert told["computedAt"].endswith("+00:00")


def test_the_same_as_of_a_tile_of_the_same_pixels(api: Api) -> None:
    [tile] = api.data(TILES, b=viewport(NORTH_WEST, 1, 1))["tilesInBounds"]["nodes"]
    told = send(api, api.client.get(tile["imageUrl"]).data).get_json()
    on_the_map = tile["classification"]
    assert told["labels"] == on_the_map["labels"]
    pairs = [{"label": entry["label"], "score": entry["score"]} for entry in told["scores"]]
    assert pairs == on_the_map["scores"]
    assert {name: told["model"][name] for name in ("name", "version")} == on_the_map["model"]


def test_cutoffs(bare: Api) -> None:
    ranked = expected(PIXELS)
    third = ranked[2]
    told = send(bare, encoded("PNG"), cutoff=str(third[1])).get_json()
    assert told["labels"] == [label for label, _ in ranked[:3]]
    assert {entry["cutoff"] for entry in told["scores"]} == {third[1]}
    own = json.dumps({ranked[0][0]: 1.0, ranked[-1][0]: 0.0})
    told = send(bare, encoded("PNG"), cutoff=str(third[1]), cutoffs=own).get_json()
    assert told["labels"] == [ranked[1][0], ranked[2][0], ranked[-1][0]]
    assert told["scores"][-1]["margin"] == pytest.approx(ranked[-1][1])
    by_query = bare.client.post(
        "/classify?cutoff=0", data={"image": (io.BytesIO(encoded("PNG")), "a.png")}
    )
    assert by_query.get_json()["labels"] == [label for label, _ in ranked]


def test_any_size_and_mode(bare: Api) -> None:
    grey = Image.fromarray(PIXELS[..., 0])
    for picture in (grey, grey.convert("1"), grey.convert("LA"), Image.new("CMYK", (5, 900))):
        stream = io.BytesIO()
        picture.save(stream, "TIFF")
        assert send(bare, stream.getvalue()).status_code == 200


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
@pytest.mark.parametrize(
    ("orientation", "turn"),
    [(3, Image.Transpose.ROTATE_180), (5, Image.Transpose.TRANSPOSE)],
)
def test_a_turned_picture_scores_as_the_upright_one(
    bare: Api, form: str, orientation: int, turn: Image.Transpose
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    turned = encoded(form, np.asarray(Image.fromarray(PIXELS).transpose(turn)), exif=exif)
    answer = send(bare, turned, cutoff="0").get_json()
    assert [(entry["label"], entry["score"]) for entry in answer["scores"]] == expected(PIXELS)


def test_a_tiff_of_numbers_without_a_range_is_refused(bare: Api) -> None:
    stream = io.BytesIO()
    Image.fromarray(PIXELS[..., 0].astype(np.float32)).save(stream, "TIFF")
    response = send(bare, stream.getvalue())
    assert code(response) == (422, "IMAGE_UNREADABLE")
    message = response.get_json()["errors"][0]["message"]
    assert "(1 band of 32 bits) is not taken: convert it to 8-bit RGB" in message


def test_nothing_is_stored_and_the_database_not_used(bare: Api) -> None:
    send(bare, encoded("PNG"))
    with bare.statements() as seen:
        assert send(bare, encoded("PNG")).status_code == 200
    assert seen == []


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size, with a scan line of nothing."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


def tiff_header(width: int, height: int) -> bytes:
    """A TIFF that claims a size and says that its only strip is far behind its end."""
    tags = [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 2**31), (277, 1)]
    tags += [(278, height), (279, 2**31)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + struct.pack("<I", 0)


@pytest.mark.parametrize(
    "picture",
    [
        b"no picture at all",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<VRTDataset rasterXSize='1' rasterYSize='1'/>",
        encoded("GIF"),
        encoded("WEBP"),
        encoded("BMP"),
        encoded("JPEG")[:5000],
        encoded("PNG")[:5000],
        encoded("TIFF")[:5000],
        encoded("PNG")[:9],
        b"\xff\xd8\xff\xe0",
        b"II*\0",
        b"II*\0\xff\xff\xff\xff",
        png_header(256, 256),
        png_header(5_001, 5_000),
        png_header(30_000, 30_000),
        png_header(2**31 - 1, 2**31 - 1),
        tiff_header(256, 256),
        tiff_header(100_000, 100_000),
    ],
    ids=lambda value: repr(value[:24]),
)
def test_hostile_pictures(bare: Api, picture: bytes) -> None:
    assert code(send(bare, picture)) == (422, "IMAGE_UNREADABLE")


@pytest.mark.parametrize("side", [5_001, 10_000, 12_000, 30_000, 2**31 - 1])
def test_pictures_that_claim_too_many_pixels(bare: Api, side: int) -> None:
    response = send(bare, png_header(side, side))
    assert code(response) == (422, "IMAGE_UNREADABLE")
    message = response.get_json()["errors"][0]["message"]
    assert "damaged" not in message
    assert "the limit is 25" in message


def test_forms_of_many_parts(bare: Api) -> None:
    response = send(bare, encoded("PNG"), **{f"note{k}": "x" for k in range(20)})
    assert code(response) == (413, "REQUEST_TOO_LARGE")
    assert "8 parts" in response.get_json()["errors"][0]["message"]


def test_forms_without_one_picture(bare: Api) -> None:
    picture = encoded("PNG")
    two = {"image": [(io.BytesIO(picture), "a.png"), (io.BytesIO(picture), "b.png")]}
    for form in (
        {},
        {"image": "text"},
        {"file": (io.BytesIO(picture), "a.png")},
        {"image": (io.BytesIO(b""), "a.png")},
        two,
        {"image": (io.BytesIO(picture), "a.png"), "other": (io.BytesIO(picture), "b.png")},
    ):
        response = bare.client.post("/classify", data=form, content_type="multipart/form-data")
        assert code(response) == (400, "BAD_USER_INPUT"), form


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"cutoff": "much"}, "cutoff must be a number"),
        ({"cutoff": "2"}, "cutoff must be between 0 and 1, not 2"),
        ({"cutoff": "nan"}, "cutoff must be between 0 and 1"),
        ({"cutoffs": "{"}, "cutoffs must be a JSON object"),
        ({"cutoffs": "[1]"}, "cutoffs must be a JSON object"),
        ({"cutoffs": '{"road": "x"}'}, "cutoffs must be a JSON object"),
        ({"cutoffs": '{"road": "0.5"}'}, "cutoffs must be a JSON object"),
        ({"cutoffs": '{"road": true}'}, "cutoffs must be a JSON object"),
        ({"cutoffs": '{"road": %s}' % ("9" * 400)}, "cutoffs must be a JSON object"),
        ({"cutoffs": '{"road": %s}' % ("9" * 5000)}, "cutoffs must be a JSON object"),
        ({"cutoffs": '{"road": 0.5, "road": 0.6}'}, "cutoffs gives 'road' twice"),
        ({"cutoffs": "[" * 100_000}, "cutoffs must be a JSON object"),
        ({"cutoffs": '{"rod": 0.1}'}, "'road'"),
        ({"cutoffs": '{"road": 1.5}'}, "cutoff of road must be between 0 and 1"),
    ],
)
def test_cutoffs_that_are_none(bare: Api, fields: dict[str, str], message: str) -> None:
    response = send(bare, encoded("PNG"), **fields)
    assert code(response) == (400, "BAD_USER_INPUT")
    assert message in response.get_json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "content_type", ["image/png", "application/json", "application/x-www-form-urlencoded", ""]
)
def test_other_content_types(bare: Api, content_type: str) -> None:
    response = bare.client.post("/classify", data=encoded("PNG"), content_type=content_type)
    assert code(response) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_a_form_that_is_cut_short(bare: Api) -> None:
    whole = HEAD + encoded("PNG") + END
    assert post(bare, whole).status_code == 200
    for end in (len(HEAD) // 2, len(HEAD) + 1000, len(whole) - 12):
        assert code(post(bare, whole[:end])) == (400, "BAD_USER_INPUT"), end
        # The same, with the length that was meant to come.
        response = bare.client.post(
            "/classify",
            input_stream=io.BytesIO(whole[:end]),
            content_length=len(whole),
            content_type=KIND,
        )
        assert code(response) == (400, "BAD_USER_INPUT"), end
    for kind in ("multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data;"):
        response = bare.client.post("/classify", data=whole, content_type=kind)
        assert code(response) == (400, "BAD_USER_INPUT")


def test_ten_megabytes_at_most(bare: Api) -> None:
    # What follows the end of a JPEG is nobody's business.
    picture = encoded("JPEG")
    most = picture + b"\0" * (MAX_BYTES - len(picture))
    assert post(bare, HEAD + most + END).status_code == 200
    for more in (1, 1_000_000):
        body = HEAD + most + b"\0" * more + END
        assert code(post(bare, body)) == (413, "REQUEST_TOO_LARGE")
    notes = b'--x\r\nContent-Disposition: form-data; name="notes"\r\n\r\n' + b"x" * 1_000_000
    assert code(post(bare, notes + END)) == (413, "REQUEST_TOO_LARGE")


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_uploads_share_batches_with_tiles(fresh_api: Api) -> None:
    gated = GatedClassifier()
    api = make_api(fresh_api.engine, gated)
    scoring = services_of(api.app).scoring
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(send, api, encoded("PNG"))
        gated.wait_begun()
        others = [pool.submit(send, api, encoded("PNG")) for _ in range(2)]
        tiles = pool.submit(api.ask, TILES, b=viewport(NORTH_WEST, 1, 1))
        wait_until(lambda: len(scoring._pending.batcher) == 3)
        gated.let()
        answers = [future.result() for future in (first, *others)]
        assert tiles.result()["data"]["tilesInBounds"]["nodes"][0]["classification"]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert gated.submissions == [1, 3]
    assert scoring.in_flight == 0


def test_too_many_at_once_and_too_slow(fresh_api: Api) -> None:
    gated = GatedClassifier()
    api = make_api(fresh_api.engine, gated, queue_size=1, inference_deadline=0.5)
    scoring = services_of(api.app).scoring
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(send, api, encoded("PNG"))
        gated.wait_begun()
        assert code(send(api, encoded("PNG"))) == (503, "OVERLOADED")
        assert code(slow.result()) == (504, "TIMEOUT")
    gated.let()
    wait_until(lambda: scoring.in_flight == 0)
    assert send(api, encoded("PNG")).status_code == 200


def test_a_picture_waits_only_so_long_for_others_to_be_decoded(
    bare: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_classify, "WAIT_S", 0.0)
    api = make_api(bare.engine)
    large = encoded("PNG", np.zeros((5000, 5000, 3), np.uint8), compress_level=1)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: send(api, large), range(8)))
    assert {answer.status_code for answer in answers} == {200, 503}
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert code(refused) == (503, "OVERLOADED")
    assert refused.headers["Retry-After"] == "2"
    assert send(api, large).status_code == 200
