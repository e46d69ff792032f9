// The life of a supervised program: started once the token is usable, told of each rotation as the settings say, started
// again after a crash with a backoff, asked to end when the agent is. One loop, one program at a time, the latest token wins.
import type { ChildConfig } from '../config/config.js';
import type { Clock } from '../platform/clock.js';
import type { Random } from '../platform/random.js';
import type { TokenSnapshot } from '../token/snapshot.js';
import {
  afterEnd,
  type ChildEnd,
  describeEnd,
  exitCodeOf,
  HEALTHY_RUN_MS,
  stopSignalFor,
} from './child-plan.js';
import type { Run } from './child-process.js';
import { emptySinkRecord, type SinkRecord } from './record.js';
import { type Delivery, deliveryOf } from './sink.js';

/** What happened to the program. `version`: of the token it was given. */
export type ChildEvent =
  | { readonly type: 'started'; readonly version: number | null; readonly pid: number }
  | { readonly type: 'signalled'; readonly version: number | null; readonly signal: string }
  | { readonly type: 'replacing'; readonly version: number | null }
  | { readonly type: 'killed'; readonly afterMs: number }
  /** As it was told to. */
  | { readonly type: 'stopped'; readonly end: ChildEnd }
  /** By itself; `restartInMs` null: it is not started again. */
  | {
      readonly type: 'ended';
      readonly version: number | null;
      readonly end: ChildEnd;
      readonly restartInMs: number | null;
    };

export interface ChildRunnerOptions {
  /** The name of the token that it follows. */
  readonly token: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: () => ChildConfig;
  readonly launch: (delivery: Delivery) => Run;
  /** Resolves when the files that the program may read have the latest token, or cannot have it now. Bounded. */
  readonly untilFilesAreThere: (signal: AbortSignal) => Promise<void>;
  readonly onEvent: (event: ChildEvent) => void;
}

/** A killed program is waited for this long: one that hangs in the kernel cannot be ended by anybody. */
const KILLED_WAIT_MS = 1_000;

export class ChildRunner {
  readonly #options: ChildRunnerOptions;
  readonly #stopping = new AbortController();
  #stopSignal = 'SIGTERM';
  /** What it should follow; null: there is no token that may be used. */
  #wanted: TokenSnapshot | null = null;
  /** What it was started with, or told of, last. */
  #held: TokenSnapshot | null = null;
  #run: Run | null = null;
  #startedMs = 0;
  #hasRun = false;
  #crashes = 0;
  #record: SinkRecord = emptySinkRecord;
  #running: Promise<number> | null = null;
  #ring: () => void = () => undefined;

  constructor(options: ChildRunnerOptions) {
    this.#options = options;
  }

