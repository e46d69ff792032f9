import t from 'tap';
import type { FailureClass } from '../../src/health/failure.js';
import { failureOfLogin, outcomeOfRead } from '../../src/vault/failure-of-answer.js';
import type { VaultAnswer } from '../../src/vault/vault-answer.js';

const location = { mount: 'secret', pathPrefix: 'keytender', deployment: 'default', path: 'token' };

function answer(status: number, body: unknown, retryAfter: string | null = null): VaultAnswer {
  const bodyText = typeof body === 'string' ? body : JSON.stringify(body);
  return { status, headers: { date: null, retryAfter, location: null }, bodyText };
}

const read = (status: number, body: unknown, version?: number): ReturnType<typeof outcomeOfRead> =>
  outcomeOfRead(answer(status, body), {
    location,
    nowMs: 0,
    ...(version === undefined ? {} : { version }),
  });

const html = '<html><body>502 Bad Gateway</body></html>';

// the failure table of docs/errors.md, row by row
const rows: readonly (readonly [string, number, unknown, FailureClass, RegExp])[] = [
  ['a sealed node', 503, { errors: ['Vault is sealed'] }, 'vault_sealed', /unseal/],
  ['a node not initialised', 503, { errors: ['Vault is sealed'] }, 'vault_sealed', /unseal/],
  ['a sealed node, as sys/health says it', 503, { sealed: true }, 'vault_sealed', /unseal/],
  ['a sealed node behind a proxy', 503, 'Vault is sealed', 'vault_sealed', /unseal/],
  ['another 503', 503, { errors: ['unsealed, but busy'] }, 'vault_error', /503/],
  ['a 503 of a proxy', 503, html, 'vault_error', /503/],
  ['500', 500, { errors: ['1 error occurred'] }, 'vault_error', /500/],
  ['502', 502, html, 'vault_error', /502/],
  ['504', 504, '', 'vault_error', /504/],
  ['412', 412, { errors: ['required index state not present'] }, 'vault_error', /412/],
  ['400', 400, { errors: ['relative paths not supported'] }, 'vault_refused', /vault\.address/],
  ['405', 405, { errors: [] }, 'vault_refused', /405/],
  [
    'plain HTTP to a TLS port',
    400,
    'Client sent an HTTP request to an HTTPS server.\n',
    'vault_refused',
    /https:\/\//,
  ],
  ['307 elsewhere', 307, '', 'vault_standby', /vault\.address/],
  ['429', 429, { errors: ['rate limit quota exceeded'] }, 'vault_rate_limited', /rate/],
  [
    '403',
    403,
    { errors: ['permission denied'] },
    'vault_forbidden',
    /path "secret\/data\/keytender\/default\/\*" \{ capabilities = \["read"\] \}/,
  ],
  ['a secret never written', 404, { errors: [] }, 'secret_absent', /vault kv put -mount=secret/],
  [
    'a mount that does not exist',
    404,
    { errors: ['no handler for route "secret/data/x". route entry not found.'] },
    'secret_absent',
    /nothing is mounted at "secret"/,
  ],
  [
    'a namespace that does not exist',
    404,
    { errors: ['namespace not found'] },
    'secret_absent',
    /vault\.namespace/,
  ],
  [
    'a path that is not below data',
    404,
    { data: null, warnings: ['Invalid path for a versioned K/V secrets engine. See the API docs'] },
    'secret_absent',
    /set vault\.mount/,
  ],
  ['a 404 of a proxy', 404, html, 'secret_absent', /vault\.address/],
  ['a 404 with data and no metadata', 404, { data: {} }, 'secret_absent', /404/],
  ['200, not JSON', 200, html, 'secret_malformed', /not JSON/],
  ['200, cut off', 200, '{"data":{"data":{"tok', 'secret_malformed', /not JSON/],
  ['200, empty', 200, '', 'secret_malformed', /not JSON/],
  ['200, KV v1', 200, { data: { token: 'abc' } }, 'secret_malformed', /kv version 2/],
  ['204', 204, '', 'secret_malformed', /204/],
  ['206', 206, '{', 'secret_malformed', /206/],
  ['301', 301, '', 'vault_standby', /301/],
  ['401', 401, '', 'vault_refused', /401/],
  ['418', 418, '', 'vault_refused', /418/],
  ['472', 472, '', 'vault_refused', /472/],
  ['507', 507, '', 'vault_error', /507/],
];

