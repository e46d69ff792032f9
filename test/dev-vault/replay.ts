// Replays the recorded transcripts of a real server and says where an answer differs. Status, kept headers, the order
// and number of keys, and every value are compared; the few fields that no two servers share are listed here, with why.
import { readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { exchange, type Loose } from './http-exchange.js';

const FOLDER = new URL('../fixtures/transcripts/', import.meta.url);

export const TRANSCRIPTS: readonly string[] = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.json'))
  .sort();

interface Recorded {
  readonly step: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly token?: string | null;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Loose;
  };
  readonly response: { readonly status: number; readonly headers: Loose; readonly body: Loose };
}

export function readTranscript(name: string): readonly Recorded[] {
  return JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as Recorded[];
}

/** What a value must look like where it need not be the same. */
const SHAPES = {
  uuid: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  time: /^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z$/,
  number: /^[0-9]+$/,
  accessor: /^[0-9A-Za-z]{24}$/,
  mount: /^[a-z_]+_[0-9a-f]{8}$/,
  cluster: /^vault-cluster-[0-9a-f]{8}$/,
};

/** Every field whose value is excused, by the end of its path in the answer, with the reason and what it must be. */
export const EXCUSED: readonly {
  readonly field: RegExp;
  readonly reason: string;
  readonly shape: RegExp;
}[] = [
  { field: /(^|\.)request_id$/, reason: 'a new one for each answer', shape: SHAPES.uuid },
  { field: /\.uuid$/, reason: 'made up when mounted', shape: SHAPES.uuid },
  { field: /\.entity_id$/, reason: 'made up at first login', shape: SHAPES.uuid },
  { field: /cluster_id$/, reason: 'made up by each server', shape: SHAPES.uuid },
  { field: /cluster_name$/, reason: 'made up by each server', shape: SHAPES.cluster },
  { field: /\/\.accessor$|^data\.accessor$/, reason: 'made up', shape: /^[A-Za-z0-9_]+$/ },
  { field: /\.wrapped_accessor$/, reason: 'made up', shape: /^[0-9A-Za-z-]+$/ },
  {
    field: /(created|updated|deletion|expire|issue|creation)_time$|\.modified$/,
    reason: 'the time of the run',
    shape: new RegExp(`${SHAPES.time.source}|${SHAPES.number.source}`),
  },
  { field: /server_time_utc$/, reason: 'the time of the run', shape: SHAPES.number },
];

/** Lists of mounts and auth methods show what other scenarios made on the recorded server: only our own are compared. */
const LISTS = /(^|\.)(data|auth|secret)$|^$/;

export interface Difference {
  readonly step: string;
  readonly at: string;
  readonly expected: unknown;
  readonly got: unknown;
}

export interface Subject {
  readonly address: string;
  readonly rootToken: string;
  readonly unsealKey: string;
}

export interface ReplayOptions {
  /** Called before "read with an expired token", so that a second can pass without waiting. */
  readonly passSecond: () => Promise<void> | void;
}

/** Every difference of one transcript, in order. */
export async function replay(
  name: string,
  subject: Subject,
  options: ReplayOptions,
): Promise<Difference[]> {
  const session = new ReplaySession(name, subject, options);
  try {
    return await session.run();
  } finally {
    await session.close();
  }
}

class ReplaySession {
  readonly #name: string;
  readonly #subject: Subject;
  readonly #options: ReplayOptions;
  readonly #captured = new Map<string, string>();
  readonly #differences: Difference[] = [];
  readonly #reviewer = createReviewer();
  #mounted = new Set<string>();

  constructor(name: string, subject: Subject, options: ReplayOptions) {
    this.#name = name;
    this.#subject = subject;
    this.#options = options;
    this.#captured.set('unseal', subject.unsealKey);
    this.#captured.set('bogus', 's.bogusbogusbogusbogusbogus');
  }

  async close(): Promise<void> {
    await this.#reviewer.close();
  }

