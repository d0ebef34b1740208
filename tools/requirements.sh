#!/bin/sh
# Compile the pinned requirements from pyproject.toml; --upgrade takes newer versions.
set -eu
cd "$(dirname "$0")/.."

compile() {
    .venv/bin/uv pip compile pyproject.toml --universal --python-version 3.11 --quiet \
        --no-emit-index-url --no-emit-find-links --no-annotate \
        --custom-compile-command "make requirements" "$@"
}

compile "$@" -o requirements.txt
compile "$@" --extra train --extra dev -c requirements.txt -o requirements-dev.txt