  /** As of a sink. An error stays until the program has run well for a while. */
  get record(): SinkRecord {
    const isWell =
      this.#run !== null && this.#options.clock.monotonicMs() - this.#startedMs >= HEALTHY_RUN_MS;
    return isWell ? { ...this.#record, error: null } : this.#record;
  }

  /** After each decision about the token. Never throws, never waits. */
  offer(snapshot: TokenSnapshot): void {
    this.#wanted = snapshot.current === null ? null : snapshot;
    if (isSameValue(this.#held, snapshot)) this.#follow(snapshot);
    this.#ring();
  }

  /** The same value: another version of it is a version of what the program was given. */
  #follow(snapshot: TokenSnapshot): void {
    const wasGiven = this.#record.version === versionOf(this.#held);
    this.#held = snapshot;
    if (wasGiven) this.#record = { ...this.#record, version: versionOf(snapshot) };
  }

  /** Runs until the program is over for good, or `stop`. Resolves with its exit code; rejects for a bug. */
  start(): Promise<number> {
    this.#running ??= this.#live();
    return this.#running;
  }

  /** Passes a signal on; dropped where no program runs. */
  pass(signal: NodeJS.Signals): void {
    this.#run?.kill(signal);
  }

  /**
   * Asks the program to end; kills it after `child.stop_timeout`, or when `hurry` aborts. `asked`: the signal that we got.
   * Resolves with its exit code; 0 where none runs.
   */
  stop(asked: string, hurry: AbortSignal): Promise<number> {
    this.#stopSignal = asked;
    this.#stopping.abort(new Error('the agent stops'));
    const killAll = (): void => {
      this.#run?.killAll();
    };
    hurry.addEventListener('abort', killAll, { once: true });
    if (hurry.aborted) killAll();
    this.#ring();
    return this.start();
  }

  async #live(): Promise<number> {
    while (await this.#untilUsable()) {
      const { end, isOurs, ranMs } = await this.#runOnce();
      if (isOurs) this.#options.onEvent({ type: 'stopped', end });
      if (this.#isStopping) return exitCodeOf(end);
      if (isOurs) {
        if (ranMs >= HEALTHY_RUN_MS) this.#crashes = 0;
        continue;
      }
      const code = await this.#ended(end, ranMs);
      if (code !== null) return code;
    }
    return 0;
  }

  /** By itself. The exit code where that is the end; else null, once it may be started again. */
  async #ended(end: ChildEnd, ranMs: number): Promise<number | null> {
    const { clock, random, onEvent } = this.#options;
    const [crashes, hasRun, { restarts }] = [this.#crashes, this.#hasRun, this.#config];
    const next = afterEnd({ end, ranMs, crashes, restarts, hasRun }, random);
    const restartInMs = next.does === 'restart' ? next.waitMs : null;
    this.#record = { ...this.#record, error: describeEnd(end), busySinceMs: null };
    onEvent({ type: 'ended', version: this.#record.version, end, restartInMs });
    if (next.does === 'finish') return next.code;
    this.#crashes = next.crashes;
    await clock.sleep(next.waitMs, this.#stopping.signal).catch(() => undefined);
    return null;
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** False: the agent stops. */
  async #untilUsable(): Promise<boolean> {
    do {
      while (!this.#isStopping && this.#wanted === null) await this.#rung();
      // what is usable now may be revoked meanwhile
      await this.#untilFilesAreThere();
    } while (!this.#isStopping && this.#wanted === null);
    return !this.#isStopping;
  }

  async #untilFilesAreThere(): Promise<void> {
    if (!this.#isStopping) await this.#options.untilFilesAreThere(this.#stopping.signal);
  }

  /** One program, to its end. `isOurs`: it was told to. */
  async #runOnce(): Promise<{ end: ChildEnd; ranMs: number; isOurs: boolean }> {
    const { clock, token } = this.#options;
    const wanted = this.#wanted;
    const delivery = wanted === null ? null : deliveryOf(token, wanted);
    if (delivery === null) throw new Error('a program is started with a usable token only');
    const run = this.#options.launch(delivery);
    this.#run = run;
    this.#held = wanted; // whether it can be started or not: it is told of the next one
    this.#startedMs = clock.monotonicMs();
    if (run.pid !== null) this.#began(wanted, run.pid);
    void run.ended.then(() => {
      this.#ring();
    });
    const isOurs = await this.#attend(run);
    const end = run.end ?? { code: null, signal: 'SIGKILL', failure: null };
    this.#run = null;
    return { end, isOurs, ranMs: clock.monotonicMs() - this.#startedMs };
  }

  #began(wanted: TokenSnapshot | null, pid: number): void {
    this.#hasRun = true;
    this.#options.onEvent({ type: 'started', version: this.#given(wanted), pid });
  }

  /** Its version. */
  #given(wanted: TokenSnapshot | null): number | null {
    const version = versionOf(wanted);
    this.#held = wanted;
    this.#record = {
      version,
      lastSuccessAt: this.#options.clock.now(),
      error: this.#crashes === 0 ? null : this.#record.error,
      busySinceMs: null,
    };
    return version;
  }

  /** Until it has ended. True: it was told to. */
  async #attend(run: Run): Promise<boolean> {
    for (;;) {
      while (!this.#isStopping && run.end === null && !this.#hasNews) await this.#rung();
      if (run.end !== null) return false;
      if (this.#isStopping) return this.#end(run, stopSignalFor(this.#stopSignal, this.#config));
      if (await this.#takeNews(run)) return this.#end(run, this.#config.stopSignal);
    }
  }

  get #config(): ChildConfig {
    return this.#options.settings();
  }

  get #hasNews(): boolean {
    return this.#wanted !== null && !isSameValue(this.#held, this.#wanted);
  }

  /** True: it has to be replaced. */
  async #takeNews(run: Run): Promise<boolean> {
    await this.#splay(run);
    await this.#untilFilesAreThere();
    // meanwhile it may have ended, the agent may have been told to stop, the token may have been revoked
    if (run.end !== null || this.#isStopping || !this.#hasNews) return false;
    const wanted = this.#wanted;
    const { onRotation, signal } = this.#config;
    if (onRotation === 'restart') {
      this.#record = { ...this.#record, busySinceMs: this.#options.clock.monotonicMs() };
      this.#options.onEvent({ type: 'replacing', version: versionOf(wanted) });
      return true;
    }
    if (onRotation === 'signal') {
      run.kill(signal);
      this.#options.onEvent({ type: 'signalled', version: this.#given(wanted), signal });
    } else {
      this.#held = wanted;
    }
    return false;
  }

  async #splay(run: Run): Promise<void> {
    const { clock, random } = this.#options;
    const { splayMs } = this.#config;
    if (splayMs === 0) return;
    const over = new AbortController();
    void run.ended.then(() => {
      over.abort();
    });
    const cut = AbortSignal.any([over.signal, this.#stopping.signal]);
    await clock.sleep(random() * splayMs, cut).catch(() => undefined);
  }

  /** Asks it to end, and kills what is left after its time. */
  async #end(run: Run, signal: NodeJS.Signals): Promise<true> {
    const { onEvent } = this.#options;
    const { stopTimeoutMs } = this.#config;
    run.kill(signal);
    if (await this.#endsWithin(run, stopTimeoutMs)) return true;
    run.killAll();
    onEvent({ type: 'killed', afterMs: stopTimeoutMs });
    await this.#endsWithin(run, KILLED_WAIT_MS);
    return true;
  }

  async #endsWithin(run: Run, ms: number): Promise<boolean> {
    const over = new AbortController();
    void run.ended.then(() => {
      over.abort();
    });
    await this.#options.clock.sleep(ms, over.signal).catch(() => undefined);
    return run.end !== null;
  }

  /** Something has changed: the loop looks again. */
  #rung(): Promise<void> {
    return new Promise((resolve) => {
      this.#ring = resolve;
    });
  }
}

function versionOf(snapshot: TokenSnapshot | null): number | null {
  return snapshot?.current?.version ?? null;
}

function isSameValue(a: TokenSnapshot | null, b: TokenSnapshot): boolean {
  const [one, other] = [a?.current, b.current];
  if (one === undefined || one === null || other === null) return false;
  return one.value.equals(other.value);
}
