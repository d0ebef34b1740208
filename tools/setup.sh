#!/bin/sh
# Bring the clone into working order: Python environment, packages, front-end.
#
#   tools/setup.sh         what `make demo` needs
#   tools/setup.sh dev     also the tools of `make test` and `make lint`
#   tools/setup.sh clients also the packages that `make clients` runs
#
# Each step is skipped when a stamp in var/stamps says that it was done for the same inputs, so a
# second run takes no time, and one that was interrupted goes on where it stopped.
set -eu
cd "$(dirname "$0")/.."
. tools/node.sh
exec 8>&2

UV=0.13.9
CLIENTS_NODE_MAJOR=24
STAMPS=var/stamps
LOG=var/setup.log

say() { printf '%s\n' "$*" >&2; }
die() {
    say "Error: $*"
    exit 1
}

# step TITLE COMMAND...: say what is done, do it, say how long it took. What the command itself
# prints goes to the log, and is shown when it fails.
step() {
    title=$1
    shift
    began=$(date +%s)
    say "· $title …"
    "$@" >"$LOG" 2>&1 || {
        tail -n 20 "$LOG" >&2
        die "$title failed; run the same command again to go on from here"
    }
    say "✓ $title ($(($(date +%s) - began)) s)"
}

# retry COMMAND...: a lost network often comes back.
retry() {
    for wait in 3 10 0; do
        "$@" && return 0
        [ "$wait" -eq 0 ] && return 1
        say "  failed, trying again in $wait s" 2>&8
        sleep "$wait"
    done
}

digest() { sha256sum | cut -c1-16; }
done_before() { [ "$(cat "$STAMPS/$1" 2>/dev/null)" = "$2" ]; }
stamp() {
    printf '%s\n' "$2" >"$STAMPS/$1.partial"
    mv "$STAMPS/$1.partial" "$STAMPS/$1"
}

new_enough() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

find_python() {
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
        if new_enough "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    die "Python 3.11, 3.12 or 3.13 is needed and not on PATH" \
        "(Debian 12, Ubuntu 24.04: apt install python3 python3-venv;" \
        "Ubuntu 22.04: apt install python3.11 python3.11-venv);" \
        "PYTHON=/path/to/python3.12 make … names one that is elsewhere"
}

has_venv() { "$1" -c 'import venv, ensurepip' 2>/dev/null; }

make_environment() {
    rm -rf .venv
    if has_venv "$1"; then
        "$1" -m venv .venv
    else
        uv venv --seed --python "$1" .venv
    fi
}

new_environment() {
    python=$(find_python)
    has_venv "$python" || command -v uv >/dev/null ||
        die "$python has no venv module (Debian, Ubuntu: apt install python3-venv," \
            "or $(basename "$(readlink -f "$python")")-venv)"
    step "Making the Python environment .venv with $python" make_environment "$python"
}

install_uv() {
    retry .venv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$UV"
}

# Byte code is made here, once: where PYTHONDONTWRITEBYTECODE is set, as in many containers, every
# process would make it again, which is half of the time that a server takes to start.
install_packages() {
    retry .venv/bin/uv pip install --quiet --compile-bytecode --python .venv/bin/python -r "$1"
}

# Packages that belong to a clone of another place, or a Python that is gone, are made anew.
environment_works() {
    new_enough .venv/bin/python &&
        [ "$(.venv/bin/python -c 'import sys; print(sys.prefix)')" = "$PWD/.venv" ] &&
        .venv/bin/python -c 'import pip' 2>/dev/null
}

python_environment() {
    requirements=$1
    key=$(printf '%s\n' "$UV" "$PWD" | cat - "$requirements" | digest)
    if [ -x .venv/bin/uv ] && done_before "$requirements" "$key"; then
        return
    fi
    rm -f "$STAMPS/requirements"*
    environment_works || new_environment
    [ "$(.venv/bin/uv --version 2>/dev/null | cut -d' ' -f2)" = "$UV" ] ||
        step "Installing uv $UV" install_uv
    step "Installing $(grep -c == "$requirements") Python packages" install_packages "$requirements"
    stamp "$requirements" "$key"
    # The larger set holds the smaller, version by version.
    if [ "$requirements" = requirements-dev.txt ]; then
        stamp requirements.txt \
            "$(printf '%s\n' "$UV" "$PWD" | cat - requirements.txt | digest)"
    fi
}

install_modules() {
    retry npm --prefix "$1" ci --no-audit --no-fund --no-update-notifier
}

# modules FOLDER TITLE: install what the lock file of a folder names.
modules() {
    name=node_modules-$(printf '%s' "$1" | tr / -)
    lock=$(digest <"$1/package-lock.json")
    if [ ! -d "$1/node_modules" ] || ! done_before "$name" "$lock"; then
        rm -f "$STAMPS/$name"
        step "Installing the $2 by npm" install_modules "$1"
        stamp "$name" "$lock"
    fi
}

# Built beside its place and then moved: what is served is never half a build.
build_frontend() {
    npm --prefix frontend run build -- --outDir ../var/frontend.partial --emptyOutDir || return
    rm -rf earthgql/web/static
    mv var/frontend.partial earthgql/web/static
}

frontend() {
    [ -f frontend/package-lock.json ] || return 0
    sources=$({ find frontend \( -name node_modules -o -name generated \) -prune -o -type f -print |
        LC_ALL=C sort; echo schema.graphql; } | xargs -d '\n' sha256sum | digest)
    if [ -d earthgql/web/static ] && done_before frontend "$sources"; then
        return
    fi
    rm -f "$STAMPS/frontend"
    use_node "$NODE_MAJOR"
    modules frontend "front-end's packages"
    step "Building the front-end" build_frontend
    stamp frontend "$sources"
}

mkdir -p "$STAMPS"
# A home that cannot be written to (a service account, a container) gets its caches here.
if [ ! -w "${HOME:-/nonexistent}" ]; then
    HOME=$PWD/var/home
    mkdir -p "$HOME"
    export HOME
fi
if command -v flock >/dev/null; then
    exec 9>"$STAMPS/lock"
    flock -n 9 || {
        say "Waiting for another set-up of this clone …"
        flock 9
    }
fi
case ${1:-} in
dev | clients) python_environment requirements-dev.txt ;;
*) python_environment requirements.txt ;;
esac
.venv/bin/python -m compileall -q earthgql manage.py || true
frontend
if [ "${1:-}" = clients ]; then
    use_node "$CLIENTS_NODE_MAJOR"
    modules clients "clients"
    modules examples/typescript "TypeScript example's packages"
fi
