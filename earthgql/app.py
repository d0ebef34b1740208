"""The Flask application, wired together; making one starts no model and runs no query."""

from collections.abc import Callable

from flask import Flask
from sqlalchemy import Engine

from earthgql.api.view import GraphQLView
from earthgql.classification import ScoringService
from earthgql.classifiers import Classifier
from earthgql.database.engine import make_engine
from earthgql.settings import Settings
from earthgql.web import cors, faults, health, images, pages

MAX_BODY_BYTES = 1_000_000
STATEMENT_TIMEOUT_S = 30.0


def create_app(
    settings: Settings,
    *,
    engine: Engine | None = None,
    load_classifier: Callable[[], Classifier] | None = None,
) -> Flask:
    """Make the application.

    Args:
        settings: of this process.
        engine: where to read and store; None: the database of the settings.
        load_classifier: loads the model when it is first needed; None: that of the settings.
    """
    if engine is None:
        engine = make_engine(settings, statement_timeout=STATEMENT_TIMEOUT_S, autocommit=True)
    scoring = ScoringService(
        engine,
        load_classifier or _loader(settings),
        settings.inference_deadline,
        queue_size=settings.queue_size,
        batch_wait_s=settings.batch_wait,
    )
    app = Flask(__name__, static_folder=pages.STATIC, static_url_path=pages.STATIC_URL)
    # For who wants to watch it: its counts are those of this process.
    app.extensions["earthgql.scoring"] = scoring
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.add_url_rule(
        "/graphql",
        view_func=GraphQLView.as_view(
            "graphql", engine, scoring, settings.inference_deadline, pages.graphiql
        ),
    )
    app.register_blueprint(images.blueprint(engine))
    app.register_blueprint(pages.blueprint(engine))
    app.register_blueprint(health.blueprint(engine, health.WarmUp(scoring.warm_up)))
    faults.answer_in_json(app)
    cors.allow_origins(app, settings.cors_origins)
    return app


def _loader(settings: Settings) -> Callable[[], Classifier]:
    def load() -> Classifier:
        from earthgql.classifiers import load_classifier

        return load_classifier(settings)

    return load
