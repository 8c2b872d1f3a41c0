#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/system.sh
source scripts/lib.sh

usage() {
  cat <<'TEXT'
Usage: scripts/test-message-board.sh

Checks every route of a running message board with curl. It is safe on a live system: it uses ids of its own, which nodes
refuse to sign, and does not change the public key. If the board has a roster, it must refuse what is for members. If
nodes are ready as well, and the board keeps requests that the gateway has not signed, they must refuse one.

  -h, --help   this text

BOARD_URL says where the board is (default http://localhost:8080, or where start.sh started it).
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
B=${BOARD_URL%/}
ME=test-$(date +%s)-$$-$RANDOM
say "Message board at $B"

section 'Health'
get "$B/health"
[[ $STATUS != 000 ]] || die "no message board answers at $B: ./scripts/start.sh starts one"
expect 'GET /health says ok' 200 '"status":"ok"' '"pending":'
SEALED='' READY=''
if [[ -n $(text_at roster) ]]; then SEALED=yes; fi
get "$B/nodes"
if [[ $BODY == *'"stage":"ready"'* ]]; then READY=yes; fi
# Does it take requests from anybody? Without a roster it does; with one it depends on UNSIGNED_REQUESTS.
KEEPS=yes
if [[ -n $SEALED ]]; then
  post "$B/requests" "{\"id\":\"$ME-k\",\"message\":\"test message\"}"
  if [[ $STATUS == 403 ]]; then
    KEEPS=''
    expect 'a request that the gateway has not signed is refused' 403 '"code":"unsigned_request"' 'gateway'
  fi
fi
# Three parts that look like a signature, made by nobody.
FORGED=e30.e30.e30

# What a node says of itself on one topic ($1), as JSON ($2), where nothing is signed. It is a string in JSON.
statement() { printf '"{\\"started\\":1,\\"incarnation\\":\\"test\\",\\"sequence\\":0,\\"topic\\":\\"%s\\",\\"content\\":%s}"' "$1" "${2//\"/\\\"}"; }
IDLE='{"ready":false,"next":0,"running":null,"completed":null,"committed":null}'
STATEMENTS="\"setup\":$(statement setup "{\"keygen\":$IDLE,\"aux_info\":$IDLE}"),\"pool\":$(statement pool '{"pool":{}}')"
STATEMENTS+=",\"attempts\":$(statement attempts '{"attempts":[]}'),\"accusations\":$(statement accusations '{"culprits":[]}'),\"health\":$(statement health '{"problems":[],"disk_free_bytes":null,"hears":[]}')"

section 'Requests'
check_kept_request() {
  post "$B/requests" "{\"id\":\"$ME\",\"message\":\"test message\"}"
  expect 'POST /requests makes a pending record' 200 "\"id\":\"$ME\"" '"message":"test message"' '"status":"pending"' '"created_at":' '"updated_at":'
  post "$B/requests" "{\"id\":\"$ME\",\"message\":\"test message\"}"
  expect 'the same again is the same record' 200 "\"id\":\"$ME\""
  post "$B/requests" "{\"id\":\"$ME\",\"message\":\"another\"}"
  expect 'another message under the same id is a conflict' 409 '"code":"request_exists"'
  get "$B/requests/$ME"
  expect 'GET /requests/{id} answers it' 200 "\"id\":\"$ME\""
  get "$B/requests"
  expect 'GET /requests lists it, as a bare array' 200 "\"id\":\"$ME\""
  expect_body 'the list is an array' '\[.*\]'
}
if [[ -n $KEEPS ]]; then check_kept_request; fi
get "$B/requests?status=pending&wait=0"
expect_body 'GET /requests?status=pending is an array' '\[.*\]'
get "$B/requests/$ME-unknown"
expect 'an unknown id is 404' 404 '"code":"unknown_request"'
# What changes a request: for members, where there is a roster.
check_changes() {
  put "$B/requests/$ME" '{"status":"completed"}'
  expect 'completed without a signature is refused' 409 '"error":'
  put "$B/requests/$ME" "{\"signature\":\"{\\\"r\\\":\\\"$(printf '%064d' 1)\\\",\\\"s\\\":\\\"$(printf '%064d' 1)\\\"}\"}"
  expect 'a wrong signature is refused' '400|409' '"error":'
  put "$B/requests/$ME" "{\"presignature_id\":\"$ME-a\"}"
  put "$B/requests/$ME" "{\"presignature_id\":\"$ME-b\"}"
  expect 'a second presignature name is a conflict' 409 '"error":'
  put "$B/requests/$ME" '{"presignature_id":"../x"}'
  expect 'a name that is not safe is 400' 400 'presignature_id: '
  put "$B/requests/$ME" '{"status":"failed"}'
  expect 'failed needs a reason' 400 'reason: '
  put "$B/requests/$ME" '{"status":"failed","reason":"test_only"}'
  expect 'failed with a reason' 200 '"status":"failed"'
  put "$B/requests/$ME" '{"status":"failed","reason":"test_only"}'
  expect 'the same state again is taken' 200 '"status":"failed"'
  put "$B/requests/$ME" '{"status":"pending"}'
  expect 'a final state never changes' 409 '"code":"status_conflict"'
}
if [[ -n $SEALED ]]; then
  put "$B/requests/$ME" '{"status":"failed","reason":"test_only"}'
  expect 'that it has failed is for a node to say' 403 '"code":"unsigned_request"' 'x-member: '
  call PUT "$B/requests/$ME" -H 'content-type: application/json' -H "x-member: $FORGED" --data-binary '{"status":"failed","reason":"test_only"}'
  expect 'nor is it for one who forges a session' 401 '"code":"session_refused"'
  post "$B/requests" "{\"id\":\"$ME-b\",\"message\":\"m\",\"presignature_id\":\"$ME-a\",\"origin\":\"$FORGED\"}"
  expect 'nor may a request name a presignature that the gateway has not proposed' 403 '"error":'
else
  check_changes
fi

# $1 the path, $2 its name in the checks.
check_messages() {
  local message="{\"request_id\":\"$ME-m\",\"from_node\":\"node-1\",\"to_node\":\"node-2\",\"round\":1,\"payload\":\"{\\\"test\\\":\\\"data\\\"}\"}"
  if [[ -n $SEALED ]]; then
    post "$B$1" "$message"
    expect "POST $1 is for members" 403 '"code":"unsigned_request"' 'x-member: '
    get "$B$1?request_id=$ME-m&to_node=node-2"
    expect_body 'nothing of it is kept' '\[\]'
  else
    check_kept_messages "$1" "$message"
  fi
  get "$B$1"
  expect 'without request_id it is 400' 400 'request_id: '
  get "$B$1?request_id=$ME-m"
  expect 'without to_node it is 400' 400 'to_node: '
  if [[ -n $SEALED ]]; then return; fi
  post "$B$1" "${message/node-1/node-0}"
  expect 'a wrong node is 400 by name' 400 'from_node: '
  post "$B$1" "${message/:1,/:1.5,}"
  expect 'a broken round is 400 by name' 400 'round: '
}

# $1 the path, $2 a message.
check_kept_messages() {
  local first message=$2
  post "$B$1" "$message"
  expect "POST $1 keeps a message" 200 '"from_node":"node-1"' '"to_node":"node-2"' '"round":1' '"created_at":'
  first=$(text_at id)
  post "$B$1" "$message"
  expect 'the same again is the same entry' 200 "\"id\":\"$first\""
  post "$B$1" "{\"request_id\":\"$ME-m\",\"from_node\":\"node-1\",\"to_node\":\"*\",\"round\":1,\"payload\":\"for all\"}"
  get "$B$1?request_id=$ME-m&to_node=node-2"
  expect "GET $1 answers what is for the node and for all" 200 "\"id\":\"$first\"" '"to_node":"*"'
  get "$B$1?request_id=$ME-m&to_node=node-3"
  expect_without 'and nothing that is for another' "\"id\":\"$first\""
  get "$B$1?request_id=$ME-m&to_node=node-2&after=$first"
  expect_without 'after a cursor only what is later' "\"id\":\"$first\""
}

section 'Messages'
check_messages /messages
get "$B/requests/$ME-m"
if [[ -n $SEALED ]]; then
  expect 'nobody makes a record by asking' 404 '"code":"unknown_request"'
else
  expect 'there is a record for them, in progress' 200 '"status":"in_progress"' '"message":""'
fi
get "$B/requests?status=pending"
expect_without 'which is never pending' "\"id\":\"$ME-m\""

section 'Presignature messages'
check_messages /presignature-messages

section 'Presignature requests'
if [[ -n $SEALED ]]; then
  post "$B/presignature-requests" "{\"request_id\":\"$ME\",\"participants\":[0,1,2]}"
  expect 'POST /presignature-requests is for members' 403 '"code":"unsigned_request"'
  get "$B/presignature-requests"
  expect_without 'nothing of it is kept' "\"id\":\"$ME\""
else
  post "$B/presignature-requests" "{\"request_id\":\"$ME\",\"participants\":[0,1,2]}"
  expect 'POST /presignature-requests makes a pending record' 200 "\"id\":\"$ME\"" '"participants":[0,1,2]' '"status":"pending"'
  post "$B/presignature-requests" "{\"request_id\":\"$ME\",\"participants\":[0,1,3]}"
  expect 'other participants are a conflict' 409 '"code":"presignature_request_exists"'
  get "$B/presignature-requests"
  expect 'GET /presignature-requests lists it' 200 "\"id\":\"$ME\""
  put "$B/presignature-requests/$ME" '{"status":"failed"}'
  expect 'PUT /presignature-requests/{id} moves it' 200 '"status":"failed"'
  put "$B/presignature-requests/$ME" '{"status":"pending"}'
  expect 'and never back' 409 '"code":"status_conflict"'
  get "$B/presignature-requests?status=pending"
  expect_without 'finished it is no longer pending' "\"id\":\"$ME\""
  post "$B/presignature-requests" "{\"request_id\":\"$ME-x\",\"participants\":[1,0]}"
  expect 'participants out of order are 400' 400 'participants: '
  put "$B/presignature-requests/$ME-unknown" '{"status":"failed"}'
  expect 'an unknown one is 404' 404 '"code":"unknown_presignature_request"'
fi

section 'Partial signatures'
post "$B/partial-signatures" "{\"request_id\":\"$ME-p\",\"from_node\":\"node-1\",\"payload\":\"one\"}"
if [[ -n $SEALED ]]; then
  expect 'POST /partial-signatures is for members' 403 '"code":"unsigned_request"'
  get "$B/partial-signatures?request_id=$ME-p"
  expect_body 'nothing of it is kept' '\[\]'
else
  expect 'POST /partial-signatures keeps one' 200 '"payload":"one"'
  post "$B/partial-signatures" "{\"request_id\":\"$ME-p\",\"from_node\":\"node-2\",\"payload\":\"two\"}"
  get "$B/partial-signatures?request_id=$ME-p"
  expect 'GET /partial-signatures lists them' 200 '"payload":"one"' '"payload":"two"'
fi
get "$B/partial-signatures"
expect 'without request_id it is 400' 400 'request_id: '

section 'Waiting reads'
# With a roster the board keeps only what a node says of a request: without nodes there is no news.
if [[ -z $SEALED || (-n $READY && -n $KEEPS) ]]; then
  WAITED=$(mktemp)
  post "$B/requests" "{\"id\":\"$ME-w\",\"message\":\"test message\"}"
  curl -fsS --max-time 20 "$B/requests/$ME-w?status=pending&wait=15000" >"$WAITED" 2>&1 &
  READER=$!
  sleep 0.5
  SINCE=$SECONDS
  # Where nodes refuse it, that was the news already, and the board keeps only what a node says of it.
  put "$B/requests/$ME-w" '{"status":"failed","reason":"test_only"}'
  STATUS=000
  if wait "$READER"; then STATUS=200; fi
  BODY=$(<"$WAITED")
  rm -f "$WAITED"
  expect 'a waiting reader hears the news' 200 '"status":"failed"'
  if ((SECONDS - SINCE < 10)); then pass 'at once'; else fail 'at once' "after $((SECONDS - SINCE)) s"; fi
fi
get "$B/partial-signatures?request_id=$ME-none&wait=50"
expect_body 'or nothing, when the time is over' '\[\]'
get "$B/requests?wait=30001"
expect 'a wait of more than 30 s is 400' 400 'wait: '

section 'Public key'
get "$B/publickey"
KEY=$(text_at public_key)
if [[ $STATUS == 404 ]]; then
  expect 'GET /publickey is 404 before there is one' 404 '"code":"no_public_key"'
  if [[ -n $SEALED && -n $KEEPS ]]; then
    post "$B/publickey" '{"public_key":"0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"}'
    expect 'and one that the nodes have not stated is refused' 403 '"code":"unconfirmed_key"'
  fi
else
  expect_body 'GET /publickey answers a compressed point' '\{"public_key":"0[23][0-9a-f]{64}"\}'
  if [[ -n $KEEPS ]]; then
    post "$B/publickey" "{\"public_key\":\"$KEY\"}"
    expect 'the same again is taken' 200 "$KEY"
  fi
  # The generator of secp256k1: a valid point, and nobody's key.
  post "$B/publickey" '{"public_key":"0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"}'
  expect 'another one is not taken' '403|409' '"error":'
  get "$B/publickey"
  expect 'and the first stays' 200 "$KEY"
fi
post "$B/publickey" '{"public_key":"1234"}'
expect 'nor is what is no point' '400|403' '"error":'

section 'Nodes'
get "$B/nodes"
expect_body 'GET /nodes answers what the nodes say of themselves' '\[.*\]'
check_heartbeats() {
  put "$B/nodes/node-0" '{}'
  expect 'a wrong node is 400 by name' 400 'node_id: '
  put "$B/nodes/node-1" '{}'
  expect 'a heartbeat without its statements is 400 by name' 400 'statements: '
  put "$B/nodes/node-1" "{\"statements\":{$STATEMENTS}}"
  expect 'one without a statement on a topic is 400 by name' 400 'statements.presence: '
  put "$B/nodes/node-1" "{\"statements\":{\"presence\":$(statement presence '{"stage":7}'),$STATEMENTS}}"
  expect 'a statement that says something else is 400 by name' 400 'statements.presence: public_key: '
}
if [[ -n $SEALED ]]; then
  put "$B/nodes/node-1" "{\"statements\":{\"presence\":$(statement presence '{"public_key":null,"stage":"test"}'),$STATEMENTS}}"
  expect 'a heartbeat is for members' 403 '"code":"unsigned_request"'
  get "$B/nodes"
  expect_without 'nothing of it is kept' '"stage":"test"'
else
  check_heartbeats
fi

if [[ -n $SEALED && -n $READY && -n $KEEPS ]]; then
  section 'What the gateway has not signed'
  FORGED_REQUEST=req_$(date +%s)_$(printf '%016x' "$((RANDOM * 32768 + RANDOM))")
  post "$B/requests" "{\"id\":\"$FORGED_REQUEST\",\"message\":\"nobody has asked for this\",\"origin\":\"$FORGED\"}"
  expect 'it is kept' 200 "\"id\":\"$FORGED_REQUEST\"" '"status":"pending"'
  get "$B/requests/$FORGED_REQUEST?status=pending&wait=30000"
  expect 'and the nodes refuse it where everybody sees it' 200 '"status":"failed"' '"reason":"unauthorized: node-' '"refusals":["'
fi

section 'Bad input'
if [[ -n $KEEPS ]]; then
  post "$B/requests" '{"message":""}'
  expect 'an empty message is 400' 400 'message: '
  post "$B/requests" '{}'
  expect 'no message is 400' 400 'message: '
  post "$B/requests" '{"message":"m","colour":"red"}'
  expect 'an unknown field is 400 by name' 400 'colour: '
  post "$B/requests" '{"message":"m","id":"../etc"}'
  expect 'an id that is not safe is 400' 400 'id: '
  post "$B/requests" '{"message":'
  expect 'broken JSON is 400' 400 '"code":"malformed_json"'
  call POST "$B/requests" -H 'content-type: text/plain' --data-binary '{"message":"m"}'
  expect 'another content type is 415' 415 '"code":"unsupported_media_type"'
  big_body 3000000
  call POST "$B/requests" -H 'content-type: application/json' -H 'expect:' --data-binary "@$BIG_BODY"
  expect 'a body of more than 2 MiB is 413' 413 '"code":"body_too_large"'
fi
get "$B/requests?status=done"
expect 'an unknown status is 400' 400 'status: '
get "$B/nowhere"
expect 'an unknown route is 404' 404 '"code":"unknown_route"'

summary
