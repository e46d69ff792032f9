// A valid value of every setting, and what its row requires beside it.
import fc from 'fast-check';
import { scopes } from '../../src/config/config.js';
import { formatDuration } from '../../src/config/duration.js';
import type { SettingKey } from '../../src/config/settings.js';
import { TOKEN } from './loading.js';

export const hour = 3_600_000;
export const duration = (min: number, max: number): fc.Arbitrary<string> =>
  fc.oneof(fc.integer({ min, max }), fc.constantFrom(min, max)).map(formatDuration);
export const orZero = (one: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.oneof({ weight: 9, arbitrary: one }, { weight: 1, arbitrary: fc.constant('0') });
const integer = (min: number, max: number): fc.Arbitrary<string> =>
  fc.oneof(fc.integer({ min, max }), fc.constantFrom(min, max)).map(String);
const boolean = fc.constantFrom('true', 'false', 'yes', 'off', '1');
export const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/);
const pemFile = fc.constant('/pem');
const scopeList = fc.subarray([...scopes]).map((some) => some.join(','));

export const valid: { readonly [K in SettingKey]: fc.Arbitrary<string> } = {
  'vault.address': fc.constantFrom(
    'https://v',
    'https://a:8200/,https://b',
    'http://127.0.0.1:8200',
    'http://[::1]:1',
  ),
  'vault.allow_http': boolean,
  'vault.namespace': fc.constantFrom('admin', 'admin/team/', '/a'),
  'vault.ca_cert': pemFile,
  'vault.client_cert': pemFile,
  'vault.client_key': pemFile,
  'vault.tls_server_name': fc.constantFrom('vault.example.com', 'v'),
  'vault.timeout': duration(100, 60_000),
  'vault.requests_per_minute': integer(1, 60_000),
  'vault.path_prefix': fc.constantFrom('secret', 'kv/a/b', '/secret/keytender/'),
  'vault.mount': fc.constantFrom('secret', 'team/kv', '/kv/'),
  'vault.proxy': fc.constant('http://proxy:3128'),
  'vault.auth.method': fc.constantFrom('token', 'approle', 'kubernetes', 'jwt', 'cert'),
  'vault.auth.mount': fc.constantFrom('approle', 'team/k8s'),
  'vault.auth.role': name,
  'vault.auth.namespace': name,
  'vault.auth.token': name,
  'vault.auth.role_id': name,
  'vault.auth.secret_id': name,
  'vault.auth.secret_id_wrapped': name,
  'vault.auth.secret_id_cache': fc.constant('/var/lib/x'),
  'vault.auth.jwt_file': pemFile,
  'vault.auth.revoke_on_exit': boolean,
  deployment: name,
  'refresh.interval': duration(1_000, 24 * hour),
  'refresh.jitter': duration(0, 24 * hour),
  'refresh.start_splay': duration(0, 24 * hour),
  'refresh.max_stale': orZero(duration(1_000, 1_000 * hour)),
  'refresh.on_deleted': fc.constantFrom('keep', 'revoke'),
  'refresh.on_demand_per_minute': integer(0, 6_000),
  'token.grace': orZero(duration(3_000, 720 * hour)),
  'token.superseded_max': integer(1, 16),
  'token.initial': fc.constantFrom(TOKEN),
  'token.initial_max_age': duration(0, 72 * hour),
  'listen.address': fc.constantFrom(
    '127.0.0.1:0',
    '[::1]:8210',
    'localhost:1',
    '0.0.0.0:8210',
    '10.0.0.1:80',
    '[::]:9',
  ),
  'listen.authorities': fc.constantFrom('app', 'App:8210,[::1]:1', ''),
  'listen.allow_http': boolean,
  'listen.probe_address': fc.constantFrom('[::]:8211', '0.0.0.0:9000'),
  'listen.shared_addresses': fc.constantFrom('10.0.0.1', '10.0.0.0/8,fd00::/8', ''),
  'listen.socket': fc.constant('/run/keytender.sock'),
  'listen.socket_mode': fc.constantFrom('0660', '600'),
  'listen.socket_group': fc.constantFrom('app', '1000'),
  'listen.socket_scopes': scopeList,
  'listen.tls_cert': pemFile,
  'listen.tls_key': pemFile,
  'listen.tls_client_ca': pemFile,
  'listen.status_page': boolean,
  'shutdown.delay': duration(0, 300_000),
  'shutdown.timeout': duration(0, 300_000),
  'child.token': fc.constant('default'),
  'child.deliver': fc.constantFrom('stdin', 'fd3', 'env', 'none'),
  'child.token_env': fc.constantFrom('TOKEN', 'APP_SECRET', '_x1'),
  'child.format': fc.constantFrom('raw', 'json', 'env'),
  'child.on_rotation': fc.constantFrom('restart', 'signal', 'none'),
  'child.signal': fc.constantFrom('SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'),
  'child.stop_signal': fc.constantFrom('SIGTERM', 'SIGINT', 'SIGQUIT'),
  'child.stop_timeout': duration(0, hour),
  'child.restarts': integer(0, 1_000_000),
  'child.splay': duration(0, 24 * hour),
  'agent.id': name,
  'agent.scopes': scopeList,
  'signature.max_skew': duration(1_000, hour),
  'signature.replay_ttl': duration(2_000, 100 * hour),
  'signature.legacy': fc.constantFrom('refuse', 'accept'),
  'limits.requests_per_minute': integer(1, 1_000_000),
  'limits.crypto_requests_per_minute': integer(1, 1_000_000),
  'limits.failures_per_minute': integer(1, 1_000_000),
  'limits.waiters': integer(1, 100_000),
  'files.strict': boolean,
  'log.level': fc.constantFrom('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
  'log.format': fc.constantFrom('auto', 'json', 'pretty'),
  'audit.file': fc.constant('/var/log/audit.jsonl'),
};

/** What a row requires beside it. */
export function companions(key: SettingKey, value: string): Record<string, string> {
  if (key === 'vault.client_cert') return { 'vault.client_key': '/pem' };
  if (key === 'vault.client_key') return { 'vault.client_cert': '/pem' };
  if (key === 'listen.tls_cert') return { 'listen.tls_key': '/pem' };
  if (key === 'listen.tls_key') return { 'listen.tls_cert': '/pem' };
  if (key === 'listen.tls_client_ca')
    return { 'listen.tls_cert': '/pem', 'listen.tls_key': '/pem' };
  if (key === 'listen.address' && /^(0|10|\[::\])/.test(value)) {
    return { 'listen.allow_http': 'true', 'listen.authorities': 'app:8210' };
  }
  if (value === 'approle') return { 'vault.auth.role_id': 'r' };
  if (value === 'kubernetes') return { 'vault.auth.role': 'r' };
  if (value === 'cert') return { 'vault.client_cert': '/pem', 'vault.client_key': '/pem' };
  return {};
}
