"""`manage.py serve`, which also tells what its batcher and its threads have done.

    python -m bench.flow_server --bind 127.0.0.1:8000

With the same options and settings as `manage.py serve`: what is measured is what is served.
"""

import threading
import time
from collections import Counter
from dataclasses import asdict
from typing import Any

from flask import Flask
from flask.typing import ResponseReturnValue

import earthgql.app
from earthgql.cli.server.serve import serve


def told(application: Flask) -> Flask:
    """Add what a benchmark wants to know."""
    scoring = earthgql.app.services_of(application).scoring

    @application.get("/counts")
    def counts() -> ResponseReturnValue:
        return {**asdict(scoring.statistics), "in_flight": scoring.in_flight}

    @application.get("/cpu")
    def cpu() -> ResponseReturnValue:
        """Seconds of the processor by kind of thread; the engine's own are no threads of Python."""
        seconds = Counter[str]()
        for thread in threading.enumerate():
            if thread.ident is not None:
                clock = time.pthread_getcpuclockid(thread.ident)
                seconds[thread.name.rstrip("0123456789_-")] += time.clock_gettime(clock)
        return {**seconds, "engine": time.process_time() - seconds.total()}

    return application


def main() -> None:
    make = earthgql.app.create_app

    def make_and_tell(*arguments: Any, **options: Any) -> Flask:
        return told(make(*arguments, **options))

    earthgql.app.create_app = make_and_tell
    serve()


if __name__ == "__main__":
    main()
