#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/system.sh

usage() {
  cat <<'TEXT'
Usage: scripts/stop.sh [SERVICE …]

Stops what scripts/start.sh or podman-compose started from this folder, and nothing else. Key shares stay where they are.

  SERVICE      stops only these: message-board, api-gateway, node-1, … (scripts/start.sh starts them again)
  -h, --help   this text

Exit code: 0 they are stopped, 1 a process did not end, 2 called wrongly.
TEXT
}

wanted=()
for argument in "$@"; do
  case $argument in
    -h | --help) usage && exit 0 ;;
    -*) die "unknown argument: $argument (try --help)" 2 ;;
    *) wanted+=("$argument") ;;
  esac
done
load_settings

is_wanted() { ((${#wanted[@]} == 0)) || [[ " ${wanted[*]} " == *" $1 "* ]]; }

require_services() {
  local service known
  known=" $(services) $(started_services) "
  known=${known//$'\n'/ }
  for service in ${wanted[@]+"${wanted[@]}"}; do
    [[ $known == *" $service "* ]] || die "there is no service $service. There are: $(services | paste -s -d ' ' -)" 2
  done
}

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
    if is_wanted "$service" && pid_of "$service" >/dev/null; then running+=("$service"); fi
  done
  if ((${#running[@]} == 0)); then
    if ((${#wanted[@]} == 0)); then say 'Nothing is running.'; else say "Not running: ${wanted[*]}"; fi
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
  for service in $(started_services); do
    if is_wanted "$service"; then rm -f "$RUN_DIR/$service.pid"; fi
  done
  if [[ -z $(started_services) ]]; then rm -f "$RUN_DIR/ports"; fi
}

require_services
if [[ $(cluster_mode) == podman ]] && ((${#wanted[@]} > 0)); then
  compose stop "${wanted[@]}"
elif [[ $(cluster_mode) == podman ]]; then
  compose down
  # start.sh knows by this that the volumes are of this folder: podman-compose does not say so, and its containers are gone.
  mkdir -p "$RUN_DIR" && printf 'podman\n' >"$RUN_DIR/mode"
  rm -f "$RUN_DIR/ports"
else
  stop_locally
fi
