#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/system.sh

usage() {
  cat <<'TEXT'
Usage: scripts/stop.sh

Stops what scripts/start.sh or podman-compose started from this folder, and nothing else. Key shares stay where they are.

  -h, --help   this text

Exit code: 0 everything is stopped, 1 a process did not end, 2 called wrongly.
TEXT
}

case ${1:-} in
  '') ;;
  -h | --help) usage && exit 0 ;;
  *) die "unknown argument: $1 (try --help)" 2 ;;
esac
load_settings

# Waits for processes to end. $1 seconds; the rest: services. Prints those that still run.
await_end() {
  local deadline=$((SECONDS + $1)) left service
  shift
  while :; do
    left=()
    for service in "$@"; do
      if pid_of "$service" >/dev/null; then left+=("$service"); fi
    done
    if ((${#left[@]} == 0 || SECONDS >= deadline)); then break; fi
    sleep 0.1
  done
  printf '%s\n' "${left[@]+"${left[@]}"}"
}

signal_services() {
  local signal=$1 service pid
  shift
  for service in "$@"; do
    if pid=$(pid_of "$service"); then kill "-$signal" "$pid" 2>/dev/null || true; fi
  done
}

stop_locally() {
  local running=() stubborn=() service
  for service in $(started_services); do
    if pid_of "$service" >/dev/null; then running+=("$service"); fi
  done
  if ((${#running[@]} == 0)); then
    say 'Nothing is running.'
  else
    signal_services TERM "${running[@]}"
    read -r -d '' -a stubborn < <(await_end 15 "${running[@]}") || true
    if ((${#stubborn[@]} > 0)); then
      say "${YELLOW}Did not end in time, killing: ${stubborn[*]}${RESET}"
      signal_services KILL "${stubborn[@]}"
      [[ -z $(await_end 5 "${stubborn[@]}") ]] || die "Could not end ${stubborn[*]}"
    fi
    say "Stopped: ${running[*]}"
  fi
  rm -f "$RUN_DIR"/*.pid "$RUN_DIR/ports"
}

if [[ $(cluster_mode) == podman ]]; then
  podman-compose down
  rm -f "$RUN_DIR/ports"
else
  stop_locally
fi
