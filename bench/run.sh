#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'END'
Usage: bench/run.sh [library] [--quick] [--only TEXT]
       bench/run.sh end-to-end [--path presigned|full] [--requests N] [--gateway URL] [--board URL]

library     times each proof and protocol of the library on one thread, and beside it the same of the Rust crate where there
            is cargo. About a quarter of an hour; leave the machine alone meanwhile.
  --quick   one sample of each, to see that it works
  --only    operations whose name has this text
end-to-end  times signatures through the gateway of a running system, one after the other.
  --path      presigned: waits before each request until there is a presignature; full: a system with POOL_TARGET=0
  --requests  how many (20)
  --gateway, --board   where they are (http://localhost:8000, http://localhost:8080)

Prints a table in Markdown: minimum, median, 95th percentile. All samples go to bench/results/ as JSON.
END
}

what=library
case "${1:-}" in
  -h | --help) usage && exit 0 ;;
  library | end-to-end) what=$1 && shift ;;
  '' | --*) ;;
  *) usage >&2 && exit 2 ;;
esac

[[ -d node_modules ]] || npm ci --silent
npx tsc -b . bench
if [[ $what == end-to-end ]]; then exec node bench/dist/end_to_end.js "$@"; fi
if command -v cargo >/dev/null; then interop/build.sh; fi
exec node bench/dist/library.js "$@"
