// Where a setting comes from, under which names, and what is said of names that are none.
import t from 'tap';
import { canonicalName, environment, environmentNames, fileKeys } from '../../src/config/names.js';
import { settings } from '../../src/config/settings.js';
import {
  load,
  problemsOf,
  settingsOf,
  staticMode,
  TOKEN,
  warningsOf,
  withVault,
} from './loading.js';
import { MemoryFiles } from './memory-files.js';

t.test('defaults give way to the file, the file to the environment, that to flags', async (t) => {
  const yaml = 'refresh:\n  interval: 30s\n  jitter: 1s\n';
  const env = { ...staticMode, KEYTENDER_REFRESH_INTERVAL: '20s' };
  t.equal((await settingsOf({ env: staticMode })).refresh.intervalMs, 60_000);
  t.equal((await settingsOf({ env: staticMode, yaml })).refresh.intervalMs, 30_000);
  t.equal((await settingsOf({ env, yaml })).refresh.intervalMs, 20_000);
  const { refresh } = await settingsOf({ env, yaml, flags: ['refresh.interval=10s'] });
  t.equal(refresh.intervalMs, 10_000);
  t.equal(refresh.jitterMs, 1_000, 'what only the file says still holds');
});

t.test('a secret from a later source replaces one from an earlier, in either form', async (t) => {
  const files = new MemoryFiles({ '/run/token': 'from-the-file-that-is-named-x32x\n' });
  const yaml = 'token: { initial_file: /run/token }';
  const first = await settingsOf({ files, yaml });
  t.equal(await first.token.initial?.read(), 'from-the-file-that-is-named-x32x');
  const second = await settingsOf({ files, yaml, env: { AGENT_TOKEN: TOKEN } });
  t.equal(await second.token.initial?.read(), TOKEN);
});

t.test('every alias of the table works', async (t) => {
  const cases: Record<
    string,
    [string, (c: Awaited<ReturnType<typeof settingsOf>>) => unknown, unknown]
  > = {
    VAULT_ADDRESS: ['https://b/', (c) => c.vault?.addresses, ['https://b']],
    BAO_ADDR: ['https://b', (c) => c.vault?.addresses, ['https://b']],
    VAULT_NAMESPACE: ['admin/', (c) => c.vault?.namespace, 'admin'],
    BAO_NAMESPACE: ['admin', (c) => c.vault?.auth.namespace, 'admin'],
    VAULT_CACERT: ['/pem', (c) => c.vault?.caCert, '/pem'],
    VAULT_TLS_SERVER_NAME: ['v', (c) => c.vault?.tlsServerName, 'v'],
    VAULT_CLIENT_TIMEOUT: ['30', (c) => c.vault?.timeoutMs, 30_000],
    VAULT_AGENT_PATH_PREFIX: [
      'kv/app',
      (c) => [c.vault?.mount, c.vault?.pathPrefix],
      ['kv', 'app'],
    ],
    DEPLOYMENT_HASH: ['a1b2', (c) => c.deployment, 'a1b2'],
    VAULT_ROLE_ID: ['role', (c) => c.vault?.auth.method, 'approle'],
    VAULT_TOKEN_FILE: ['/secret', (c) => c.vault?.auth.token?.file, '/secret'],
    AGENT_TOKEN_FILE: ['/secret', (c) => c.token.initial?.file, '/secret'],
    AGENT_ID: ['a', (c) => [c.agent.id, c.agent.idWritten], ['a', true]],
    AGENT_SCOPES: ['token:list, token:read', (c) => c.agent.scopes, ['token:list', 'token:read']],
    SIGNATURE_MAX_SKEW_SECS: [
      '60',
      (c) => c.signature,
      { maxSkewMs: 60_000, replayTtlMs: 120_000, legacy: 'refuse' },
    ],
    REPLAY_TTL_SECS: ['1200', (c) => c.signature.replayTtlMs, 1_200_000],
    LEGACY_SIGNATURES: ['accept', (c) => c.signature.legacy, 'accept'],
    RATE_LIMIT_PER_MIN: ['7', (c) => c.limits.requestsPerMinute, 7],
    LOG_LEVEL: ['DEBUG', (c) => c.log.level, 'debug'],
  };
  const files = new MemoryFiles({ '/pem': 'PEM', '/secret': TOKEN });
  for (const [name, [value, look, expected]] of Object.entries(cases)) {
    const base = /_ADDR/.test(name) ? {} : { VAULT_ADDR: 'https://v' };
    t.same(look(await settingsOf({ files, env: { ...base, [name]: value } })), expected, name);
  }
});

