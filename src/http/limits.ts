// What one caller can take of a listener: bytes, time, connections. docs/api.md names the same numbers.

export interface HttpLimits {
  readonly headerBytesMax: number;
  readonly headersMax: number;
  /** Read or merely skipped. */
  readonly bodyBytesMax: number;
  /** From the first byte of a request, or from the connection, to the end of its header. */
  readonly headersTimeoutMs: number;
  /** From the first byte of a request to the last of its body. */
  readonly requestTimeoutMs: number;
  /** Above the usual scrape and probe intervals, so that we are not the ones to close a connection in use. */
  readonly keepAliveTimeoutMs: number;
  /** A connection on which nothing moves, in either direction; above the longest wait of a route (60 s). */
  readonly inactivityTimeoutMs: number;
  /** How often the time limits are enforced. */
  readonly checkIntervalMs: number;
  /** Open connections of one listener. */
  readonly connectionsMax: number;
}

export const apiLimits: HttpLimits = Object.freeze({
  headerBytesMax: 16 * 1024,
  headersMax: 100,
  bodyBytesMax: 1024 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 65_000,
  inactivityTimeoutMs: 120_000,
  checkIntervalMs: 1000,
  connectionsMax: 1024,
});

/** Probes have slots of their own, which nobody who talks to the API can take. */
export const probeLimits: HttpLimits = Object.freeze({ ...apiLimits, connectionsMax: 128 });
