import t from 'tap';
import { parseHealth, type HealthAnswer } from '../../../src/cli/status/health-answer.js';
import { renderHealth } from '../../../src/cli/status/render.js';
import { failureClasses } from '../../../src/health/failure.js';
import { healthBody } from '../fake-agent.js';

const now = Date.parse('2026-01-01T00:00:12Z');

function answer(
  token: Record<string, unknown> = {},
  top: Record<string, unknown> = {},
): HealthAnswer {
  const health = parseHealth(healthBody(token, top));
  if (health === null) throw new Error('not an answer');
  return health;
}

t.test('a fresh token is a line of aligned facts, and nothing is to be done', async (t) => {
  t.equal(
    renderHealth(answer(), now, { colour: false }),
    `app-0: ok (keytender 0.1.0, vault mode, up 1h 2m)

TOKEN    STATE  VERSION  AGE  LAST REFRESH  NEXT
default  fresh  7        12s  ok, 3s ago    in 57s

vault: http://127.0.0.1:8200, logged in
`,
  );
});

t.test(
  'a failing refresh says since when, what to do, and until when the token lasts',
  async (t) => {
    const text = renderHealth(
      answer(
        {
          state: 'stale',
          last_refresh_ok: false,
          consecutive_failures: 4,
          error: {
            class: 'vault_sealed',
            since: '2026-01-01T00:00:02Z',
            message: 'Vault is sealed',
          },
          stale_at: '2026-01-01T01:00:12Z',
        },
        { status: 'degraded' },
      ),
      now,
      { colour: false },
    );
    t.match(text, 'app-0: degraded');
    t.match(text, 'failed, 3s ago');
    t.match(text, 'default: vault_sealed since 10s ago, 4 attempts: Vault is sealed');
    t.match(text, 'fix: unseal Vault: vault operator unseal');
    t.match(text, 'stays in use until 2026-01-01T01:00:12Z (in 1h)');
  },
);

t.test('every class of failure has its advice', async (t) => {
  for (const failureClass of failureClasses) {
    const error = { class: failureClass, since: null, message: 'x' };
    t.match(renderHealth(answer({ error }), now, { colour: false }), /fix: \S/, failureClass);
  }
});

t.test('an unusable token says why, for each state that is none', async (t) => {
  for (const [state, words] of [
    ['revoked', /revoked in Vault/],
    ['expired', /too old/],
    ['absent', /no token yet/],
    ['of-a-newer-agent', /not usable/],
  ] as const) {
    t.match(renderHealth(answer({ state, usable: false }), now, { colour: false }), words);
  }
});

t.test('a rotation under way is told: what still verifies, what takes over', async (t) => {
  const text = renderHealth(
    answer({
      superseded: [{ version: 6, usable_until: '2026-01-01T00:05:12Z' }],
      pending: { version: 8, not_before: '2026-01-01T02:00:12Z' },
    }),
    now,
    { colour: false },
  );
  t.match(text, 'version 6 still verifies for 5m');
  t.match(text, 'version 8 takes over in 2h');
});

t.test('static mode has no Vault, no version and no refresh', async (t) => {
  const token = { state: 'static', version: null, last_refresh_ok: null, next_attempt_at: null };
  const text = renderHealth(answer(token, { mode: 'static', vault: null }), now, { colour: false });
  t.match(text, /default {2}static {2}- {8}12s {2}- {13}-\n/);
  t.notMatch(text, /vault:/);
});

t.test('sinks and a clock that differs are told', async (t) => {
  const text = renderHealth(
    answer(
      {},
      {
        sinks: {
          file: { ok: false, version: 6, last_success_at: null, error: 'ENOSPC' },
          restarter: {
            ok: true,
            version: 7,
            last_success_at: '2026-01-01T00:00:02Z',
            error: null,
          },
        },
        vault: {
          authenticated: false,
          login_expires_at: '2026-01-01T01:00:12Z',
          clock_offset_seconds: -40,
        },
      },
    ),
    now,
    { colour: false },
  );
  t.match(
    text,
    `
SINK       STATE    VERSION  DELIVERED
file       failing  6        -
restarter  ok       7        10s ago

`,
  );
  t.match(text, /^sink file: ENOSPC\n {2}fix: see to the path/m);
  t.match(text, 'vault: not logged in, login ends in 1h, its clock differs by -40 s');
});

t.test('colour changes no column, and is there only when asked for', async (t) => {
  const plain = renderHealth(answer(), now, { colour: false });
  const coloured = renderHealth(answer(), now, { colour: true });
  t.notMatch(plain, '\u001b');
  t.match(coloured, '\u001b[32mfresh\u001b[0m');
  t.equal(coloured.replaceAll(/\u001b\[\d+m/g, ''), plain);
});

t.test('what an agent sends cannot steer the terminal', async (t) => {
  const text = renderHealth(
    answer({ state: '\u001b[2Jx', error: { class: 'x\u0007', since: null, message: 'a\r\nb' } }),
    now,
    { colour: false },
  );
  t.notMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f]/);
});

t.test('what is no answer of an agent is none, and missing fields are', async (t) => {
  for (const body of [null, 1, 'ok', [], {}, { status: 'ok' }, { status: 1, tokens: {} }]) {
    t.equal(parseHealth(body), null);
  }
  const sparse = parseHealth({ status: 'ok', tokens: { a: {}, b: 1 } });
  t.same([...(sparse?.tokens.keys() ?? [])], ['a']);
  t.match(renderHealth(sparse!, now, { colour: false }), 'unnamed: ok');
});

t.test('an agent that is degraded for no token says for what it may be', async (t) => {
  const text = renderHealth(answer({}, { status: 'degraded' }), now, { colour: false });
  t.match(text, /^degraded: the login could not be renewed, or half of refresh\.max_stale/m);
  t.notMatch(renderHealth(answer(), now, { colour: false }), 'could not be renewed');
});
