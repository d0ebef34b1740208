"""Run the application under gunicorn, for ``serve`` and ``demo``."""

import logging
import resource
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication

from earthgql.cli.server.background import WorkerHooks
from earthgql.cli.server.http.limits import Limits
from earthgql.cli.server.http.worker import BufferingWorker
from earthgql.errors import BadInputError, SetupError
from earthgql.settings import Settings

if TYPE_CHECKING:
    from earthgql.models import Classifier

_GRACE_S = 10
_OTHER_FILES = 256
_POLL_S = 0.2
_WORKER_TIMEOUT_S = 300
# How long loading takes if the network is converted already.
_PRELOAD_WAIT_S = 2.0
# A connection is in use for milliseconds; PostgreSQL allows 100 by default.
_MOST_CONNECTIONS = 32


def serve(
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: int = 1,
    threads: int = 16,
    dev: bool = False,
    access_log: bool = False,
    quiet: bool = False,
    on_up: Callable[[str], None] | None = None,
) -> None:
    """Serve until interrupted; leaves by ``SystemExit``.

    Every worker makes its own application, engine and model. TensorFlow must not have run in this
    process before: it does not survive the fork, and a worker would hang.

    Args:
        settings: of this process.
        host: name or address to listen on.
        port: to listen on.
        workers: processes; each holds a model of its own.
        threads: requests that a worker answers at the same time.
        dev: whether to restart workers when the code changes.
        access_log: whether to log every request to standard output.
        quiet: whether to log warnings and errors only.
        on_up: called once with the server's URL, in a thread of the first worker, when it answers;
            loading the model has then begun.

    Raises:
        SetupError: if the port is taken or the address is none of this machine's.
    """
    check_free(host, port)
    if quiet and settings.log_level == "INFO":
        settings = settings.model_copy(update={"log_level": "WARNING"})
    settings = settings.model_copy(update={"pool_size": pool_size(settings, threads)})
    options: dict[str, Any] = {
        "bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        "workers": workers,
        "threads": threads,
        "worker_class": BufferingWorker,
        "reload": dev,
        "accesslog": "-" if access_log else None,
        "loglevel": settings.log_level.lower(),
        # While a model is loaded, the worker may not respond for seconds.
        "timeout": _WORKER_TIMEOUT_S,
        "graceful_timeout": round(settings.inference_deadline) + _GRACE_S,
        # The control socket would be in the home directory.
        "control_socket_disable": True,
        "proc_name": "earthgql",
    }
    url = url_of(host, port)
    hooks = WorkerHooks(settings, None if on_up is None else lambda: _call_when_up(on_up, url))
    options |= {"post_worker_init": hooks.begin, "worker_exit": hooks.end}
    _Server(settings, options).run()


def pool_size(settings: Settings, threads: int) -> int:
    """Return the database connections of a worker: one a thread unless set, 32 at most."""
    return settings.pool_size or min(threads, _MOST_CONNECTIONS)


def streams(threads: int) -> int:
    """Return the most event streams of a worker at once: a fourth of its threads."""
    return 0 if threads < 2 else max(1, threads // 4)


def url_of(host: str, port: int) -> str:
    """Return the URL of a server on this machine that listens on an address."""
    reachable = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def parse_address(text: str) -> tuple[str, int]:
    """Split ``HOST:PORT`` (``[::1]:8000`` for IPv6).

    Raises:
        BadInputError: if it is not of that form.
    """
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or not 0 < int(port) < 65536 or not host:
        raise BadInputError(f"{text!r} is not HOST:PORT, such as 127.0.0.1:8000")
    return host.strip("[]"), int(port)


def check_free(host: str, port: int, example: str = "--bind 127.0.0.1:8123") -> None:
    """Check that a server could listen on an address.

    Args:
        host: name or address.
        port: number of the port.
        example: option with which the user could choose another address, for the message.

    Raises:
        SetupError: if the port is taken or the address is none of this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        raise SetupError(
            f"cannot listen on {host} port {port} ({error.strerror}): choose another address, "
            f"such as {example}"
        ) from error


class _Server(BaseApplication):  # type: ignore[misc]
    """The application for gunicorn, made in each worker; options are set here.

    Attributes:
        limits: of the connections of a worker.
    """

    def __init__(self, settings: Settings, options: dict[str, Any]) -> None:
        self.limits = Limits(
            connections=_room_for(settings.connections),
            per_address=settings.connections_per_address,
        )
        self._settings = settings
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        """Hand the options to gunicorn."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> object:
        """Make the application, in the worker, so that --dev sees changed code."""
        model = _ModelPreload(self._settings)
        model.wait(_PRELOAD_WAIT_S)
        from earthgql.app import create_app

        logging.basicConfig(
            level=self._settings.log_level,
            format="[%(asctime)s] [%(process)d] [%(levelname)s] %(name)s: %(message)s",
        )
        return create_app(
            self._settings,
            load_classifier=model.load,
            streams=streams(self._options["threads"]),
        )


def _room_for(connections: int) -> int:
    """Return how many connections there may be with the files that this process may open.

    What waits in temporary files takes two more for a connection.
    """
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 3 * connections + _OTHER_FILES
    if 0 <= now < wanted:
        now = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (now, most))
    return connections if not 0 <= now < wanted else max(1, (now - _OTHER_FILES) // 3)


class _ModelPreload:
    """Loads the model in a thread while the application is made: the first time takes a minute."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._begun: Future[Classifier] | None = Future()
        threading.Thread(target=self._run, args=(self._begun,), daemon=True).start()

    def wait(self, seconds: float) -> None:
        """Wait for the model: loading it and importing the application together take longer."""
        if self._begun is not None:
            wait([self._begun], seconds)

    def load(self) -> "Classifier":
        """Return the preloaded model; load it again when called again, as after a failure."""
        from earthgql.models import load_classifier

        begun, self._begun = self._begun, None
        return load_classifier(self._settings) if begun is None else begun.result()

    def _run(self, begun: "Future[Classifier]") -> None:
        try:
            from earthgql.models import load_classifier

            begun.set_result(load_classifier(self._settings))
        except BaseException as error:
            begun.set_exception(error)


def _call_when_up(on_up: Callable[[str], None], url: str) -> None:
    while not _is_up(url):
        time.sleep(_POLL_S)
    on_up(url)


def _is_up(url: str) -> bool:
    try:
        # A request to /readyz makes the server load the model.
        with urllib.request.urlopen(f"{url}/readyz", timeout=10):  # noqa: S310
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
