// What the metrics mirror, as plain facts asked for at each scrape. Whoever owns the state answers; telemetry knows
// neither tokens nor Vault. A time that never was is null and becomes an absent series.

import type { SinkFacts } from './sink-metrics.js';

export interface TokenFacts {
  readonly name: string;
  /** One of the states given to `buildMetrics`. */
  readonly state: string;
  readonly usable: boolean;
  readonly version: number | null;
  readonly createdAtMs: number | null;
  readonly ageSeconds: number | null;
  readonly supersededGenerations: number;
  /** When the last of them stops verifying; null without one. */
  readonly supersededUntilMs: number | null;
  /** Infinity: no limit. */
  readonly usableUntilMs: number | null;
  readonly refresh: {
    readonly lastOk: boolean | null;
    readonly lastAttemptAtMs: number | null;
    readonly lastSuccessAtMs: number | null;
    readonly nextAttemptAtMs: number | null;
    readonly consecutiveFailures: number;
    readonly intervalSeconds: number;
  } | null;
}

export interface ApiFacts {
  readonly replayEntries: number;
  readonly replayCapacity: number;
  readonly watchWaiters: number;
}

export interface MetricsView {
  readonly tokens: readonly TokenFacts[];
  readonly sinks?: readonly SinkFacts[];
  /** null in static mode. */
  readonly vault: {
    /** null: unknown, or a login that does not end. */
    readonly loginExpiresAtMs: number | null;
    readonly clockOffsetSeconds: number;
  } | null;
  /** null without the signed API. */
  readonly api?: ApiFacts | null;
}
