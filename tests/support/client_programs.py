"""How tests run the programs of people who use the server, most of them by Node.js."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from earthgql.settings import PROJECT_ROOT

CLIENTS = PROJECT_ROOT / "clients"
EXAMPLES = PROJECT_ROOT / "examples"
NODE_MAJOR = 24
LIMIT_S = 600


@dataclass(frozen=True)
class Programs:
    """Runs programs.

    Attributes:
        servers: URLs by the environment variables in which the programs find them.
    """

    servers: Mapping[str, str]

    def run(self, folder: Path, *command: str, capture: bool = False) -> str:
        """Run a program in a folder; what it prints goes to the terminal, or is returned."""
        done = subprocess.run(
            command,
            cwd=folder,
            env=programs_environment(self.servers),
            timeout=LIMIT_S,
            check=False,
            stdout=subprocess.PIPE if capture else None,
            text=True,
        )
        assert done.returncode == 0, f"{' '.join(command)} failed in {folder.name}/"
        return done.stdout or ""

    def script(self, name: str, *arguments: str) -> None:
        """Run a script of ``clients/package.json``."""
        self.run(CLIENTS, "npm", "run", "--silent", name, "--", *arguments)


def programs_environment(more: Mapping[str, str]) -> dict[str, str]:
    """The environment of programs: this one, with a Node.js that is new enough."""
    return {**os.environ, "PATH": _search_path(), **more}


def _search_path() -> str:
    """PATH with a Node.js that is new enough: the system's, else the one beside Python."""
    path = os.environ["PATH"]
    node = shutil.which("node")
    if node is not None:
        told = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
        if int(told.stdout[1:].partition(".")[0]) >= NODE_MAJOR:
            return path
    return f"{Path(sys.executable).parent}{os.pathsep}{path}"
