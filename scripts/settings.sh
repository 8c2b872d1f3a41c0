# shellcheck shell=bash
# Sourced by system.sh: settings from the environment and from .env.

# The value of a line of .env, from what stands after its =. In quotes everything counts. Without quotes a comment ends it, which begins
# with # after a space; spaces at its end do not count. Fails when something else follows the closing quote.
env_value() {
  local text=$1 quote=${1:0:1} rest
  if [[ $quote == \" || $quote == \' ]]; then
    rest=${text:1}
    [[ $rest == *"$quote"* ]] || return 1
    text=${rest%%"$quote"*} rest=${rest#*"$quote"}
    [[ $rest =~ ^[[:space:]]*(#.*)?$ ]] || return 1
  else
    # A space before it, so that a comment at its very beginning is one too.
    text=" $text"
    text=${text%%[[:space:]]#*}
    text=${text#"${text%%[![:space:]]*}"}
    text=${text%"${text##*[![:space:]]}"}
  fi
  printf '%s' "$text"
}

# Settings from .env, where there is one; what the environment has already stays.
read_env_file() {
  local line number=0 name value seen=' ' file=$ROOT/.env
  local assignment='^[[:space:]]*(export[[:space:]]+)?([A-Za-z_][A-Za-z0-9_]*)[[:space:]]*=[[:space:]]*(.*)$'
  [[ -f $file ]] || return 0
  while IFS= read -r line || [[ -n $line ]]; do
    number=$((number + 1)) line=${line%$'\r'}
    [[ ! $line =~ ^[[:space:]]*(#.*)?$ ]] || continue
    [[ $line =~ $assignment ]] || die ".env, line $number: must be NAME=value" 2
    name=${BASH_REMATCH[2]}
    value=$(env_value "${BASH_REMATCH[3]}") || die ".env, line $number: $name: a quote is missing, or something follows it" 2
    [[ $seen != *" $name "* ]] || die ".env, line $number: $name is there twice" 2
    seen+="$name "
    [[ -n ${!name+set} ]] || export "$name=$value"
  done <"$file"
}

# Ends the script unless a setting is a whole number. $1 its name, $2 the most digits
require_number() {
  local digits="^[0-9]{1,$2}\$"
  [[ ${!1} =~ $digits ]] || die "$1: must be a whole number, not '${!1}'" 2
}

load_settings() {
  local name
  read_env_file
  bypass_proxies
  N_NODES=${N_NODES:-4}
  require_number N_NODES 3
  # A running cluster is where it was started, whatever the settings say by now.
  if [[ -n $(cluster_mode) && -f $RUN_DIR/ports ]]; then
    GATEWAY_PORT=$(recorded GATEWAY_PORT) BOARD_PORT=$(recorded BOARD_PORT) NODE_PORT=$(recorded NODE_PORT)
  fi
  GATEWAY_PORT=${GATEWAY_PORT:-8000} BOARD_PORT=${BOARD_PORT:-8080} NODE_PORT=${NODE_PORT:-8090}
  for name in GATEWAY_PORT BOARD_PORT NODE_PORT; do require_number "$name" 5; done
  DATA_ROOT=${DATA_ROOT:-data}
  GATEWAY_URL=${GATEWAY_URL:-http://localhost:$GATEWAY_PORT}
  BOARD_URL=${BOARD_URL:-http://localhost:$BOARD_PORT}
  export GATEWAY_URL BOARD_URL
}

recorded() { sed -n "s/^$1=//p" "$RUN_DIR/ports"; }

# What is asked on this machine is asked directly: a proxy, which http_proxy names, does not reach it.
bypass_proxies() {
  local name value
  for name in no_proxy NO_PROXY; do
    value=${!name:-}
    [[ $value == '*' || ,$value, == *,localhost,127.0.0.1,* ]] || export "$name=${value:+$value,}localhost,127.0.0.1"
  done
}
