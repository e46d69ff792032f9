# What the scripts beside this file share: one request to Vault, and the end of a script that cannot go on. Sourced.
# shellcheck shell=bash
#
# The Vault token is read from VAULT_TOKEN, VAULT_TOKEN_FILE or ~/.vault-token and goes to curl through a pipe, as do
# bodies: command lines can be read by every user of the machine.

fail() {
  local code=$1
  shift
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit "$code"
}

# The address, without slashes at its end, and the token.
find_vault() {
  address=${VAULT_ADDR:-${BAO_ADDR:-}}
  [ -n "$address" ] || fail 2 'set VAULT_ADDR'
  while [ "${address%/}" != "$address" ]; do address=${address%/}; done
  token=${VAULT_TOKEN:-${BAO_TOKEN:-}}
  if [ -z "$token" ]; then
    local file=${VAULT_TOKEN_FILE:-$HOME/.vault-token}
    [ -r "$file" ] || fail 2 'set VAULT_TOKEN or VAULT_TOKEN_FILE, or log in (~/.vault-token)'
    token=$(<"$file")
  fi
  unset VAULT_TOKEN BAO_TOKEN
  case $token in
    *[!A-Za-z0-9._-]*) fail 2 'the Vault token has characters that none has' ;;
  esac
}

# Options for curl, as a file of its own reads them (curl(1), --config).
curl_options() {
  printf 'header = "X-Vault-Token: %s"\n' "$token"
  printf 'header = "X-Vault-Request: true"\n'
  if [ -n "${VAULT_NAMESPACE:-}" ]; then
    printf 'header = "X-Vault-Namespace: %s"\n' "$VAULT_NAMESPACE"
  fi
  if [ -n "${VAULT_CACERT:-}" ]; then printf 'cacert = "%s"\n' "$VAULT_CACERT"; fi
}

# request METHOD PATH: body from standard input (for GET none). Sets `status` and `answer`.
request() {
  local method=$1 path=$2 body=()
  if [ "$method" != GET ]; then body=(--data-binary @-); fi
  answer=$(
    curl -q --config <(curl_options) --silent --show-error --max-time 30 --request "$method" \
      --write-out '\n%{http_code}' "${body[@]}" "$address/v1/$path"
  ) || fail 1 "no answer from $address"
  status=${answer##*$'\n'}
  answer=${answer%$'\n'*}
}

# write PATH: the body from standard input. Ends the script unless Vault took it.
write() {
  request POST "$1"
  case $status in
    2??) ;;
    *) fail 1 "$1: $status $answer" ;;
  esac
}

# Standard input as a JSON string, quotes included.
json_string() {
  awk '
    BEGIN { printf "\"" }
    { gsub(/\\/, "\\\\"); gsub(/"/, "\\\""); gsub(/\t/, "\\t"); printf "%s%s", (NR > 1 ? "\\n" : ""), $0 }
    END { printf "\"" }'
}

# field NAME: a text or a number of the last answer.
field() {
  sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p" <<<"$answer"
}
