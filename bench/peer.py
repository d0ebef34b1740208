"""Servers of others, each in an environment of its own under var/bench; and how tipg is asked."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, urlencode

from sqlalchemy import Engine, TextClause, text

from bench.serving import Server, start
from earthgql.imagery.grid import Bounds
from earthgql.settings import load_settings

TIPG = ("tipg==1.6.1", "uvicorn==0.54.0")
LITSERVE = ("litserve==0.2.19",)
_VIEW = text("""
CREATE VIEW scored AS
  SELECT t.id, t.z, t.x, t.y, k.scores, t.footprint
    FROM tile t JOIN tile_score k ON k.tile_id = t.id AND k.model_id = 1
""")


def installed(name: str, packages: tuple[str, ...]) -> Path:
    """Return the Python of an environment with some packages, made where it is not yet."""
    folder = load_settings().var_dir / "bench" / name
    python, done = folder / "bin" / "python", folder / ".installed"
    if not done.exists() or done.read_text() != " ".join(packages):
        print(f"installing {', '.join(packages)} into {folder}", file=sys.stderr, flush=True)
        uv = [sys.executable, "-m", "uv"]
        subprocess.run(
            [*uv, "venv", "-q", "--clear", "--python", sys.executable, folder], check=True
        )
        subprocess.run([*uv, "pip", "install", "-q", "--python", python, *packages], check=True)
        done.write_text(" ".join(packages))
    return python


def start_tipg(engine: Engine, view: TextClause = _VIEW) -> Server:
    """Start tipg on a view called ``scored``, by default of tiles with their scores in an array."""
    python = installed("tipg", TIPG)
    with engine.begin() as conn:
        conn.execute(view)
    environment = {
        "DATABASE_URL": _url(engine),
        "TIPG_MAX_FEATURES_PER_QUERY": "10000",
        "TIPG_ADD_TILES_VIEWER": "false",
        # It looks for new tables this often.
        "TIPG_CATALOG_TTL": "36000",
    }
    command = ["-m", "uvicorn", "tipg.main:app", "--host", "127.0.0.1", "--log-level", "error"]
    return start(lambda port: [str(python), *command, "--port", str(port)], environment)


def _url(engine: Engine) -> str:
    """Name the database as tipg takes it: a socket's folder as a host, percent-encoded."""
    url = engine.url
    folder, port = url.query.get("host"), url.query.get("port", str(url.port or 5432))
    if not folder:
        return url.set(drivername="postgresql").render_as_string(hide_password=False)
    return f"postgresql://{url.username}@{quote(str(folder), safe='')}:{port}/{url.database}"


def items(bounds: Bounds, limit: int) -> str:
    """Path that asks for the features in a rectangle."""
    box = ",".join(map(repr, map(float, bounds)))
    query = urlencode({"bbox": box, "limit": limit, "f": "geojson"})
    return f"/collections/public.scored/items?{query}"
