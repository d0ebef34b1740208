"""The command line: help without imports, one line for an error, the right exit code."""

import errno
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from earthgql import cli
from earthgql.cli import console
from earthgql.errors import BadInputError, SetupError
from earthgql.settings import PROJECT_ROOT

Run = Callable[[BaseException], int]


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", **environment},
    )


def test_without_the_packages_the_error_names_the_environment() -> None:
    bare = [sys.executable, "-S", "manage.py", "scenes", "list"]
    done = subprocess.run(bare, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: ")
    assert "run .venv/bin/python manage.py" in line


@pytest.fixture
def run_raising(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command that raises, through the same path as any other."""

    def run(error: BaseException) -> int:
        @click.command()
        def fails() -> None:
            raise error

        monkeypatch.setitem(cli.group.commands, "fails", fails)
        return cli.run(["fails"])

    return run


def test_help_lists_every_command_and_imports_none() -> None:
    program = (
        "import sys; from earthgql import cli; cli.run(['--help']); "
        "heavy = {'tensorflow', 'rasterio', 'sqlalchemy', 'flask', 'numpy'} & set(sys.modules); "
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for name, (_, line) in cli.COMMANDS.items():
        assert f"  {name} " in done.stdout
        assert line in done.stdout


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_help_with_examples(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run([name, "--help"]) == 0
    command = cli.group.get_command(click.Context(cli.group), name)
    assert "Examples:" in capsys.readouterr().out
    for sub in getattr(command, "commands", {}):
        assert cli.run([name, sub, "--help"]) == 0
        assert "Examples:" in capsys.readouterr().out, f"{name} {sub}"


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (SetupError("no PostGIS;\n install one"), 1, "Error: no PostGIS; install one\n"),
        (BadInputError("latitude 91"), 2, "Error: latitude 91\n"),
        (OSError(errno.ENOSPC, "No room", "x"), 1, "Error: x cannot be written: No room\n"),
        (OSError(errno.EACCES, "Not yours", "x"), 1, "Error: x cannot be used: Not yours\n"),
        (KeyboardInterrupt(), 130, "Interrupted\n"),
        (click.Abort(), 130, "Interrupted\n"),
    ],
)
def test_an_error_is_one_line(
    run_raising: Run,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    line: str,
) -> None:
    assert run_raising(error) == code
    captured = capsys.readouterr()
    assert click.unstyle(captured.err).lstrip("\n") == line
    assert captured.out == ""


def test_a_defect_is_not_hidden(run_raising: Run) -> None:
    with pytest.raises(ZeroDivisionError):
        run_raising(ZeroDivisionError())


def test_a_setting_with_a_typo_is_reported_without_a_trace() -> None:
    done = manage("db", "status", EARTHGQL_POOLSIZE="3")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: unknown setting EARTHGQL_POOLSIZE")
    assert "Traceback" not in done.stderr


def test_a_database_that_is_away_is_reported_without_a_trace() -> None:
    url = "postgresql://nobody:secret@127.0.0.1:9/none"
    done = manage("db", "upgrade", EARTHGQL_DATABASE_URL=url)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: the database cannot be reached")
    assert len(done.stderr.splitlines()) == 1
    assert "secret" not in done.stderr


@pytest.mark.parametrize("arguments", [["db", "stop"], ["db", "reset", "--yes"]])
def test_a_database_of_others_is_left_alone(arguments: list[str]) -> None:
    done = manage(*arguments, EARTHGQL_DATABASE_URL="postgresql://127.0.0.1:9/none")
    assert done.returncode == 1
    assert "EARTHGQL_DATABASE_URL" in done.stderr


def test_reset_without_an_answer_does_nothing() -> None:
    done = manage("db", "reset")
    assert done.returncode == 130
    assert done.stderr.endswith("Interrupted\n")


def test_a_wrong_command_names_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["demoo"]) == 2
    assert "No such command 'demoo'" in capsys.readouterr().err


@pytest.mark.parametrize("group", [[], ["ingest"], ["scenes"], ["db"]])
def test_a_group_alone_shows_its_help(capsys: pytest.CaptureFixture[str], group: list[str]) -> None:
    assert cli.run(group) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("Usage: ")
    assert "\nCommands:\n" in shown
    assert "Try:" not in shown


def test_steps_show_names_with_brackets_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    with console.step("Scene 'a[/b]c[red]' ingested"):
        pass
    assert capsys.readouterr().err.count("Scene 'a[/b]c[red]' ingested") == 2


@pytest.mark.parametrize(
    ("command", "told"),
    [("parity", "generated"), ("optimize", "generated"), ("evaluate", "required")],
)
def test_help_shows_whether_a_data_set_is_required(
    command: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["model", command, "--help"]) == 0
    words = " ".join(capsys.readouterr().out.split())
    hint = "[required]" if told == "required" else f"[default: {told}]"
    assert f"--data TEXT Folder of the data set, or 'generated'. {hint}" in words


def test_a_report_without_matplotlib_names_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = importlib.util.find_spec
    missing = ("matplotlib",)
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: name not in missing and found(name)
    )
    options = ["--data", "generated", "--report", str(tmp_path / "report")]
    assert cli.run(["model", "evaluate", str(tmp_path / "bundle"), *options]) == 1
    assert "make setup-dev installs it" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
