#!/bin/sh
# Stop the private database and remove what set-up and tests made.
#
#   tools/clean.sh             what can be made again; the database's contents stay
#   tools/clean.sh all [1]     everything under var/ too; asks, unless told 1
set -eu
cd "$(dirname "$0")/.."

if [ "${1:-}" = all ] && [ -z "${2:-}" ]; then
    printf 'Delete all scenes, tiles, scores and models under %s/var? [y/N] ' "$PWD" >&2
    read -r answer || answer=
    [ "$answer" = y ] || [ "$answer" = Y ] || { echo "Nothing was deleted." >&2; exit 1; }
fi
if [ -e var/postgres/data/postmaster.pid ]; then
    .venv/bin/python manage.py db stop >&2 || {
        echo "Error: the database could not be stopped, nothing was removed; make setup repairs .venv" >&2
        exit 1
    }
fi
rm -rf .venv frontend/node_modules clients/node_modules examples/typescript/node_modules \
    clients/src/generated clients/src/relay/__generated__ examples/typescript/src/generated \
    examples/typescript/build earthgql/web/static var/stamps var/debian var/home \
    .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage
find . -name __pycache__ -type d -prune -exec rm -rf {} +
if [ "${1:-}" = all ]; then
    rm -rf var
fi
