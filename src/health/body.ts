// The body of `GET /health`, field by field (docs/api.md). Only derived, never stored: nothing here can be a constant.
import type { FailureClass } from './failure.js';

export type Status = 'ok' | 'degraded' | 'unavailable' | 'starting';

export const tokenStates = [
  'fresh',
  'stale',
  'initial',
  'static',
  'expired',
  'revoked',
  'absent',
] as const;
export type TokenState = (typeof tokenStates)[number];

export interface TokenHealth {
  readonly state: TokenState;
  readonly usable: boolean;
  readonly version: number | null;
  readonly source: 'vault' | 'initial' | 'static' | null;
  readonly created_at: string | null;
  readonly age_seconds: number | null;
  readonly last_attempt_at: string | null;
  readonly last_success_at: string | null;
  readonly last_change_at: string | null;
  readonly next_attempt_at: string | null;
  readonly last_refresh_ok: boolean | null;
  readonly consecutive_failures: number;
  readonly error: {
    readonly class: FailureClass;
    readonly since: string;
    readonly message: string;
  } | null;
  readonly superseded: readonly {
    readonly version: number | null;
    readonly usable_until: string;
  }[];
  readonly pending: { readonly version: number; readonly not_before: string } | null;
  readonly stale_at: string | null;
  readonly expires_at: string | null;
}

/** What every answer about a token says of it. */
export type TokenSummary = Pick<
  TokenHealth,
  'state' | 'usable' | 'version' | 'source' | 'created_at' | 'age_seconds'
>;

export interface SinkHealth {
  readonly ok: boolean;
  readonly version: number | null;
  readonly last_success_at: string | null;
  readonly error: string | null;
}

export interface VaultHealth {
  /** Left out on the probe listener. */
  readonly address?: string;
  readonly authenticated: boolean;
  readonly login_expires_at: string | null;
  readonly clock_offset_seconds: number;
}

export interface HealthBody {
  readonly status: Status;
  readonly token_age_seconds: number | null;
  readonly last_refresh_ok: boolean | null;
  readonly mode: 'vault' | 'static';
  readonly agent_id: string;
  readonly version: string;
  readonly uptime_seconds: number;
  readonly tokens: Readonly<Record<string, TokenHealth>>;
  readonly vault: VaultHealth | null;
  readonly sinks?: Readonly<Record<string, SinkHealth>>;
}
