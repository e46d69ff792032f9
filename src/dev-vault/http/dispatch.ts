// The order in which a request is looked at, the same as a real server's: address, quota, status routes, body, seal,
// namespace, token, mount, policy, fields, handler, wrapping. Every refusal on the way is the answer.
import type { Core } from '../core.js';
import { Fields } from '../fields.js';
import { readDuration } from '../duration.js';
import type { Json, JsonObject } from '../json-text.js';
import type { Mount } from '../mount.js';
import { VaultNode } from '../node.js';
import type { Operation } from '../policy/acl.js';
import type { Realm } from '../realm.js';
import {
  isRefusal,
  oneError,
  permissionDenied,
  policyDenied,
  refuse,
  unsupportedOperation,
  unsupportedPath,
  type Refusal,
  type Result,
} from '../result.js';
import { handlerOf, matchRoute, type Call, type CompiledRoute } from '../route.js';
import { STATUS_ROUTES } from '../sys/status-routes.js';
import { INVALID, wrapBody } from '../sys/wrapping.js';
import type { TokenEntry } from '../token/token-entry.js';
import { answerOf, refusalAnswer, type Answer } from './answer.js';
import { cleanedPath, clientTokenOf, isPrintable, type Incoming } from './incoming.js';
import { standbyDecision } from './standby.js';
import { patchTypeRefusal, readBody, readJson, readQuery, type BodyRead } from './request-body.js';

const PREFIX = '/v1/';

export async function dispatch(node: VaultNode, incoming: Incoming): Promise<Answer> {
  const early = answerEarly(incoming);
  if (early !== undefined) return early;
  const path = incoming.path.slice(PREFIX.length);
  const status = Object.hasOwn(STATUS_ROUTES, path) ? STATUS_ROUTES[path] : undefined;
  if (status !== undefined) return statusAnswer(node, incoming, status);
  const limited = overQuota(node.core, incoming, path);
  if (limited !== undefined) return limited;
  const asked = readLogical(incoming, path);
  if (isRefusal(asked)) return refusalAnswer(asked);
  const target = incoming.rawPath + (incoming.rawQuery === '' ? '' : `?${incoming.rawQuery}`);
  const stays = headerOf(incoming, 'x-vault-no-request-forwarding') !== '';
  const elsewhere = standbyDecision(node, asked.operation, target, stays);
  if (elsewhere !== undefined && !(elsewhere instanceof VaultNode)) return elsewhere;
  const result = await answerLogical(elsewhere ?? node, asked, incoming);
  return answerOf(asked.operation, result);
}

function answerEarly({ method, path, rawPath, rawQuery }: Incoming): Answer | undefined {
  if (!isPrintable(path)) return { status: 400, body: '', headers: { 'content-type': '' } };
  const elsewhere = path === '/v1/sys' ? '/v1/sys/' : '/ui/';
  if (path === '/' || path === '/ui' || path === '/v1/sys') return redirect(method, elsewhere);
  if (!path.startsWith(PREFIX)) return refusalAnswer(refuse(404));
  const clean = cleanedPath(rawPath);
  return clean === undefined
    ? undefined
    : redirect(method, rawQuery === '' ? clean : `${clean}?${rawQuery}`);
}

/** With a text to click only for who reads. */
function redirect(method: string, location: string): Answer {
  if (method !== 'GET' && method !== 'HEAD') {
    return { status: 307, body: '', headers: { location, 'content-type': '' } };
  }
  return {
    status: 307,
    body: `<a href="${location}">Temporary Redirect</a>.\n\n`,
    headers: { location, 'content-type': 'text/html; charset=utf-8' },
  };
}

function statusAnswer(
  node: VaultNode,
  incoming: Incoming,
  handler: (typeof STATUS_ROUTES)[string],
): Answer {
  const { method, query } = incoming;
  const answer = answerOf('read', handler({ method, query, body: incoming.body.toString(), node }));
  return method === 'HEAD' ? { ...answer, body: '' } : answer;
}

function overQuota(core: Core, incoming: Incoming, path: string): Answer | undefined {
  const namespace = headerOf(incoming, 'x-vault-namespace').replace(/^\/+|\/+$/g, '');
  const verdict = core.quotas.check(namespace === '' ? path : `${namespace}/${path}`);
  if (verdict === undefined || verdict.allowed) return undefined;
  const refusal = refuse(429, `request path "${path}": rate limit quota exceeded`);
  if (!core.quotas.settings.headersEnabled) return refusalAnswer(refusal);
  return {
    ...refusalAnswer(refusal),
    headers: {
      'retry-after': String(verdict.resetSeconds),
      'x-ratelimit-limit': String(verdict.limit),
      'x-ratelimit-remaining': String(verdict.remaining),
      'x-ratelimit-reset': String(verdict.resetSeconds),
    },
  };
}