  async run(): Promise<Difference[]> {
    const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    for (const [jwt, claims] of Object.entries({ ...jwtClaims(), ...accountClaims() })) {
      this.#captured.set(jwt, signJwt(keys.privateKey, claims));
    }
    await this.#reviewer.listen();
    for (const recorded of readTranscript(this.#name)) {
      if (recorded.step === 'read with an expired token') await this.#options.passSecond();
      if (recorded.step.endsWith('api server down')) await this.#reviewer.close();
      await this.#step(recorded, keys.publicKey);
    }
    return this.#differences;
  }

  async #step(recorded: Recorded, publicKey: KeyObject): Promise<void> {
    const { request, response } = recorded;
    const answer = await exchange(this.#subject.address, {
      method: request.method,
      target: `/v1/${request.path}`,
      headers: this.#headersOf(request),
      body: this.#bodyOf(request.body, publicKey),
    });
    const mounted = /^sys\/(?:mounts|auth)\/(.+)$/.exec(request.path)?.[1];
    if (mounted !== undefined && answer.status === 204) this.#mounted.add(`${mounted}/`);
    this.#compare(recorded.step, 'status', response.status, answer.status);
    for (const name of Object.keys(response.headers as object)) {
      this.#compare(recorded.step, `header ${name}`, response.headers[name], answer.headers[name]);
    }
    const expectedBody = response.body ?? null;
    const body = answer.text === '' ? null : (JSON.parse(answer.text) as unknown);
    this.#compareBody(recorded.step, '', expectedBody, body);
    if (!Number.isFinite(Date.parse(answer.headers.date ?? ''))) {
      this.#compare(recorded.step, 'header date', 'a date', answer.headers.date);
    }
  }

  #headersOf(request: Recorded['request']): Record<string, string> {
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(request.headers)) {
      headers[name] = value.replace('Bearer root', `Bearer ${this.#subject.rootToken}`);
    }
    if (request.token !== null && request.token !== undefined)
      headers['x-vault-token'] = this.#tokenOf(request.token);
    if (request.body !== null)
      headers['content-type'] ??= headers['Content-Type'] ?? 'application/json';
    return headers;
  }

  #tokenOf(name: string): string {
    return name === 'root' ? this.#subject.rootToken : (this.#captured.get(name) ?? name);
  }

  #bodyOf(body: Loose, publicKey: KeyObject): string | undefined {
    if (body === null || body === undefined) return undefined;
    if (typeof body.__raw === 'string') return body.__raw as string;
    const own = { ...body };
    if (own.jwt_validation_pubkeys !== undefined) {
      own.jwt_validation_pubkeys = [publicKey.export({ type: 'spki', format: 'pem' })];
    }
    if (own.kubernetes_host !== undefined) own.kubernetes_host = this.#reviewer.address();
    return JSON.stringify(own).replace(
      /\{\{(\w+)\}\}/g,
      (whole, name: string) => this.#captured.get(name) ?? whole,
    );
  }

  #compare(step: string, at: string, expected: unknown, got: unknown): void {
    if (expected !== got) this.#differences.push({ step, at, expected, got });
  }

  #compareBody(step: string, at: string, expected: Loose, got: Loose): void {
    if (typeof expected === 'string' && this.#captures(step, at, expected, got)) return;
    if (isExcused(at, expected, got)) return;
    if (at === 'data.ttl' && isWithinSecond(expected, got)) return;
    if (Array.isArray(expected) && Array.isArray(got)) {
      this.#compare(step, `${at}.length`, expected.length, got.length);
      expected.forEach((element, index) => {
        this.#compareBody(step, `${at}[${index}]`, element, got[index]);
      });
      return;
    }
    if (isObject(expected) && isObject(got)) {
      this.#compareObjects(step, at, expected, got);
      return;
    }
    this.#compare(step, at, expected, got);
  }

  #compareObjects(step: string, at: string, expected: Loose, got: Loose): void {
    const wanted = this.#comparable(at, expected);
    const given = this.#comparable(at, got);
    this.#compare(step, `${at} keys`, wanted.join(), given.join());
    for (const key of wanted) {
      this.#compareBody(step, at === '' ? key : `${at}.${key}`, expected[key], got[key]);
    }
  }

  /** Keys in the order sent; of mounts only those made in this transcript and those that every server has. */
  #comparable(at: string, object: Loose): string[] {
    const keys = Object.keys(object as object);
    if (!LISTS.test(at) || !keys.some((key) => key.endsWith('/'))) return keys;
    const own = keys.filter(
      (key) => !key.endsWith('/') || this.#mounted.has(key) || BUILT_IN.has(key),
    );
    // At the top level a real server lists mounts in no order.
    return at === '' ? own.sort() : own;
  }

  #captures(step: string, at: string, expected: string, got: unknown): boolean {
    const name = /^\{\{(\w+)\}\}$/.exec(expected)?.[1];
    if (name === undefined)
      return expected === 'root' && at === 'data.id' && got === this.#subject.rootToken;
    const known = this.#captured.get(name);
    if (typeof got !== 'string' || got === '') this.#compare(step, at, `a ${name}`, got);
    else if (known === undefined) this.#captured.set(name, got);
    else this.#compare(step, at, known, got);
    return true;
  }
}

