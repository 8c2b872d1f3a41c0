#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/system.sh

usage() {
  cat <<'TEXT'
Usage: scripts/logs.sh [-f] [SERVICE …]

Prints the logs of all services, or of those named: message-board, api-gateway, node-1, … Each line is the service's name
and one JSON object; docs/log_events.md explains them.

  -f           goes on printing new lines, until Ctrl-C
  -h, --help   this text

Example: ./scripts/logs.sh | grep req_1705067890
Exit code: 0 printed, 1 there is no such log, 2 called wrongly.
TEXT
}

follow=false
wanted=()
for argument in "$@"; do
  case $argument in
    -f) follow=true ;;
    -h | --help) usage && exit 0 ;;
    -*) die "unknown argument: $argument (try --help)" 2 ;;
    *) wanted+=("$argument") ;;
  esac
done
load_settings
if ((${#wanted[@]} == 0)); then
  while read -r service; do wanted+=("$service"); done < <(services)
fi

if [[ $(cluster_mode) == podman ]]; then
  containers=()
  for service in "${wanted[@]}"; do
    container=$(containers_of "$service")
    [[ -n $container ]] || die "there is no container of $service"
    containers+=("$container")
  done
  if $follow; then exec podman logs --names --follow "${containers[@]}"; else exec podman logs --names "${containers[@]}"; fi
fi

for service in "${wanted[@]}"; do
  [[ -f $LOG_DIR/$service.log ]] || die "there is no log of $service in run/logs/"
done

named() { awk -v name="$1" '{ printf "%-13s | %s\n", name, $0; fflush() }'; }

if $follow; then
  # Ctrl-C ends the whole group.
  for service in "${wanted[@]}"; do tail -n 20 -F "$LOG_DIR/$service.log" 2>/dev/null | named "$service" & done
  wait
else
  # In order of time; a line that is not JSON stays with the one before it.
  for service in "${wanted[@]}"; do
    named "$service" <"$LOG_DIR/$service.log" |
      awk '{ if (match($0, /"time":"[^"]*"/)) time = substr($0, RSTART + 8, RLENGTH - 9); printf "%s\t%s\n", time, $0 }'
  done | sort -s -t $'\t' -k 1,1 | cut -f 2-
fi
