"""Who may import whom, that importing does nothing, and how large modules and folders are."""

import pkgutil
import subprocess
import sys
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path

import grimp

import earthgql
from earthgql.settings import PROJECT_ROOT

TORCH = ("earthgql.training.run.torch_engine", "earthgql.training.run.torch_network")
FILES = [p for p in (PROJECT_ROOT / "earthgql").rglob("*.py") if "static" not in p.parts]
MODULES = sorted(m.name for m in pkgutil.walk_packages(earthgql.__path__, "earthgql."))


def test_imports_point_down() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_no_modules_import_each_other_in_a_circle() -> None:
    # Imports within functions and for type checkers count, too.
    graph = grimp.build_graph("earthgql")
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    order = TopologicalSorter(imports).static_order()  # raises CycleError, which shows the circle
    assert set(order) == graph.modules


def test_importing_reads_no_setting_and_makes_nothing(tmp_path: Path) -> None:
    program = """
import importlib, os, sys, threading
import earthgql.settings
class Read(Exception): pass
def read(*_): raise Read("a setting was read at import")
earthgql.settings.load_settings = earthgql.settings.Settings.__init__ = read
def event(name, arguments):
    if name in ("subprocess.Popen", "socket.connect"):
        raise Read(f"{name} {arguments} at import")
sys.addaudithook(event)
for name in sys.argv[1:]:
    importlib.import_module(name)
assert threading.active_count() == 1, threading.enumerate()
models = {"keras", "tensorflow", "openvino"} & set(sys.modules)
assert not models, f"{models} imported"
"""
    light = [name for name in MODULES if not _heavy(name)]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, *light],
        cwd=tmp_path,
        env={"PYTHONPATH": str(PROJECT_ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_modules_are_short() -> None:
    long = {str(p): n for p in FILES if (n := len(p.read_text().splitlines())) > 500}
    assert long == {}


def test_folders_with_many_modules_have_a_reason() -> None:
    reasons = (PROJECT_ROOT / "docs/decisions.md").read_text()
    modules = Counter(path.parent for path in FILES if path.name != "__init__.py")
    many = [str(f.relative_to(PROJECT_ROOT)) for f, count in modules.items() if count > 14]
    assert [folder for folder in many if f"* **`{folder}/` " not in reasons] == []


def _heavy(name: str) -> bool:
    # Procrastinate looks at the machine when imported, its own doing; PyTorch need not be there.
    return name in ("earthgql.jobs.queue_app", *TORCH)
