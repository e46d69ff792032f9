// How an engine, an auth method or `sys/` says what it answers: routes with a path template, the fields they read and
// a handler for each operation. `{name}` is one name, `{path*}` is the rest, slashes and emptiness included.
import type { FieldKind } from './fields.js';
import type { Fields } from './fields.js';
import type { JsonObject } from './json-text.js';
import type { Operation } from './policy/acl.js';
import type { Realm } from './realm.js';
import type { Mount } from './mount.js';
import type { Result } from './result.js';
import type { TokenEntry } from './token/token-entry.js';
import type { VaultNode } from './node.js';

export interface Call {
  readonly operation: Operation;
  /** Below the mount. */
  readonly path: string;
  /** Below the namespace. */
  readonly fullPath: string;
  readonly data: JsonObject;
  readonly fields: Fields;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly clientToken: string;
  /** Undefined on routes that need none, when none or a dead one was sent. */
  readonly token: TokenEntry | undefined;
  readonly mount: Mount;
  readonly realm: Realm;
  readonly node: VaultNode;
}

export type Handler = (call: Call) => Result | Promise<Result>;

export interface Route {
  readonly path: string;
  readonly fields?: Readonly<Record<string, FieldKind>>;
  readonly read?: Handler;
  readonly list?: Handler;
  readonly scan?: Handler;
  readonly write?: Handler;
  readonly patch?: Handler;
  readonly remove?: Handler;
  /** Whether the thing written to exists: a write is then an update, else a create. Without it: always an update. */
  readonly exists?: (call: Call) => boolean;
  readonly takesArbitraryFields?: true;
  readonly needsNoToken?: true;
  /** Needs `sudo` beside the capability. */
  readonly needsSudo?: true;
}

export interface Backend {
  readonly routes: readonly CompiledRoute[];
}

export interface CompiledRoute extends Route {
  readonly pattern: RegExp;
}

const PLACEHOLDER = /\{([a-z_]+)(\*?)\}/g;
const NAME = '\\w(?:(?:[\\w.-]+)?\\w)?';

export function compileRoutes(routes: readonly Route[]): readonly CompiledRoute[] {
  return routes.map((route) => ({ ...route, pattern: compilePath(route.path) }));
}

function compilePath(template: string): RegExp {
  const source = template
    .replace(/[.?+^$[\]\\()|]/g, '\\$&')
    .replace(
      PLACEHOLDER,
      (_, name: string, rest: string) => `(?<${name}>${rest === '' ? NAME : '.*'})`,
    );
  return new RegExp(`^${source}$`, 's');
}

export interface Matched {
  readonly route: CompiledRoute;
  readonly captures: Readonly<Record<string, string>>;
}

export function matchRoute(backend: Backend, path: string): Matched | undefined {
  for (const route of backend.routes) {
    const found = route.pattern.exec(path);
    if (found !== null) return { route, captures: found.groups ?? {} };
  }
  return undefined;
}

export function handlerOf(route: Route, operation: Operation): Handler | undefined {
  switch (operation) {
    case 'read':
      return route.read;
    case 'list':
      return route.list;
    case 'scan':
      return route.scan;
    case 'create':
    case 'update':
      return route.write;
    case 'patch':
      return route.patch;
    case 'delete':
      return route.remove;
    case 'header':
      return undefined;
  }
}
