# Sourced by scripts that run Node.js.

NODE_MAJOR=20

# use_node MAJOR: the system's Node.js if it will do, else the one that came as a Python package.
use_node() {
    major=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/')
    if [ "${major:-0}" -lt "$1" ] || ! command -v npm >/dev/null; then
        PATH="$PWD/.venv/bin:$PATH"
        export PATH
    fi
}
