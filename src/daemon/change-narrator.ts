// What is told of a token's life: a log line for whoever watches, an audit line for whoever accounts, a count for the
// metrics. Versions and times, never a value.
import type { Audit, AuditEvent, AuditFields } from '../telemetry/audit.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { ChangeKind } from '../token/change.js';
import type { TokenSnapshot } from '../token/snapshot.js';
import type { Decision } from '../token/store.js';
import type { AgentEvent, TellEvent } from './agent-event.js';

export interface ChangeNarratorOptions {
  readonly token: string;
  readonly logger: Logger;
  readonly audit: Audit;
  readonly metrics: Pick<Metrics, 'tokenRotated' | 'tokenRegressed'>;
  readonly onEvent: TellEvent;
}

/** How one kind of change is told. */
interface Telling {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly audit: AuditEvent | null;
  readonly event: AgentEvent['type'];
}

const tellings: Readonly<Record<Exclude<ChangeKind, 'patched' | 'unchanged'>, Telling>> = {
  loaded: { level: 'info', message: 'token loaded', audit: 'token_loaded', event: 'loaded' },
  restored: {
    level: 'info',
    message: 'token restored: its version is there again',
    audit: 'token_loaded',
    event: 'loaded',
  },
  rotated: { level: 'info', message: 'token rotated', audit: 'token_rotated', event: 'rotated' },
  recreated: {
    level: 'warn',
    message: 'token rotated: the secret was created anew, or Vault was restored',
    audit: 'token_rotated',
    event: 'rotated',
  },
  pending: { level: 'info', message: 'token pending', audit: 'token_pending', event: 'pending' },
  cancelled: {
    level: 'info',
    message: 'the pending token was taken back',
    audit: null,
    event: 'cancelled',
  },
  revoked: {
    level: 'error',
    message: 'token revoked: nothing signs until a new version is written',
    audit: 'token_revoked',
    event: 'revoked',
  },
  expired: {
    level: 'error',
    message: 'token expired: nothing signs until a new version is written',
    audit: 'token_retired',
    event: 'expired',
  },
};

export class ChangeNarrator {
  readonly #options: ChangeNarratorOptions;

  constructor(options: ChangeNarratorOptions) {
    this.#options = options;
  }

  /** A token that was there from the start. */
  begun(snapshot: TokenSnapshot): void {
    if (snapshot.current !== null) this.#tell('loaded', snapshot, snapshot);
  }

  /** After each decision of a store. */
  decided({ observation, change, before, after }: Decision): void {
    const { token, logger, audit, metrics } = this.#options;
    if (observation.kind === 'regressed') {
      metrics.tokenRegressed(token);
      audit('token_regressed', { token, version: after.current?.version ?? null });
    }
    if ('warnings' in observation) {
      for (const warning of observation.warnings) logger.warn({ token }, warning);
    }
    if (change === 'patched')
      logger.debug({ token }, 'the version or the times of the token moved');
    else if (change !== 'unchanged') this.#tell(change, before, after);
    for (const ended of endedBetween(before, after)) audit('token_retired', { token, ...ended });
  }

  #tell(change: keyof typeof tellings, before: TokenSnapshot, after: TokenSnapshot): void {
    const { token, logger, audit, metrics, onEvent } = this.#options;
    const telling = tellings[change];
    const facts = { token, ...factsOf(change, before, after) };
    if (telling.event === 'rotated') metrics.tokenRotated(token);
    if (telling.audit !== null) audit(telling.audit, facts);
    logger[telling.level](facts, telling.message);
    onEvent({ type: telling.event, token, version: facts.version, message: telling.message });
  }
}

function factsOf(
  change: keyof typeof tellings,
  before: TokenSnapshot,
  after: TokenSnapshot,
): AuditFields & { readonly version: number | null } {
  switch (change) {
    case 'pending': {
      const next = after.pending[0];
      return { version: next?.version ?? null, not_before: iso(next?.notBeforeAt) };
    }
    case 'revoked':
    case 'expired':
      return { version: (after.last ?? before.current)?.version ?? null, reason: change };
    case 'rotated':
    case 'recreated':
      return { ...currentFacts(after), ...previousFacts(before, after) };
    case 'loaded':
    case 'restored':
    case 'cancelled':
      return { ...currentFacts(after), outcome: change };
  }
}

function currentFacts({ current }: TokenSnapshot): AuditFields & { version: number | null } {
  return {
    version: current?.version ?? null,
    created_at: current?.source === 'vault' ? iso(current.createdAt) : null,
    ...(current === null ? {} : { source: current.source }),
  };
}

/** Which one it was, and until when it still verifies. */
function previousFacts(before: TokenSnapshot, after: TokenSnapshot): AuditFields {
  const previous = before.current ?? before.last;
  const kept = after.superseded.find((one) => previous?.value.equals(one.value) === true);
  return { previous_version: previous?.version ?? null, usable_until: iso(kept?.usableUntil) };
}

/** Superseded ones that no longer verify. */
function endedBetween(before: TokenSnapshot, after: TokenSnapshot): AuditFields[] {
  const standing = [after.current, ...after.superseded, ...after.pending];
  return before.superseded
    .filter((old) => !standing.some((one) => one?.value.equals(old.value) === true))
    .map((old) => ({ version: old.version, usable_until: iso(old.usableUntil) }));
}

function iso(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
