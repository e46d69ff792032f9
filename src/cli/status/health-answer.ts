// The body of `GET /health` as it came off the wire: `unknown` in, typed out, or null when it is not an agent's. An
// agent of another version may know fewer or more fields: what is missing reads as null, what is unknown is dropped.

export interface TokenAnswer {
  readonly state: string;
  readonly usable: boolean;
  readonly version: number | null;
  readonly ageSeconds: number | null;
  readonly lastAttemptAt: string | null;
  readonly nextAttemptAt: string | null;
  readonly lastRefreshOk: boolean | null;
  readonly consecutiveFailures: number;
  readonly error: {
    readonly class: string;
    readonly since: string | null;
    readonly message: string;
  } | null;
  readonly superseded: readonly {
    readonly version: number | null;
    readonly usableUntil: string | null;
  }[];
  readonly pending: { readonly version: number | null; readonly notBefore: string | null } | null;
  readonly staleAt: string | null;
  readonly expiresAt: string | null;
}

export interface SinkAnswer {
  readonly ok: boolean;
  readonly version: number | null;
  readonly lastSuccessAt: string | null;
  readonly error: string | null;
}

export interface VaultAnswer {
  readonly address: string | null;
  readonly authenticated: boolean;
  readonly loginExpiresAt: string | null;
  readonly clockOffsetSeconds: number;
}

export interface HealthAnswer {
  readonly status: string;
  readonly mode: string;
  readonly agentId: string;
  readonly version: string;
  readonly uptimeSeconds: number | null;
  readonly tokens: ReadonlyMap<string, TokenAnswer>;
  readonly vault: VaultAnswer | null;
  readonly sinks: ReadonlyMap<string, SinkAnswer>;
}

type Fields = Readonly<Record<string, unknown>>;

export function parseHealth(body: unknown): HealthAnswer | null {
  if (!isObject(body) || typeof body['status'] !== 'string' || !isObject(body['tokens']))
    return null;
  return {
    status: printable(body['status']),
    mode: text(body['mode']) ?? 'unknown',
    agentId: text(body['agent_id']) ?? 'unnamed',
    version: text(body['version']) ?? 'unknown',
    uptimeSeconds: number(body['uptime_seconds']),
    tokens: entries(body['tokens'], parseToken),
    vault: isObject(body['vault']) ? parseVault(body['vault']) : null,
    sinks: entries(body['sinks'], parseSink),
  };
}

function parseToken(token: Fields): TokenAnswer {
  const error = token['error'];
  const pending = token['pending'];
  return {
    state: text(token['state']) ?? 'unknown',
    usable: token['usable'] === true,
    version: number(token['version']),
    ageSeconds: number(token['age_seconds']),
    lastAttemptAt: text(token['last_attempt_at']),
    nextAttemptAt: text(token['next_attempt_at']),
    lastRefreshOk: boolean(token['last_refresh_ok']),
    consecutiveFailures: number(token['consecutive_failures']) ?? 0,
    error: isObject(error)
      ? {
          class: text(error['class']) ?? 'unknown',
          since: text(error['since']),
          message: text(error['message']) ?? '',
        }
      : null,
    superseded: list(token['superseded']).map((entry) => ({
      version: number(entry['version']),
      usableUntil: text(entry['usable_until']),
    })),
    pending: isObject(pending)
      ? { version: number(pending['version']), notBefore: text(pending['not_before']) }
      : null,
    staleAt: text(token['stale_at']),
    expiresAt: text(token['expires_at']),
  };
}

function parseVault(vault: Fields): VaultAnswer {
  return {
    address: text(vault['address']),
    authenticated: vault['authenticated'] === true,
    loginExpiresAt: text(vault['login_expires_at']),
    clockOffsetSeconds: number(vault['clock_offset_seconds']) ?? 0,
  };
}

function parseSink(sink: Fields): SinkAnswer {
  return {
    ok: sink['ok'] === true,
    version: number(sink['version']),
    lastSuccessAt: text(sink['last_success_at']),
    error: text(sink['error']),
  };
}

function entries<T>(value: unknown, parse: (fields: Fields) => T): ReadonlyMap<string, T> {
  const found = Object.entries(isObject(value) ? value : {});
  return new Map(
    found.flatMap(([name, fields]) => (isObject(fields) ? [[printable(name), parse(fields)]] : [])),
  );
}

function list(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? printable(value) : null;
}

/** What another program sent goes to a terminal: without its control characters. */
function printable(value: string): string {
  return value.replace(/\p{C}/gu, '\u{FFFD}');
}

function number(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function boolean(value: unknown): boolean | null {
  return typeof value === 'boolean' ? value : null;
}
