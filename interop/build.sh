#!/usr/bin/env bash
# Builds the Rust programs into interop/target: peer-node, party and bench in release/, and party-no-hd, which is party
# without the crate's feature hd-wallet. Needs cargo.
#   build.sh [rug | num-bigint]    the crate's big integers: GMP when it can be built here, else num-bigint
#   build.sh bench                 target/bench-rug and target/bench-num-bigint alone: the first only where GMP can be built
set -euo pipefail
cd "$(dirname "$0")"
export CARGO_TARGET_DIR="$PWD/target"

build() {
  echo "Building the Rust peer with the backend $1" >&2
  cargo build --quiet --release --no-default-features --features "backend-$1" --bin party
  cp target/release/party target/party-no-hd
  cargo build --quiet --release --no-default-features --features "backend-$1,hd"
}

# Only the benchmark, with one backend, under a name of its own.
build_bench() {
  echo "Building the benchmark of the Rust crate with the backend $1" >&2
  nice -n 19 cargo build --quiet --release --no-default-features --features "backend-$1,hd" --bin bench &&
    cp target/release/bench "target/bench-$1"
}

has_gmp_tools() { command -v m4 >/dev/null && command -v make >/dev/null && command -v cc >/dev/null; }
readonly WITHOUT_GMP='GMP cannot be built here (it needs m4, make and a C compiler)'

case "${1:-}" in
  rug | num-bigint) build "$1" ;;
  bench)
    build_bench num-bigint
    if ! has_gmp_tools; then
      [[ -x target/bench-rug ]] || echo "$WITHOUT_GMP: no figures of the crate with it" >&2
    else
      build_bench rug || echo 'Building with GMP failed: no figures of the crate with it' >&2
    fi
    ;;
  '')
    if ! has_gmp_tools; then
      echo "$WITHOUT_GMP: num-bigint instead, which is half as fast" >&2
      build num-bigint
    elif ! build rug; then
      echo "Building with GMP failed: num-bigint instead, which is half as fast" >&2
      build num-bigint
    fi
    ;;
  *)
    echo "build.sh: rug, num-bigint or bench" >&2
    exit 2
    ;;
esac
