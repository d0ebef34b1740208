"""What the documents say of settings and layers is so, and their links lead somewhere."""

import re
import tomllib
from pathlib import Path

import pytest

from earthgql.settings import PREFIX, PROJECT_ROOT, Settings

README = (PROJECT_ROOT / "README.md").read_text()
NAMED = [PROJECT_ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
DOCUMENTS = [*NAMED, *sorted((PROJECT_ROOT / "docs").glob("*.md"))]
UNWRAPPED = ("CHANGELOG.md", "model.md")
"""A line for each change; and a page that is still to be rewritten."""
LONGEST_LINE = 120
PYTHON_FILES = [
    *PROJECT_ROOT.glob("*.py"),
    *(p for name in ("earthgql", "bench", "tests") for p in (PROJECT_ROOT / name).rglob("*.py")),
    *(PROJECT_ROOT / "examples").rglob("*.py"),
]
IN_WORDS = {
    "database_url": "the private PostGIS",
    "var_dir": "`var/`",
    "bundle": "the shipped one",
    "pool_size": "one a thread of `serve`, at most 32",
    "allowed_hosts": "none",
    "cors_origins": "any port of localhost",
    "trusted_documents": "none",
    "prediction_zoom": "any zoom",
}
"""Defaults that are no plain value."""


def documented() -> dict[str, str]:
    """Rows of the configuration table: name → its second column."""
    row = rf"^\| `({PREFIX}[A-Z_]+)` \| ([^|]+) \|"
    return dict(re.findall(row, README, flags=re.MULTILINE))


def prose(document: Path) -> str:
    """Return a document without its blocks of code."""
    return re.sub(r"^```.*?^```", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(document: Path) -> set[str]:
    """Return what its headings are called in links, as GitHub and GitLab do it."""
    headings = re.findall(r"^#+ (.+)$", prose(document), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leads_somewhere(document: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (document.parent / path).resolve() if path else document
    return target.exists() and (not anchor or anchor in anchors(target))


def test_every_setting_is_documented_and_nothing_else() -> None:
    assert set(documented()) == {PREFIX + name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_documented_default_is_the_real_one(name: str) -> None:
    default = Settings.model_fields[name].default
    shown = f"{default:g}" if isinstance(default, float) else str(default)
    assert documented()[PREFIX + name.upper()] == IN_WORDS.get(name, f"`{shown}`")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", prose(document))
    assert [link for link in links if not leads_somewhere(document, link)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_modules_that_are_named_exist(document: Path) -> None:
    modules = [f"/{path.relative_to(PROJECT_ROOT)}" for path in PYTHON_FILES]
    named = [name.removeprefix("../") for name in re.findall(r"[\w./-]+\.py\b", prose(document))]
    assert [name for name in named if not any(m.endswith(f"/{name}") for m in modules)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_lines_of_prose_are_short(document: Path) -> None:
    lines = [line for line in prose(document).splitlines() if not line.startswith("|")]
    long = [line for line in lines if len(line) >= LONGEST_LINE]
    assert long == [] or document.name in UNWRAPPED


def test_links_are_found_and_followed() -> None:
    readme = PROJECT_ROOT / "README.md"
    assert leads_somewhere(readme, "docs/rest.md#from-the-shell")
    assert not leads_somewhere(readme, "docs/rest.md#from-the-moon")
    assert not leads_somewhere(readme, "docs/moon.md")


def test_documented_layers_are_those_that_are_checked() -> None:
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    chain = " → ".join(layers).replace("earthgql.", "")
    for name in ("README.md", "CONTRIBUTING.md"):
        assert chain in " ".join((PROJECT_ROOT / name).read_text().split())
