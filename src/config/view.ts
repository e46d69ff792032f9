// The settings in effect, as a person would write them: for `check`, debug logs and to see what a reload changed.
// Secrets are shown by their file, else as a redaction.
import type { Config, TokenConfig } from './config.js';
import { formatDuration } from './duration.js';
import { settings, sinkSettings, tokenSettings } from './settings.js';
import type { SettingKey } from './settings.js';

/** Where each setting is found in the settings in effect. Null: not set; undefined: without meaning in static mode. */
export const effective: { readonly [K in SettingKey]: (config: Config) => unknown } = {
  'vault.address': ({ vault }) => vault?.addresses ?? null,
  'vault.allow_http': ({ vault }) => vault?.allowHttp,
  'vault.namespace': ({ vault }) => vault?.namespace,
  'vault.ca_cert': ({ vault }) => vault?.caCert,
  'vault.client_cert': ({ vault }) => vault?.clientCert,
  'vault.client_key': ({ vault }) => vault?.clientKey,
  'vault.tls_server_name': ({ vault }) => vault?.tlsServerName,
  'vault.timeout': ({ vault }) => vault?.timeoutMs,
  'vault.requests_per_minute': ({ vault }) => vault?.requestsPerMinute,
  'vault.path_prefix': ({ vault }) => vault?.pathPrefix,
  'vault.mount': ({ vault }) => vault?.mount,
  'vault.proxy': ({ vault }) => vault?.proxy,
  'vault.auth.method': ({ vault }) => vault?.auth.method,
  'vault.auth.mount': ({ vault }) => vault?.auth.mount,
  'vault.auth.role': ({ vault }) => vault?.auth.role,
  'vault.auth.namespace': ({ vault }) => vault?.auth.namespace,
  'vault.auth.token': ({ vault }) => vault?.auth.token,
  'vault.auth.role_id': ({ vault }) => vault?.auth.roleId,
  'vault.auth.secret_id': ({ vault }) => vault?.auth.secretId,
  'vault.auth.secret_id_wrapped': ({ vault }) => vault?.auth.secretIdWrapped,
  'vault.auth.secret_id_cache': ({ vault }) => vault?.auth.secretIdCache,
  'vault.auth.jwt_file': ({ vault }) => vault?.auth.jwtFile,
  'vault.auth.revoke_on_exit': ({ vault }) => vault?.auth.revokeOnExit,
  deployment: ({ deployment }) => deployment,
  'refresh.interval': ({ refresh }) => refresh.intervalMs,
  'refresh.jitter': ({ refresh }) => refresh.jitterMs,
  'refresh.start_splay': ({ refresh }) => refresh.startSplayMs,
  'refresh.max_stale': ({ refresh }) => refresh.maxStaleMs,
  'refresh.on_deleted': ({ refresh }) => refresh.onDeleted,
  'refresh.on_demand_per_minute': ({ refresh }) => refresh.onDemandPerMinute,
  'token.grace': ({ token }) => token.graceMs,
  'token.superseded_max': ({ token }) => token.supersededMax,
  'token.initial': ({ token }) => token.initial,
  'token.initial_max_age': ({ token }) => token.initialMaxAgeMs,
  'listen.address': ({ listen }) => listen.address,
  'listen.authorities': ({ listen }) => listen.authorities,
  'listen.allow_http': ({ listen }) => listen.allowHttp,
  'listen.probe_address': ({ listen }) => listen.probeAddress,
  'listen.shared_addresses': ({ listen }) => listen.sharedAddresses,
  'listen.socket': ({ listen }) => listen.socket,
  'listen.socket_mode': ({ listen }) => listen.socketMode,
  'listen.socket_group': ({ listen }) => listen.socketGroup,
  'listen.socket_scopes': ({ listen }) => listen.socketScopes,
  'listen.tls_cert': ({ listen }) => listen.tlsCert,
  'listen.tls_key': ({ listen }) => listen.tlsKey,
  'listen.tls_client_ca': ({ listen }) => listen.tlsClientCa,
  'listen.status_page': ({ listen }) => listen.statusPage,
  'shutdown.delay': ({ shutdown }) => shutdown.delayMs,
  'shutdown.timeout': ({ shutdown }) => shutdown.timeoutMs,
  'child.token': ({ child }) => child.token,
  'child.deliver': ({ child }) => child.deliver,
  'child.token_env': ({ child }) => (child.deliver === 'env' ? child.tokenEnv : null),
  'child.format': ({ child }) => child.format,
  'child.on_rotation': ({ child }) => child.onRotation,
  'child.signal': ({ child }) => child.signal,
  'child.stop_signal': ({ child }) => child.stopSignal,
  'child.stop_timeout': ({ child }) => child.stopTimeoutMs,
  'child.restarts': ({ child }) => child.restarts,
  'child.splay': ({ child }) => child.splayMs,
  'agent.id': ({ agent }) => agent.id,
  'agent.scopes': ({ agent }) => agent.scopes,
  'signature.max_skew': ({ signature }) => signature.maxSkewMs,
  'signature.replay_ttl': ({ signature }) => signature.replayTtlMs,
  'signature.legacy': ({ signature }) => signature.legacy,
  'limits.requests_per_minute': ({ limits }) => limits.requestsPerMinute,
  'limits.crypto_requests_per_minute': ({ limits }) => limits.cryptoRequestsPerMinute,
  'limits.failures_per_minute': ({ limits }) => limits.failuresPerMinute,
  'limits.waiters': ({ limits }) => limits.waiters,
  'files.strict': ({ files }) => files.strict,
  'log.level': ({ log }) => log.level,
  'log.format': ({ log }) => log.format,
  'audit.file': ({ audit }) => audit.file,
};

