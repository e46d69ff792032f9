// A person's terminal: runs the command blocks of a page one after the other in one environment and one folder, as
// somebody who pastes them would. A block that ends with the agent or the dev Vault leaves it running in front.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const foreground = /^(?:keytender|node dist\/keytender\.cjs) (?:agent|dev)(?: .*)?$/;

export interface Folder extends Disposable {
  readonly path: string;
}

/** A folder as a fresh clone looks to the commands, with `keytender` and `vault` on the path. */
export function buildFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), 'keytender-docs-'));
  for (const name of ['dist', 'deploy', 'package.json'])
    symlinkSync(join(root, name), join(path, name));
  mkdirSync(join(path, 'bin'));
  const command = (name: string, script: string): void => {
    const file = join(path, 'bin', name);
    writeFileSync(file, `#!/bin/sh\nexec "${process.execPath}" "${script}" "$@"\n`);
    chmodSync(file, 0o755);
  };
  command('keytender', join(root, 'dist/keytender.cjs'));
  command('vault', join(root, 'test/docs/vault-command.mjs'));
  return {
    path,
    [Symbol.dispose]: () => {
      rmSync(path, { recursive: true, force: true });
    },
  };
}

export interface TerminalOptions {
  readonly folder: Folder;
  readonly env?: Readonly<Record<string, string>>;
  /** What the page says → what it is here: addresses, files. */
  readonly replace?: Readonly<Record<string, string>>;
}

export class Terminal implements AsyncDisposable {
  readonly #options: TerminalOptions;
  readonly #state: string;
  #running: { readonly child: ChildProcess; readonly ended: Promise<unknown> } | null = null;
  #output = '';

  constructor(options: TerminalOptions) {
    this.#options = options;
    this.#state = join(mkdtempSync(join(options.folder.path, 'state-')), 'env');
    writeFileSync(this.#state, '');
  }

  /** What the program in front wrote so far. */
  get output(): string {
    return this.#output;
  }

  /** Of the program in front. */
  get pid(): number | undefined {
    return this.#running?.child.pid;
  }

  /** Pastes a block. Resolves with what its commands wrote to standard output; rejects when one fails. */
  async paste(block: string): Promise<string> {
    const lines = this.#here(block).trimEnd().split('\n');
    const last = lines.at(-1) ?? '';
    const isForeground = foreground.test(last);
    const out = await this.#run((isForeground ? lines.slice(0, -1) : lines).join('\n'));
    if (isForeground) await this.#start(last);
    return out;
  }

  #here(block: string): string {
    return Object.entries(this.#options.replace ?? {}).reduce(
      (text, [from, to]) => text.replaceAll(from, to),
      block,
    );
  }

  #run(script: string): Promise<string> {
    const whole = `set -euo pipefail\n. "${this.#state}"\n${script}\nexport -p > "${this.#state}"\n`;
    return new Promise((resolve, reject) => {
      const options = { cwd: this.#options.folder.path, env: this.#environment(), timeout: 30_000 };
      execFile('bash', ['-c', whole], options, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`pasted:\n${script}\n${stdout}${stderr}`, { cause: error }));
      });
    });
  }

  async #start(command: string): Promise<void> {
    await this.stop();
    this.#output = '';
    const child = spawn('bash', ['-c', `. "${this.#state}"\nexec ${command}`], {
      cwd: this.#options.folder.path,
      env: this.#environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
    this.#running = { child, ended };
  }

  #environment(): NodeJS.ProcessEnv {
    const own = [join(this.#options.folder.path, 'bin'), dirname(process.execPath)];
    // tap's loader in NODE_OPTIONS would make another program of it: nothing is inherited
    return {
      PATH: [...own, process.env['PATH']].join(delimiter),
      HOME: this.#options.folder.path,
      ...this.#options.env,
    };
  }

  /** Ctrl-C. Resolves with the exit code. */
  async stop(): Promise<unknown> {
    const running = this.#running;
    this.#running = null;
    running?.child.kill('SIGINT');
    return running?.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Tries again until it does not reject, for at most `withinMs`. */
export async function eventually<T>(look: () => Promise<T>, withinMs = 15_000): Promise<T> {
  const endMs = performance.now() + withinMs;
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (performance.now() > endMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
