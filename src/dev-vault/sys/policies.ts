// ACL policies, at the present and at the older path.
// https://developer.hashicorp.com/vault/api-docs/system/policies
import type { JsonObject } from '../json-text.js';
import { refuse, type Result } from '../result.js';
import type { Call, Route } from '../route.js';

const FIELDS = { name: 'string', policy: 'string' } as const;
const OLD_FIELDS = { ...FIELDS, rules: 'string' } as const;

export const POLICY_ROUTES: readonly Route[] = [
  { path: 'policies/acl', list: listAcl },
  { path: 'policies/acl/', list: listAcl },
  { path: 'policies/acl/{name*}', fields: FIELDS, read: readAcl, write: writeAcl, remove },
  { path: 'policy', read: listOld, list: listOld },
  { path: 'policy/', list: listOld },
  { path: 'policy/{name*}', fields: OLD_FIELDS, read: readOld, write: writeAcl, remove },
];

function nameOf(call: Call): string {
  return call.fields.string('name').toLowerCase();
}

function listAcl(call: Call): Result {
  return { data: { keys: call.realm.policyNames() } };
}

function listOld(call: Call): Result {
  const names = call.realm.policyNames();
  return { data: { keys: names, policies: names }, alsoAtTop: true };
}

function readAcl(call: Call): Result {
  const name = nameOf(call);
  const found = stateOf(call, name);
  return found && { data: { ...found.state, name, policy: found.text } };
}

function readOld(call: Call): Result {
  const name = nameOf(call);
  const found = stateOf(call, name);
  return found && { data: { ...found.state, name, rules: found.text }, alsoAtTop: true };
}

/** The root policy has no rules, and nobody wrote it. */
function stateOf(
  call: Call,
  name: string,
): { readonly text: string; readonly state: JsonObject } | undefined {
  if (name === 'root') return { text: '', state: { cas_required: false, version: 0 } };
  const found = call.realm.policy(name);
  if (found === undefined) return undefined;
  const { text, modified, version } = found;
  return { text, state: { cas_required: false, modified, version } };
}

function writeAcl(call: Call): Result {
  const name = nameOf(call);
  const given = call.fields.string('policy') || call.fields.string('rules');
  if (given === '') return refuse(400, "'policy' parameter not supplied or empty");
  if (name === 'root') return refuse(400, 'cannot update "root" policy');
  const text = decodeBase64Text(given) ?? given;
  const error = call.realm.writePolicy(name, text);
  return error === undefined ? undefined : refuse(400, `failed to parse policy: ${error}`);
}

/** Policies may come in base64; then what it says is taken. */
function decodeBase64Text(text: string): string | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text) || text.length % 4 !== 0) return undefined;
  return Buffer.from(text, 'base64').toString('utf8');
}

function remove(call: Call): Result {
  const name = nameOf(call);
  if (name === 'root' || name === 'default') {
    return refuse(400, `cannot delete ${name === 'root' ? '"root"' : 'default'} policy`);
  }
  call.realm.deletePolicy(name);
  return undefined;
}
