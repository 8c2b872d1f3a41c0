#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/system.sh
source scripts/lib.sh

usage() {
  cat <<'TEXT'
Usage: scripts/test-e2e.sh

Tests a running cluster from outside, through its gateway. Messages of all kinds are signed, and an independent
implementation verifies every signature. Bad input is rejected. The nodes refuse a request that did not come through the
gateway. Ten requests at once are all served. Needs curl.

  -h, --help   this text

GATEWAY_URL is the gateway (default: where scripts/start.sh started it, otherwise http://localhost:8000). BOARD_URL is the
message board (default http://localhost:8080); if no board answers there, one section is left out.
Waits up to five minutes for a cluster that is still making its key.
Ends with a line "N passed, N failed". Exit code: 0 all passed, 1 some failed or there is no cluster, 2 called wrongly.
TEXT
}

case ${1:-} in
  '') ;;
  -h | --help) usage && exit 0 ;;
  *) die "unknown argument: $1 (try --help)" 2 ;;
esac
command -v curl >/dev/null || die 'curl is needed'
load_settings
require_node
[[ -f node/dist/bin/verify_from_api.js ]] || prepare

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
G=${GATEWAY_URL%/}

# $1 what is checked; the rest: a command that has to succeed
check() {
  local what=$1
  shift
  if "$@"; then pass "$what"; else fail "$what" "status $STATUS: $BODY"; fi
}

is() { [[ $1 == "$2" ]]; }
field() { json_field "$1" <<<"$BODY"; }

# Asks until the request is not pending any more, for five minutes at most.
is_completed() {
  local deadline=$((SECONDS + 300))
  get "$G/status/$1?wait=30000"
  while [[ $STATUS == 200 && $(field status) == pending ]] && ((SECONDS < deadline)); do get "$G/status/$1?wait=30000"; done
  [[ $STATUS == 200 && $(field status) == completed ]]
}

# $1 request, $2 message
verify() { node node/dist/bin/verify_from_api.js --gateway "$G" --request-id "$1" "--message=$2" 2>&1; }
is_valid() { verify "$@" >/dev/null; }
is_not_valid() { [[ $(verify "$@") == *'is not valid for this message'* ]]; }
is_completed_and_valid() { is_completed "$1" && is_valid "$@"; }

# Signs a message and verifies the signature.
signs() {
  # Through a file: on some systems a command line has no room for 64 KiB of JSON.
  printf '%s' "$1" | node -e '
    process.stdout.write(JSON.stringify({ message: require("node:fs").readFileSync(0, "utf8") }));
  ' >"$scratch/body"
  post "$G/sign" "@$scratch/body"
  [[ $STATUS == 200 ]] && is_completed_and_valid "$(field request_id)" "$1"
}

is_ready() {
  local deadline=$((SECONDS + 300))
  get "$G/ready"
  while [[ $STATUS == 503 ]] && ((SECONDS < deadline)); do
    sleep 2
    get "$G/ready"
  done
  [[ $STATUS == 200 ]]
}

section "Gateway $G"
is_ready || die "No cluster is ready at $G: ./scripts/start.sh starts one"
pass 'it is ready'
get "$G/health"
expect 'it is healthy' 200 '"status":"ok"'
get "$G/publickey"
expect_body 'it has a public key' '\{"public_key":"0[23][0-9a-f]{64}"\}'

section 'Messages are signed, and the signatures are valid'
check 'plain text' signs 'Hello, threshold signing!'
check 'Unicode' signs 'Ödeme onayı: 10 ₿ → 木村 🔑'
check 'quotes, backslashes, control characters, line ends' signs $'"quoted", \\ and\tcontrol\x01\r\ncharacters\n\n'
check 'one byte' signs x
check '64 KiB' signs "$(printf '%065536d' 0)"

section 'What cannot be signed is refused, and the answer says why'
post "$G/sign" '{"message":""}'
expect 'an empty message' 400 'message: must not be empty'
post "$G/sign" '{}'
expect 'no message' 400 'message: '
post "$G/sign" '{"message":7}'
expect 'a message that is a number' 400 'message: '
post "$G/sign" '{"message":"x","mesage":"y"}'
expect 'a field nobody knows' 400 'mesage: '
post "$G/sign" '{"message":'
expect 'what is not JSON' 400 'is not JSON'
printf '{"message":"%065537d"}' 0 >"$scratch/body"
post "$G/sign" "@$scratch/body"
expect '64 KiB and one byte' 400 'message: must be at most 65536 bytes'

get "${BOARD_URL%/}/health"
if [[ $STATUS == 200 && -n $(text_at roster) ]]; then
  section 'A request that somebody puts straight on the board is refused, and everybody sees it'
  forged=req_$(date +%s)_$(printf '%016x' "$((RANDOM * 32768 + RANDOM))")
  post "${BOARD_URL%/}/requests" "{\"id\":\"$forged\",\"message\":\"nobody has asked for this\"}"
  expect 'the board keeps it' 200 '"status":"pending"'
  get "$G/status/$forged?wait=30000"
  expect 'the nodes refuse it, and the gateway says so' 200 '"status":"failed"' '"reason":"unauthorized: node-'
  post "${BOARD_URL%/}/messages" '{"request_id":"forged","from_node":"node-1","to_node":"*","round":1,"payload":"x"}'
  expect 'what no node has signed is not kept' 403 '"code":"unsigned_request"'
fi

section 'Status'
check 'one more is signed' signs 'ask me twice'
id=$(field request_id) first=$(field signature)
get "$G/status/$id"
check 'asked again, the signature is the same' is "$(field status) $(field signature)" "completed $first"
check 'it is not valid for another message' is_not_valid "$id" 'ask me twice!'
get "$G/status/req_1_none"
check 'an unknown request is not found' is "$STATUS $BODY" '404 {"request_id":"req_1_none","status":"not_found"}'

section 'Ten requests at once'
for k in 1 2 3 4 5 6 7 8 9 10; do
  body="{\"message\":\"request $k of ten\"}"
  curl -sS --max-time 40 -H 'content-type: application/json' -d "$body" "$G/sign" >"$scratch/request_$k" 2>&1 &
done
wait
nonces=''
for k in 1 2 3 4 5 6 7 8 9 10; do
  BODY=$(<"$scratch/request_$k") STATUS=''
  check "request $k is completed and valid" is_completed_and_valid "$(field request_id || printf none)" "request $k of ten"
  nonces+=$(grep -o '"r[^,]*' <<<"$(field signature || true)")$'\n'
done
check 'no presignature was used twice' is "$(sort -u <<<"${nonces%$'\n'}" | wc -l | tr -d ' ')" 10

summary
