#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/system.sh

usage() {
  cat <<'TEXT'
Usage: scripts/test.sh [--full | --slow | --specification]

Installs and builds what is missing, then runs the tests of all workspaces, with small parameters: a few minutes.

  --full            the slow tests too: full-size parameters, and whole systems of six processes
  --slow            only the slow tests
  --specification   only what the specification promises, on the cluster that runs here, or on a new cluster that is
                    deleted at the end; needs curl. The one that runs here must have made its key within the last hour,
                    and not have been started again since
  -h, --help        this text

Ends with a line "N passed, N failed", and ", N skipped" if any were.
Exit code: 0 all passed, 1 some failed, 2 called wrongly.
TEXT
}

suites=(jest.config.js)
slow=(jest.full.config.js jest.system.config.js)
case ${1:-} in
  '') ;;
  --full) suites+=("${slow[@]}") ;;
  --slow) suites=("${slow[@]}") ;;
  --specification) suites=(jest.specification.config.js) ;;
  -h | --help) usage && exit 0 ;;
  *) die "unknown argument: $1 (try --help)" 2 ;;
esac
(($# <= 1)) || die "one argument too many: $2 (try --help)" 2

# Many checks read what the nodes have posted to make the key.
require_key_generation() {
  local messages
  messages=$(http GET "$BOARD_URL/messages?request_id=keygen&to_node=node-1") || die "No message board answers at $BOARD_URL"
  [[ $messages != '[]' ]] || die 'The board of the running cluster does not have the messages that made the key: the cluster was started again
with its old key, or the key is more than an hour old. Stop the cluster, and run this again; it then checks a new one, and
your data stay as they are: ./scripts/stop.sh'
}

# Says where the cluster is on which the specification is checked.
use_cluster() {
  command -v curl >/dev/null || die 'curl is needed'
  if [[ -z $(cluster_mode) ]]; then
    choose_ports
    DATA_ROOT=$(mktemp -d)
    export DATA_ROOT
    trap './scripts/stop.sh >/dev/null; rm -rf "$DATA_ROOT"' EXIT
    ./scripts/demo.sh --keep
  fi
  [[ $(cluster_mode) == local ]] || die 'The specification is checked on local processes: ./scripts/stop.sh, then run this again'
  load_settings
  [[ -f $DATA_ROOT/roster.json ]] || die "There is no roster in $DATA_ROOT: DATA_ROOT must be what the running cluster was started with"
  require_key_generation
  DATA_ROOT=$(cd "$DATA_ROOT" && pwd)
  export DATA_ROOT LOG_DIR
}

prepare
mkdir -p "$RUN_DIR/test"
if [[ ${suites[0]} == jest.specification.config.js ]]; then use_cluster; fi

passed=0 failed=0 skipped=0
# A suite that breaks before its first test counts as one failure; so does a run that leaves no result.
count() {
  local result more_passed more_failed more_skipped
  result=$(node -p '
    const run = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8"));
    [run.numPassedTests, run.numFailedTests + run.numRuntimeErrorTestSuites, run.numPendingTests].join(" ")
  ' "$1") || result='0 1 0'
  read -r more_passed more_failed more_skipped <<<"$result"
  passed=$((passed + more_passed)) failed=$((failed + more_failed)) skipped=$((skipped + more_skipped))
}

for suite in "${suites[@]}"; do
  printf '\n%s%s%s\n' "$BOLD" "$suite" "$RESET"
  result=$RUN_DIR/test/${suite%.js}.json
  rm -f "$result"
  before=$failed
  # A test that failed may have left a server running. Without --forceExit jest would wait for it for ever.
  if npm run --silent jest -- --config "$suite" --forceExit --json --outputFile "$result" 3>&1 >/dev/null 2>&3; then code=0; else code=1; fi
  count "$result"
  if ((code != 0 && failed == before)); then failed=$((failed + 1)); fi
done

printf '\n%d passed, %d failed' "$passed" "$failed"
((skipped == 0)) || printf ', %d skipped' "$skipped"
printf '\n'
((failed == 0))
