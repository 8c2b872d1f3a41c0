#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/system.sh

usage() {
  cat <<'END'
Usage: bench/run.sh [PART …] [options]      measures; all parts when none is named
       bench/run.sh table [FILE …]          writes bench/RESULTS.md, from the newest results of each part or from these

library          each proof and protocol of the library on one thread, alternately with the Rust crate: 20 minutes
parties          key generation, aux info and presigning of 2-of-3, 3-of-4 and 5-of-7: 6 minutes
primes           60 safe primes, alternately with the Rust crate: 10 minutes
first-signature  from nothing to the first verified signature, with four nodes that search for their primes, five times:
                 5 minutes
end-to-end       signatures through the gateway of clusters that it starts and ends: latency while the pool is filled and
                 when it is at rest, throughput until it is empty: an hour on two cores
envelopes        the time that sealing adds to a presigned signature: a sealed and a plain cluster, alternately: 4 minutes
sustained        more requests than presignatures for ten minutes: throughput, memory, losses

  --quick           small primes and one sample of each, to see that it works: two minutes; the figures mean nothing
  --only TEXT       library, parties, primes: only operations whose name has this text
  --cluster T-of-N  end-to-end, sustained: this cluster; may be given again (default: all three; sustained: 3-of-4)
  --pool N          end-to-end: presignatures that are made first (100 for 2-of-3, 500 for 3-of-4, 50 for 5-of-7)
  --small-primes    end-to-end, sustained: presignatures cost next to nothing, so this measures only the path of a request
  --in-flight N     end-to-end, sustained: requests at a time (64)
  --runs N          first-signature: how many (5)
  --minutes N       sustained: how long (10)

Prints tables in Markdown and keeps all samples in bench/results/ as JSON. Leave the machine alone while it runs. The Rust crate
takes part if there is cargo, with GMP if that can be built. bench/README.md says how to read the figures.
END
}

for argument in "$@"; do
  case $argument in -h | --help) usage && exit 0 ;; esac
done
require_node
[[ -d node_modules ]] || npm ci --silent
npx tsc -b
if [[ ${1:-} == table ]]; then exec node bench/dist/write_table.js "${@:2}"; fi
# A quick run takes what is built.
if [[ " $* " != *' --quick '* ]] && command -v cargo >/dev/null; then
  interop/build.sh bench || echo 'The Rust crate could not be built: no figures of it' >&2
fi
exec node bench/dist/main.js "$@"
