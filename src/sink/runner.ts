// When a sink delivers: at once or within its splay, one delivery at a time, the latest wins, again with a backoff until
// it worked, and again when what was delivered is gone. Runs beside the refresh loop, which tells it of a change and never
// waits for it.
import type { Clock } from '../platform/clock.js';
import type { Random } from '../platform/random.js';
import type { TokenSnapshot } from '../token/snapshot.js';
import { emptySinkRecord, type SinkRecord } from './record.js';
import { deliveryOf, type Sink, SinkError } from './sink.js';

export type SinkOutcome = 'ok' | 'failed' | 'timeout';

/** One delivery, as it ended. */
export interface SinkReport {
  readonly outcome: SinkOutcome;
  /** `withdraw`: the token may no longer be used, and is taken back. */
  readonly action: 'deliver' | 'withdraw';
  readonly version: number | null;
  /** null exactly when it worked. */
  readonly reason: string | null;
}

export interface SinkRunnerOptions {
  /** The name of the token that it delivers. */
  readonly token: string;
  readonly sink: Sink;
  readonly clock: Clock;
  readonly random: Random;
  readonly splayMs: number;
  readonly timeoutMs: number;
  /** How often to look whether what was delivered is still there. Milliseconds. */
  readonly checkEveryMs: () => number;
  readonly onReport: (report: SinkReport) => void;
}

const BACKOFF_MIN_MS = 1_000;
const BACKOFF_MAX_MS = 60_000;

export class SinkRunner {
  readonly #options: SinkRunnerOptions;
  readonly #stopping = new AbortController();
  #record: SinkRecord = emptySinkRecord;
  /** What the place should hold; null before there was anything to say about it. */
  #wanted: TokenSnapshot | null = null;
  /** What it does hold. */
  #held: TokenSnapshot | null = null;
  #wake = new AbortController();
  #failures = 0;
  /** What was tried last, whether it worked or not. */
  #tried: TokenSnapshot | null = null;
  #waiting: (() => void)[] = [];

  constructor(options: SinkRunnerOptions) {
    this.#options = options;
  }

  get record(): SinkRecord {
    return this.#record;
  }

