#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/system.sh
source scripts/lib.sh

usage() {
  cat <<'TEXT'
Usage: scripts/test-api-gateway.sh

Checks every route of a running gateway with curl. Two messages are really signed.

  -h, --help   this text

GATEWAY_URL says where the gateway is (default http://localhost:8000, or where start.sh started it).
Ends with a line "N passed, N failed". Exit code: 0 all passed, 1 some failed, 2 called wrongly.
TEXT
}

case ${1:-} in
  '') ;;
  -h | --help) usage && exit 0 ;;
  *) die "unknown argument: $1 (try --help)" 2 ;;
esac
command -v curl >/dev/null || die 'curl is needed'
load_settings
G=${GATEWAY_URL%/}
ID='req_[0-9]+_[0-9a-f]{16}'
SIGNATURE='\{\\"r\\":\\"[0-9a-f]{64}\\",\\"s\\":\\"[0-9a-f]{64}\\"\}'
say "Gateway at $G"

# Makes a call that waits for a signature; makes it again while the machine is too busy to sign within one call's 30 s.
until_finished() {
  local tries
  for ((tries = 0; tries < 10; tries++)); do
    "$@"
    [[ $BODY == *'"status":"pending"'* ]] || break
  done
}

section 'Health'
get "$G/health"
[[ $STATUS != 000 ]] || die "no gateway answers at $G: ./scripts/start.sh starts the system"
expect 'GET /health answers, and no node is called a culprit' 200 '"status":' '"board":' '"public_key":' '"culprits":[]'
get "$G/ready"
expect 'GET /ready: the board is up and the key is generated' 200 '"status":"ready"'

section 'Public key'
get "$G/publickey"
expect_body 'GET /publickey answers a compressed point' '\{"public_key":"0[23][0-9a-f]{64}"\}'

section 'Signing'
MESSAGE="gateway test $(date +%s) $$"
post "$G/sign" "{\"message\":\"$MESSAGE\"}"
expect_body 'POST /sign answers a request id' "\{\"request_id\":\"$ID\",\"status\":\"pending\"\}"
REQUEST=$(text_at request_id)
get "$G/status/$REQUEST"
expect 'GET /status/{id} knows it' 200 "\"request_id\":\"$REQUEST\"" '"status":'
until_finished get "$G/status/$REQUEST?wait=30000"
FORMS='"r":"[0-9a-f]{64}","s":"[0-9a-f]{64}","der":"30[0-9a-f]+","compact":"[0-9a-f]{128}","recovery_id":[0-3]'
COMPLETED="\"status\":\"completed\",\"signature\":\"$SIGNATURE\",$FORMS"
expect_body 'GET /status/{id}?wait answers the signature, a JSON string' "\{\"request_id\":\"$REQUEST\",$COMPLETED\}"
FIRST=$BODY
get "$G/status/$REQUEST"
SAME='asked again it answers the same'
if [[ $BODY == "$FIRST" && $BODY == *'"signature"'* ]]; then pass "$SAME"; else fail "$SAME" "$BODY"; fi
until_finished post "$G/sign?wait=30000" "{\"message\":\"$MESSAGE\"}"
expect_body 'POST /sign?wait answers the signature in one call' "\{\"request_id\":\"$ID\",$COMPLETED\}"
if [[ $(text_at request_id) != "$REQUEST" ]]; then pass 'a new request each time'; else fail 'a new request each time' "$BODY"; fi

section 'Unknown requests'
get "$G/status/req_1_unknown"
expect 'an unknown id is 404 with status not_found' 404 '"request_id":"req_1_unknown"' '"status":"not_found"'
get "$G/status/keygen"
expect 'what is no signing request is not found' 404 '"status":"not_found"'

section 'Bad input'
post "$G/sign" '{"message":""}'
expect 'an empty message is 400' 400 'message: '
post "$G/sign" '{}'
expect 'no message is 400' 400 'message: '
post "$G/sign" '{"message":5}'
expect 'a message that is no text is 400' 400 'message: '
post "$G/sign" '{"message":"\ud800"}'
expect 'a message that is not Unicode is 400' 400 'message: '
post "$G/sign" '{"message":"m","bytes":"00"}'
expect 'bytes beside a message are 400' 400 'bytes: '
post "$G/sign" '{"bytes":"0"}'
expect 'half a byte is 400' 400 'bytes: '
post "$G/sign" '{"digest":"00"}'
expect 'a short digest is 400' 400 'digest: '
post "$G/sign" '{"message":"m","hash":"md5"}'
expect 'an unknown hash is 400' 400 'hash: '
post "$G/sign" '{"message":"m","colour":"red"}'
expect 'an unknown field is 400 by name' 400 'colour: '
post "$G/sign" '{"message":'
expect 'broken JSON is 400' 400 '"code":"malformed_json"'
post "$G/sign?wait=soon" '{"message":"m"}'
expect 'a wait that is no number is 400' 400 'wait: '
big_body 65537
call POST "$G/sign" -H 'content-type: application/json' --data-binary "@$BIG_BODY"
expect 'a message of more than 64 KiB is 400' 400 'message: '
call POST "$G/sign" -H 'content-type: text/plain' --data-binary 'm'
expect 'another content type is 415' 415 '"code":"unsupported_media_type"'
rm -f "$BIG_BODY"
big_body 1000000
call POST "$G/sign" -H 'content-type: application/json' -H 'expect:' --data-binary "@$BIG_BODY"
expect 'a body that is far too large is 413' 413 '"code":"body_too_large"'
get "$G/nowhere"
expect 'an unknown route is 404' 404 '"code":"unknown_route"'

summary
