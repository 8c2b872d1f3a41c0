#!/usr/bin/env bash
# A cluster of processes under load while something goes wrong: ./e2e/soak.sh --help
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/system.sh
prepare
exec node packages/testkit/dist/soak/main.js "$@"
