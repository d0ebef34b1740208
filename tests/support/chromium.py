"""A Chromium for the browser tests: the system's, else the distribution's, unpacked under var/.

``python tests/support/chromium.py`` gets it and prints its path.
"""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from earthgql.database.private import debian
from earthgql.errors import SetupError
from earthgql.settings import load_settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Own pages only are opened, so a sandbox, which root cannot have, is not missed. The others keep
# the browser from asking its maker's servers at every start.
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_SYSTEM = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")
_REMEDY = (
    "install Chromium or Google Chrome so that `chromium` or `google-chrome` is on PATH; on Ubuntu "
    "the package chromium-browser is only a stub for a snap: `snap install chromium`, or the "
    "google-chrome-stable package of its maker"
)
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{root}/usr/share/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>{cache}</cachedir>
</fontconfig>
"""


@dataclass(frozen=True, slots=True)
class Chromium:
    """A browser that can be started.

    Attributes:
        path: of the program.
        environment: all variables to start it with.
        arguments: to start it with, for no screen and no network but one's own.
    """

    path: str
    environment: Mapping[str, str]
    arguments: tuple[str, ...] = ARGUMENTS


def find_chromium() -> Chromium:
    """Find a Chromium or Chrome on PATH, else unpack the distribution's (140 MB) under var/.

    Raises:
        SetupError: if there is none to be had; the message says what to do.
    """
    for name in _SYSTEM:
        if (path := shutil.which(name)) and not _is_snap_stub(path):
            return Chromium(path, dict(os.environ))
    packages = load_settings().var_dir / "debian"
    try:
        tree = debian.unpack(packages, "chromium", _wanted, _say)
    except SetupError as error:
        raise SetupError(f"no Chromium: {error}; {_REMEDY}") from None
    program = tree.root / "usr/lib/chromium/chromium"
    if missing := tree.missing_libraries([program]):
        raise SetupError(f"the unpacked Chromium lacks {', '.join(sorted(missing))}; {_REMEDY}")
    fonts = packages / "chromium-fonts.conf"
    fonts.write_text(_FONTS.format(root=tree.root, cache=packages / "chromium-fonts"))
    environment = os.environ | tree.environment() | {"FONTCONFIG_FILE": str(fonts)}
    return Chromium(str(program), environment)


@contextmanager
def running_chromium() -> Iterator["Browser"]:
    """Run a Chromium without a screen, which draws WebGL without a graphics card.

    While it runs, so does Playwright's event loop, and no other can in this thread.
    """
    from playwright.sync_api import sync_playwright

    chromium = find_chromium()
    # Playwright's own Node.js needs a library (libatomic) that a bare Debian lacks.
    node = shutil.which("node") or str(Path(sys.executable).with_name("node"))
    os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", node)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium.path,
            env=dict(chromium.environment),
            args=[*chromium.arguments, "--enable-unsafe-swiftshader"],
        )
        yield browser
        browser.close()


def _is_snap_stub(path: str) -> bool:
    with Path(path).open("rb") as program:
        start = program.read(4096)
    return start.startswith(b"#!") and b"snap install" in start


def _wanted(apt: debian.Apt) -> list[str]:
    names = apt.names("chromium|chromium-common|fonts-dejavu-core")
    if "chromium" not in names or "chromium-common" not in names:
        raise SetupError(f"{debian.release()} has no package of it")
    return names


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    try:
        print(find_chromium().path)  # noqa: T201
    except SetupError as error:
        sys.exit(f"Error: {error}")