function headerOf({ headers }: Incoming, name: string): string {
  const value = headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

interface Logical {
  readonly operation: Operation;
  readonly path: string;
  readonly data: JsonObject;
  readonly clientToken: string;
  readonly namespace: string;
  /** 0: not asked for. */
  readonly wrapSeconds: number;
}

function readLogical(incoming: Incoming, path: string): Logical | Refusal {
  const operation = readOperation(incoming);
  if (typeof operation !== 'string') return operation;
  const read = readData(incoming, operation);
  if (isRefusal(read)) return read;
  const wrapSeconds = readWrapTtl(headerOf(incoming, 'x-vault-wrap-ttl'));
  if (typeof wrapSeconds !== 'number') return wrapSeconds;
  const isFolder = operation === 'list' || operation === 'scan';
  return {
    operation,
    path: isFolder && !path.endsWith('/') ? `${path}/` : path,
    data: read.data,
    clientToken: clientTokenOf(incoming.headers),
    namespace: headerOf(incoming, 'x-vault-namespace'),
    wrapSeconds,
  };
}

function readOperation({ method, query }: Incoming): Operation | Refusal {
  switch (method) {
    case 'GET':
      return readOrList(query);
    case 'POST':
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return 'delete';
    case 'LIST':
      return 'list';
    case 'SCAN':
      return 'scan';
    case 'HEAD':
    case 'OPTIONS':
      return 'header';
    default:
      return refuse(405);
  }
}

const TRUE = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const FALSE = new Set(['', '0', 'f', 'F', 'FALSE', 'false', 'False']);

function readOrList(query: URLSearchParams): Operation | Refusal {
  const list = query.get('list') ?? '';
  const scan = query.get('scan') ?? '';
  const known = [list, scan].every((text) => TRUE.has(text) || FALSE.has(text));
  if (!known || (TRUE.has(list) && TRUE.has(scan))) return refuse(400);
  if (TRUE.has(list)) return 'list';
  return TRUE.has(scan) ? 'scan' : 'read';
}

function readData(incoming: Incoming, operation: Operation): BodyRead {
  if (operation === 'update') {
    return readBody(incoming.body, incoming.headers['content-type'] ?? '');
  }
  if (operation === 'patch') {
    const refusal = patchTypeRefusal(incoming.headers['content-type']);
    return refusal ?? readJson(incoming.body.toString('utf8'));
  }
  const data = readQuery(incoming.query);
  if (operation === 'list') Reflect.deleteProperty(data, 'list');
  if (operation === 'scan') Reflect.deleteProperty(data, 'scan');
  return { data };
}

function readWrapTtl(header: string): number | Refusal {
  if (header === '') return 0;
  const read = readDuration(header);
  if ('error' in read) return refuse(400, `error parsing X-Vault-Wrap-TTL header: ${read.error}`);
  return read.seconds < 0
    ? refuse(400, 'error parsing X-Vault-Wrap-TTL header: requested wrap ttl cannot be negative')
    : Math.trunc(read.seconds);
}

async function answerLogical(node: VaultNode, asked: Logical, incoming: Incoming): Promise<Result> {
  if (/(?:^|\/)\.\.?(?:\/|$)/.test(asked.path)) return refuse(400, 'relative paths not supported');
  if (node.sealed) return refuse(503, 'Vault is sealed');
  const found = node.core.resolve(asked.namespace, asked.path);
  if (found === undefined) return refuse(404, 'namespace not found');
  const { realm, path } = found;
  const isWrite = asked.operation === 'update' || asked.operation === 'patch';
  if (isWrite && path.endsWith('/')) return refuse(400, "cannot write to a path ending in '/'");
  return new LogicalRequest(node, asked, incoming, realm, path).answer();
}

const WRAPPING_PATHS = new Set([
  'sys/wrapping/lookup',
  'sys/wrapping/rewrap',
  'sys/wrapping/unwrap',
]);

/** One request below `/v1/` that reached an unsealed server and a namespace. */
class LogicalRequest {
  readonly #node: VaultNode;
  readonly #asked: Logical;
  readonly #incoming: Incoming;
  readonly #realm: Realm;
  readonly #path: string;

  constructor(node: VaultNode, asked: Logical, incoming: Incoming, realm: Realm, path: string) {
    this.#node = node;
    this.#asked = asked;
    this.#incoming = incoming;
    this.#realm = realm;
    this.#path = path;
  }

  async answer(): Promise<Result> {
    const { core } = this.#node;
    const { clientToken } = this.#asked;
    if (WRAPPING_PATHS.has(this.#path) && !this.#holdsWrapped()) return refuse(400, INVALID);
    const token = clientToken === '' ? undefined : core.tokens.find(clientToken);
    const mount = this.#realm.mountOf(this.#path);
    const below = mount === undefined ? '' : this.#path.slice(mount.path.length);
    const matched = mount === undefined ? undefined : matchRoute(mount.backend, below);
    if (matched?.route.needsNoToken !== true && token === undefined) return permissionDenied;
    const isLast = token !== undefined && core.tokens.use(token);
    try {
      if (mount === undefined || matched === undefined) return this.#nowhere(mount, token);
      return await this.#route(mount, below, matched.route, matched.captures, token);
    } finally {
      if (isLast) core.tokens.revoke(token);
    }
  }

  #holdsWrapped(): boolean {
    const inBody = this.#asked.data['token'];
    const id = typeof inBody === 'string' && inBody !== '' ? inBody : this.#asked.clientToken;
    const { core } = this.#node;
    return core.wrapped.has(id) && core.tokens.has(id);
  }

  /** No such mount, or no such path in it: told only to who may know. */
  #nowhere(mount: Mount | undefined, token: TokenEntry | undefined): Result {
    if (token === undefined || !this.#allows(token, this.#asked.operation)) return policyDenied;
    if (mount !== undefined) return unsupportedPath;
    return refuse(404, `no handler for route "${this.#path}". route entry not found.`);
  }

  #allows(token: TokenEntry, operation: Operation): boolean {
    const { data, wrapSeconds } = this.#asked;
    const path = this.#realm.path + this.#path;
    return this.#node.core.aclOf(token).allows({ path, operation, data, wrapSeconds });
  }

  async #route(
    mount: Mount,
    below: string,
    route: CompiledRoute,
    captures: Readonly<Record<string, string>>,
    token: TokenEntry | undefined,
  ): Promise<Result> {
    const raw: Record<string, Json> = { ...this.#asked.data, ...captures };
    const fields = Fields.read(route.fields ?? {}, raw);
    const call: Call = {
      operation: this.#asked.operation,
      path: below,
      fullPath: this.#path,
      data: this.#asked.data,
      fields: fields instanceof Fields ? fields : new Fields(),
      headers: this.#incoming.headers,
      clientToken: this.#asked.clientToken,
      token,
      mount,
      realm: this.#realm,
      node: this.#node,
    };
    // Whether the thing exists is asked first, and that question is not answered about fields that make no sense.
    const asksFirst = this.#asked.operation === 'update' && route.exists !== undefined;
    if (asksFirst && !(fields instanceof Fields)) return this.#unreadable(token, fields.error);
    const operation = operationOf(route, call);
    if (route.needsNoToken !== true && !this.#mayCall(route, token, operation)) return policyDenied;
    const handler = handlerOf(route, operation);
    if (handler === undefined) return unsupportedOperation;
    if (!(fields instanceof Fields)) {
      return refuse(400, `Field validation failed: ${fields.error}`);
    }
    const result = await handler({ ...call, operation });
    return this.#wrap(this.#withWarnings(route, captures, result));
  }

  #unreadable(token: TokenEntry | undefined, error: string): Refusal {
    return token === undefined ? permissionDenied : refuse(400, error);
  }

  #mayCall(route: CompiledRoute, token: TokenEntry | undefined, operation: Operation): boolean {
    if (token === undefined || !this.#allows(token, operation)) return false;
    const path = this.#realm.path + this.#path;
    return route.needsSudo !== true || this.#node.core.aclOf(token).hasSudo(path, operation);
  }

  #withWarnings(
    route: CompiledRoute,
    captures: Readonly<Record<string, string>>,
    result: Result,
  ): Result {
    if (result === undefined || isRefusal(result) || result.bare !== undefined) return result;
    if (result.status !== undefined) return result;
    const names = Object.keys(this.#asked.data);
    const ignored =
      route.takesArbitraryFields === true
        ? []
        : names.filter((name) => !Object.hasOwn(route.fields ?? {}, name)).sort();
    const replaced = names.filter((name) => Object.hasOwn(captures, name));
    const warnings = [...(result.warnings ?? [])];
    if (ignored.length > 0) {
      warnings.push(`Endpoint ignored these unrecognized parameters: [${ignored.join(' ')}]`);
    }
    if (replaced.length > 0) {
      warnings.push(
        `Endpoint replaced the value of these parameters with the values captured from the endpoint's path: [${replaced.join(' ')}]`,
      );
    }
    return warnings.length === 0 ? result : { ...result, warnings };
  }

  #wrap(result: Result): Result {
    const { wrapSeconds, operation, path } = this.#asked;
    if (wrapSeconds === 0 || result === undefined || isRefusal(result)) return result;
    if (result.wrappable === false || result.status !== undefined) return result;
    const accessor = result.accessor ?? '';
    const body = answerOf(operation, result).body.trimEnd();
    return wrapBody({ node: this.#node, realm: this.#realm }, body, path, wrapSeconds, accessor);
  }
}

function operationOf(route: CompiledRoute, call: Call): Operation {
  if (call.operation !== 'update' || route.exists === undefined) return call.operation;
  return route.exists(call) ? 'update' : 'create';
}

/** Words for an error that nobody expected. */
export function crashAnswer(): Answer {
  return refusalAnswer(refuse(500, oneError('internal error')));
}
