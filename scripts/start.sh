#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/system.sh

usage() {
  cat <<'TEXT'
Usage: scripts/start.sh [--local | --podman] [--no-hints]

Starts the message board, the gateway and the nodes. Services that are already running stay as they are.

  --podman     in containers; the default for a new cluster where podman-compose is installed
  --local      as processes of this machine, with logs in run/logs/ and key shares in data/; installs and builds first
  --no-hints   prints no advice at the end
  -h, --help   this text

The first start makes the cluster: identities, the roster, and a key that seals the files on disk, unless SEAL_KEY names
another. That key lies beside the files that it seals, which is good for trying out. In production keep it elsewhere.
Without --podman or --local, later starts find the cluster where it was made. With the other option it would be another
cluster, with another key.

Settings come from the environment or from .env; .env.example lists them. The ports:
  GATEWAY_PORT 8000, BOARD_PORT 8080, NODE_PORT 8090 (node-1 answers on the next one, and so on)
Each needs a port of its own. If a service does not start, those that this call has started are stopped again.
Exit code: 0 all are running, 1 a service did not start, 2 called wrongly.
TEXT
}

mode='' hints=true
# Has this call made the cluster?
is_new=false
for argument in "$@"; do
  case $argument in
    --local | --podman) mode=${argument#--} ;;
    --no-hints) hints=false ;;
    -h | --help) usage && exit 0 ;;
    *) die "unknown argument: $argument (try --help)" 2 ;;
  esac
done
load_settings
running=$(cluster_mode)
if [[ -n $running ]]; then
  [[ ${mode:=$running} == "$running" ]] || die "the cluster is running with --$running. Stop it first: ./scripts/stop.sh"
fi

# Chooses the mode in which the cluster of this folder has its data: in the other one it would be another cluster, with another key.
choose_mode() {
  local is_here=false is_in_volumes=false
  if [[ -f $DATA_ROOT/roster.json ]]; then is_here=true; fi
  if has_volumes; then is_in_volumes=true; fi
  if $is_here && $is_in_volumes; then
    die "There are two clusters, each with a key of its own: one in $DATA_ROOT, one in containers. Say which: --local or --podman"
  elif $is_here; then
    mode=local
  elif $is_in_volumes; then
    [[ $(last_mode) == podman || -n $(containers_of node-1) ]] || die "There are volumes of a cluster $(compose_project), and nothing here says that they
are this folder's. If they are: ./scripts/start.sh --podman. If they are another folder's of this name, give this one's
cluster another: COMPOSE_PROJECT_NAME in .env"
    mode=podman
  elif [[ $(last_mode) == podman ]] && ! command -v podman >/dev/null; then
    die "The cluster of this folder runs in containers, and podman is not installed. Install it, or make a new cluster, with another key:
./scripts/start.sh --local"
  elif command -v podman-compose >/dev/null; then
    mode=podman
  else
    mode=local
  fi
}

last_mode() { if [[ -f $RUN_DIR/mode ]]; then printf '%s' "$(<"$RUN_DIR/mode")"; fi; }

# Ends the script unless each service has a port of its own. In containers nodes have none on this machine.
require_ports() {
  local name port highest=$NODE_PORT
  if [[ $mode == local ]]; then highest=$((10#$NODE_PORT + N_NODES)); fi
  for name in GATEWAY_PORT BOARD_PORT NODE_PORT; do
    [[ ${!name} =~ ^[1-9][0-9]*$ ]] || die "$name: must be 1 to 65535, not '${!name}'" 2
    ((${!name} < 65536)) || die "$name: must be 1 to 65535, not '${!name}'" 2
  done
  ((highest < 65536)) || die "NODE_PORT: node-$N_NODES would be on port $highest, and the highest is 65535" 2
  ((GATEWAY_PORT != BOARD_PORT)) || die "GATEWAY_PORT and BOARD_PORT: both are $BOARD_PORT. Each needs a port of its own" 2
  for name in GATEWAY_PORT BOARD_PORT; do
    port=${!name}
    ((port <= NODE_PORT || port > highest)) ||
      die "$name: $port is the port of node-$((port - NODE_PORT)), NODE_PORT + $((port - NODE_PORT)). Each needs a port of its own" 2
  done
}

[[ -n $mode ]] || choose_mode
require_ports
mkdir -p "$LOG_DIR"

record() {
  printf '%s\n' "$mode" >"$RUN_DIR/mode"
  printf '%s=%s\n' GATEWAY_PORT "$GATEWAY_PORT" BOARD_PORT "$BOARD_PORT" NODE_PORT "$NODE_PORT" >"$RUN_DIR/ports"
}

port_of() {
  case $1 in
    message-board) printf '%s' "$BOARD_PORT" ;;
    api-gateway) printf '%s' "$GATEWAY_PORT" ;;
    *) printf '%s' "$((NODE_PORT + ${1#node-}))" ;;
  esac
}

