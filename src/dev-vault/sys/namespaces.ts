// Namespaces: a set of mounts and policies of its own for each, named by a header or the start of the path.
// https://openbao.org/api-docs/system/namespaces/
import { randomUUID } from 'node:crypto';
import type { JsonObject } from '../json-text.js';
import { refuse, type Result } from '../result.js';
import type { Call, Route } from '../route.js';

export const NAMESPACE_ROUTES: readonly Route[] = [
  { path: 'namespaces', list },
  { path: 'namespaces/', list },
  {
    path: 'namespaces/{path}',
    fields: { path: 'string', custom_metadata: 'pairs' },
    read,
    write,
    remove,
  },
];

function pathOf(call: Call): string {
  return `${call.realm.path}${call.fields.string('path')}/`;
}

function list(call: Call): Result {
  const keys = [...call.node.core.realms.keys()]
    .filter((path) => path !== call.realm.path && path.startsWith(call.realm.path))
    .map((path) => path.slice(call.realm.path.length))
    .filter((path) => path.indexOf('/') === path.length - 1)
    .sort();
  return keys.length === 0 ? undefined : { data: { keys } };
}

function describe(path: string): JsonObject {
  return {
    custom_metadata: {},
    id: path.slice(0, -1),
    locked: false,
    path,
    tainted: false,
    uuid: randomUUID(),
  };
}

function read(call: Call): Result {
  const path = pathOf(call);
  return call.node.core.realms.has(path) ? { data: describe(path) } : undefined;
}

function write(call: Call): Result {
  const { realms } = call.node.core;
  const path = pathOf(call);
  if (call.realm.mounts.has(`${call.fields.string('path')}/`)) {
    return refuse(
      400,
      `new namespace conflicts with existing mount: ${call.fields.string('path')}/`,
    );
  }
  if (!realms.has(path)) call.node.core.addRealm(path);
  return { data: describe(path) };
}

function remove(call: Call): Result {
  const { realms, tokens } = call.node.core;
  const path = pathOf(call);
  for (const existing of [...realms.keys()]) {
    if (existing.startsWith(path)) realms.delete(existing);
  }
  tokens.revokeWhere((entry) => entry.namespace.startsWith(path));
  return undefined;
}