const BUILT_IN = new Set(['cubbyhole/', 'identity/', 'sys/', 'secret/', 'token/']);

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isExcused(at: string, expected: unknown, got: unknown): boolean {
  const rule = EXCUSED.find(({ field }) => field.test(at));
  if (rule === undefined || expected === null || expected === '') return false;
  return typeof got === typeof expected && rule.shape.test(String(got));
}

/** A remaining TTL is rounded by the fraction of the second at which it is asked for. */
function isWithinSecond(expected: unknown, got: unknown): boolean {
  return typeof got === 'number' && Math.abs(Number(expected) - got) <= 1;
}

function jwtClaims(): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  const now = Math.floor(Date.now() / 1000);
  const good = {
    aud: 'vault',
    sub: 'system:serviceaccount:prod:app',
    iat: now - 10,
    exp: now + 3600,
  };
  return {
    good,
    wrongsub: { ...good, sub: 'system:serviceaccount:prod:other' },
    old: { ...good, iat: now - 7200, exp: now - 3600 },
  };
}

/** Service account tokens as a cluster projects them into pods. */
function accountClaims(): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  const claimsOf = (name: string): Record<string, unknown> => ({
    sub: `system:serviceaccount:prod:${name}`,
    exp: Math.floor(Date.now() / 1000) + 3600,
    'kubernetes.io': { namespace: 'prod', serviceaccount: { name, uid: 'u-1' } },
  });
  return { satoken: claimsOf('app'), badsa: claimsOf('other') };
}

export function signJwt(
  key: KeyObject,
  claims: Readonly<Record<string, unknown>>,
  header: Readonly<Record<string, unknown>> = { alg: 'ES256', typ: 'JWT' },
): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part(header)}.${part(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

/** A pretend Kubernetes TokenReview endpoint. */
export function createReviewer(): {
  listen(): Promise<void>;
  address(): string;
  close(): Promise<void>;
} {
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      const { spec } = JSON.parse(text) as { spec: { token: string } };
      const { sub } = JSON.parse(
        Buffer.from(spec.token.split('.')[1] ?? '', 'base64url').toString(),
      ) as { sub: string };
      const user = { username: sub, uid: 'u-1' };
      response.writeHead(201, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ status: { authenticated: true, user } }));
    });
  });
  return {
    listen: () =>
      new Promise((resolve) =>
        server.listen(0, '127.0.0.1', () => {
          resolve();
        }),
      ),
    address: () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        if (!server.listening) {
          resolve();
          return;
        }
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
