"""Settings, read from ``EARTHGQL_*`` variables and an optional file ``.env``."""

import os
import re
from io import StringIO
from pathlib import Path
from typing import Annotated, Literal, Self

from dotenv.parser import parse_stream
from pydantic import AliasChoices, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from earthgql.errors import SetupError

PROJECT_ROOT = Path(__file__).resolve().parent.parent
PREFIX = "EARTHGQL_"
LOCALHOST_ORIGINS = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"


def _predecessor_alias(name: str) -> AliasChoices:
    """Return the names of a setting that the predecessor of this server had, too; ours first."""
    return AliasChoices(PREFIX + name, name)


class Settings(BaseSettings):
    """All settings, with their defaults. ``README.md`` documents each; a test compares the two."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=PROJECT_ROOT / ".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        # Settings of the predecessor are also read under its names.
        validate_by_name=True,
        validate_by_alias=True,
    )

    database_url: str | None = Field(
        None, description="SQLAlchemy URL of a PostGIS; unset: the clone's private one under var/"
    )
    var_dir: Path = Field(
        PROJECT_ROOT / "var", description="everything made at run time: database, demo, models"
    )
    bundle: Path | None = Field(
        None,
        description="folder of the model bundle; unset: the shipped one, else an untrained one",
    )
    engine: Literal["auto", "openvino", "tensorflow"] = Field(
        "auto", description="what runs the model; auto: OpenVINO where it is installed"
    )
    precision: Literal["auto", "f32", "bf16", "int8"] = Field(
        "auto", description="how it calculates; auto: bf16 where the processor has it, else f32"
    )
    batch_size: int = Field(
        0, ge=0, le=256, description="most tiles per forward pass; 0: what the engine likes best"
    )
    batch_wait: float = Field(
        0.0, ge=0, le=10, description="seconds an idle model waits for a fuller batch"
    )
    queue_size: int = Field(4096, ge=1, description="most tiles in flight at once; then OVERLOADED")
    area_sums: int = Field(
        2, ge=1, description="most sums over areas that a worker asks its database for at once"
    )
    inference_deadline: float = Field(
        25.0, gt=0, description="seconds a request may spend on inference before TIMEOUT"
    )
    request_deadline: float = Field(
        60.0,
        gt=0,
        description="seconds that a request may take in all; 10 more than for inference at least",
    )
    answer_bytes: int = Field(
        16_000_000, ge=10_000, description="most bytes of an answer of /graphql"
    )
    pool_size: int | None = Field(
        None, ge=1, le=100, description="database connections kept per worker; unset: one a thread"
    )
    connections: int = Field(
        1000, ge=16, le=100_000, description="most connections of a worker at once"
    )
    connections_per_address: int = Field(
        100,
        ge=0,
        description="most connections of one client address to a worker; 0: no limit of its own",
    )
    allowed_hosts: Annotated[list[str], NoDecode] = Field(
        [], description="comma-separated names of this server; addresses and localhost always are"
    )
    cors_origins: Annotated[list[str], NoDecode] = Field(
        [LOCALHOST_ORIGINS],
        description="comma-separated origins (regular expressions) that browsers may call from",
    )
    cache_seconds: int = Field(
        0,
        ge=0,
        description="max-age in seconds of GET answers made of stored scores",
    )
    trusted_documents: Path | None = Field(
        None, description="JSON file of documents that clients may ask for by their hash"
    )
    trusted_only: bool = Field(
        False, description="whether no other documents than those of that file are answered"
    )
    prediction_cutoff: float = Field(
        0.1,
        ge=0,
        le=1,
        validation_alias=_predecessor_alias("PREDICTION_CUTOFF"),
        description="/inference/predict answers with labels whose score is above this",
    )
    prediction_zoom: int | None = Field(
        None,
        ge=0,
        le=24,
        validation_alias=_predecessor_alias("PREDICTION_ZOOM"),
        description="/inference/predict answers with tiles of this zoom; unset: of any",
    )
    job_worker: bool = Field(
        True, description="whether serve also works on background jobs; else manage.py worker does"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="DEBUG, INFO, WARNING or ERROR"
    )

    @field_validator("cors_origins", "allowed_hosts", mode="before")
    @classmethod
    def _split_list(cls, value: object) -> object:
        return [part.strip() for part in value.split(",")] if isinstance(value, str) else value

    @field_validator("cors_origins")
    @classmethod
    def _check_origins(cls, origins: list[str]) -> list[str]:
        for origin in origins:
            try:
                re.compile(origin)
            except re.error as error:
                raise ValueError(f"{origin!r} is no regular expression: {error}") from None
        return origins

    @model_validator(mode="after")
    def _trust_something(self) -> Self:
        if self.trusted_only and self.trusted_documents is None:
            raise ValueError(f"{PREFIX}TRUSTED_ONLY needs {PREFIX}TRUSTED_DOCUMENTS")
        return self

    @field_validator("log_level", mode="before")
    @classmethod
    def _any_case(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value


def load_settings() -> Settings:
    """Read the settings of this process.

    Raises:
        SetupError: if a value is invalid, or an ``EARTHGQL_*`` variable is unknown, such as one
            with a typo.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    names = {*os.environ, *_names_in_file()}
    unknown = sorted(k for k in names if k.startswith(PREFIX) and k.upper() not in known)
    if unknown:
        raise SetupError(f"unknown setting {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    try:
        return Settings()
    except ValidationError as error:
        problems = "; ".join(f"{_variable(e['loc'])}{e['msg']}" for e in error.errors())
        raise SetupError(f"invalid setting: {problems}") from None


def _variable(place: tuple[int | str, ...]) -> str:
    """Return the variable that an error is about, as a prefix; empty if it is about several."""
    if not place:
        return ""
    name = ".".join(map(str, place)).upper()
    return f"{name if name.startswith(PREFIX) else PREFIX + name}: "


def _names_in_file() -> list[str]:
    """Return the names that the file ``.env`` sets.

    Raises:
        SetupError: if it has a line that is not NAME=value, or is no text in UTF-8.
    """
    path = Path(str(Settings.model_config["env_file"]))
    if not path.is_file():
        return []
    try:
        bindings = list(parse_stream(StringIO(path.read_text(encoding="utf-8"))))
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{path} cannot be read: {error}") from None
    for binding in bindings:
        if binding.error:
            raise SetupError(f"{path}, line {binding.original.line}: not of the form NAME=value")
    return [binding.key for binding in bindings if binding.key]
