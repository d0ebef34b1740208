"""``docs/architecture.md`` names every folder, and files and functions that exist."""

import ast
import re
import tomllib

import pytest

from earthgql.settings import PROJECT_ROOT

PACKAGE = PROJECT_ROOT / "earthgql"
PAGE = (PROJECT_ROOT / "docs/architecture.md").read_text()
REFERENCE = re.compile(r"`([\w./]+\.py)(?:: ([\w.]+))?`")
"""A file below ``earthgql/`` or beside it, and perhaps what it defines, such as a method."""
NOT_IN_GIT = ("__pycache__", "static")


def references(text: str) -> set[tuple[str, str]]:
    return {(path, name) for path, name in REFERENCE.findall(" ".join(text.split()))}


def members(tree: ast.Module | ast.ClassDef) -> dict[str, ast.stmt]:
    """Return what the body of a module or class defines, by name."""
    found: dict[str, ast.stmt] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            found |= {target.id: node for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = node
    return found


def exists(path: str, name: str) -> bool:
    file = next((f for f in (PACKAGE / path, PROJECT_ROOT / path) if f.is_file()), None)
    if file is None:
        return False
    scope: ast.AST = ast.parse(file.read_text())
    for part in name.split(".") if name else ():
        if not isinstance(scope, ast.Module | ast.ClassDef) or part not in members(scope):
            return False
        scope = members(scope)[part]
    return True


def folders() -> set[str]:
    """Return the folders of ``earthgql`` with modules, and ``bundles``."""
    modules = (path.parent for path in PACKAGE.rglob("*.py"))
    inside = {f for f in modules if f != PACKAGE and not set(NOT_IN_GIT) & set(f.parts)}
    return {f"{folder.relative_to(PACKAGE)}/" for folder in {*inside, PACKAGE / "bundles"}}


def test_files_and_functions_that_are_named_exist() -> None:
    assert len(references(PAGE)) > 60
    assert sorted(named for named in references(PAGE) if not exists(*named)) == []


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("app.py", ""),
        ("app.py", "create_app"),
        ("api/http.py", "GraphQLView.dispatch_request"),
        ("cli/__init__.py", "COMMANDS"),
    ],
)
def test_what_exists_is_found(path: str, name: str) -> None:
    assert exists(path, name)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("application.py", ""),
        ("app.py", "make_app"),
        ("api/http.py", "GraphQLView.dispatch"),
        ("app.py", "create_app.engine"),
    ],
)
def test_what_does_not_exist_is_not_found(path: str, name: str) -> None:
    assert not exists(path, name)


def test_all_folders_are_listed_and_no_others() -> None:
    listed = re.findall(r"^\| `([\w/]+/)` \|", PAGE, flags=re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert set(listed) == folders()


def test_the_import_contract_is_the_one_that_is_checked() -> None:
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    chain = " → ".join(layers).replace("earthgql.", "")
    assert chain in " ".join(PAGE.split())


@pytest.mark.parametrize("title", ["classifyPoint", "viewport", "an ingest"])
def test_the_steps_of_a_life_are_numbered_from_1(title: str) -> None:
    section = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    life = next(s for s in section if s.startswith("The life of") and title in s.splitlines()[0])
    numbers = [int(n) for n in re.findall(r"^(\d+)\. ", life, flags=re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 10


def test_the_page_lies_where_the_readme_links_to() -> None:
    assert "(docs/architecture.md)" in (PROJECT_ROOT / "README.md").read_text()