setting_of() {
  case $1 in
    message-board) printf BOARD_PORT ;;
    api-gateway) printf GATEWAY_PORT ;;
    *) printf 'NODE_PORT + %s' "${1#node-}" ;;
  esac
}

require_free_ports() {
  local service port taken=''
  for service in "$@"; do
    port=$(port_of "$service")
    if port_taken "$port"; then taken+="  $port, for $service ($(setting_of "$service"))"$'\n'; fi
  done
  [[ -z $taken ]] || die "These ports are in use by another program:
${taken}Stop that program, or choose other ports, such as: GATEWAY_PORT=9000 BOARD_PORT=9080 NODE_PORT=9090 $0"
}

# Starts one service in a process group of its own, so that Ctrl-C here does not reach it.
spawn() {
  local service=$1 package=$1 pid
  shift
  spawned+=("$service")
  if [[ $service == node-* ]]; then package=node; fi
  set -m
  env HOST=127.0.0.1 "$@" node "$package/dist/main.js" >>"$LOG_DIR/$service.log" 2>&1 </dev/null &
  pid=$!
  set +m
  disown "$pid"
  printf '%s\n%s\n' "$pid" "$(started_at "$pid")" >"$RUN_DIR/$service.pid"
}

spawn_service() {
  local board=MESSAGE_BOARD_URL=http://127.0.0.1:$BOARD_PORT
  case $1 in
    message-board)
      spawn "$1" PORT="$BOARD_PORT" ROSTER_FILE="$DATA_ROOT/roster.json" UNSIGNED_REQUESTS="${UNSIGNED_REQUESTS:-keep}"
      ;;
    api-gateway)
      local own=$DATA_ROOT/gateway
      spawn "$1" PORT="$GATEWAY_PORT" "$board" DATA_DIR="$own" ROSTER_FILE="$own/roster.json" IDENTITY_FILE="$own/identity_gateway.json"
      ;;
    *) spawn "$1" NODE_ID="$1" HEALTH_PORT="$(port_of "$1")" DATA_DIR="$DATA_ROOT/$1" ROSTER_FILE= IDENTITY_FILE= "$board" ;;
  esac
}

# Makes what a new cluster needs before its first start.
make_cluster() {
  mkdir -p "$DATA_ROOT"
  if [[ -z ${SEAL_KEY:-} ]]; then
    export SEAL_KEY=key-file:$DATA_ROOT/seal.key
    if [[ ! -f $DATA_ROOT/seal.key ]]; then
      (umask 077 && node -p 'require("node:crypto").randomBytes(32).toString("hex")' >"$DATA_ROOT/seal.key.new")
      mv "$DATA_ROOT/seal.key.new" "$DATA_ROOT/seal.key"
      say "New seal key: $DATA_ROOT/seal.key, beside the files that it seals." \
        "${YELLOW}In production keep it elsewhere: see SEAL_KEY in .env.example${RESET}"
    fi
  fi
  if [[ ! -f $DATA_ROOT/roster.json ]]; then
    is_new=true
    if has_volumes; then say "${YELLOW}This is a second cluster: the one in containers has another key.${RESET}"; fi
    quietly 'Making identities and roster' make-cluster \
      node node/dist/bin/make_cluster.js --nodes "$N_NODES" --threshold "${THRESHOLD:-3}" --out "$DATA_ROOT"
  fi
  say "Roster, fingerprint  $(node node/dist/bin/roster_fingerprint.js "$DATA_ROOT/roster.json")"
}

