#!/usr/bin/env bash
# Builds the Rust programs into interop/target: peer-node, party and bench in release/, and party-no-hd, which is party
# without the crate's feature hd-wallet. Needs cargo.
#   build.sh [rug | num-bigint]    the crate's big integers: GMP when it can be built here, else num-bigint
set -euo pipefail
cd "$(dirname "$0")"
export CARGO_TARGET_DIR="$PWD/target"

build() {
  echo "Building the Rust peer with the backend $1" >&2
  cargo build --quiet --release --no-default-features --features "backend-$1" --bin party
  cp target/release/party target/party-no-hd
  cargo build --quiet --release --no-default-features --features "backend-$1,hd"
}

case "${1:-}" in
  rug | num-bigint) build "$1" ;;
  '')
    if ! command -v m4 >/dev/null || ! command -v make >/dev/null || ! command -v cc >/dev/null; then
      echo "GMP cannot be built here (it needs m4, make and a C compiler): num-bigint instead, which is half as fast" >&2
      build num-bigint
    elif ! build rug; then
      echo "Building with GMP failed: num-bigint instead, which is half as fast" >&2
      build num-bigint
    fi
    ;;
  *)
    echo "build.sh: the backend must be rug or num-bigint" >&2
    exit 2
    ;;
esac
