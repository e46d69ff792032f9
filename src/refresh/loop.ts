// The loop that keeps one secret fresh. It waits, attempts, records, schedules; everything it decides is decided by a
// pure function beside it. Refreshes are serialised by one mutex and shared: who asks during one gets its outcome.
import { Mutex } from 'async-mutex';
import type { Clock } from '../platform/clock.js';
import type { Random } from '../platform/random.js';
import { attemptRefresh } from './attempt.js';
import { isOfAll, type Outage, type Round } from './outage.js';
import { delayAfter, type Schedule } from './policy.js';
import type { PolledStore } from './polled-store.js';
import type { ReadOptions, SecretReader } from './reader.js';
import { type AttemptOutcome, emptyRecord, recordAttempt, type RefreshRecord } from './record.js';
import { lateness, type LoopBeat } from './watchdog.js';

export interface RefreshSettings extends Schedule {
  /** The first read comes after U(0, this). */
  readonly startSplayMs: number;
  /** Of one request to Vault. */
  readonly timeoutMs: number;
}

export interface RefreshLoopOptions {
  readonly name: string;
  readonly store: PolledStore;
  readonly reader: SecretReader;
  readonly settings: RefreshSettings;
  readonly clock: Clock;
  readonly random: Random;
  /** Shared with the other secrets of this Vault; absent: there are none. */
  readonly outage?: Outage;
  /** Told of every attempt, after it was recorded. */
  readonly onAttempt: (outcome: AttemptOutcome, record: RefreshRecord) => void;
}

/** While a change that time alone brings is near, the loop wakes for it, but never more often than this. */
const SETTLE_MIN_MS = 10;

export class RefreshLoop {
  readonly #options: RefreshLoopOptions;
  readonly #mutex = new Mutex();
  readonly #abort = new AbortController();
  #settings: RefreshSettings;
  #record = emptyRecord;
  #beat: LoopBeat = { deadlineMs: null, nextAttemptMs: null };
  #inFlight: Promise<AttemptOutcome> | null = null;
  #pollJoined = new AbortController();
  #running: Promise<void> | null = null;

  constructor(options: RefreshLoopOptions) {
    this.#options = options;
    this.#settings = options.settings;
    options.store.subscribe((decision) => {
      this.#noteChange(decision);
    });
  }

  get name(): string {
    return this.#options.name;
  }

  get record(): RefreshRecord {
    return this.#record;
  }

  /** Why the loop counts as dead, or null. */
  lateness(): string | null {
    return lateness(this.#beat, this.#options.clock.monotonicMs(), this.#settings.timeoutMs);
  }

  /** Begins to poll. What it rejects with is a bug; an abort by `stop` resolves. */
  start(): Promise<void> {
    this.#running ??= this.#run().catch((error: unknown) => {
      if (!this.#abort.signal.aborted) throw error;
    });
    return this.#running;
  }

  /** Aborts what is in flight and waits until the loop has ended. */
  async stop(): Promise<void> {
    this.#abort.abort(new Error('the refresh loop was stopped'));
    await this.#running?.catch(() => undefined);
  }

  /** Takes new settings from the next wait on. */
  reconfigure(settings: RefreshSettings): void {
    this.#settings = settings;
  }

  /** Asks Vault now, or joins the refresh that is running. One that a poll joins is a poll from then on. */
  refresh(budget: 'poll' | 'on_demand' = 'poll'): Promise<AttemptOutcome> {
    if (this.#inFlight === null) this.#pollJoined = new AbortController();
    if (budget === 'poll') this.#pollJoined.abort(new Error('a poll is due'));
    this.#inFlight ??= this.#mutex
      .runExclusive(() => this.#attempt(this.#pollJoined.signal))
      .finally(() => {
        this.#inFlight = null;
      });
    return this.#inFlight;
  }

  async #run(): Promise<never> {
    const { random } = this.#options;
    let delayMs = random() * this.#settings.startSplayMs;
    let round: Round | null = null;
    for (;;) {
      await this.#wait(delayMs);
      const wasGood = this.#record.lastRefreshOk === true;
      const { failure } = await this.#poll(round);
      const delay = (consecutiveFailures: number): number =>
        delayAfter({ failure, consecutiveFailures, isFirstGood: !wasGood }, this.#settings, random);
      round = failure !== null && isOfAll(failure) ? this.#join(delay) : null;
      delayMs =
        round === null
          ? delay(this.#record.consecutiveFailures)
          : round.dueMs - this.#options.clock.monotonicMs();
    }
  }

  #join(delay: (failures: number) => number): Round | null {
    return this.#options.outage?.join(this, this.#record.consecutiveFailures, delay) ?? null;
  }

  /** Asks Vault, or takes what another secret was told, where one asks for all. */
  async #poll(round: Round | null): Promise<AttemptOutcome> {
    const ask = (): Promise<AttemptOutcome> => this.refresh();
    if (round === null) return ask();
    // while another asks, its loop is the one that can be late
    this.#beat = { ...this.#beat, nextAttemptMs: null };
    const { outcome, isOwn } = await round.attempt(this, ask, this.#abort.signal);
    if (!isOwn) this.#note(outcome);
    return outcome;
  }

  async #attempt(pollJoined: AbortSignal): Promise<AttemptOutcome> {
    const { clock } = this.#options;
    const onDeadline = (withinMs: number): void => {
      this.#beat = { ...this.#beat, deadlineMs: clock.monotonicMs() + withinMs };
    };
    onDeadline(this.#settings.timeoutMs);
    try {
      const options: ReadOptions = {
        get budget() {
          return pollJoined.aborted ? 'poll' : 'on_demand';
        },
        signal: this.#abort.signal,
        pollJoined,
        onDeadline,
      };
      const outcome = await attemptRefresh(this.#options, options);
      this.#note(outcome);
      return outcome;
    } finally {
      this.#beat = { ...this.#beat, deadlineMs: null };
    }
  }

  #note(outcome: AttemptOutcome): void {
    const { clock, onAttempt } = this.#options;
    this.#record = recordAttempt(this.#record, outcome, clock.now(), clock.monotonicMs());
    onAttempt(outcome, this.#record);
  }

  /** Sleeps until the next attempt is due, waking for changes that time alone brings. */
  async #wait(delayMs: number): Promise<void> {
    const { clock, store, reader } = this.#options;
    const dueMs = clock.monotonicMs() + delayMs;
    this.#beat = { ...this.#beat, nextAttemptMs: dueMs };
    this.#record = { ...this.#record, nextAttemptAt: clock.now() + delayMs };
    for (;;) {
      const leftMs = dueMs - clock.monotonicMs();
      if (leftMs <= 0) return;
      const vaultNow = clock.now() + reader.clockOffsetMs();
      const changeMs = Math.max(SETTLE_MIN_MS, store.at(vaultNow).nextChangeAt - vaultNow);
      await clock.sleep(Math.min(leftMs, changeMs), this.#abort.signal);
    }
  }

  #noteChange({ change }: { readonly change: string }): void {
    if (change === 'unchanged' || change === 'patched') return;
    this.#record = { ...this.#record, lastChangeAt: this.#options.clock.now() };
  }
}