# $1 the service, $2 the length of its log before this start
await_answer() {
  local service=$1 url deadline=$((SECONDS + 30))
  url=http://127.0.0.1:$(port_of "$service")/health
  # The process before and after: an answer alone could come from another program on this port.
  while pid_of "$service" >/dev/null && ((SECONDS <= deadline)); do
    if http GET "$url" >/dev/null 2>&1 && pid_of "$service" >/dev/null; then return; fi
    sleep 0.2
  done
  tail -c "+$(($2 + 1))" "$LOG_DIR/$service.log" | tail -n 10 >&2
  die "$service did not start; its log is run/logs/$service.log"
}

# The length of a service's log in bytes.
log_length() { if [[ -f $LOG_DIR/$1.log ]]; then wc -c <"$LOG_DIR/$1.log"; else printf 0; fi; }

spawned=()
# Ends what this call has started when it does not succeed.
undo() {
  local code=$? service left=()
  trap - EXIT
  for service in ${spawned[@]+"${spawned[@]}"}; do
    if pid_of "$service" >/dev/null; then left+=("$service"); fi
  done
  if ((code != 0 && ${#left[@]} > 0)); then ./scripts/stop.sh "${left[@]}" >&2 || code=1; fi
  exit "$code"
}

start_locally() {
  local service k missing=() log_lengths=()
  while read -r service; do
    pid_of "$service" >/dev/null || missing+=("$service")
  done < <(services)
  if ((${#missing[@]} == 0)); then
    say 'Everything runs already.'
    return
  fi
  require_free_ports "${missing[@]}"
  prepare
  make_cluster
  record
  trap undo EXIT
  trap 'exit 130' INT TERM
  for service in "${missing[@]}"; do
    log_lengths+=("$(log_length "$service")")
    spawn_service "$service"
  done
  for k in "${!missing[@]}"; do await_answer "${missing[k]}" "${log_lengths[k]}"; done
  say "Started: ${missing[*]}"
}

# podman-compose would start them again with the image that they were made of, which an upgrade has replaced.
remove_ended_containers() {
  podman ps --quiet --filter status=exited --filter "label=com.docker.compose.project.working_dir=$ROOT" | xargs -r podman rm >/dev/null
}

start_in_podman() {
  command -v podman-compose >/dev/null ||
    die 'podman-compose is not installed. Install it, or start without containers: ./scripts/start.sh --local'
  local other
  other=$(other_folder_of_project) || true
  [[ -z $other ]] || die "The cluster of $other has the name of this one, $(compose_project): they would have one key and the same volumes.
Give this one another name: COMPOSE_PROJECT_NAME in .env"
  has_volumes || is_new=true
  if [[ -f $DATA_ROOT/roster.json ]] && $is_new; then
    say "${YELLOW}This is a second cluster: the one in $DATA_ROOT has another key.${RESET}"
  fi
  export GATEWAY_PORT BOARD_PORT
  # All services are of one image, so one of them builds it.
  compose build message-board
  remove_ended_containers
  compose up -d
  say "The key that seals the volumes is in a volume beside them." \
    "${YELLOW}In production keep it elsewhere: see SEAL_KEY in podman-compose.yml${RESET}"
  record
}

"start_$([[ $mode == local ]] && printf locally || printf in_podman)"
$hints || exit 0
cat <<TEXT

  gateway        ${BOLD}http://localhost:$GATEWAY_PORT${RESET}
  message board  http://localhost:$BOARD_PORT

$($is_new && printf 'The new cluster first generates its key, which takes about a minute:' || printf 'Next:')
  ready?   curl http://localhost:$GATEWAY_PORT/ready
  logs     ./scripts/logs.sh -f
  stop     ./scripts/stop.sh
TEXT
