"""The Flask application and its services; making one loads no model and runs no query."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask
from sqlalchemy import Engine

from earthgql.api.execution.documents import Documents, read_trusted
from earthgql.api.http import GraphQLView
from earthgql.api.schema import document_parser
from earthgql.database.engine import make_engine
from earthgql.jobs.service import JobService
from earthgql.models import Classifier
from earthgql.scoring.service import ScoringService
from earthgql.settings import Settings
from earthgql.turns import Turns
from earthgql.web import (
    classify,
    cors,
    exports,
    headers,
    health,
    images,
    inference,
    job_events,
    pages,
)
from earthgql.web import errors as web_errors
from earthgql.web.guards.callers import check_callers
from earthgql.web.guards.lifetime import Lifetimes
from earthgql.web.map_tiles import imagery, labels
from earthgql.web.slots import Slots

MAX_BODY_BYTES = 1_000_000
STATEMENT_TIMEOUT_S = 30.0
IDLE_TIMEOUT_S = 60.0
ANSWER_S = 10.0
"""Seconds that a request has at least besides inference."""
MAP_TILE_WAIT_S = 5.0
"""How long a map's tile waits for others to be made; meanwhile it keeps a thread."""

_EXTENSION = "earthgql"
_NO_ROOM = "{} are being sent, and this server has no room for more: {}"


@dataclass(frozen=True, slots=True)
class Services:
    """The services that the requests of an application share, for other code in the process.

    Attributes:
        engine: of the database.
        scoring: classifies tiles; its counts are those of this process.
        streams: slots for streams of events.
    """

    engine: Engine
    scoring: ScoringService
    streams: Slots


def services_of(app: Flask) -> Services:
    """Return the services of an application that ``create_app`` made."""
    services: Services = app.extensions[_EXTENSION]
    return services


def create_app(
    settings: Settings,
    *,
    engine: Engine | None = None,
    load_classifier: Callable[[], Classifier] | None = None,
    streams: int = 4,
) -> Flask:
    """Make the application.

    Args:
        settings: of this process.
        engine: where to read and store; None: the database of the settings.
        load_classifier: loads the model when it is first needed; None: that of the settings.
        streams: most streams of events at once, and most exports, at least one; each keeps a
            thread of the server. Twice as many tiles of maps are made at once.

    Raises:
        SetupError: if the file of trusted documents is unusable.
    """
    if engine is None:
        engine = make_engine(
            settings,
            statement_timeout=STATEMENT_TIMEOUT_S,
            idle_timeout=IDLE_TIMEOUT_S,
            autocommit=True,
        )
    scoring = ScoringService(
        engine,
        load_classifier or _loader(settings),
        settings.inference_deadline,
        name=lambda: _model_name(settings),
        queue_size=settings.queue_size,
        batch_wait_s=settings.batch_wait,
    )
    app = Flask(__name__, static_folder=pages.STATIC, static_url_path=pages.STATIC_URL)
    job_streams = Slots(
        streams,
        _NO_ROOM.format("streams of events", "ask again later, or ask for job(id) now and then"),
    )
    export_slots = Slots(max(streams, 1), _NO_ROOM.format("exports", "ask again later"))
    map_tiles = _map_tile_turns(max(streams, 1))
    app.extensions[_EXTENSION] = Services(engine, scoring, job_streams)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.add_url_rule(
        "/graphql",
        view_func=GraphQLView.as_view(
            "graphql",
            engine,
            scoring,
            settings.inference_deadline,
            pages.graphiql,
            documents=_documents(settings),
            area_sums=settings.area_sums,
            answer_bytes=settings.answer_bytes,
            cache_seconds=settings.cache_seconds,
        ),
    )
    app.register_blueprint(images.blueprint(engine))
    app.register_blueprint(imagery.blueprint(engine, map_tiles))
    app.register_blueprint(labels.blueprint(engine, scoring, map_tiles))
    app.register_blueprint(exports.blueprint(engine, scoring, export_slots))
    app.register_blueprint(job_events.blueprint(JobService(engine), job_streams))
    app.register_blueprint(classify.blueprint(scoring))
    app.register_blueprint(inference.blueprint(engine, scoring, settings))
    app.register_blueprint(pages.blueprint(engine))
    app.register_blueprint(health.blueprint(engine, health.WarmUp(scoring.warm_up)))
    web_errors.answer_in_json(app)
    headers.add_headers(app)
    deadline_s = max(settings.request_deadline, settings.inference_deadline + ANSWER_S)
    app.wsgi_app = Lifetimes(app.wsgi_app, deadline_s)  # type: ignore[method-assign]
    check_callers(
        app,
        hosts=settings.allowed_hosts,
        origins=settings.cors_origins,
        trusted_only=settings.trusted_only,
    )
    cors.allow_origins(app, settings.cors_origins)
    return app


def _map_tile_turns(fourth: int) -> Turns:
    """Let tiles of maps use half of the threads, so that other requests find one free.

    Args:
        fourth: a fourth of the threads, rounded down. Few are refused: nearly as many may wait as
            run, since a map asks for a dozen tiles at once and shows a hole for each refusal.
    """
    return Turns(
        2 * fourth,
        waiting=fourth + 3,
        wait_s=MAP_TILE_WAIT_S,
        refusal="too many tiles of maps are being made: ask again later",
    )


def _documents(settings: Settings) -> Documents:
    path, parser = settings.trusted_documents, document_parser()
    trusted = read_trusted(path, parser) if path else {}
    return Documents(parser, trusted, only=settings.trusted_only)


def _model_name(settings: Settings) -> str:
    from earthgql.models.bundle import read_manifest
    from earthgql.models.loading import chosen_folder

    manifest = read_manifest(chosen_folder(settings))
    return f"{manifest.name} {manifest.version}"


def _loader(settings: Settings) -> Callable[[], Classifier]:
    def load() -> Classifier:
        from earthgql.models import load_classifier

        return load_classifier(settings)

    return load
