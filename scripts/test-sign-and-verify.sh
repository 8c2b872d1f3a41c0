#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/system.sh

usage() {
  cat <<'TEXT'
Usage: scripts/test-sign-and-verify.sh [MESSAGE]

Asks a running cluster to sign one message and verifies the signature with an independent implementation. Then checks that
the same signature is invalid for an altered message. Needs curl.

  MESSAGE      the message to sign (default: one with the time in it)
  -h, --help   this text

GATEWAY_URL is the gateway (default: where scripts/start.sh started it, otherwise http://localhost:8000).
Exit code: 0 the signature is right, 1 something went wrong, 2 called wrongly.
TEXT
}

case ${1:-} in
  -h | --help) usage && exit 0 ;;
  -*) die "unknown argument: $1 (try --help)" 2 ;;
esac
(($# <= 1)) || die 'one message, in quotes (try --help)' 2
message=${1-"signed at $(date -u +%Y-%m-%dT%H:%M:%SZ)"}
command -v curl >/dev/null || die 'curl is needed'
load_settings
require_node
[[ -f node/dist/bin/verify_from_api.js ]] || prepare

verify() { node node/dist/bin/verify_from_api.js --gateway "$GATEWAY_URL" --request-id "$request_id" "--message=$1"; }

say "Message    $message"
body=$(node -p 'JSON.stringify({ message: process.argv[1] })' -- "$message")
answer=$(curl -sS --max-time 40 -H 'content-type: application/json' --data-binary "$body" "$GATEWAY_URL/sign") ||
  die "No gateway answers at $GATEWAY_URL. Start a cluster: ./scripts/start.sh"
request_id=$(json_field request_id <<<"$answer") || die "What answers at $GATEWAY_URL is not a gateway: $answer"
[[ -n $request_id ]] || die "Refused: $answer"
say "Request    $request_id"

status=pending deadline=$((SECONDS + 300))
while [[ $status == pending ]] && ((SECONDS < deadline)); do
  answer=$(curl -sS --max-time 40 "$GATEWAY_URL/status/$request_id?wait=30000")
  status=$(json_field status <<<"$answer")
done
[[ $status == completed ]] || die "The request is $status: $answer"
say "Signature  $(json_field signature <<<"$answer")"

verify "$message" || exit 1
if verify "$message (altered)" 2>/dev/null; then die '✗ The signature is also valid for an altered message'; fi
say '✓ Not valid for an altered message'
