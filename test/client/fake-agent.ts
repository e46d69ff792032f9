// An agent over real sockets that a test scripts: what it holds, what it answers, what it was asked. By TCP it verifies
// requests with the keys it has and signs its answers, as the real one does.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Keyring,
  keytenderPolicy,
  signResponse,
  verify,
  type KeyringEntry,
} from '../../src/signature/index.js';
import { strong } from '../fixtures/readings.js';

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

export interface Answered {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: signed, where the request was. */
  readonly isUnsigned?: boolean;
}

type Script = (asked: Asked) => Answered | undefined | Promise<Answered | undefined>;

export class FakeAgent implements AsyncDisposable {
  readonly asked: Asked[] = [];
  /** What is answered before the usual; undefined: the usual. */
  script: Script = () => undefined;
  /** Who may sign requests by TCP. */
  keys: readonly KeyringEntry[] = [];
  version = 1;
  /** What a refresh finds in Vault. */
  nextVersion = 1;
  readonly folder: string;
  readonly #waiting = new Set<() => void>();
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #place: number | string = 0;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async onSocket(): Promise<FakeAgent> {
    const agent = new FakeAgent(await mkdtemp(join(tmpdir(), 'kt-')));
    agent.#place = agent.socket;
    await agent.start();
    return agent;
  }

  static async onPort(keys: readonly KeyringEntry[]): Promise<FakeAgent> {
    const agent = new FakeAgent(await mkdtemp(join(tmpdir(), 'kt-')));
    agent.keys = keys;
    await agent.start();
    agent.#place = (agent.#server?.address() as AddressInfo).port;
    return agent;
  }

  get socket(): string {
    return join(this.folder, 'agent.sock');
  }

  get url(): string {
    return `http://127.0.0.1:${this.#place}`;
  }

  get value(): string {
    return valueOf(this.version);
  }

  paths(): string[] {
    return this.asked.map(({ method, url }) => `${method} ${url.split('?')[0] ?? ''}`);
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const { method = '', url = '', headers, rawHeaders } = request;
        const asked = { method, url, headers, body: Buffer.concat(parts) };
        this.asked.push(asked);
        void this.#answer(asked, rawHeaders, typeof this.#place === 'string').then((answer) => {
          response.writeHead(answer.status, answer.headers).end(answer.text);
        });
      });
    });
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    if (typeof this.#place === 'string') server.listen(this.#place);
    else server.listen(this.#place, '127.0.0.1');
    await once(server, 'listening');
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(server, 'close');
  }

  rotate(): void {
    this.version += 1;
    this.nextVersion = Math.max(this.nextVersion, this.version);
    for (const wake of this.#waiting) wake();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    for (const wake of this.#waiting) wake();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #answer(asked: Asked, rawHeaders: readonly string[], isSocket: boolean) {
    const answer = (await this.script(asked)) ?? (await this.#usual(asked));
    const text = answer.body === undefined ? '' : JSON.stringify(answer.body);
    const headers = { 'content-type': 'application/json', ...answer.headers };
    const plain = { status: answer.status, headers, text };
    if (isSocket || answer.isUnsigned === true || !asked.url.startsWith('/v1/')) return plain;
    const { method, url } = asked;
    const request = { method, url, headers: rawHeaders, scheme: 'http', body: asked.body };
    const nowSeconds = Date.now() / 1000;
    const policy = { ...keytenderPolicy, tag: 'keytender-api' };
    const verdict = verify(request, new Keyring(this.keys), policy, { nowSeconds });
    if (!verdict.ok) return { status: 401, headers: {}, text: '{"code":"unauthenticated"}' };
    const entry = this.keys.find(
      ({ name, client }) => (name ?? `client:${client ?? ''}`) === verdict.caller,
    );
    const signed = signResponse(
      { status: answer.status, headers, body: Buffer.from(text) },
      request,
      {
        key: entry?.key ?? '',
        keyid: verdict.keyid ?? '',
        created: Math.floor(nowSeconds),
        tag: 'keytender-answer',
      },
    );
    return { ...plain, headers: { ...headers, ...signed.headers } };
  }

  async #usual({ method, url }: Asked): Promise<Answered> {
    const { pathname, searchParams } = new URL(url, 'http://localhost');
    if (pathname === '/readyz') return { status: 200, body: { status: 'ok' } };
    if (pathname === '/v1/tokens') return { status: 200, body: { tokens: [this.view(false)] } };
    if (pathname === '/v1/tokens/default') return { status: 200, body: this.view() };
    if (method === 'POST' && pathname === '/v1/tokens/default/refresh') {
      const changed = this.nextVersion > this.version;
      while (this.nextVersion > this.version) this.rotate();
      const outcome = changed ? 'rotated' : 'unchanged';
      return { status: 200, body: { changed, version: this.version, outcome } };
    }
    if (pathname === '/v1/tokens/default/watch') {
      if (searchParams.get('revision') === `r${this.version}`) {
        await new Promise<void>((resolve) => this.#waiting.add(resolve));
      }
      return { status: 200, body: this.view() };
    }
    return { status: 404, body: { code: 'not_found' } };
  }

  view(withValues = true): Record<string, unknown> {
    const { version } = this;
    const value = (of: number) => (withValues ? { value: valueOf(of) } : {});
    const before = version > 1 ? [version - 1] : [];
    return {
      name: 'default',
      ...value(version),
      version,
      revision: `r${version}`,
      created_at: new Date(1_700_000_000_000 + version * 1000).toISOString(),
      age_seconds: 1,
      state: 'fresh',
      superseded: before.map((of) => ({
        ...value(of),
        version: of,
        usable_until: new Date(Date.now() + 3_600_000).toISOString(),
      })),
      pending: null,
    };
  }
}

export function valueOf(version: number): string {
  return strong(`token-${version}`);
}
