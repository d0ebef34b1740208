#!/bin/sh
# Run scripts of frontend/package.json: tools/frontend.sh lint test
set -eu
cd "$(dirname "$0")/.."
. tools/node.sh
use_node "$NODE_MAJOR"
for script in "$@"; do
    npm --prefix frontend run --silent "$script"
done
