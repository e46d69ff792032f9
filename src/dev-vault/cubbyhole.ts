// A place for each token that nobody else can read and that goes with it.
// https://developer.hashicorp.com/vault/api-docs/secret/cubbyhole
import type { JsonObject } from './json-text.js';
import { refuse, type Result } from './result.js';
import { compileRoutes, type Backend, type Call, type Route } from './route.js';

export function cubbyholeBackend(): Backend {
  // Weak: what a token put away goes with its entry.
  const places = new WeakMap<object, Map<string, JsonObject>>();
  const placeOf = (call: Call): Map<string, JsonObject> => {
    if (call.token === undefined) return new Map();
    const place = places.get(call.token) ?? new Map<string, JsonObject>();
    places.set(call.token, place);
    return place;
  };
  return { routes: compileRoutes(cubbyholeRoutes(placeOf)) };
}

export function cubbyholeRoutes(
  placeOf: (call: Call) => Map<string, JsonObject>,
): readonly Route[] {
  const pathOf = (call: Call): string => call.fields.string('path');
  return [
    {
      path: '{path*}',
      fields: { path: 'string' },
      takesArbitraryFields: true,
      exists: (call) => placeOf(call).has(pathOf(call)),
      read: (call): Result => {
        const data = placeOf(call).get(pathOf(call));
        return data === undefined ? undefined : { data };
      },
      write: (call): Result => {
        if (pathOf(call) === '') return refuse(400, 'missing path');
        if (Object.keys(call.data).length === 0) return refuse(400, 'missing data fields');
        placeOf(call).set(pathOf(call), call.data);
        return undefined;
      },
      remove: (call): Result => {
        placeOf(call).delete(pathOf(call));
        return undefined;
      },
      list: (call): Result => {
        const keys = namesUnder([...placeOf(call).keys()], pathOf(call));
        return keys.length === 0 ? undefined : { data: { keys } };
      },
    },
  ];
}

function namesUnder(paths: readonly string[], folder: string): string[] {
  const prefix = folder === '' || folder.endsWith('/') ? folder : `${folder}/`;
  const names = new Set<string>();
  for (const path of paths) {
    if (path.startsWith(prefix)) names.add(/^[^/]*\/?/.exec(path.slice(prefix.length))?.[0] ?? '');
  }
  return [...names].sort();
}
