#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/system.sh

usage() {
  cat <<'TEXT'
Usage: scripts/demo.sh [--message TEXT] [--keep]

Four nodes make a key, three of them sign a message, and an independent verifier checks the signature.
Installs, builds and starts what is missing. Only Node.js and npm are needed.

  --message TEXT   the message to sign (default: "Hello, threshold signing!")
  --keep           leaves the cluster running, with its key shares in data/.
                   Without it the cluster is stopped at the end and its key shares are deleted
  -h, --help       this text

A cluster that is already running is used as it is and stays running.
Ports: GATEWAY_PORT 8000, BOARD_PORT 8080, NODE_PORT 8090 (environment or .env)
Exit code: 0 the signature is valid, 1 something went wrong, 2 called wrongly.
TEXT
}

message='Hello, threshold signing!' keep=false
while (($# > 0)); do
  case $1 in
    --keep) keep=true ;;
    --message)
      (($# > 1)) || die '--message: needs a text (try --help)' 2
      message=$2
      shift
      ;;
    -h | --help) usage && exit 0 ;;
    *) die "unknown argument: $1 (try --help)" 2 ;;
  esac
  shift
done
[[ -n $message ]] || die '--message: must not be empty' 2
load_settings
require_node

GIVE_UP_AFTER=900
started=false succeeded=false temporary=''

heading() { printf '\n%s%s%s\n' "$BOLD" "$*" "$RESET"; }
shown() { printf '  %s$ %s%s\n' "$DIM" "$*" "$RESET"; }
note() { printf '  %s\n' "$*"; }
# As a word of a command line that can be copied.
quoted() { printf "'%s'" "${1//\'/\'\\\'\'}"; }
minutes() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

finish() {
  local code=$?
  trap - EXIT
  $succeeded || explain_failure
  if $started && ! { $keep && $succeeded; }; then
    printf '\n'
    ./scripts/stop.sh || code=1
    if [[ -n $temporary ]]; then rm -rf "$temporary"; fi
  fi
  exit "$code"
}

explain_failure() {
  local log
  printf '\n%s✗ The demo did not finish%s after %s.\n' "$RED" "$RESET" "$(minutes "$SECONDS")" >&2
  for log in "$LOG_DIR"/{message-board,api-gateway,node-*}.log; do
    if ! $started || [[ ! -s $log ]]; then continue; fi
    printf '\n%sThe end of %s%s\n' "$BOLD" "${log#"$ROOT"/}" "$RESET" >&2
    tail -n 4 "$log" | cut -c 1-300 >&2
  done
  printf '\nThe complete logs are in run/logs/. Remove the cause, then run this again.\n' >&2
}

# ---- while the cluster makes its key ----

# One line for each node: its name, its stage, how many presignatures it holds.
node_stages() {
  http GET "$BOARD_URL/nodes" 2>/dev/null | awk '
    { gsub(/\{"node_id":"/, "\n"); count = split($0, nodes, "\n") }
    function text(from, pattern,   found) { return match(from, pattern) ? substr(from, RSTART, RLENGTH) : "" }
    END {
      for (k = 2; k <= count; k++) {
        name = substr(nodes[k], 1, index(nodes[k], "\"") - 1)
        stage = text(nodes[k], "\"stage\":\"[a-z_]*"); sub(/.*"/, "", stage)
        held = text(nodes[k], "\"presignatures\":[0-9]+"); sub(/.*:/, "", held)
        print name, stage, held
      }
    }'
}

# How many of its four primes a node has, from its log; nothing when the log is not here.
primes_found() { grep -o '"found":[0-9]' "$LOG_DIR/$1.log" 2>/dev/null | tail -n 1 | cut -d : -f 2; }

# $1 node, $2 stage, $3 presignatures that it holds
describe() {
  case $2 in
    waiting_for_nodes) printf 'waiting for the other nodes' ;;
    keygen) printf 'generating the key' ;;
    preparing_aux_info) printf 'key ✓  searching safe primes: %s of 4' "$(primes_found "$1")" ;;
    aux_info) printf 'key ✓  proving that its parameters are well formed, checking the others' ;;
    ready) if (($3 > 0)); then printf '%sready%s, presignatures: %d' "$GREEN" "$RESET" "$3"; else printf 'key ✓  making the first presignature'; fi ;;
    *) printf '%s' "${2//_/ }" ;;
  esac
}