/** A mapping that can grow by dotted keys. */
interface Mapping {
  [part: string]: unknown;
}

/** The settings in effect as a plain object, nested like a settings file; durations and modes as they are written. */
export function redactedView(config: Config): Readonly<Record<string, unknown>> {
  const view: Mapping = {};
  for (const key of Object.keys(settings) as SettingKey[]) {
    const value = effective[key](config);
    if (value !== undefined) place(view, key.split('.'), shown(settings[key].kind, value));
  }
  view['tokens'] = Object.fromEntries(config.tokens.map((token) => [token.name, tokenView(token)]));
  view['sinks'] = config.sinks.map((sink) => {
    const { timeoutMs, splayMs, removeOnExit, ...same } = sink;
    const values: Mapping = {
      ...same,
      timeout: timeoutMs,
      splay: splayMs,
      remove_on_exit: removeOnExit,
    };
    return Object.fromEntries(
      Object.entries(sinkSettings).map(([field, { kind }]) => [field, shown(kind, values[field])]),
    );
  });
  return view;
}

/** One token's settings, as they are written. */
export function tokenView(
  token: TokenConfig,
): Readonly<Record<keyof typeof tokenSettings, unknown>> {
  return {
    path: token.path,
    field: token.field,
    grace: shown(tokenSettings.grace.kind, token.graceMs),
    required: token.required,
  };
}

function place(view: Mapping, parts: readonly string[], value: unknown): void {
  const [part = '', ...rest] = parts;
  if (rest.length === 0) {
    view[part] = value;
    return;
  }
  const inner = (view[part] ??= {}) as Mapping;
  place(inner, rest, value);
}

function shown(kind: string, value: unknown): unknown {
  if (value === null) return null;
  if (typeof value === 'number') {
    if (kind === 'duration') return value === Infinity ? '0' : formatDuration(value);
    return kind === 'octal' ? value.toString(8).padStart(4, '0') : value;
  }
  if (kind === 'listen address') {
    const { host, port } = value as { host: string; port: number };
    return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  }
  // a secret's own redaction
  return kind === 'secret' ? JSON.parse(JSON.stringify(value)) : value;
}
