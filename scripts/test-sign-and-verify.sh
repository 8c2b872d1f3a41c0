#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/system.sh

usage() {
  cat <<'TEXT'
Usage: scripts/test-sign-and-verify.sh [MESSAGE]

Has a running cluster sign one message and verifies the signature with an independent implementation; then checks that the
same signature is refused for an altered message. Needs curl.

  MESSAGE      what is signed (default: one with the time in it)
  -h, --help   this text

GATEWAY_URL (default http://localhost:8000, or where scripts/start.sh started it) says where the gateway is.
Exit code: 0 as it should be, 1 not, 2 called wrongly.
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
answer=$(curl -sS --max-time 40 -H 'content-type: application/json' --data-binary "$body" "$GATEWAY_URL/sign") || die "No gateway at $GATEWAY_URL"
request_id=$(json_field request_id <<<"$answer") || die "That was no gateway at $GATEWAY_URL"
[[ -n $request_id ]] || die "Refused: $answer"
say "Request    $request_id"

status=pending deadline=$((SECONDS + 120))
while [[ $status == pending ]] && ((SECONDS < deadline)); do
  answer=$(curl -sS --max-time 40 "$GATEWAY_URL/status/$request_id?wait=30000")
  status=$(json_field status <<<"$answer")
done
[[ $status == completed ]] || die "The request is $status: $answer"
say "Signature  $(json_field signature <<<"$answer")"

verify "$message" || exit 1
if verify "$message (altered)" 2>/dev/null; then die '✗ The signature also passes for an altered message'; fi
say '✓ An altered message is refused'