for (const [name, status, body, failureClass, message] of rows) {
  t.test(`${name} is ${failureClass} and says what to do`, async (t) => {
    t.match(read(status, body), { ok: false, failure: { class: failureClass, message } });
  });
}

t.test('a bare 404 to a read by number is unknown, any other 404 is absent', async (t) => {
  t.match(read(404, { errors: [] }, 3), { ok: true, reading: { kind: 'unknown' } });
  for (const body of [
    { errors: ['namespace not found'] },
    html,
    { errors: ['no handler for route'] },
  ]) {
    t.match(read(404, body, 3), { ok: false, failure: { class: 'secret_absent' } });
  }
});

t.test('a live secret that comes with 404 is not taken', async (t) => {
  const metadata = { version: 1, created_time: '2026-01-01T00:00:00Z' };
  const body = { data: { data: { token: 'abc' }, metadata } };
  t.match(read(404, body), { ok: false, failure: { class: 'secret_malformed' } });
});

t.test('Retry-After of a 429 goes on within its bounds, and only there', async (t) => {
  const context = { location, nowMs: 0 };
  t.match(outcomeOfRead(answer(429, '', '7'), context), { failure: { retryAfterMs: 7_000 } });
  t.match(outcomeOfRead(answer(429, '', '7200'), context), { failure: { retryAfterMs: 300_000 } });
  const none = outcomeOfRead(answer(429, '', null), context);
  t.notOk(!none.ok && 'retryAfterMs' in none.failure);
  const other = outcomeOfRead(answer(503, '', '7'), context);
  t.notOk(!other.ok && 'retryAfterMs' in other.failure);
});

const logins: readonly (readonly [number, unknown, FailureClass])[] = [
  [400, { errors: ['invalid role or secret ID'] }, 'vault_login_failed'],
  [403, { errors: ['permission denied'] }, 'vault_login_failed'],
  [404, { errors: ['no handler for route'] }, 'vault_login_failed'],
  [405, { errors: [] }, 'vault_login_failed'],
  [500, { errors: ['missing role_id'] }, 'vault_login_failed'],
  [429, '', 'vault_rate_limited'],
  [412, '', 'vault_error'],
  [502, '', 'vault_error'],
  [503, { errors: ['Vault is sealed'] }, 'vault_sealed'],
  [307, '', 'vault_standby'],
];

for (const [status, body, failureClass] of logins) {
  t.test(`a login answered ${status} is ${failureClass}`, async (t) => {
    t.equal(failureOfLogin(answer(status, body), 0).class, failureClass);
  });
}

t.test('nothing that Vault sent stands in a message', async (t) => {
  const canary = 'canary-5f1c';
  const phrases = [
    '',
    'Vault is sealed ',
    'no handler for route ',
    'namespace ',
    'unsupported path ',
  ];
  for (let status = 200; status < 600; status += 1) {
    for (const phrase of phrases) {
      const body = {
        errors: [`${phrase}${canary}`],
        warnings: [`Invalid path for a versioned K/V ${canary}`],
        data: { [canary]: canary, data: canary, metadata: { version: canary, [canary]: 1 } },
      };
      for (const text of [JSON.stringify(body), JSON.stringify({ errors: body.errors }), canary]) {
        const outcome = outcomeOfRead(
          {
            status,
            headers: { date: canary, retryAfter: canary, location: canary },
            bodyText: text,
          },
          { location, nowMs: 0 },
        );
        if (outcome.ok) throw new Error('not a secret');
        const failures = [outcome.failure, failureOfLogin(answer(status, text), 0)];
        if (JSON.stringify(failures).includes(canary)) t.fail(`${status} ${text}`);
      }
    }
  }
  t.pass('none of them');
});
