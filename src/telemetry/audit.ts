// The audit trail: one JSON line for each event that somebody may have to account for (docs/audit.md). The events
// and the names of the fields are closed lists, none of which can hold the value of a token or a key.
import type { Clock } from '../platform/clock.js';

export const auditEvents = [
  'agent_started',
  'agent_stopped',
  'config_reloaded',
  'vault_login',
  'vault_login_renewed',
  'token_loaded',
  'token_rotated',
  'token_pending',
  'token_retired',
  'token_revoked',
  'token_regressed',
  'refresh_forced',
  'token_delivered',
  'token_read',
  'token_watched',
  'request_signed',
  'clients_changed',
  'auth_success',
  'auth_failure',
  'rate_limited',
  'replay_detected',
  'scope_denied',
  'internal_error',
] as const;

export type AuditEvent = (typeof auditEvents)[number];

/** Names, numbers, times and reasons. Times are RFC 3339 in UTC. */
export interface AuditFields {
  /** The name of a token, never its value. */
  readonly token?: string;
  readonly request_id?: string;
  /** `holder`, `socket` or the id of a named client. */
  readonly caller?: string;
  readonly version?: number | null;
  readonly previous_version?: number | null;
  readonly created_at?: string | null;
  readonly not_before?: string | null;
  readonly usable_until?: string | null;
  readonly expires_at?: string | null;
  readonly source?: string;
  readonly mode?: string;
  readonly outcome?: string;
  readonly reason?: string;
  /** A failure class of docs/errors.md. */
  readonly class?: string;
  readonly message?: string;
  readonly method?: string;
  readonly route?: string;
  readonly address?: string;
  readonly scope?: string;
  readonly sink?: string;
  /** How many events one line stands for. */
  readonly count?: number;
  /** Names of settings, of clients. */
  readonly names?: readonly string[];
  readonly agent_version?: string;
  readonly exit_code?: number;
}

/** Records one event. Never throws, never waits. */
export type Audit = (event: AuditEvent, fields?: AuditFields) => void;

export interface AuditOptions {
  readonly agentId: string;
  readonly clock: Clock;
  /** Takes one line without its newline; a `LineWriter`'s `write`. */
  readonly write: (line: string) => void;
}

export function buildAudit(options: AuditOptions): Audit {
  return (event, fields = {}) => {
    const time = new Date(options.clock.now()).toISOString();
    // The fields come first so that none can pass for one of ours.
    const line = { audit: true, event, time, agent_id: options.agentId };
    options.write(JSON.stringify({ ...line, ...fields, ...line }));
  };
}

/** Whether a line was made by `buildAudit`: one output may carry the log too. */
export function isAuditLine(line: string): boolean {
  return line.startsWith('{"audit":true,');
}
