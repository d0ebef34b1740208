"""Pages for browsers: the map and GraphiQL, built from ``frontend/`` into ``static/``."""

from pathlib import Path

from flask import Blueprint, Response, redirect, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Engine

from earthgql.database.engine import database_errors
from earthgql.web.examples import examples

STATIC = Path(__file__).parent / "static"
STATIC_URL = "/static"

# The pages load nothing from other hosts; this makes browsers refuse to, should that change.
_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "font-src 'self'; worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
# GraphiQL's editor makes style elements and has fonts in its styles.
_GRAPHIQL_POLICY = _POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'").replace(
    "font-src 'self'", "font-src 'self' data:"
)
# The examples for pages of one's own take `?server=` of another host, for requests alone.
_EXAMPLE_POLICY = _POLICY.replace("img-src 'self'", "connect-src *; img-src *")
_NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>earthgql</title>
<p>The map and GraphiQL are not built yet: run <code>make setup</code>, or
<code>npm ci &amp;&amp; npm run build</code> in <code>frontend/</code>.
The API answers here without it: POST a query as JSON to <code>/graphql</code>.</p></html>
"""
_YEAR_SECONDS = 365 * 24 * 3600


def graphiql() -> Response:
    """Return GraphiQL, or a page that says how to build it."""
    response = _page("graphiql.html", _GRAPHIQL_POLICY)
    response.vary.add("Accept")
    return response


def _page(name: str, policy: str) -> Response:
    page = STATIC / name
    if not page.is_file():
        return Response(_NOT_BUILT, status=503, content_type="text/html; charset=utf-8")
    response = Response(page.read_bytes(), content_type="text/html; charset=utf-8")
    response.cache_control.no_cache = True
    response.headers["Content-Security-Policy"] = policy
    return response


def blueprint(engine: Engine) -> Blueprint:
    """Return the routes of pages, and of the examples that they show."""
    routes = Blueprint("pages", __name__)

    @routes.get("/")
    def root() -> ResponseReturnValue:
        """Return the map."""
        return _page("index.html", _POLICY)

    @routes.get("/favicon.ico")
    def favicon() -> ResponseReturnValue:
        """Lead to the drawing."""
        return redirect(f"{STATIC_URL}/favicon.svg", 301)

    @routes.get("/examples.json")
    def example_queries() -> ResponseReturnValue:
        """Return queries about ``?scene=NAME`` (default: the scene ingested last)."""
        name = request.args.get("scene", "").replace("\0", "") or None
        with database_errors(), engine.connect() as connection:
            return examples(connection, name).as_json(), 200, {"Cache-Control": "no-cache"}

    @routes.after_app_request
    def restrict_examples(response: Response) -> Response:
        if request.path.startswith(f"{STATIC_URL}/examples/"):
            response.headers["Content-Security-Policy"] = _EXAMPLE_POLICY
        return response

    @routes.after_app_request
    def keep_hashed_files(response: Response) -> Response:
        if request.path.startswith(f"{STATIC_URL}/assets/") and response.status_code == 200:
            response.cache_control.no_cache = None
            response.cache_control.public = True
            response.cache_control.max_age = _YEAR_SECONDS
            response.cache_control.immutable = True
        return response

    return routes
