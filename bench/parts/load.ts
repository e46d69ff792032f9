// Load, from a process of its own: every request is built and signed before the clock starts, and sent over plain
// sockets, so that little but the server is measured. The process is this program again, started with `load`.
import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { sign } from '../../src/signature/index.js';
import { pause } from './program.js';
import { SimpleClient } from './simple-client.js';
import { quantile } from './statistics.js';

export interface Target {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** Signed with this; null: not signed. */
  readonly key: string | null;
  /** The body is a message to `/verify` whose content has so many bytes; null: no body. */
  readonly verifyBytes: number | null;
}

export interface LoadJob {
  readonly port: number;
  readonly target: Target;
  readonly connections: number;
  /** Whichever of these ends first. */
  readonly requests: number;
  readonly seconds: number;
  /** null: as many as there is room for. */
  readonly perSecond?: number | null;
}

export interface LoadResult {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly answered: number;
  /** Answers other than 200, by status; 0: none came. */
  readonly others: Readonly<Record<string, number>>;
}

export function plain(path: string): Target {
  return { method: 'GET', path, key: null, verifyBytes: null };
}

export function signed(
  scene: { key(version: number): string },
  {
    method,
    path,
    verifyBytes = null,
    version = 1,
  }: Pick<Target, 'method' | 'path'> & { verifyBytes?: number | null; version?: number },
): Target {
  return { method, path, key: scene.key(version), verifyBytes };
}

export class LoadWorker implements Disposable {
  readonly #child: ChildProcess;

  constructor(program: string) {
    this.#child = fork(program, ['load'], { execArgv: [] });
  }

  /** Rejects for any answer other than 200. */
  async run(job: LoadJob): Promise<LoadResult> {
    const result = await new Promise<LoadResult>((resolve, reject) => {
      this.#child.once('message', resolve as (result: unknown) => void);
      this.#child.once('exit', () => {
        reject(new Error('the load process ended'));
      });
      this.#child.send(job);
    });
    this.#child.removeAllListeners('exit');
    if (Object.keys(result.others).length > 0) {
      throw new Error(`${job.target.path}: ${JSON.stringify(result.others)}`);
    }
    return result;
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }
}

/** The other side: works off jobs until it is killed. */
export function workAsLoad(): void {
  process.on('message', (job: LoadJob) => {
    void carryOut(job).then((result) => process.send?.(result));
  });
}

async function carryOut(job: LoadJob): Promise<LoadResult> {
  const texts = Array.from({ length: job.requests }, () => signedRequest(job.port, job.target));
  const lines = await Promise.all(Array.from({ length: job.connections }, () => opened(job.port)));
  const tally = { latencies: [] as number[], others: {} as Record<string, number>, next: 0 };
  const startedMs = performance.now();
  const endsMs = startedMs + job.seconds * 1000;
  const one = async (line: SimpleClient, scheduledMs: number): Promise<void> => {
    const text = texts[tally.next];
    tally.next += 1;
    if (text === undefined) return;
    const status = await line.send(text).catch(() => 0);
    if (status === 200) tally.latencies.push(performance.now() - scheduledMs);
    else tally.others[status] = (tally.others[status] ?? 0) + 1;
  };
  const isOver = (): boolean => tally.next >= texts.length || performance.now() >= endsMs;
  const { perSecond } = job;
  if (perSecond === null || perSecond === undefined) {
    const work = async (line: SimpleClient): Promise<void> => {
      while (!isOver()) await one(line, performance.now());
    };
    await Promise.all(lines.map(work));
  } else {
    const idle = [...lines];
    const running = new Set<Promise<void>>();
    while (!isOver()) {
      const due = Math.floor(((performance.now() - startedMs) / 1000) * perSecond) + 1;
      while (tally.next < Math.min(due, texts.length)) {
        // counted from when it was due: a server that makes others wait is not excused
        const scheduledMs = startedMs + (tally.next / perSecond) * 1000;
        const line = idle.pop();
        if (line === undefined) break;
        const sent = one(line, scheduledMs).finally(() => {
          idle.push(line);
          running.delete(sent);
        });
        running.add(sent);
      }
      await pause(1);
    }
    await Promise.all(running);
  }
  const seconds = (performance.now() - startedMs) / 1000;
  for (const line of lines) line[Symbol.dispose]();
  const { latencies, others } = tally;
  return {
    perSecond: latencies.length / seconds,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    answered: latencies.length,
    others,
  };
}

async function opened(port: number): Promise<SimpleClient> {
  const client = new SimpleClient(port);
  await client.open();
  return client;
}

/** As the bytes that are sent. */
export function signedRequest(port: number, target: Target): Buffer {
  const { method, path, key, verifyBytes } = target;
  const body = verifyBytes === null ? undefined : verifyBody(key ?? '', verifyBytes);
  const headers: Record<string, string> = {
    host: `127.0.0.1:${port}`,
    ...(body === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': String(body.length) }),
  };
  const signature = key === null ? {} : signatureOf(method, path, headers, key, body);
  const lines = Object.entries({ ...headers, ...signature }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  const head = Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
  return body === undefined ? head : Buffer.concat([head, body]);
}

/** The same without a signature. */
export function plainRequest(port: number, path: string): Buffer {
  return signedRequest(port, plain(path));
}

function signatureOf(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  key: string,
  body?: Buffer,
  tag = 'keytender-api',
): Readonly<Record<string, string>> {
  const message = { method, url: path, headers, scheme: 'http' };
  const { headers: made } = sign(body === undefined ? message : { ...message, body }, {
    key,
    keyid: 'default',
    created: Math.floor(Date.now() / 1000),
    nonce: randomBytes(18).toString('base64url'),
    tag,
  });
  return { ...made };
}

/** A request that a service received, for its agent to look at. */
function verifyBody(key: string, bytes: number): Buffer {
  const content = Buffer.alloc(bytes, 'a');
  const headers = {
    host: 'orders.internal:8443',
    'content-type': 'application/json',
    'content-length': String(bytes),
  };
  const signature = signatureOf('POST', '/orders', headers, key, content, 'keytender-service');
  return Buffer.from(
    JSON.stringify({
      method: 'POST',
      url: 'http://orders.internal:8443/orders',
      headers: { ...headers, ...signature },
      body: content.toString('base64'),
    }),
  );
}
