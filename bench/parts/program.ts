// Processes of a measurement: started, watched until they answer, ended.
import { type ChildProcess, spawn } from 'node:child_process';
import { get } from 'node:http';
import { createServer } from 'node:net';

export class Program implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly startedMs = performance.now();
  readonly #ended: Promise<void>;
  #output = '';

  constructor(command: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    this.child = spawn(command, args, {
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#output = (this.#output + String(chunk)).slice(-4000);
      });
    }
    this.#ended = new Promise((resolve) => {
      this.child.once('close', () => {
        resolve();
      });
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Resolves with the milliseconds since its start. */
  async untilAnswers(
    url: string,
    headers: Readonly<Record<string, string>> = {},
    everyMs = 2,
  ): Promise<number> {
    for (;;) {
      if ((await statusOf(url, headers)) === 200) return performance.now() - this.startedMs;
      if (this.child.exitCode !== null || performance.now() - this.startedMs > 30_000) {
        throw new Error(`no answer from ${url}:\n${this.#output}`);
      }
      await pause(everyMs);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.#ended;
  }
}

/** 0: no answer. On a connection of its own. */
export function statusOf(url: string, headers: Readonly<Record<string, string>> = {}) {
  return new Promise<number>((resolve) => {
    const request = get(url, { agent: false, headers }, (response) => {
      response.resume();
      response.once('end', () => {
        resolve(response.statusCode ?? 0);
      });
    });
    request.once('error', () => {
      resolve(0);
    });
  });
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return address !== null && typeof address !== 'string' ? address.port : 0;
}