  /** After each decision about the token. Never throws, never waits. */
  offer(snapshot: TokenSnapshot): void {
    // nothing was ever read: a file of an earlier run may still be right
    if (snapshot.missing === 'absent') return;
    if (snapshot.current === null && this.#options.sink.withdraw === null) return;
    const before = this.#wanted;
    if (before !== null && !this.#options.sink.isNews(before, snapshot)) {
      this.#follow(before, snapshot);
      return;
    }
    this.#wanted = snapshot;
    this.#wake.abort();
  }

  /** The same values: another version of them is a version of what the place holds. */
  #follow(before: TokenSnapshot, snapshot: TokenSnapshot): void {
    this.#wanted = snapshot;
    if (this.#tried === before) this.#tried = snapshot;
    if (this.#held !== before) return;
    this.#held = snapshot;
    this.#record = { ...this.#record, version: snapshot.current?.version ?? null };
  }

  /** Runs until `stop`. Rejects for a bug only. */
  async start(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      if (this.#wanted === this.#held) await this.#watch();
      else if (await this.#splay()) await this.#attempt();
    }
  }

  /** Resolves when what was offered last was delivered, or could not be at the first try; or at the end. */
  async settled(): Promise<void> {
    while (!this.#isSettled) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  get #isSettled(): boolean {
    const isDone = this.#wanted === this.#held || this.#wanted === this.#tried;
    return isDone || this.#stopping.signal.aborted;
  }

  #tellWaiting(): void {
    for (const tell of this.#waiting.splice(0)) tell();
  }

  /** Ends what can be ended; the sink is closed by its owner. */
  stop(): void {
    this.#stopping.abort(new Error('the agent stops'));
    this.#wake.abort();
    this.#tellWaiting();
  }

  async #watch(): Promise<void> {
    await this.#sleep(this.#options.checkEveryMs());
    const held = this.#held;
    if (held === null || held !== this.#wanted || this.#stopping.signal.aborted) return;
    if (held.current === null) return;
    if (!(await this.#busy(() => this.#options.sink.isIntact()))) this.#held = null;
  }

  /** A first try waits within the splay, a further one for its backoff. False: the wait was cut short by the end. */
  async #splay(): Promise<boolean> {
    const { clock, random, splayMs } = this.#options;
    const { signal } = this.#stopping;
    if (this.#failures > 0) {
      await this.#sleep(Math.min(BACKOFF_MIN_MS * 2 ** (this.#failures - 1), BACKOFF_MAX_MS));
    } else if (splayMs > 0) {
      await clock.sleep(random() * splayMs, signal).catch(() => undefined);
    }
    return !signal.aborted;
  }

  async #attempt(): Promise<void> {
    const wanted = this.#wanted;
    if (wanted === null) return;
    const report = await this.#busy(() => this.#withinTimeout(wanted));
    if (this.#stopping.signal.aborted) return;
    if (report.outcome === 'ok') this.#succeeded(wanted, report);
    else {
      this.#failures += 1;
      this.#record = { ...this.#record, error: report.reason };
    }
    if (report.outcome !== 'timeout') this.#options.onReport(report);
    const now = this.#wanted;
    this.#tried = now !== null && !this.#options.sink.isNews(wanted, now) ? now : wanted;
    this.#tellWaiting();
  }

  #succeeded(wanted: TokenSnapshot, { version }: SinkReport): void {
    const { clock, sink } = this.#options;
    this.#failures = 0;
    this.#held = wanted;
    this.#record = { ...this.#record, version, lastSuccessAt: clock.now(), error: null };
    // meanwhile the same values may have been given another version
    const now = this.#wanted;
    if (now !== null && now !== wanted && !sink.isNews(wanted, now)) this.#follow(wanted, now);
  }

  /**
   * One delivery. Its timeout is told when it comes, and then it is waited for: a disk that hangs cannot be left, and a
   * second one would hang beside it. One that works after all, worked.
   */
  async #withinTimeout(wanted: TokenSnapshot): Promise<SinkReport> {
    const { clock, timeoutMs, onReport } = this.#options;
    const { current } = wanted;
    const facts = {
      action: current === null ? 'withdraw' : 'deliver',
      version: current?.version ?? null,
    } as const;
    const over = new AbortController();
    const ended = new AbortController();
    const reason = `it did not end within ${timeoutMs / 1000} s`;
    const late: SinkReport = { ...facts, outcome: 'timeout', reason };
    const watched = clock.sleep(timeoutMs, ended.signal).then(
      () => {
        over.abort(new SinkError(reason));
        this.#record = { ...this.#record, error: reason };
        onReport(late);
      },
      () => undefined,
    );
    try {
      await this.#deliver(wanted, AbortSignal.any([over.signal, this.#stopping.signal]));
      return { ...facts, outcome: 'ok', reason: null };
    } catch (error) {
      if (over.signal.aborted) return late;
      if (!(error instanceof SinkError) && !this.#stopping.signal.aborted) throw error;
      return { ...facts, outcome: 'failed', reason: (error as Error).message };
    } finally {
      ended.abort(new Error('the delivery ended'));
      await watched;
    }
  }

  #deliver(wanted: TokenSnapshot, signal: AbortSignal): Promise<void> {
    const { token, sink } = this.#options;
    const delivery = deliveryOf(token, wanted);
    if (delivery !== null) return sink.deliver(delivery, signal);
    return sink.withdraw?.() ?? Promise.resolve();
  }

  async #busy<T>(work: () => Promise<T>): Promise<T> {
    this.#record = { ...this.#record, busySinceMs: this.#options.clock.monotonicMs() };
    try {
      return await work();
    } finally {
      this.#record = { ...this.#record, busySinceMs: null };
    }
  }

  /** Ends early when there is something new, or at the end. */
  async #sleep(ms: number): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    if (this.#wake.signal.aborted) this.#wake = new AbortController();
    await this.#options.clock.sleep(ms, this.#wake.signal).catch(() => undefined);
  }
}
