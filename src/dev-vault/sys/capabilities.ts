// What a token may do on a path. https://developer.hashicorp.com/vault/api-docs/system/capabilities-self
import type { Json, JsonObject } from '../json-text.js';
import { oneError, refuse, type Result } from '../result.js';
import type { Call, Route } from '../route.js';
import type { TokenEntry } from '../token/token-entry.js';

const FIELDS = { token: 'string', accessor: 'string', path: 'strings', paths: 'strings' } as const;

export const CAPABILITY_ROUTES: readonly Route[] = [
  { path: 'capabilities', fields: FIELDS, write: ofToken },
  { path: 'capabilities-self', fields: FIELDS, write: ofSelf },
  { path: 'capabilities-accessor', fields: FIELDS, write: ofAccessor },
];

function ofSelf(call: Call): Result {
  return describe(call, call.token);
}

function ofToken(call: Call): Result {
  const id = call.fields.string('token');
  if (id === '') return refuse(500, oneError('no token found'));
  return describe(call, call.node.core.tokens.find(id));
}

function ofAccessor(call: Call): Result {
  const accessor = call.fields.string('accessor');
  const entry = call.node.core.tokens.findByAccessor(accessor);
  return entry === undefined ? refuse(400, oneError('invalid accessor')) : describe(call, entry);
}

function describe(call: Call, entry: TokenEntry | undefined): Result {
  if (entry === undefined) return refuse(400, oneError('invalid token'));
  const listed = call.fields.strings('paths');
  const paths = listed.length > 0 ? listed : call.fields.strings('path');
  if (paths.length === 0) return refuse(400, 'paths must be supplied');
  const acl = call.node.core.aclOf(entry);
  const data: JsonObject = {};
  for (const path of paths) {
    data[path] = acl.capabilities(call.realm.path + path.replace(/^\/+/, ''));
  }
  const [only] = paths;
  if (paths.length === 1 && only !== undefined) data['capabilities'] = data[only] as Json;
  return { data, alsoAtTop: true };
}
