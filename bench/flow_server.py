"""The application as `manage.py serve` runs it, which also tells what its batcher has done."""

from dataclasses import asdict

from flask import Flask
from flask.typing import ResponseReturnValue

from earthgql.app import create_app
from earthgql.settings import load_settings


def app() -> Flask:
    application = create_app(load_settings())
    scoring = application.extensions["earthgql.scoring"]

    @application.get("/counts")
    def counts() -> ResponseReturnValue:
        return {**asdict(scoring.counts), "on_way": scoring.on_way}

    return application
