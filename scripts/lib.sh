# shellcheck shell=bash
# Sourced by the test-*.sh scripts after system.sh: calls with curl, checks that are counted, and a summary.

PASSED=0 FAILED=0
STATUS='' BODY=''

section() { printf '\n%s%s%s\n' "$BOLD" "$1" "$RESET"; }

pass() {
  PASSED=$((PASSED + 1))
  printf '  %s✓%s %s\n' "$GREEN" "$RESET" "$1"
}

# $1 what was checked, $2 what was seen instead.
fail() {
  FAILED=$((FAILED + 1))
  printf '  %s✗ %s%s\n      %s\n' "$RED" "$1" "$RESET" "${2:0:400}"
}

# One call; sets STATUS (000 without an answer) and BODY. $1 method, $2 URL, then further arguments of curl.
call() {
  local method=$1 url=$2 answer
  shift 2
  answer=$(curl -sS --globoff --max-time 40 -w '\n%{http_code}' -X "$method" "$@" "$url" 2>&1) || true
  STATUS=${answer##*$'\n'} BODY=${answer%$'\n'*}
}

get() { call GET "$1"; }
post() { call POST "$1" -H 'content-type: application/json' --data-binary "$2"; }
put() { call PUT "$1" -H 'content-type: application/json' --data-binary "$2"; }

# Checks the last answer: $1 what is checked, $2 the status as an extended regular expression, $3… texts that the body must have.
expect() {
  local what=$1 status=$2 text
  shift 2
  if [[ ! $STATUS =~ ^($status)$ ]]; then
    fail "$what" "status $STATUS instead of $status: $BODY"
    return
  fi
  for text in "$@"; do
    if [[ $BODY != *"$text"* ]]; then
      fail "$what" "no $text in: $BODY"
      return
    fi
  done
  pass "$what"
}

# Checks that the last answer does not have a text: $1 what is checked, $2 the text.
expect_without() {
  if [[ $STATUS == 200 && $BODY != *"$2"* ]]; then pass "$1"; else fail "$1" "status $STATUS: $BODY"; fi
}

# Checks that the last body is as a whole what an extended regular expression says.
expect_body() {
  if [[ $STATUS == 200 && $BODY =~ ^$2$ ]]; then pass "$1"; else fail "$1" "status $STATUS: $BODY"; fi
}

# The text at the first occurrence of a key in the last body; nothing when it has none.
text_at() {
  if [[ $BODY =~ \"$1\":\"([^\"]*)\" ]]; then printf '%s' "${BASH_REMATCH[1]}"; fi
}

# A file that is removed at the end, with a JSON body of about $1 bytes in it.
big_body() {
  BIG_BODY=$(mktemp)
  trap 'rm -f "$BIG_BODY"' EXIT
  { printf '{"message":"'; head -c "$1" /dev/zero | tr '\0' m; printf '"}'; } >"$BIG_BODY"
}

# Ends the script with a summary and its exit code.
summary() {
  local colour=$GREEN
  ((FAILED == 0)) || colour=$RED
  printf '\n%s%d passed, %d failed%s\n' "$colour" "$PASSED" "$FAILED" "$RESET"
  ((FAILED == 0)) && exit 0
  exit 1
}
