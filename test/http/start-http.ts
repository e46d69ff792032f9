// An HTTP side on ports of its own, over sources that a test can change.
import {
  buildHttp,
  type BoundAddresses,
  type Http,
  type HttpOptions,
} from '../../src/http/http.js';
import type { HealthBody, Status } from '../../src/health/body.js';
import { systemClock } from '../../src/platform/clock.js';
import type { Logger } from '../../src/telemetry/logger.js';

export interface StartedHttp {
  readonly http: Http;
  readonly bound: BoundAddresses;
  readonly api: number;
  readonly probe: number;
  readonly apiUrl: string;
  readonly probeUrl: string;
  /** What was counted: `api GET /health 200`. */
  readonly counted: string[];
  /** Every line of the log, as JSON. */
  readonly logged: string[];
}

export function healthBody(status: Status = 'ok'): HealthBody {
  return {
    status,
    token_age_seconds: 12,
    last_refresh_ok: true,
    mode: 'vault',
    agent_id: 'app-0',
    version: '0.1.0',
    uptime_seconds: 40,
    tokens: {
      default: {
        state: 'fresh',
        usable: true,
        version: 7,
        source: 'vault',
        created_at: '2026-01-01T00:00:00Z',
        age_seconds: 12,
        last_attempt_at: '2026-01-01T00:00:10Z',
        last_success_at: '2026-01-01T00:00:10Z',
        last_change_at: '2026-01-01T00:00:00Z',
        next_attempt_at: '2026-01-01T00:01:10Z',
        last_refresh_ok: false,
        consecutive_failures: 1,
        error: {
          class: 'vault_sealed',
          since: '2026-01-01T00:00:05Z',
          message: 'Vault is sealed; unseal it',
        },
        superseded: [{ version: 6, usable_until: '2026-01-01T00:05:00Z' }],
        pending: { version: 8, not_before: '2026-01-01T01:00:00Z' },
        stale_at: '2026-01-04T00:00:00Z',
        expires_at: null,
      },
    },
    vault: {
      address: 'https://vault.internal:8200',
      authenticated: true,
      login_expires_at: null,
      clock_offset_seconds: 0,
    },
  };
}

export async function startHttp(
  test: { teardown(end: () => Promise<void>): void },
  options: Partial<HttpOptions> = {},
): Promise<StartedHttp> {
  const counted: string[] = [];
  const logged: string[] = [];
  const loopback = { host: '127.0.0.1', port: 0 };
  const http = buildHttp({
    listen: { address: loopback, authorities: [], probeAddress: loopback },
    version: '0.1.0',
    clock: systemClock,
    logger: loggerInto(logged),
    audit: () => undefined,
    draining: () => false,
    health: () => healthBody(),
    livez: () => ({ ok: true }),
    readyz: () => ({ ok: true }),
    startupz: () => ({ ok: true }),
    metrics: async () => ({
      contentType: 'text/plain; version=0.0.4; charset=utf-8',
      body: 'x 1\n',
    }),
    onRequest: (route, method, status, _seconds, listener) => {
      counted.push(`${listener} ${method} ${route} ${status}`);
    },
    ...options,
  });
  const bound = await http.start();
  test.teardown(() => http.stop(0));
  const api = bound.api.port;
  const probe = bound.probe?.port ?? 0;
  return {
    http,
    bound,
    api,
    probe,
    apiUrl: `http://127.0.0.1:${api}`,
    probeUrl: `http://127.0.0.1:${probe}`,
    counted,
    logged,
  };
}

function loggerInto(lines: string[]): Logger {
  const method = (fields: object, message: string): void => {
    lines.push(JSON.stringify({ ...fields, message }));
  };
  return { trace: method, debug: method, info: method, warn: method, error: method, fatal: method };
}
