// The gauges that mirror state: what each is called, means and is read from. One row each; docs/metrics.md has the
// same rows.
import type { MetricsView, TokenFacts } from './metrics-view.js';

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface StateGauge {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  /** The series that exist now; a fact that is null has none. */
  readonly samples: (view: MetricsView) => readonly Sample[];
}

/** `states`: every value that `TokenFacts.state` can have. */
export function stateGauges(states: readonly string[]): readonly StateGauge[] {
  return [
    perToken('token_version', 'Version of the current token in Vault.', (t) => t.version),
    perToken(
      'token_created_timestamp_seconds',
      'When the current token was created, by its created_time in Vault.',
      (t) => seconds(t.createdAtMs),
    ),
    perToken('token_age_seconds', 'Age of the current token.', (t) => t.ageSeconds),
    perToken('token_usable', 'Whether the token may be used: 1 or 0.', (t) => flag(t.usable)),
    {
      name: 'keytender_token_state',
      help: 'The state of the token: 1 for the one it is in, 0 for the others.',
      labelNames: ['token', 'state'],
      samples: (view) =>
        view.tokens.flatMap((token) =>
          states.map((state) => ({
            labels: { token: token.name, state },
            value: Number(token.state === state),
          })),
        ),
    },
    perToken(
      'token_superseded_generations',
      'Older tokens that still verify.',
      (t) => t.supersededGenerations,
    ),
    perToken(
      'token_superseded_until_timestamp_seconds',
      'When the last of the older tokens stops verifying.',
      (t) => seconds(t.supersededUntilMs),
    ),
    perToken(
      'token_usable_until_timestamp_seconds',
      'When the token stops being usable if nothing is read until then; +Inf: no limit.',
      (t) => seconds(t.usableUntilMs),
    ),
    perToken(
      'refresh_last_ok',
      'Outcome of the last attempt to read the token: 1 ok, 0 failed.',
      (t) => flag(t.refresh?.lastOk ?? null),
    ),
    perToken(
      'refresh_interval_seconds',
      'The interval between reads, without jitter.',
      (t) => t.refresh?.intervalSeconds ?? null,
    ),
    perToken(
      'refresh_last_attempt_timestamp_seconds',
      'When the last attempt to read the token ended.',
      (t) => seconds(t.refresh?.lastAttemptAtMs ?? null),
    ),
    perToken(
      'refresh_last_success_timestamp_seconds',
      'When the last good read of the token ended.',
      (t) => seconds(t.refresh?.lastSuccessAtMs ?? null),
    ),
    perToken(
      'refresh_next_attempt_timestamp_seconds',
      'When the next attempt to read the token is due.',
      (t) => seconds(t.refresh?.nextAttemptAtMs ?? null),
    ),
    perToken(
      'refresh_consecutive_failures',
      'Failed attempts since the last good one.',
      (t) => t.refresh?.consecutiveFailures ?? null,
    ),
    single(
      'vault_login_expiry_timestamp_seconds',
      'When the Vault token that we read with expires.',
      (view) => seconds(view.vault?.loginExpiresAtMs ?? null),
    ),
    single(
      'replay_entries',
      'Nonces that are remembered.',
      (view) => view.api?.replayEntries ?? null,
    ),
    single(
      'replay_capacity',
      'Nonces that could be remembered.',
      (view) => view.api?.replayCapacity ?? null,
    ),
    single('watch_waiters', 'Watches that are open.', (view) => view.api?.watchWaiters ?? null),
    single(
      'vault_clock_offset_seconds',
      'What is added to our clock to get the one of Vault.',
      (view) => view.vault?.clockOffsetSeconds ?? null,
    ),
  ];
}

function perToken(
  name: string,
  help: string,
  read: (token: TokenFacts) => number | null,
): StateGauge {
  return {
    name: `keytender_${name}`,
    help,
    labelNames: ['token'],
    samples: (view) =>
      view.tokens.flatMap((token) => toSamples({ token: token.name }, read(token))),
  };
}

function single(
  name: string,
  help: string,
  read: (view: MetricsView) => number | null,
): StateGauge {
  return {
    name: `keytender_${name}`,
    help,
    labelNames: [],
    samples: (view) => toSamples({}, read(view)),
  };
}

function toSamples(labels: Sample['labels'], value: number | null): readonly Sample[] {
  return value === null || Number.isNaN(value) ? [] : [{ labels, value }];
}

function seconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1000;
}

function flag(fact: boolean | null): number | null {
  return fact === null ? null : Number(fact);
}
