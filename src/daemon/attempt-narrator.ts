// What is told of the attempts to refresh a token: a line that a person can act on at 3 a.m. when the state changes, a
// summary every few minutes while a fault lasts, never one per failed poll.
import type { Clock } from '../platform/clock.js';
import type { AttemptOutcome, RefreshRecord } from '../refresh/record.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { TellEvent } from './agent-event.js';

export interface AttemptNarratorOptions {
  readonly token: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'refreshAttempt'>;
  readonly onEvent: TellEvent;
}

const SUMMARY_EVERY_MS = 300_000;

export class AttemptNarrator {
  readonly #options: AttemptNarratorOptions;
  /** The class that was told last; null: nothing is wrong. */
  #toldClass: string | null = null;
  #toldMonotonicMs = 0;
  #failures = 0;

  constructor(options: AttemptNarratorOptions) {
    this.#options = options;
  }

  /** After each attempt. `hasCurrent`: a token signs all the same. */
  attempted({ failure }: AttemptOutcome, record: RefreshRecord, hasCurrent: boolean): void {
    const { token, metrics } = this.#options;
    metrics.refreshAttempt(token, failure?.class ?? 'ok');
    if (failure === null) this.#recovered();
    else this.#failed(record, hasCurrent);
    this.#failures = record.consecutiveFailures;
  }

  #recovered(): void {
    if (this.#toldClass === null) return;
    const { token, logger, onEvent } = this.#options;
    const facts = { token, class: this.#toldClass, failures: this.#failures };
    logger.info(facts, 'refresh works again');
    onEvent({ type: 'recovered', token, version: null, message: 'refresh works again' });
    this.#toldClass = null;
  }

  #failed({ error, ...record }: RefreshRecord, hasCurrent: boolean): void {
    if (error === null) return;
    const { token, logger, clock, onEvent } = this.#options;
    const nowMs = clock.monotonicMs();
    const isNews = error.class !== this.#toldClass;
    if (!isNews && nowMs - this.#toldMonotonicMs < SUMMARY_EVERY_MS) return;
    const facts = {
      token,
      class: error.class,
      reason: error.message,
      since: new Date(error.since).toISOString(),
      failures: record.consecutiveFailures,
    };
    const left = hasCurrent ? 'the last good token is kept' : 'there is no usable token';
    logger.warn(facts, `${isNews ? 'refresh failed' : 'refresh still fails'}: ${left}`);
    if (isNews) {
      const message = `${error.class}: ${error.message}`;
      onEvent({ type: 'failed', token, version: null, message });
    }
    this.#toldClass = error.class;
    this.#toldMonotonicMs = nowMs;
  }
}
