// Bad values: each has a sentence that names the key and the fix, and quotes nothing.
import t from 'tap';
import { formatDuration, parseDurationMs } from '../../src/config/duration.js';
import { canonicalName } from '../../src/config/names.js';
import { problemsOf, settingsOf, staticMode, withVault } from './loading.js';

t.test('durations are whole numbers with one unit, seconds by default', async (t) => {
  const good: [string, number][] = [
    ['90', 90_000],
    ['250ms', 250],
    ['90s', 90_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['30d', 2_592_000_000],
    ['0', 0],
  ];
  for (const [text, ms] of good) {
    t.equal(parseDurationMs(text), ms, text);
    t.equal(parseDurationMs(formatDuration(ms)), ms, `${text} and back`);
  }
  for (const text of [
    '',
    '-1',
    '1.5s',
    '5 m',
    '1h30m',
    '1w',
    's',
    '1e3',
    'Infinity',
    '９０',
    '9'.repeat(16),
    '999999999999999d',
  ]) {
    t.equal(parseDurationMs(text), null, text);
  }
});

t.test('every limit has its sentence', async (t) => {
  const cases: [key: string, value: string, message: RegExp][] = [
    ['vault.address', 'vault:8200', /not an http or https URL; .*https:\/\//],
    ['vault.address', 'ftp://vault', /not an http or https URL/],
    ['vault.address', 'https://', /not an http or https URL/],
    ['vault.address', ' , ', /is empty/],
    ['vault.address', 'https://user:secret@vault', /has credentials in it/],
    ['vault.address', 'https://vault/v1/', /contains \/v1; leave out/],
    ['vault.address', 'https://vault?x', /query or a fragment/],
    ['vault.address', 'http://vault:8200', /plain HTTP.*vault\.allow_http/],
    ['vault.address', 'https://vault,http://10.0.0.1:8200', /plain HTTP/],
    ['vault.address', 'http://127.0.0.1.example.com', /plain HTTP/],
    ['vault.timeout', '99ms', /below its least 100ms/],
    ['vault.timeout', '61s', /above its most 60s/],
    ['vault.requests_per_minute', '0', /below its least 1/],
    ['vault.requests_per_minute', '60001', /above its most 60000/],
    ['vault.requests_per_minute', '1.5', /not a whole number/],
    [
      'vault.path_prefix',
      'secret/data/keytender',
      /segment data after the mount; leave data out, it is added: secret\/keytender/,
    ],
    ['vault.path_prefix', 'secret/metadata', /segment metadata/],
    ['vault.path_prefix', 'secret//x', /two slashes/],
    ['vault.path_prefix', 'secret/../x', /\. or \.\. as a segment/],
    ['vault.path_prefix', 'secret/x?y', /has one of \?/],
    ['vault.path_prefix', '/', /names no mount/],
    ['vault.namespace', 'a\nb', /control character/],
    ['vault.tls_server_name', 'https://v', /not a host name/],
    ['vault.proxy', 'http://u:p@proxy', /credentials/],
    ['vault.auth.method', 'aprole', /write one of token, approle, .*did you mean approle\?/],
    ['vault.auth.method', 'approle', /no role id is set; set vault\.auth\.role_id/],
    ['vault.auth.method', 'kubernetes', /no role is set; set vault\.auth\.role/],
    ['vault.auth.method', 'cert', /no client certificate is set/],
    ['vault.auth.mount', 'auth/approle', /leave auth\/ out/],
    ['vault.client_cert', '/pem', /is set, but vault\.client_key is not/],
    ['deployment', 'a/b', /has a slash/],
    ['deployment', '..', /segment/],
    ['refresh.interval', '999ms', /below its least 1s/],
    ['refresh.interval', '25h', /above its most 24h/],
    ['refresh.interval', 'soon', /is not a duration/],
    ['refresh.max_stale', '999ms', /below its least 1s/],
    ['refresh.on_deleted', 'drop', /write one of keep, revoke/],
    ['refresh.on_demand_per_minute', '6001', /above its most 6000/],
    ['token.grace', '2s', /below its least 3s/],
    ['token.grace', '31d', /above its most 30d/],
    ['token.superseded_max', '0', /below its least 1/],
    ['token.superseded_max', '17', /above its most 16/],
    ['token.initial', 'short', /shorter than 16 bytes; .*openssl rand/],
    ['token.initial', 'x'.repeat(8_193), /longer than 8192 bytes/],
    ['token.initial', 'a token that ends in a line\n', /control character/],
    ['token.initial', ' a token with a space before', /white space/],
    ['token.initial_max_age', '73h', /above its most 72h/],
    ['listen.address', '8210', /not host:port/],
    ['listen.address', ':8210', /not host:port/],
    ['listen.address', '::1:8210', /not host:port; .*"\[::1\]:8210"/],
    ['listen.address', '127.0.0.1:65536', /not host:port/],
    ['listen.address', '10.0.0.1:8210', /no TLS.*listen\.tls_cert.*listen\.allow_http/],
    ['listen.address', '0.0.0.0:8210', /.*/],
    ['listen.authorities', 'http://app', /no scheme, no path/],
    ['listen.authorities', '*', /no \*/],
    ['listen.probe_address', '127.0.0.1:8210', /takes the port of listen\.address/],
    ['listen.probe_address', '0.0.0.0:8210', /takes the port/],
    ['listen.shared_addresses', '10.0.0.0/33', /neither an IP address nor a network/],
    ['listen.shared_addresses', 'mesh', /neither an IP address nor a network/],
    ['listen.socket', `/${'x'.repeat(107)}`, /longer than the 107 bytes/],
    ['listen.socket', `/run/${'ü'.repeat(52)}`, /longer than the 107 bytes/],
    ['listen.socket_mode', '888', /octal/],
    ['listen.socket_mode', '0o660', /octal/],
    ['listen.socket_scopes', 'token:raed', /did you mean token:read\?/],
    ['listen.tls_client_ca', '/pem', /has no TLS/],
    ['shutdown.delay', '301s', /above its most 5m/],
    ['agent.id', 'app 0', /printable ASCII/],
    ['agent.scopes', 'everything', /write only token:list/],
    ['signature.max_skew', '0', /below its least 1s/],
    ['signature.replay_ttl', '1s', /below its least 2s/],
    ['limits.waiters', '0', /below its least 1/],
    ['files.strict', 'maybe', /neither true nor false/],
    ['log.level', 'warning', /did you mean warn\?/],
  ];
  for (const [key, value, message] of cases) {
    const base: Record<string, string> = { ...withVault };
    if (key === 'vault.address') delete base['VAULT_ADDR'];
    const name = canonicalName(key);
    const problems = await problemsOf({ env: { ...base, [name]: value } });
    const told = problems.find((problem) => problem.startsWith(`${name}: `)) ?? problems.join('; ');
    t.match(told, new RegExp(`^${name}: `), `${key} is named`);
    t.match(told, message, `${key}=${value.slice(0, 30)}`);
  }
});

t.test('a wildcard bind needs authorities, and either TLS or leave to go without', async (t) => {
  const env = { ...staticMode, KEYTENDER_LISTEN_ADDRESS: '[::]:8210' };
  t.equal((await problemsOf({ env })).length, 2);
  const { listen } = await settingsOf({
    env,
    flags: ['listen.allow_http=true', 'listen.authorities=App.example.com:80, app:8210,app:8210'],
  });
  t.same(listen.address, { host: '::', port: 8210 });
  t.same(listen.authorities, ['app.example.com', 'app:8210'], 'lower case, default port dropped');
});

t.test('the mount is the first segment of the prefix, unless it is given', async (t) => {
  const cases: [env: Record<string, string>, mount: string, pathPrefix: string][] = [
    [{}, 'secret', 'keytender'],
    [{ VAULT_AGENT_PATH_PREFIX: '/kv/team/app/' }, 'kv', 'team/app'],
    [{ VAULT_AGENT_PATH_PREFIX: 'kv' }, 'kv', ''],
    [{ KEYTENDER_VAULT_MOUNT: 'team/kv' }, 'team/kv', 'keytender'],
    [{ KEYTENDER_VAULT_MOUNT: 'team/kv/', VAULT_AGENT_PATH_PREFIX: 'app/x' }, 'team/kv', 'app/x'],
  ];
  for (const [env, mount, pathPrefix] of cases) {
    const { vault } = await settingsOf({ env: { ...withVault, ...env } });
    t.match(vault, { mount, pathPrefix });
  }
});

t.test('an address may be plain HTTP on loopback, or where that is allowed', async (t) => {
  for (const address of [
    'http://127.0.0.1:8200',
    'http://127.9.9.9',
    'http://localhost:1',
    'http://[::1]:8200',
    'http://[::ffff:127.0.0.1]',
  ]) {
    t.equal((await problemsOf({ env: { VAULT_ADDR: address } })).length, 0, address);
  }
  const env = { VAULT_ADDR: 'HTTP://Vault:8200//', KEYTENDER_VAULT_ALLOW_HTTP: 'true' };
  t.same((await settingsOf({ env })).vault?.addresses, ['http://vault:8200']);
});

t.test('the login method follows from what is set', async (t) => {
  const cases: [Record<string, string>, object][] = [
    [{ VAULT_TOKEN: 't' }, { method: 'token', mount: 'token', jwtFile: null }],
    [{ VAULT_ROLE_ID: 'r' }, { method: 'approle', mount: 'approle' }],
    [
      { KEYTENDER_VAULT_AUTH_METHOD: 'kubernetes', KEYTENDER_VAULT_AUTH_ROLE: 'r' },
      {
        method: 'kubernetes',
        role: 'r',
        jwtFile: '/var/run/secrets/kubernetes.io/serviceaccount/token',
      },
    ],
    [
      { KEYTENDER_VAULT_AUTH_METHOD: 'jwt', KEYTENDER_VAULT_AUTH_MOUNT: 'oidc' },
      { method: 'jwt', mount: 'oidc' },
    ],
  ];
  for (const [env, auth] of cases) {
    t.match((await settingsOf({ env: { VAULT_ADDR: 'https://v', ...env } })).vault?.auth, auth);
  }
});

t.test('token names and paths', async (t) => {
  const cases: [yaml: string, problem: RegExp][] = [
    [
      'tokens: { pay/billing: {} }',
      /^tokens\.pay\/billing: has a slash.*call it tokens\.pay-billing and give the place as tokens\.pay-billing\.path/,
    ],
    ['tokens: { Billing: {} }', /^tokens\.Billing: has a name that is not/],
    ['tokens: { client: {} }', /^tokens\.client: is a reserved name/],
    ['tokens: {}', /^tokens: lists no token/],
    ['tokens: [default]', /^tokens: is not a mapping/],
    ['tokens: { default: x }', /^tokens\.default: is not a mapping/],
    ['tokens: { default: { path: a//b } }', /^tokens\.default\.path: has two slashes/],
    ['tokens: { default: { path: ../x } }', /^tokens\.default\.path: .*segment/],
    [
      'tokens: { default: { path: clients } }',
      /^tokens\.default\.path: is the path of the named clients/,
    ],
    ['tokens: { default: { grace: 1s } }', /^tokens\.default\.grace: is below its least 3s/],
    ['tokens: { default: { required: 2 } }', /^tokens\.default\.required: is neither/],
  ];
  for (const [yaml, problem] of cases) {
    const problems = await problemsOf({ env: withVault, yaml });
    t.equal(problems.length, 1, yaml);
    t.match(problems[0], problem);
  }
  const [problem] = await problemsOf({
    env: staticMode,
    yaml: 'tokens: { default: {}, billing: {} }',
  });
  t.match(problem, /^tokens\.billing: has no source.*vault\.address/);
});

t.test('sinks', async (t) => {
  const cases: [sinks: string, problem: RegExp][] = [
    ['x', /^sinks: is not a list/],
    ['[x]', /^sinks\[0\]: is not a mapping/],
    ['[{ name: a, type: file }]', /^sinks\[0\]: is a file sink without a path/],
    ['[{ name: a, type: exec }]', /^sinks\[0\]: is an exec sink without a command/],
    ['[{ name: a, type: pipe }]', /^sinks\[0\]\.type: .*file, exec/],
    ['[{ type: file, path: /x }]', /^sinks\[0\]: has no name/],
    ['[{ name: a, type: file, path: /x, format: template }]', /no template/],
    ['[{ name: a, type: file, path: /x, template: t }]', /another format/],
    [
      '[{ name: a, type: file, path: /x, token: b }]',
      /^sinks\[0\]\.token: names no configured token; write one of default/,
    ],
    ['[{ name: a, type: file, path: /x, mode: 0640 }]', /^sinks\[0\]\.mode: .*octal/],
    ['[{ name: a, type: file, path: /x, paht: /x }]', /^sinks\[0\]\.paht: .*did you mean path\?/],
    ['[{ name: a, type: exec, command: /bin/x }]', /^sinks\[0\]\.command: .*list/],
    [
      '[{ name: a, type: file, path: /x }, { name: a, type: file, path: /y }]',
      /^sinks\[1\]\.name: is the name of another/,
    ],
  ];
  for (const [sinks, problem] of cases) {
    const problems = await problemsOf({ env: staticMode, yaml: `sinks: ${sinks}` });
    t.equal(problems.length, 1, sinks);
    t.match(problems[0], problem);
  }
});