drawn=0 before=''
# Draws the nodes' stages over the last drawing. Without a terminal it prints only new lines.
draw() {
  local name stage held lines=''
  while read -r name stage held; do lines+=$(printf '  %-8s %s' "$name" "$(describe "$name" "$stage" "$held")")$'\n'; done <<<"$1"
  if [[ -t 1 ]]; then
    if ((drawn > 0)); then printf '\e[%dA' "$drawn"; fi
    printf '%s  %s%s%s\n' "$lines" "$DIM" "$(minutes "$SECONDS")" "$RESET" | sed $'s/^/\e[2K/'
    drawn=$(($(printf '%s' "$lines" | wc -l) + 1))
  elif [[ $lines != "$before" ]]; then
    printf '%s' "$lines" | grep -vxF -- "$before" || true
  fi
  before=$lines
}

# Waits for the key and, if there is a pool, for its first presignature.
await_key() {
  local stages keyed_at=''
  while :; do
    stages=$(node_stages)
    if [[ -n $stages ]]; then draw "$stages"; fi
    if [[ -z $keyed_at ]] && http GET "$GATEWAY_URL/ready" >/dev/null 2>&1; then keyed_at=$SECONDS; fi
    if [[ -n $keyed_at ]] && { grep -q 'ready [1-9]' <<<"$stages" || ((SECONDS > keyed_at + 60)); }; then break; fi
    if ((SECONDS > GIVE_UP_AFTER)); then die "No key after $(minutes "$SECONDS")"; fi
    if $started; then require_alive; fi
    sleep 0.5
  done
}

require_alive() {
  local service
  for service in $(started_services); do
    pid_of "$service" >/dev/null || die "$service has ended; its log is run/logs/$service.log"
  done
}

# ---- the flow, drawn with those who signed ----

# $1 how many, $2 of what
repeat() {
  local k
  for ((k = 0; k < $1; k++)); do printf '%s' "$2"; done
}

# The column of the line that goes down from the board.
board_column() { if ((N_NODES > 4)); then printf '%d' $((12 * N_NODES + 8)); else printf 56; fi; }

# $1 corner of the first node, $2 of the others, $3 of the board's line
bracket() {
  local k
  printf '        %s' "$1"
  for ((k = 2; k <= N_NODES; k++)); do printf '%s%s' "$(repeat 11 ─)" "$2"; done
  printf '%s%s\n' "$(repeat $(($(board_column) - 12 * N_NODES + 3)) ─)" "$3"
}

# $1 the nodes that signed, one a line; $2 a caption
flow_diagram() {
  local k names='' marks='' column
  column=$(board_column)
  for ((k = 1; k <= N_NODES; k++)); do
    names+=$(printf '%-12s.' "node-$k")
    if grep -qx "node-$k" <<<"$1"; then marks+='signed      .'; else marks+='  -         .'; fi
  done
  printf '  you ──── POST /sign ────▶ api-gateway %s▶ message-board\n' "$(repeat $((column - 48)) ─)"
  printf '%*s│  %s\n' "$column" '' 'the request'
  bracket ┌ ┬ ┘
  printf '      %s\n      %s%s%s\n' "${names//./}" "$GREEN" "${marks//./}" "$RESET"
  bracket └ ┴ ┐
  printf '%*s│  %s\n' "$column" '' "$2"
  printf '  you ◀────── r, s ──────── api-gateway ◀%s message-board\n' "$(repeat $((column - 48)) ─)"
}

