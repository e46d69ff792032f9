#!/usr/bin/env bash
# Rotates a token: writes a new version of its secret, made from 32 random bytes, and waits until every agent that is
# named shows it. The value is on no command line and in no output. Needs curl.
set -euo pipefail

usage() {
  cat <<'X'
usage: rotate.sh [options] [AGENT...]

  AGENT                  where an agent answers probes: http://10.0.0.7:8211, or unix:/run/keytender/api.sock
  --mount NAME           KV v2 mount (secret)
  --prefix PATH          path under the mount (keytender)
  --deployment NAME      path under the prefix (default)
  --token NAME           the token's name at the agents (default), and
  --path PATH            its path (token for default, else the name)
  --grace SECONDS        how long older tokens still verify, instead of the agents' setting; 0 ends them at once
  --cas VERSION          only if this is the newest version
  --wait SECONDS         how long to wait for the agents (180)

VAULT_ADDR, VAULT_NAMESPACE, VAULT_CACERT; VAULT_TOKEN, VAULT_TOKEN_FILE or ~/.vault-token.
Exit code: 0 rotated, and every agent shows it; 1 not rotated; 2 usage; 3 rotated, but not every agent shows it yet.
X
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

mount=secret prefix=keytender deployment=default name=default path='' grace='' cas='' wait=180
agents=()
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage && exit 0 ;;
    http://* | https://* | unix:/*) agents+=("$1") && shift && continue ;;
  esac
  [ $# -gt 1 ] || fail 2 "$1 needs a value, or is no agent; see --help"
  case $1 in
    --mount) mount=$2 ;;
    --prefix) prefix=$2 ;;
    --deployment) deployment=$2 ;;
    --token) name=$2 ;;
    --path) path=$2 ;;
    --grace) grace=$2 ;;
    --cas) cas=$2 ;;
    --wait) wait=$2 ;;
    *) fail 2 "no such option: $1; see --help" ;;
  esac
  shift 2
done
for number in "$grace" "$cas" "$wait"; do
  case $number in
    *[!0-9]*) fail 2 "not a number: '$number'" ;;
  esac
done
if [ -z "$path" ]; then
  if [ "$name" = default ]; then path=token; else path=$name; fi
fi
find_vault

new_version() {
  local fields='' options=''
  if [ -n "$grace" ]; then fields=", \"grace_seconds\": $grace"; fi
  if [ -n "$cas" ]; then options="\"options\": {\"cas\": $cas}, "; fi
  printf '{%s"data": {"token": "%s"%s}}' "$options" "$(head -c 32 /dev/urandom | base64 | tr -d '\n')" "$fields"
}

# The version that an agent shows, by its metrics; nothing when it does not answer.
shown_by() {
  local where=("$1/metrics")
  case $1 in
    unix:*) where=(--unix-socket "${1#unix:}" --header 'Keytender-Request: true' http://localhost/metrics) ;;
  esac
  { curl -q --silent --fail --max-time 5 "${where[@]}" || true; } |
    sed -n "s/^keytender_token_version{token=\"$name\"} \([0-9]*\)\$/\1/p"
}

request POST "$mount/data/$prefix/$deployment/$path" < <(new_version)
case $status in
  2??) ;;
  *) fail 1 "not rotated: $status $answer" ;;
esac
version=$(field version)
[ -n "$version" ] || fail 1 'Vault took it, but did not say as which version: is the mount KV version 2?'
printf 'version %s is written\n' "$version"

ends=$((SECONDS + wait))
waiting=("${agents[@]}")
while [ ${#waiting[@]} -gt 0 ]; do
  still=()
  for agent in "${waiting[@]}"; do
    shown=$(shown_by "$agent")
    if [ "${shown:-0}" -ge "$version" ]; then
      printf '%s shows version %s\n' "$agent" "$shown"
    else
      still+=("$agent")
    fi
  done
  waiting=("${still[@]}")
  if [ ${#waiting[@]} -gt 0 ]; then
    if [ "$SECONDS" -ge "$ends" ]; then
      for agent in "${waiting[@]}"; do
        printf '%s shows version %s\n' "$agent" "$(shown_by "$agent" | grep . || echo none)" >&2
      done
      fail 3 "rotated, but ${#waiting[@]} of ${#agents[@]} agents do not show version $version after $wait s"
    fi
    sleep 1
  fi
done
