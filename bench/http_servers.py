"""HTTP servers that `python -m bench attacks --servers` compares, all with the same application.

    python -m bench.http_servers waitress 8000

Each runs as one process with 16 threads for requests, with the time limits that it has. The
database is that of ``EARTHGQL_DATABASE_URL``. Packages that the product does not need are
installed into var/bench/servers.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.serving import THREADS
from earthgql.settings import load_settings

PACKAGES = (
    *("waitress==3.0.2", "granian==2.8.9", "cheroot==11.1.2", "hypercorn==0.18.0"),
    *("uvicorn==0.54.0", "httptools==0.9.0", "a2wsgi==1.10.10"),
)
HOST = "127.0.0.1"
HEADER_S = 10


def application() -> Any:
    """Make the application as ``serve`` makes it."""
    from earthgql.app import create_app

    return create_app(load_settings())


def bridged() -> Any:
    """The application for ASGI servers."""
    from a2wsgi import WSGIMiddleware

    return WSGIMiddleware(application(), workers=THREADS)


def gunicorn(port: int) -> None:
    from gunicorn.app.base import BaseApplication

    class Server(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            options = {"bind": f"{HOST}:{port}", "worker_class": "gthread", "threads": THREADS}
            kept = {"control_socket_disable": True, "timeout": 300, "loglevel": "error"}
            for name, value in (options | kept).items():
                self.cfg.set(name, value)

        def load(self) -> Any:
            return application()

    Server().run()


def waitress(port: int) -> None:
    from waitress import serve

    serve(application(), host=HOST, port=port, threads=THREADS, connection_limit=2000,
          channel_timeout=HEADER_S, cleanup_interval=1, asyncore_use_poll=True)  # fmt: skip


def cheroot(port: int) -> None:
    from cheroot.wsgi import Server

    Server((HOST, port), application(), numthreads=THREADS, timeout=HEADER_S).safe_start()


def granian(port: int) -> None:
    from granian import Granian
    from granian.http import HTTP1Settings

    Granian(
        "bench.http_servers:application", HOST, port, interface="wsgi", factory=True,
        blocking_threads=THREADS, backpressure=4 * THREADS, websockets=False, http="1",
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_S * 1000), log_level="error",
    ).serve()  # fmt: skip


def hypercorn(port: int) -> None:
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    async def run() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
        config = Config()
        config.bind, config.read_timeout = [f"{HOST}:{port}"], HEADER_S
        await serve(application(), config, mode="wsgi")

    asyncio.run(run())


def uvicorn(port: int) -> None:
    from uvicorn import run

    run(bridged(), host=HOST, port=port, http="httptools", ws="none", log_level="error")


SERVERS: dict[str, Callable[[int], None]] = {
    "gunicorn gthread": gunicorn,
    "waitress": waitress,
    "cheroot": cheroot,
    "granian": granian,
    "hypercorn": hypercorn,
    "uvicorn httptools": uvicorn,
}
"""By name: runs a server on a port."""


def install() -> Path:
    """Return the folder with what the product does not need, filled where it is not yet."""
    folder = load_settings().var_dir / "bench" / "servers"
    done = folder / ".installed"
    if not done.exists() or done.read_text() != " ".join(PACKAGES):
        uv = [sys.executable, "-m", "uv", "pip", "install", "-q", "--python", sys.executable]
        subprocess.run([*uv, "--target", folder, *PACKAGES], check=True)
        done.write_text(" ".join(PACKAGES))
    return folder


def command(name: str) -> Callable[[int], list[str]]:
    """Command of one of the servers, for ``bench.serving.start``."""
    return lambda port: [sys.executable, "-m", "bench.http_servers", name, str(port)]


if __name__ == "__main__":
    extra = str(load_settings().var_dir / "bench" / "servers")
    sys.path.append(extra)  # behind the product's own packages
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)  # for processes that a server spawns
    SERVERS[sys.argv[1]](int(sys.argv[2]))