trap finish EXIT
trap 'exit 130' INT TERM

printf '%sThreshold signing%s: %s nodes hold one key, any %s of them sign, none ever has it.\n' "$BOLD" "$RESET" "$N_NODES" "${THRESHOLD:-3}"
heading 'Set-up'
if [[ -n $(cluster_mode) ]]; then
  prepare
  note 'The cluster is already running.'
else
  started=true
  if ! $keep; then
    temporary=$(mktemp -d)
    export DATA_ROOT=$temporary
  fi
  ./scripts/start.sh --local --no-hints
fi
set_up_at=$SECONDS

heading 'The key'
note 'Made once, by all nodes together; no machine ever has it. The safe primes take longest.'
await_key
keyed_at=$SECONDS

heading '1  Health'
shown "curl $GATEWAY_URL/health"
note "$(http GET "$GATEWAY_URL/health")"

heading '2  Public key'
shown "curl $GATEWAY_URL/publickey"
note "$(http GET "$GATEWAY_URL/publickey")"

heading '3  Signing request'
body=$(node -p 'JSON.stringify({ message: process.argv[1] })' -- "$message")
shown "curl $GATEWAY_URL/sign -H 'content-type: application/json' -d $(quoted "$body")"
answer=$(http POST "$GATEWAY_URL/sign" "$body")
note "$answer"
request_id=$(json_field request_id <<<"$answer")

heading '4  Status'
shown "curl $GATEWAY_URL/status/$request_id"
status=$(json_field status <<<"$answer")
for ((tries = 0; tries < 600; tries++)); do
  answer=$(http GET "$GATEWAY_URL/status/$request_id")
  status=$(json_field status <<<"$answer")
  note "$status"
  [[ $status == pending ]] || break
  sleep 0.2
done
[[ $status == completed ]] || die "The request is $status: $answer"

heading '5  Signature'
signature=$(json_field signature <<<"$answer")
note "r  $(json_field r <<<"$signature")"
note "s  $(json_field s <<<"$signature")"

heading '6  What happened'
record=$(http GET "$BOARD_URL/requests/$request_id")
presignature=$(json_field presignature_id <<<"$record")
if [[ -n $presignature ]]; then
  used='partial signatures with one presignature, added and verified' posts="partial-signatures?request_id=$request_id"
else
  used='rounds of the full protocol, their result verified' posts="messages?request_id=$request_id&to_node=*"
fi
signers=$(http GET "$BOARD_URL/$posts" | grep -o '"from_node":"node-[0-9]*"' | cut -d '"' -f 4 | sort -u)
flow_diagram "$signers" "$used"

heading 'Verified by an independent implementation'
shown "./scripts/run verify-from-api --gateway $GATEWAY_URL --request-id $request_id --message $(quoted "$message")"
verdict=$(node node/dist/bin/verify_from_api.js --gateway "$GATEWAY_URL" --request-id "$request_id" "--message=$message")
note "$GREEN$verdict$RESET"

signing_ms=$(node -p 'const { created_at, updated_at } = JSON.parse(process.argv[1]); Date.parse(updated_at) - Date.parse(created_at)' -- "$record")
heading 'Timings'
note "set-up      $(minutes "$set_up_at")   installing, building, starting"
note "key         $(minutes $((keyed_at - set_up_at)))   key, safe primes, proofs, first presignature"
note "signature   $signing_ms ms   from the request to the verified signature, on the board"
note "all of it   $(minutes "$SECONDS")"
succeeded=true
if $keep || ! $started; then
  heading 'The cluster is still running'
  note "sign      curl '$GATEWAY_URL/sign?wait=10000' -H 'content-type: application/json' -d '{\"message\":\"another\"}'"
  note 'logs      ./scripts/logs.sh -f'
  note 'stop      ./scripts/stop.sh'
fi
