// A command that is run when the token changed. No shell; the token on its standard input, in its environment only with
// `format: env`; nothing of our own environment but what every program needs, since that may hold the key to Vault. What
// it prints goes nowhere, but the last words of a failed one, without the token in them.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { SinkConfig } from '../config/config.js';
import type { Clock } from '../platform/clock.js';
import { dumpAsBefore } from '../platform/core-dumps.js';
import type { TokenSnapshot } from '../token/snapshot.js';
import { codeOf } from './disk.js';
import { collectWords, lastWords } from './last-words.js';
import { environmentOf, render } from './render.js';
import { type Delivery, type Sink, SinkError } from './sink.js';

export interface ExecSinkOptions {
  readonly config: Pick<SinkConfig, 'command' | 'format' | 'template'>;
  readonly clock: Clock;
  /** Of the agent; the command gets `inheritedNames` of it alone. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export const inheritedNames = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'HOSTNAME',
  'LANG',
  'LC_ALL',
  'TZ',
  'TMPDIR',
] as const;

/** Between asking a command to end (`SIGTERM`) and ending it (`SIGKILL`). Milliseconds. */
const KILL_AFTER_MS = 500;
/** A command that left something behind may keep its error output open; so long it is listened to after its end. */
const LISTEN_AFTER_MS = 100;

export class ExecSink implements Sink {
  readonly #options: ExecSinkOptions;
  #running: Promise<void> = Promise.resolve();

  constructor(options: ExecSinkOptions) {
    this.#options = options;
  }

  deliver(delivery: Delivery, signal: AbortSignal): Promise<void> {
    const run = this.#run(delivery, signal);
    this.#running = run.catch(() => undefined);
    return run;
  }

  /** What a command was told cannot be looked at. */
  isIntact(): Promise<boolean> {
    return Promise.resolve(true);
  }

  readonly withdraw = null;

  isNews(before: TokenSnapshot, after: TokenSnapshot): boolean {
    if (after.current === null) return false;
    return before.current?.value.equals(after.current.value) !== true;
  }

  /** A command that runs has been asked to end by then. */
  close(): Promise<void> {
    return this.#running;
  }

  async #run(delivery: Delivery, signal: AbortSignal): Promise<void> {
    const child = this.#spawn(delivery);
    dumpAsBefore(child.pid);
    const words = collectWords(child.stderr);
    const ended = once(child, 'exit') as Promise<[number | null, string | null]>;
    const isOver = new AbortController();
    const ending = this.#endWhenAborted(child, signal, isOver.signal);
    try {
      this.#feed(child, delivery);
      const [code, killedBy] = await ended;
      signal.throwIfAborted();
      if (code === 0) return;
      await this.#untilClosed(child);
      const how = code === null ? `was ended by ${String(killedBy)}` : `ended with ${code}`;
      throw new SinkError(`the command ${how}${lastWords(words(), delivery.snapshot)}`);
    } catch (error) {
      throw explainSpawnError(error);
    } finally {
      isOver.abort();
      child.stderr?.destroy();
      await ending;
    }
  }

  #spawn(delivery: Delivery): ChildProcess {
    const { config, env } = this.#options;
    const [program = '', ...args] = config.command;
    const inherited = inheritedNames.flatMap((name) => {
      const value = env[name];
      return value === undefined ? [] : [[name, value] as const];
    });
    const { current } = delivery.snapshot;
    const isAsked = config.format === 'env';
    const told: readonly (readonly [string, string])[] = [
      ['TOKEN_NAME', delivery.token],
      ['TOKEN_VERSION', current.version === null ? '' : String(current.version)],
      ...(isAsked ? environmentOf(delivery) : []),
    ];
    return spawn(program, args, {
      env: Object.fromEntries([...inherited, ...told]),
      stdio: [isAsked ? 'ignore' : 'pipe', 'ignore', 'pipe'],
      // a group of its own: what it starts is ended with it
      detached: true,
    });
  }

  #feed({ stdin }: ChildProcess, delivery: Delivery): void {
    if (stdin === null) return;
    const bytes = render(this.#options.config, delivery);
    stdin.on('error', () => undefined); // one that does not read its input is free not to
    stdin.end(bytes, () => bytes.fill(0));
  }

  async #untilClosed(child: ChildProcess): Promise<void> {
    const late = this.#options.clock.sleep(LISTEN_AFTER_MS);
    if (child.stderr?.closed === false) await Promise.race([once(child.stderr, 'close'), late]);
  }

  async #endWhenAborted(
    child: ChildProcess,
    signal: AbortSignal,
    over: AbortSignal,
  ): Promise<void> {
    const either = AbortSignal.any([signal, over]);
    if (!either.aborted) await once(either, 'abort');
    if (over.aborted) return;
    killGroup(child, 'SIGTERM');
    await this.#options.clock.sleep(KILL_AFTER_MS, over).catch(() => undefined);
    killGroup(child, 'SIGKILL');
  }
}

function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // it has ended
  }
}

function explainSpawnError(error: unknown): unknown {
  const code = codeOf(error);
  if (error instanceof SinkError || code === null) return error;
  const meaning =
    code === 'ENOENT'
      ? 'the command is not there; write its whole path'
      : code === 'EACCES'
        ? 'the command may not be run by this user; make it executable'
        : 'the command could not be started';
  return new SinkError(`${meaning} (${code})`, { cause: error });
}
