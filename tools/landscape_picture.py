"""Cut docs/landscape.webp out of the demo's generated landscape: a bend of its river, and a town.

    .venv/bin/python -m tools.landscape_picture [FILE.webp]

Renders the landscape first, unless `make demo` has; the picture is shown pixel by pixel.
"""

import sys
from pathlib import Path

import rasterio
from PIL import Image
from rasterio.windows import Window

from earthgql.demo.scene_file import ensure_scene_file
from earthgql.settings import PROJECT_ROOT, load_settings

WINDOW = Window(1850, 1500, 1600, 1000)
QUALITY = 88


def main() -> None:
    """Write the picture."""
    path = Path(sys.argv[1]) if sys.argv[1:] else PROJECT_ROOT / "docs" / "landscape.webp"
    raster = ensure_scene_file(load_settings().var_dir / "demo", date=0).raster
    with rasterio.open(raster) as scene:
        pixels = scene.read(window=WINDOW).transpose(1, 2, 0)
    Image.fromarray(pixels).save(path, quality=QUALITY, method=6)
    sys.stdout.write(f"{path}: {path.stat().st_size / 1000:.0f} kB\n")


if __name__ == "__main__":
    main()
