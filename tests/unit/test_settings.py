"""Settings: a typo is an error, and nothing is read before it is asked for."""

import re
from pathlib import Path

import pytest

from earthgql import settings
from earthgql.errors import SetupError
from earthgql.settings import PREFIX, PROJECT_ROOT, Settings, load_settings


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Start from the defaults, whatever the environment and the clone's .env say."""
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")


def test_defaults_need_no_environment() -> None:
    found = load_settings()
    assert found.database_url is None
    assert found.var_dir == PROJECT_ROOT / "var"


@pytest.mark.parametrize(
    "origin", ["http://localhost:5173", "https://127.0.0.1", "http://[::1]:8080"]
)
def test_any_port_of_localhost_may_call_by_default(origin: str) -> None:
    assert any(re.fullmatch(allowed, origin) for allowed in load_settings().cors_origins)


@pytest.mark.parametrize("origin", ["http://localhost.evil.org", "http://example.org", "null"])
def test_no_other_origin_may_call_by_default(origin: str) -> None:
    assert not any(re.fullmatch(allowed, origin) for allowed in load_settings().cors_origins)


def test_origins_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARTHGQL_CORS_ORIGINS", "https://a.org, https://.*\\.b\\.org")
    assert load_settings().cors_origins == ["https://a.org", r"https://.*\.b\.org"]


def test_an_unknown_variable_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARTHGQL_DATABSE_URL", "postgresql://x")
    with pytest.raises(SetupError, match=r"EARTHGQL_DATABSE_URL.*EARTHGQL_DATABASE_URL"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BATCH_SIZE", "-1"),
        ("ENGINE", "onnx"),
        ("PRECISION", "int4"),
        ("POOL_SIZE", "many"),
        ("INFERENCE_DEADLINE", "-1"),
        ("LOG_LEVEL", "loud"),
        ("CORS_ORIGINS", "http://["),
    ],
)
def test_an_invalid_value_is_an_error_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(SetupError, match=PREFIX + name):
        load_settings()


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARTHGQL_DATABASE_URL", "")
    assert load_settings().database_url is None


def test_settings_are_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("EARTHGQL_POOL_SIZE=3\n")
    assert load_settings().pool_size == 3


def test_a_level_may_be_written_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARTHGQL_LOG_LEVEL", "debug")
    assert load_settings().log_level == "DEBUG"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"EARTHGQL_DATABSE_URL=postgresql://x\n", "unknown setting EARTHGQL_DATABSE_URL"),
        (b"# ours\nPATH=/x\nno setting {{\n", r"\.env, line 3: not of the form"),
        (b"EARTHGQL_POOL_SIZE=\xff\n", r"\.env cannot be read"),
    ],
)
def test_a_mistake_in_the_file_is_an_error_that_names_it(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(SetupError, match=complaint):
        load_settings()


def test_settings_of_others_in_the_file_are_theirs(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("POSTGRES_PASSWORD=secret\nexport PORT=8001\n")
    assert load_settings() == Settings()


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().pool_size = 9  # type: ignore[misc]


def test_every_setting_is_described() -> None:
    assert all(field.description for field in settings.Settings.model_fields.values())


@pytest.mark.parametrize("name", ["PREDICTION_CUTOFF", "PREDICTION_ZOOM"])
def test_settings_of_the_predecessor_go_by_its_names_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.delenv(name, raising=False)
    before = {"PREDICTION_CUTOFF": 0.1, "PREDICTION_ZOOM": None}[name]
    assert getattr(load_settings(), name.lower()) == before
    (tmp_path / ".env").write_text(f"{name}=1\n")
    assert getattr(load_settings(), name.lower()) == 1
    monkeypatch.setenv(name, "0")
    assert getattr(load_settings(), name.lower()) == 0
    monkeypatch.setenv(PREFIX + name, "1")
    assert getattr(load_settings(), name.lower()) == 1
    monkeypatch.setenv(PREFIX + name, "99")
    with pytest.raises(SetupError, match=rf"invalid setting: {PREFIX}{name}: Input should be less"):
        load_settings()


def test_trusting_nothing_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARTHGQL_TRUSTED_ONLY", "true")
    with pytest.raises(SetupError, match="EARTHGQL_TRUSTED_ONLY needs EARTHGQL_TRUSTED_DOCUMENTS"):
        load_settings()
