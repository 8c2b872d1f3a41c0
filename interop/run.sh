#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/system.sh

usage() {
  cat <<'END'
Usage: interop/run.sh [--backend rug|num-bigint]

A mixed cluster: nodes 1 and 3 are ours, nodes 2 and 4 are made of the published Rust crate cggmp24, the board is ours.
Together they make a 3-of-4 key and sign with the full protocol, one message with each set of three signers. Then nodes 1
and 2 swap: a Rust node goes on with the files that ours wrote and one of ours with the Rust node's; they sign twice more.
Every signature is checked with verify-signature.

The roster is a plain one: messages are neither signed nor encrypted, because the crate does neither. The proof Pi^prm has
the crate's 32 bits of soundness, and there are no presignatures. The Rust nodes' primes are fixtures. Everything is for
this test alone and deleted afterwards.

Needs Node.js and cargo; without cargo it says so and ends with code 0. It takes free ports of the loopback interface.
  --backend   the crate's big integers; without it GMP (rug) when it can be built here, else num-bigint
Exit code: 0 passed or skipped, 1 failed, 2 called wrongly.
END
}

BACKEND=
case "${1:-}" in
  '') ;;
  -h | --help) usage && exit 0 ;;
  --backend) BACKEND=${2:-}; [[ $BACKEND =~ ^(rug|num-bigint)$ ]] || { usage >&2 && exit 2; } ;;
  *) usage >&2 && exit 2 ;;
esac

if ! command -v cargo >/dev/null; then
  echo 'SKIPPED: cargo not found'
  exit 0
fi

readonly SETUP_SECONDS=300 SIGNATURE_SECONDS=60
DIR=$(mktemp -d)
PROCESSES=() NAMES=()

say() { printf '[%4ds] %s\n' "$SECONDS" "$*"; }

