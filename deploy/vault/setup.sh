#!/usr/bin/env bash
# Sets a Vault or OpenBao up for keytender: the KV v2 mount, the policies, a first token, and the logins that are asked
# for. May be run again: what is there stays, what differs is written anew. Needs curl and a Vault token that may do it.
set -euo pipefail

usage() {
  cat <<'X'
usage: setup.sh [options]

  --mount NAME           KV v2 mount (secret)
  --prefix PATH          path under the mount (keytender)
  --deployment NAME      path under the prefix (default)
  --policy NAME          name of the agent's policy (keytender); operators get NAME-rotate
  --role NAME            role of the logins below (keytender)
  --approle              a login for machines
  --kubernetes NS/NAME   a login for the pods of this service account (audience: vault)
  --kubernetes-host URL    the API server (https://kubernetes.default.svc)
  --kubernetes-ca FILE     its CA; without it Vault has to run in the cluster
  --jwt SUBJECT          a login for tokens of this subject
  --jwt-keys FILE          the public key, PEM, or
  --jwks-url URL           where the keys are
  --jwt-audience NAME      the audience (vault)

VAULT_ADDR, VAULT_NAMESPACE, VAULT_CACERT; VAULT_TOKEN, VAULT_TOKEN_FILE or ~/.vault-token.
Exit code: 0 done, 1 refused, 2 usage.
X
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

mount=secret prefix=keytender deployment=default policy=keytender role=keytender
approle=false account='' kubernetes_host=https://kubernetes.default.svc kubernetes_ca=''
subject='' jwt_keys='' jwks_url='' jwt_audience=vault
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage && exit 0 ;;
    --approle) approle=true && shift && continue ;;
  esac
  [ $# -gt 1 ] || fail 2 "$1 needs a value, or is no option; see --help"
  case $1 in
    --mount) mount=$2 ;;
    --prefix) prefix=$2 ;;
    --deployment) deployment=$2 ;;
    --policy) policy=$2 ;;
    --role) role=$2 ;;
    --kubernetes) account=$2 ;;
    --kubernetes-host) kubernetes_host=$2 ;;
    --kubernetes-ca) kubernetes_ca=$2 ;;
    --jwt) subject=$2 ;;
    --jwt-keys) jwt_keys=$2 ;;
    --jwks-url) jwks_url=$2 ;;
    --jwt-audience) jwt_audience=$2 ;;
    *) fail 2 "no such option: $1; see --help" ;;
  esac
  shift 2
done
for name in "$mount" "$prefix" "$deployment" "$policy" "$role"; do
  case $name in
    '' | *[!A-Za-z0-9._/-]*) fail 2 "not a name that this script takes: '$name'" ;;
  esac
done
case $account in
  '' | */*) ;;
  *) fail 2 '--kubernetes takes NAMESPACE/NAME' ;;
esac
if [ -n "$subject" ] && [ -z "$jwt_keys$jwks_url" ]; then
  fail 2 '--jwt needs --jwt-keys or --jwks-url'
fi
find_vault

enable_mount() {
  request GET "sys/mounts/$mount"
  case $status$answer in
    200*'"version":"2"'*) printf 'mount %s: is there\n' "$mount" && return ;;
    200*) fail 1 "$mount is a mount, but no KV version 2; choose another --mount" ;;
  esac
  write "sys/mounts/$mount" <<<'{"type": "kv", "options": {"version": "2"}}'
  printf 'mount %s: made\n' "$mount"
}

# write_policy NAME FILE: with this mount, prefix and deployment in place of the file's.
write_policy() {
  local text
  text=$(sed "s|\"secret/\([a-z]*\)/keytender/default/|\"$mount/\1/$prefix/$deployment/|" "$here/$2" | json_string)
  write "sys/policies/acl/$1" <<<"{\"policy\": $text}"
  printf 'policy %s: written\n' "$1"
}

# A server upgrades a mount that was just made, and refuses writes for that moment.
write_first_token() {
  local path=$mount/data/$prefix/$deployment/token attempt
  for attempt in 1 2 3 4 5 6 7 8 9 10; do
    request POST "$path" < <(first_token)
    case $status$answer in
      2*) printf 'token: the first one is written\n' && return ;;
      400*check-and-set*) printf 'token: is there\n' && return ;;
      400*pgrad*) sleep 1 ;;
      *) fail 1 "$path: $status $answer" ;;
    esac
  done
  fail 1 "$path: still upgrading after $attempt attempts"
}

# Only where there is none: check-and-set 0.
first_token() {
  printf '{"options": {"cas": 0}, "data": {"token": "%s"}}' "$(head -c 32 /dev/urandom | base64 | tr -d '\n')"
}

enable_auth() {
  request GET "sys/auth/$1"
  case $status in
    200) printf 'login %s: is there\n' "$1" && return ;;
  esac
  write "sys/auth/$1" <<<"{\"type\": \"$1\"}"
  printf 'login %s: made\n' "$1"
}

# write_role METHOD FIELDS: what all roles have, and the method's own.
write_role() {
  write "auth/$1/role/$role" <<X
{"token_policies": ["$policy"], "token_ttl": "1h", "token_max_ttl": "24h", "token_num_uses": 0, $2}
X
  printf 'role %s of %s: written\n' "$role" "$1"
}

enable_mount
write_policy "$policy" policy.hcl
write_policy "$policy-rotate" rotate-policy.hcl
write_first_token
if [ "$approle" = true ]; then
  enable_auth approle
  write_role approle '"secret_id_num_uses": 0'
  request GET "auth/approle/role/$role/role-id"
  printf 'role id: %s\n' "$(field role_id)"
  printf 'a secret id: vault write -wrap-ttl=120s -f auth/approle/role/%s/secret-id\n' "$role"
fi
if [ -n "$account" ]; then
  enable_auth kubernetes
  ca=''
  if [ -n "$kubernetes_ca" ]; then
    ca=", \"kubernetes_ca_cert\": $(json_string <"$kubernetes_ca"), \"disable_local_ca_jwt\": true"
  fi
  write auth/kubernetes/config <<<"{\"kubernetes_host\": \"$kubernetes_host\"$ca}"
  write_role kubernetes "\"bound_service_account_namespaces\": [\"${account%%/*}\"], \"bound_service_account_names\": [\"${account#*/}\"], \"audience\": \"vault\""
fi
if [ -n "$subject" ]; then
  enable_auth jwt
  if [ -n "$jwks_url" ]; then
    write auth/jwt/config <<<"{\"jwks_url\": \"$jwks_url\"}"
  else
    write auth/jwt/config <<<"{\"jwt_validation_pubkeys\": [$(json_string <"$jwt_keys")]}"
  fi
  write_role jwt "\"role_type\": \"jwt\", \"user_claim\": \"sub\", \"bound_subject\": \"$subject\", \"bound_audiences\": [\"$jwt_audience\"]"
fi
