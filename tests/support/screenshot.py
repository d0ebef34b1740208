"""The picture of the map in the README: ``python -m tests.support.screenshot [URL]``.

Without the URL of a server that has the demo's landscape, the demo is started for it.
"""

import io
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from PIL import Image

from earthgql.settings import PROJECT_ROOT
from tests.support.chromium import running_chromium

PICTURE = PROJECT_ROOT / "docs/map.webp"
MAX_BYTES = 300_000
PORT = 8790
SHOWN = {"map": "12.4/-3.13/-54.866", "label": "water"}
_SIZE = {"width": 1280, "height": 800}
_PAINTED = '.map[aria-busy="false"]'
_WAIT_MS = 60_000


@contextmanager
def serving_demo() -> Iterator[str]:
    """Run the demo until it has classified its tiles and serves them, and return its address."""
    command = [sys.executable, str(PROJECT_ROOT / "manage.py"), "demo", "--port", str(PORT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout
        try:
            if not any(line.startswith("Ready.") for line in demo.stdout):
                sys.exit("Error: the demo did not start")
            yield f"http://127.0.0.1:{PORT}"
        finally:
            demo.terminate()


def take(url: str) -> Image.Image:
    """Open the map of a server and return what the page shows."""
    with running_chromium() as browser:
        page = browser.new_page(viewport=_SIZE, locale="en-US", color_scheme="light")
        page.goto(f"{url}/?{urlencode(SHOWN)}")
        page.wait_for_selector(_PAINTED, timeout=_WAIT_MS)
        page.wait_for_selector(".histogram", timeout=_WAIT_MS)
        page.wait_for_load_state("networkidle")
        return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def save(picture: Image.Image, path: Path) -> int:
    """Write a picture as WebP, in the best quality that is small enough; return its bytes."""
    for quality in (90, 80, 70, 60, 50):
        encoded = io.BytesIO()
        picture.save(encoded, "WEBP", quality=quality, method=6)
        if len(encoded.getvalue()) <= MAX_BYTES:
            path.write_bytes(encoded.getvalue())
            return len(encoded.getvalue())
    raise ValueError(f"{path.name} would be larger than {MAX_BYTES} bytes")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        shown = take(sys.argv[1])
    else:
        with serving_demo() as address:
            shown = take(address)
    size = save(shown, PICTURE)
    print(f"{PICTURE.relative_to(PROJECT_ROOT)}: {size:,} bytes")  # noqa: T201