t.test('names are unique, and every setting has its canonical one', async (t) => {
  const names = Object.keys(settings).flatMap((key) =>
    environmentNames(key as keyof typeof settings),
  );
  t.equal(new Set(names).size, names.length);
  t.equal(canonicalName('vault.auth.secret_id'), 'KEYTENDER_VAULT_AUTH_SECRET_ID');
  t.ok(environment.has('KEYTENDER_VAULT_AUTH_SECRET_ID_FILE'));
  t.ok(environment.has('BAO_TOKEN_FILE'));
  t.ok(fileKeys.has('token.initial_file'));
});

t.test('two names of one setting may agree, but not differ', async (t) => {
  const env = { ...withVault, VAULT_ADDRESS: 'https://vault.example.com:8200/' };
  t.equal((await load({ env })).ok, true, 'the same when normalised');
  t.same(await problemsOf({ env: { ...withVault, VAULT_ADDRESS: 'https://other' } }), [
    'VAULT_ADDRESS: is another name of VAULT_ADDR (vault.address), with another value; remove one of them',
  ]);
  const [problem = ''] = await problemsOf({ env: { ...withVault, BAO_TOKEN: 'hvs.other' } });
  t.match(problem, /^BAO_TOKEN: is another name of VAULT_TOKEN/);
  t.notMatch(problem, /hvs/);
});

t.test('a secret and its file in one source are an error', async (t) => {
  const env = { AGENT_TOKEN: TOKEN, AGENT_TOKEN_FILE: '/secret' };
  t.same(await problemsOf({ env, files: new MemoryFiles({ '/secret': TOKEN }) }), [
    'AGENT_TOKEN_FILE: is set beside AGENT_TOKEN: a secret has one source; remove AGENT_TOKEN (or AGENT_TOKEN_FILE)',
  ]);
});

t.test('an unknown name is an error that says what was meant', async (t) => {
  const cases: [string, RegExp][] = [
    ['KEYTENDER_REFRESH_INTERVALL', /did you mean KEYTENDER_REFRESH_INTERVAL\?/],
    ['KEYTENDER_VAULT_ADDR', /did you mean VAULT_ADDR\?/],
    ['KEYTENDER_AGENT_TOKEN', /did you mean AGENT_TOKEN\?/],
    ['KEYTENDER_TOKENS_DEFAULT_PATH', /no environment names/],
    ['KEYTENDER_WHOLLY_UNHEARD_OF', /docs\/configuration\.md/],
  ];
  for (const [name, fix] of cases) {
    const problems = await problemsOf({ env: { ...staticMode, [name]: 'x' } });
    t.equal(problems.length, 1, name);
    t.match(problems[0], new RegExp(`^${name}: is not a setting; `));
    t.match(problems[0], fix);
  }
});

t.test('an unknown file key or flag is one too', async (t) => {
  const cases: [string, string][] = [
    [
      'refresh: { intervall: 5s }',
      'refresh.intervall: is not a setting; did you mean refresh.interval?',
    ],
    ['refersh: { interval: 5s }', 'refersh: is not a setting; did you mean refresh?'],
    ['interval: 5s', 'interval: is not a setting; did you mean refresh.interval?'],
    [
      'tokens: { default: { pth: x } }',
      'tokens.default.pth: is not a setting of a token; write one of path, field, grace, required (did you mean path?)',
    ],
    [
      '__proto__: { polluted: true }',
      '__proto__: is not a setting; remove it, or look the key up in docs/configuration.md',
    ],
  ];
  for (const [yaml, problem] of cases)
    t.same(await problemsOf({ env: staticMode, yaml }), [problem]);
  t.same(await problemsOf({ env: staticMode, flags: ['refresh.jiter=1s'] }), [
    'refresh.jiter: is not a setting; did you mean refresh.jitter?',
  ]);
  t.match(
    (await problemsOf({ env: staticMode, flags: ['jitter'] }))[0],
    /^--set: is not followed by key=value/,
  );
  t.match((await problemsOf({ env: staticMode, flags: ['sinks=x'] }))[0], /settings file/);
  t.match(
    (await problemsOf({ env: staticMode, flags: ['log.level=info', 'log.level=warn'] }))[0],
    /^log\.level: is given twice/,
  );
});

