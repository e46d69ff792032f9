// The commands that `check` tells to paste: Vault's own, with mount, path and namespace as they are configured. What is
// not plain is quoted for a shell. A secret is never in one: a new one is made where the command runs.
import { inMount, policyPath, type SecretLocation } from '../../vault/secret-path.js';

/** Where a command is about. */
export interface Place {
  readonly location: SecretLocation;
  readonly namespace: string | null;
  /** The field that holds the token. */
  readonly field: string;
}

export function putCommand(place: Place): string {
  return kv(place, `put`, `${word(place.field)}="$(openssl rand -base64 32)"`);
}

export function undeleteCommand(place: Place, version: number): string {
  return kv(place, `undelete`, '', `-versions=${version}`);
}

/** The policy that an agent needs, and no more. */
export function policyCommand({ location, namespace }: Place): string {
  const rule = `path "${policyPath(location)}" { capabilities = ["read"] }`;
  return `echo ${word(rule)} | vault policy write${flag(namespace)} keytender -`;
}

/** A Vault token that an agent can keep alive. */
export function tokenCommand(namespace: string | null): string {
  return `vault token create${flag(namespace)} -orphan -policy=keytender -period=24h -field=token`;
}

export function mountCommand({ location, namespace }: Place): string {
  return `vault secrets enable${flag(namespace)} -path=${word(location.mount)} -version=2 kv`;
}

export function versioningCommand({ location, namespace }: Place): string {
  return `vault kv enable-versioning${flag(namespace)} ${word(location.mount)}`;
}

export function unsealCommand(address: string): string {
  return `vault operator unseal -address=${word(address)}`;
}

export function initCommand(address: string): string {
  return `vault operator init -address=${word(address)}`;
}

/** The nodes of the cluster that `address` is of, where its storage is of its own (raft). */
export function membersCommand(address: string): string {
  return `vault operator raft list-peers -address=${word(address)}`;
}

/** What an address says of itself, without a login. */
export function healthCommand(address: string): string {
  return `curl -sS ${word(`${address}/v1/sys/health`)}`;
}

/** As one word of a shell. */
export function word(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

function kv({ location, namespace }: Place, verb: string, rest: string, option = ''): string {
  const parts = [
    `vault kv ${verb}${flag(namespace)}`,
    `-mount=${word(location.mount)}`,
    option,
    word(inMount(location)),
    rest,
  ];
  return parts.filter((part) => part !== '').join(' ');
}

function flag(namespace: string | null): string {
  return namespace === null ? '' : ` -namespace=${word(namespace)}`;
}