fail() {
  say "$*"
  for log in "$DIR"/*.log; do
    printf -- '--- the end of %s\n' "$(basename "$log")"
    tail -n 15 "$log" | cut -c 1-300
  done
  exit 1
}

# Starts a program with its output in <name>.log.
start() {
  local name=$1
  shift
  "$@" >>"$DIR/$name.log" 2>&1 &
  PROCESSES+=($!) NAMES+=("$name")
}

# Ends processes by their ids: asks, and after five seconds insists.
end() {
  local pid
  for pid in "$@"; do kill "$pid" 2>/dev/null || true; done
  for _ in {1..50}; do
    kill -0 "$@" 2>/dev/null || break
    sleep 0.1
  done
  for pid in "$@"; do kill -9 "$pid" 2>/dev/null || true; done
  wait "$@" 2>/dev/null || true
}

cleanup() {
  local code=$?
  if ((${#PROCESSES[@]})); then end "${PROCESSES[@]}"; fi
  rm -rf "$DIR"
  if ((code)); then echo FAIL; else echo PASS; fi
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# Ends the process of that name.
end_named() {
  local k
  for k in "${!NAMES[@]}"; do
    [[ ${NAMES[k]} == "$1" ]] || continue
    end "${PROCESSES[k]}"
    unset "PROCESSES[k]" "NAMES[k]"
    return
  done
}

check_alive() {
  local k
  for k in "${!NAMES[@]}"; do kill -0 "${PROCESSES[k]}" 2>/dev/null || fail "${NAMES[k]} has ended by itself"; done
}

# Waits until a command succeeds. $1 what is waited for, $2 seconds.
await() {
  local what=$1 until=$((SECONDS + $2))
  shift 2
  until "$@"; do
    check_alive
    ((SECONDS < until)) || fail "gave up waiting: $what"
    sleep 0.5
  done
}

get() { curl --silent --show-error --fail --max-time 10 "$BOARD$1" 2>>"$DIR/curl.log"; }
# A field of the JSON object on stdin.
field() { node -e 'const value = JSON.parse(require("fs").readFileSync(0, "utf8"))[process.argv[1]]; process.stdout.write(String(value ?? ""))' "$1"; }

start_ours() { # number
  start "node-$1-ours" env NODE_ID="node-$1" MESSAGE_BOARD_URL="$BOARD" DATA_DIR="$DIR/node-$1" SEAL_KEY=none LOG_LEVEL=info \
    node node/dist/main.js
}
start_rust() { # number
  start "node-$1-rust" env NODE_ID="node-$1" MESSAGE_BOARD_URL="$BOARD" DATA_DIR="$DIR/node-$1" PRIMES_FILE="$DIR/primes.json" \
    interop/target/release/peer-node
}

is_ready() { grep --quiet -- "$2" "$DIR/$1.log"; }
await_ready() {
  local name
  for name in "$@"; do
    if [[ $name == *ours ]]; then
      await "$name" "$SETUP_SECONDS" is_ready "$name" 'Main signing loop started'
    else
      await "$name" "$SETUP_SECONDS" is_ready "$name" 'ready, public key'
    fi
  done
}

is_completed() { [[ $(get "/requests/$1" | field status 2>>"$DIR/curl.log") == completed ]]; }

# Requests a signature and verifies it. $1 request id, which chooses the signers; $2 who they are; $3 message.
sign() {
  local id=$1 signers=$2 message=$3 since=$SECONDS
  node -e 'process.stdout.write(JSON.stringify({ id: process.argv[1], message: process.argv[2] }))' "$id" "$message" |
    curl --silent --show-error --fail --max-time 10 --header 'content-type: application/json' --data-binary @- "$BOARD/requests" >/dev/null
  await "the signature of $id by nodes $signers" "$SIGNATURE_SECONDS" is_completed "$id"
  local signature
  signature=$(get "/requests/$id" | field signature)
  node node/dist/bin/verify_signature.js --message "$message" --signature "$signature" --public-key "$PUBLIC_KEY" >/dev/null ||
    fail "the signature of $id is not valid"
  local made_by
  made_by=$(get "/messages?request_id=$id&to_node=*" | makers_of_partial_signatures)
  [[ $made_by == "$signers" ]] || fail "the partial signatures of $id are of nodes ${made_by:-none}, not $signers"
  say "\"$message\" signed by nodes $signers in about $((SECONDS - since)) s, verified"
}

# Of the messages on stdin: who sent one of the last round, in which partial signatures are exchanged.
makers_of_partial_signatures() {
  node -e 'const messages = JSON.parse(require("fs").readFileSync(0, "utf8"));
    const numbers = messages.filter(({ round }) => round === 5).map(({ from_node }) => Number(from_node.slice(5)));
    process.stdout.write(numbers.sort((a, b) => a - b).join("-"))'
}

require_node
[[ -d node_modules ]] || { say 'Installing' && npm ci --silent; }
say 'Building'
npm run --silent build
interop/build.sh ${BACKEND:+"$BACKEND"}
node --input-type=module -e 'import { fullSafePrimes } from "cggmp24/testing"; process.stdout.write(JSON.stringify({ primes: fullSafePrimes }))' >"$DIR/primes.json"

node node/dist/bin/make_cluster.js --nodes 4 --threshold 3 --plain --out "$DIR" --seal-key none >"$DIR/make-cluster.log"
start board env PORT=0 HOST=127.0.0.1 LOG_LEVEL=info node message-board/dist/main.js
await 'the board' 20 is_ready board '"listening"'
BOARD=http://127.0.0.1:$(grep '"listening"' "$DIR/board.log" | field port)
say "The board is at $BOARD; starting nodes 1 and 3 (ours), 2 and 4 (Rust)"
start_ours 1
start_rust 2
start_ours 3
start_rust 4
await_ready node-1-ours node-2-rust node-3-ours node-4-rust
PUBLIC_KEY=$(get /publickey | field public_key)
say "All four have key share and aux info; the public key is $PUBLIC_KEY"

# The signers follow from the ids: three nodes in a row from BLAKE2b-512(id) mod 4.
sign req_interop_fourth 1-2-3 'Hello from both'
sign req_interop_first 1-2-4 'second message'
sign req_interop_green 1-3-4 'üçüncü mesaj'
sign req_interop_second 2-3-4 'fourth message'

say 'Nodes 1 and 2 stop; Rust goes on with the files of node-1, ours with those of node-2'
end_named node-1-ours
end_named node-2-rust
cp "$DIR/node-1/key_share_node-1.json" "$DIR/node-1/incomplete_key_share_node-1.json"
mv "$DIR/node-2/incomplete_key_share_node-2.json" "$DIR/node-2/key_share_node-2.json"
start_rust 1
start_ours 2
await_ready node-1-rust node-2-ours
sign req_interop_gamma 1-2-3 'with swapped files'
sign req_interop_alpha 1-2-4 'once more'
