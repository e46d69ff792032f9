// What is told of a token's life: a log line that a person can act on at 3 a.m., an audit line for whoever accounts,
// a count for the metrics. One line on a change of state, a summary every few minutes while a fault lasts, never one
// per failed poll.
import type { Clock } from '../platform/clock.js';
import type { AttemptOutcome, RefreshRecord } from '../refresh/record.js';
import type { Audit } from '../telemetry/audit.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { TokenSnapshot } from '../token/snapshot.js';
import type { Decision } from '../token/store.js';

/** What `keytender dev` prints a line of. */
export interface AgentEvent {
  readonly type: 'loaded' | 'rotated' | 'pending' | 'revoked' | 'expired' | 'failed' | 'recovered';
  readonly token: string;
  readonly version: number | null;
  readonly message: string;
}

export interface NarratorOptions {
  readonly token: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly audit: Audit;
  readonly metrics: Pick<Metrics, 'refreshAttempt' | 'tokenRotated' | 'tokenRegressed'>;
  readonly onEvent: (event: AgentEvent) => void;
}

const SUMMARY_EVERY_MS = 300_000;

export class Narrator {
  readonly #options: NarratorOptions;
  #toldClass: string | null = null;
  #toldMonotonicMs = 0;
  #failures = 0;

  constructor(options: NarratorOptions) {
    this.#options = options;
  }

  /** After each attempt. */
  attempted({ failure }: AttemptOutcome, record: RefreshRecord): void {
    const { token, metrics } = this.#options;
    metrics.refreshAttempt(token, failure?.class ?? 'ok');
    if (failure === null) this.#recovered();
    else this.#failed(record);
    this.#failures = record.consecutiveFailures;
  }

  #recovered(): void {
    if (this.#toldClass === null) return;
    const { token, logger } = this.#options;
    logger.info({ token, class: this.#toldClass, failures: this.#failures }, 'refresh works again');
    this.#tell('recovered', null, `refresh works again after ${this.#failures} failures`);
    this.#toldClass = null;
  }

  #failed({ error, consecutiveFailures, lastSuccessAt }: RefreshRecord): void {
    if (error === null) return;
    const { token, logger, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const isNews = error.class !== this.#toldClass;
    if (!isNews && nowMs - this.#toldMonotonicMs < SUMMARY_EVERY_MS) return;
    const facts = {
      token,
      class: error.class,
      reason: error.message,
      since: iso(error.since),
      failures: consecutiveFailures,
      last_success_at: iso(lastSuccessAt),
    };
    logger.warn(
      facts,
      isNews ? 'refresh failed, the last good token is kept' : 'refresh still fails',
    );
    if (isNews) this.#tell('failed', null, `${error.class}: ${error.message}`);
    this.#toldClass = error.class;
    this.#toldMonotonicMs = nowMs;
  }

  /** A token that was there from the start. */
  loadedAtStart(snapshot: TokenSnapshot): void {
    this.#changed('loaded', snapshot, snapshot);
  }

  /** After each decision of the store. */
  decided(decision: Decision): void {
    const { token, logger, audit, metrics } = this.#options;
    const { observation, change, before, after } = decision;
    if (observation.kind === 'regressed') {
      metrics.tokenRegressed(token);
      audit('token_regressed', { token, version: after.current?.version ?? null });
    }
    if ('warnings' in observation) {
      for (const warning of observation.warnings) logger.warn({ token }, warning);
    }
    this.#changed(change, before, after);
    for (const retired of endedBetween(before, after))
      audit('token_retired', { token, ...retired });
  }

  #changed(change: Decision['change'], before: TokenSnapshot, after: TokenSnapshot): void {
    const { token, logger, audit } = this.#options;
    const version = after.current?.version ?? null;
    const facts = {
      token,
      version,
      created_at: iso(after.current?.createdAt ?? null),
      source: after.current?.source ?? 'none',
    };
    switch (change) {
      case 'loaded':
      case 'restored':
        audit('token_loaded', { ...facts, outcome: change });
        logger.info(facts, change === 'loaded' ? 'token loaded' : 'token restored');
        this.#tell('loaded', version, `token ${change}`);
        return;
      case 'recreated':
        logger.warn(facts, 'the secret was created anew at a lower version: taken');
        this.#rotated(facts, before, after);
        return;
      case 'rotated':
        this.#rotated(facts, before, after);
        return;
      case 'pending': {
        const next = after.pending[0];
        const notBefore = iso(next?.notBeforeAt ?? null);
        audit('token_pending', { token, version: next?.version ?? null, not_before: notBefore });
        logger.info({ token, version: next?.version, not_before: notBefore }, 'token pending');
        this.#tell('pending', next?.version ?? null, `token pending until ${String(notBefore)}`);
        return;
      }
      case 'cancelled':
        logger.info({ token, version }, 'the pending token was taken back');
        return;
      case 'revoked': {
        const revoked = after.last?.version ?? before.current?.version ?? null;
        audit('token_revoked', { token, version: revoked });
        logger.error(
          { token, version: revoked },
          'token revoked: nothing signs until a new version is written',
        );
        this.#tell('revoked', revoked, 'token revoked');
        return;
      }
      case 'expired':
        audit('token_retired', { token, version: after.last?.version ?? null, reason: 'expired' });
        logger.error({ token, version: after.last?.version }, 'token expired: write a new version');
        this.#tell('expired', after.last?.version ?? null, 'token expired');
        return;
      case 'patched':
        logger.debug(facts, 'token unchanged, its version or times moved');
        return;
      case 'unchanged':
        return;
    }
  }

  #rotated(facts: { version: number | null }, before: TokenSnapshot, after: TokenSnapshot): void {
    const { token, logger, audit, metrics } = this.#options;
    const previous = before.current ?? before.last;
    const kept = after.superseded.find((one) => one.version === previous?.version);
    const line = {
      ...facts,
      previous_version: previous?.version ?? null,
      usable_until: iso(kept?.usableUntil ?? null),
    };
    metrics.tokenRotated(token);
    audit('token_rotated', { token, ...line });
    logger.info(line, 'token rotated');
    this.#tell('rotated', facts.version, 'token rotated');
  }

  #tell(type: AgentEvent['type'], version: number | null, message: string): void {
    this.#options.onEvent({ type, token: this.#options.token, version, message });
  }
}

/** Superseded ones that no longer verify. */
function endedBetween(
  before: TokenSnapshot,
  after: TokenSnapshot,
): { version: number | null; usable_until: string | null }[] {
  const standing = [after.current, ...after.superseded, ...after.pending];
  return before.superseded
    .filter((old) => !standing.some((one) => one?.value.equals(old.value) === true))
    .map((old) => ({ version: old.version, usable_until: iso(old.usableUntil) }));
}

function iso(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