t.test('names that Kubernetes makes for services are never settings', async (t) => {
  const env = {
    ...staticMode,
    KEYTENDER_PORT: 'tcp://10.0.0.1:8210',
    KEYTENDER_SERVICE_HOST: '10.0.0.1',
    KEYTENDER_SERVICE_PORT: '8210',
    KEYTENDER_SERVICE_PORT_HTTP: '8210',
    KEYTENDER_PORT_8210_TCP: 'tcp://10.0.0.1:8210',
    KEYTENDER_PORT_8210_TCP_ADDR: '10.0.0.1',
    KEYTENDER_PORT_8210_TCP_PORT: '8210',
    KEYTENDER_PORT_8210_TCP_PROTO: 'tcp',
    KEYTENDER_METRICS_SERVICE_HOST: '10.0.0.1',
    KEYTENDER_METRICS_PORT_9090_TCP: 'tcp://10.0.0.1:9090',
    VAULT_PORT: 'tcp://10.0.0.2:8200',
    VAULT_SERVICE_HOST: '10.0.0.2',
    VAULT_PORT_8200_TCP_ADDR: '10.0.0.2',
  };
  t.same(await warningsOf({ env }), []);
});

t.test("Vault's names that are not honoured are named in one warning", async (t) => {
  const env = {
    ...withVault,
    VAULT_CAPATH: '/x',
    BAO_FORMAT: 'json',
    VAULT_MAX_RETRIES: '',
    VAULT_SKIP_VERIFY: '0',
  };
  t.same(await warningsOf({ env }), [
    "not honoured, unlike by Vault's own tools: BAO_FORMAT, VAULT_CAPATH",
  ]);
});

t.test('skipping the verification of certificates is refused, under either name', async (t) => {
  for (const [name, value] of [
    ['VAULT_SKIP_VERIFY', 'true'],
    ['BAO_SKIP_VERIFY', '1'],
    ['VAULT_SKIP_VERIFY', 'T'],
  ] as const) {
    const [problem = ''] = await problemsOf({ env: { ...withVault, [name]: value } });
    t.match(problem, new RegExp(`^${name}: .*VAULT_CACERT`));
  }
});

t.test('an empty variable is unset, but empties a list', async (t) => {
  const { agent, deployment, vault } = await settingsOf({
    env: { ...staticMode, VAULT_ADDR: '', DEPLOYMENT_HASH: '', AGENT_SCOPES: '' },
  });
  t.same([agent.scopes, deployment, vault], [[], 'default', null]);
});

t.test('a secret on the command line is taken, with a warning', async (t) => {
  const flags = [`token.initial=${TOKEN}`];
  const warnings = await warningsOf({ flags });
  t.match(warnings, [/command line.*token\.initial_file/]);
  t.notMatch(String(warnings), TOKEN);
});

t.test('neither vault.address nor token.initial: one problem that names both', async (t) => {
  const [problem = '', ...more] = await problemsOf({});
  t.match(problem, /vault\.address.*token\.initial/);
  t.equal(more.length, 0);
});

t.test('all mistakes are told at once, from every source', async (t) => {
  const problems = await problemsOf({
    yaml: 'refresh: { interval: soon, jiter: 1s }\nlisten: { socket_mode: 0660 }',
    env: { ...withVault, KEYTENDER_LIMITS_WAITERS: '-1', VAULT_SKIP_VERIFY: 'yes' },
    flags: ['vault.auth.method=ldap'],
  });
  t.same(problems.map((problem) => problem.split(':')[0]).sort(), [
    'KEYTENDER_LIMITS_WAITERS',
    'VAULT_SKIP_VERIFY',
    'listen.socket_mode',
    'refresh.interval',
    'refresh.jiter',
    'vault.auth.method',
  ]);
});

t.test('settings are frozen to their depth', async (t) => {
  const config = await settingsOf({ env: withVault });
  t.ok(Object.isFrozen(config));
  t.ok(Object.isFrozen(config.tokens[0]));
  t.ok(Object.isFrozen(config.vault?.auth));
});

t.test(
  'tokens can be set by file and flags; without default there is none of that name',
  async (t) => {
    const yaml = 'tokens:\n  billing:\n    path: pay/billing\n  spare:\n';
    const { tokens } = await settingsOf({
      env: withVault,
      yaml,
      flags: ['tokens.billing.required=false'],
    });
    t.same(tokens, [
      { name: 'billing', path: 'pay/billing', field: 'token', graceMs: 300_000, required: false },
      { name: 'spare', path: 'spare', field: 'token', graceMs: 300_000, required: true },
    ]);
  },
);
