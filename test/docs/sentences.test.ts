// The sentences quoted under "Troubleshooting" are those that the program says, each under its class.
import t from 'tap';
import { failureClasses, type Failure } from '../../src/health/failure.js';
import { systemClock } from '../../src/platform/clock.js';
import { attemptRefresh } from '../../src/refresh/attempt.js';
import type { SecretReading } from '../../src/token/reading.js';
import { TokenStore } from '../../src/token/store.js';
import { absentSentence } from '../../src/vault/absent-secret.js';
import { buildTokenAuth } from '../../src/vault/auth/token-auth.js';
import { outcomeOfRead } from '../../src/vault/failure-of-answer.js';
import { failureOfError } from '../../src/vault/failure-of-error.js';
import { answered, FakeReader } from '../fixtures/fake-reader.js';
import { gone, live } from '../fixtures/readings.js';
import { page } from './markdown.js';

const location = {
  mount: 'secret',
  pathPrefix: 'keytender',
  deployment: 'default',
  path: 'token',
};

function answer(status: number, bodyText: string): Failure | null {
  const headers = { date: null, retryAfter: null, location: null };
  const outcome = outcomeOfRead({ status, bodyText, headers }, { location, nowMs: 0 });
  return outcome.ok ? null : outcome.failure;
}

function error(code: string): Failure {
  return failureOfError(Object.assign(new Error('of a test'), { code }));
}

function absent(cause: Parameters<typeof absentSentence>[0]): Failure {
  return { class: 'secret_absent', message: absentSentence(cause, location) };
}

/** What a refresh comes to when Vault has one version and then answers this. */
async function refresh(then: SecretReading): Promise<Failure | null> {
  const limits = { graceMs: 300_000, supersededMax: 4, onDeleted: 'keep' } as const;
  const store = new TokenStore({ field: 'token', limits, shortGraceMs: 0, now: Date.now() });
  store.observeNewest(live(2, 'held', 0), Date.now());
  const reader = new FakeReader(({ version }) =>
    answered(version === undefined ? then : { kind: 'unknown' }),
  );
  const options = { budget: 'poll', signal: new AbortController().signal } as const;
  const parts = { store, reader, clock: systemClock };
  return (await attemptRefresh(parts, options)).failure;
}

function withField(token: string): SecretReading {
  return { ...live(3, '', 0), fields: { token } } as SecretReading;
}

type Setting = Parameters<typeof buildTokenAuth>[0];
type Context = Parameters<ReturnType<typeof buildTokenAuth>['login']>[0];

async function login(read: () => Promise<string>, lookup: string): Promise<Failure | null> {
  const setting = { file: '/run/secrets/vault-token', read } as Setting;
  const caller = {
    clockOffsetMs: () => 0,
    call: async (_: unknown, __: unknown, ___: unknown, interpret: (a: unknown) => unknown) =>
      interpret({ status: 200, bodyText: lookup, headers: {} }),
  };
  const signal = new AbortController().signal;
  const context = { caller, namespace: null, nowMs: 0, budget: 'poll', signal };
  const result = await buildTokenAuth(setting).login(context as unknown as Context);
  return result.ok ? null : result.failure;
}

const failures: readonly (Failure | null)[] = [
  error('ECONNREFUSED'),
  error('ENOTFOUND'),
  error('SELF_SIGNED_CERT_IN_CHAIN'),
  error('ERR_TLS_CERT_ALTNAME_INVALID'),
  error('ERR_SSL_WRONG_VERSION_NUMBER'),
  error('DEADLINE'),
  error('UND_ERR_RES_EXCEEDED_MAX_SIZE'),
  answer(503, '{"errors":["Vault is sealed"]}'),
  answer(500, '{}'),
  answer(400, 'Client sent an HTTP request to an HTTPS server.'),
  answer(400, '{"errors":[]}'),
  answer(307, ''),
  answer(429, '{"errors":[]}'),
  answer(403, '{"errors":["permission denied"]}'),
  answer(404, '{"errors":[]}'),
  answer(200, '<html>'),
  absent('kv_version_1'),
  absent('no_mount'),
  absent('no_namespace'),
  await login(() => Promise.reject(new Error('ENOENT')), ''),
  await login(
    () => Promise.resolve('hvs.of-a-test'),
    '{"data":{"ttl":60,"num_uses":3,"renewable":true,"type":"service"}}',
  ),
  await refresh(gone('deleted', 3, 1000)),
  await refresh(gone('destroyed', 2, 0)),
  await refresh({ ...live(3, '', 0), fields: {} } as SecretReading),
  await refresh(withField(`${'x'.repeat(32)}\n`)),
  await refresh(withField('12345678')),
  await refresh(live(1, 'older', -1000)),
];

/** `class: sentence`, as the page lists them. */
const quoted = [
  ...page('VAULT_INTEGRATION.md').matchAll(/^- `([a-z_]+)`\n((?: {2}.*\n)+)/gm),
].flatMap(([, name = '', items = '']) =>
  [...items.matchAll(/^ {2}- (`+)(.+?)(?<!`)\1(?!`)/gm)].map(
    ([, , sentence = '']) => `${name}: ${sentence.trim()}`,
  ),
);
const said = failures.map((one) => (one === null ? 'nothing' : `${one.class}: ${one.message}`));

t.test('each quoted sentence is said, and each of these is quoted', async (t) => {
  t.strictSame([...quoted].sort(), [...said].sort());
});

t.test('each failure class has a sentence', async (t) => {
  const classes = new Set(quoted.map((line) => line.split(':')[0]));
  t.strictSame([...classes].sort(), [...failureClasses].sort());
});
