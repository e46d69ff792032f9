// What the status page says of an answer, without a browser: its pure script, run by itself.
import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { adviceByClass, whyUnusable } from '../../src/health/advice.js';
import type { HealthBody, TokenHealth } from '../../src/health/body.js';
import { ageOf, relative } from '../../src/cli/status/relative-time.js';
import { healthBody } from './start-http.js';

interface Lane {
  readonly name: string;
  readonly says: string;
  readonly stays: readonly {
    readonly from: number | null;
    readonly until: number | null;
    readonly kind: string;
  }[];
}

interface View {
  lengthOf(seconds: number): string;
  whenOf(at: number, now: number): string;
  headlineOf(health: HealthBody): { tone: string; text: string };
  toneOf(token: TokenHealth): string;
  lastRefreshOf(token: TokenHealth, now: number): string;
  nextPollOf(token: TokenHealth, now: number): string;
  waitedOf(token: TokenHealth, now: number): number;
  sinkSays(sink: NonNullable<HealthBody['sinks']>[string], now: number, advice: object): string;
  otherwiseOf(health: HealthBody, advice: object): string;
  troubleOf(token: TokenHealth, now: number, advice: object): Record<string, string> | null;
  lanesOf(token: TokenHealth, now: number, created: Map<number | null, number>): readonly Lane[];
  spanOf(token: TokenHealth, now: number): number;
  placeOf(at: number, now: number, span: number): number;
  changesBetween(
    before: HealthBody,
    after: HealthBody,
    now: number,
  ): readonly { tone: string; text: string }[];
}

const source = readFileSync(new URL('../../src/http/status-page/view.js', import.meta.url), 'utf8');
const context: Record<string, unknown> = {};
runInNewContext(source, context);
const view = context as unknown as View;

const now = Date.parse('2026-01-01T00:00:12Z');
const advice = {
  byClass: adviceByClass,
  unusable: whyUnusable,
  sinks: 'see to it',
  otherwise: 'the login could not be renewed',
};
const template = healthBody().tokens['default'];
if (template === undefined) throw new Error('no token');
const fresh: TokenHealth = {
  ...template,
  last_refresh_ok: true,
  consecutive_failures: 0,
  error: null,
  superseded: [],
  pending: null,
};

function healthOf(token: Partial<TokenHealth>, top: Partial<HealthBody> = {}): HealthBody {
  return { ...healthBody(), tokens: { default: { ...fresh, ...token } }, ...top };
}

/** As it is read: a space that does not break is a space. */
function plain(text: string): string {
  return text.replaceAll('\u00a0', ' ');
}

function told(before: HealthBody, after: HealthBody): readonly string[] {
  return [...view.changesBetween(before, after, now)].map(({ text }) => plain(text));
}

t.test('times read as keytender status writes them', async (t) => {
  for (const seconds of [-3, 0, 0.9, 1, 59, 60, 61, 3599, 3600, 86_399, 86_400, 90_061, 1e9]) {
    t.equal(plain(view.lengthOf(seconds)), ageOf(seconds));
    for (const sign of [1, -1]) {
      const at = now + sign * seconds * 1000;
      t.equal(plain(view.whenOf(at, now)), relative(new Date(at).toISOString(), now));
    }
  }
});

t.test('the headline says the status, one token or several', async (t) => {
  const two = { a: fresh, b: fresh };
  for (const [health, tone, text] of [
    [healthOf({}, { status: 'ok' }), 'well', /^The token is fresh/],
    [healthOf({}, { status: 'ok', tokens: two }), 'well', /^All tokens are fresh/],
    [healthOf({}, { status: 'degraded' }), 'warned', /token is usable, but/],
    [healthOf({ usable: false }, { status: 'degraded' }), 'warned', /required tokens are usable/],
    [healthOf({}, { status: 'starting' }), 'warned', /^Starting/],
    [healthOf({}, { status: 'unavailable' }), 'ill', /cannot be used/],
  ] as const) {
    t.match(view.headlineOf(health), { tone, text });
  }
});

t.test('a poll in flight is now, an outcome has its age, static mode has neither', async (t) => {
  t.equal(view.lastRefreshOf(fresh, now), 'ok, 2s ago');
  t.equal(view.lastRefreshOf({ ...fresh, last_refresh_ok: false }, now), 'failed, 2s ago');
  t.equal(view.lastRefreshOf({ ...fresh, last_refresh_ok: null }, now), 'none yet');
  t.equal(plain(view.nextPollOf(fresh, now)), 'in 58s');
  t.equal(view.nextPollOf(fresh, now + 3_600_000), 'now');
  const held: TokenHealth = {
    ...fresh,
    source: 'static',
    last_refresh_ok: null,
    next_attempt_at: null,
  };
  t.equal(view.lastRefreshOf(held, now), 'none: static');
  t.equal(view.nextPollOf(held, now), 'none: static');
  t.equal(view.waitedOf(held, now), 0);
  t.equal(view.waitedOf(fresh, now).toFixed(3), (2 / 60).toFixed(3));
  t.equal(view.waitedOf(fresh, now + 3_600_000), 1);
});

t.test('trouble says what happened, what to do, and what holds meanwhile', async (t) => {
  t.equal(view.troubleOf(fresh, now, advice), null);
  const sealed = view.troubleOf({ ...template, consecutive_failures: 4 }, now, advice);
  t.match(sealed, { name: 'vault_sealed', since: 'for 7s, 4 attempts', fix: /unseal/ });
  t.match(plain(sealed?.['meanwhile'] ?? ''), 'stays in use for 2d 23h more');
  for (const state of ['revoked', 'expired', 'absent'] as const) {
    const said = view.troubleOf({ ...fresh, usable: false, state }, now, advice);
    t.match(said, { name: state, what: whyUnusable[state] });
  }
  for (const failure of Object.keys(adviceByClass) as (keyof typeof adviceByClass)[]) {
    const error = { class: failure, since: '2026-01-01T00:00:05Z', message: 'x' };
    t.equal(view.troubleOf({ ...fresh, error }, now, advice)?.['fix'], adviceByClass[failure]);
  }
});

t.test('the time line shows no stay of a version that was not seen', async (t) => {
  const token = {
    ...fresh,
    superseded: [
      { version: 6, usable_until: '2026-01-01T00:05:00Z' },
      { version: 5, usable_until: '2026-01-01T00:04:00Z' },
    ],
    pending: { version: 8, not_before: '2026-01-01T00:01:12Z' },
  };
  const created = Date.parse('2026-01-01T00:00:00Z');
  const strange = view.lanesOf(token, now, new Map());
  t.same(
    [...strange].map(({ name, says }) => plain(`${name}: ${says}`)),
    [
      'version 8: current in 1m',
      'version 7: current',
      'version 6: verifies for 4m 48s',
      'version 5: verifies for 3m 48s',
    ],
  );
  const [, , six, five] = strange;
  t.match(six?.stays, [
    { from: null, until: created, kind: 'current' },
    { from: created, kind: 'superseded' },
  ]);
  t.match(five?.stays, [{ from: null, kind: 'superseded' }], 'when 6 was made is not known');
  const seen = view.lanesOf(token, now, new Map([[6, created - 9000]]));
  t.match(seen[2]?.stays[0], { from: created - 9000, until: created });
  t.match(seen[3]?.stays[0], { from: null, until: created - 9000, kind: 'current' });
  const none = view.lanesOf({ ...fresh, usable: false }, now, new Map());
  t.equal(none.length, 0, 'nothing current, nothing shown as current');
});

t.test('the time line is as wide as what is to come, and nothing leaves it', async (t) => {
  t.equal(view.spanOf(fresh, now), 120_000, 'two polls of a minute');
  const late = [{ version: 6, usable_until: '2026-03-01T00:00:00Z' }];
  const span = view.spanOf({ ...fresh, superseded: late }, now);
  t.equal(span, 43_200 * 60_000, 'at most 30 days');
  t.equal(view.placeOf(now, now, span), 50);
  t.equal(view.placeOf(now + 2 * span, now, span), 100);
  t.equal(view.placeOf(now - 2 * span, now, span), 0);
});

t.test('an answer like the one before tells nothing', async (t) => {
  t.same(told(healthOf({}), healthOf({ age_seconds: 13 }, { uptime_seconds: 41 })), []);
});

t.test('a rotation is told once, with what still verifies; its end too', async (t) => {
  const after = healthOf({
    version: 8,
    created_at: '2026-01-01T00:00:10Z',
    superseded: [{ version: 7, usable_until: '2026-01-01T00:05:12Z' }],
  });
  t.same(told(healthOf({}), after), ['Version 8 is current; version 7 still verifies for 5m']);
  const ended = healthOf({ version: 8, created_at: '2026-01-01T00:00:10Z' });
  t.same(told(after, ended), ['Version 7 does not verify any more']);
});

t.test('an outage is told when it begins, changes and ends', async (t) => {
  const failing = (name: 'vault_sealed' | 'vault_timeout', since: string): HealthBody =>
    healthOf({ error: { class: name, since, message: 'm' }, last_refresh_ok: false });
  const sealed = failing('vault_sealed', '2026-01-01T00:00:05Z');
  t.same(told(healthOf({}), sealed), ['Refresh fails: vault_sealed, m']);
  t.same(told(sealed, sealed), []);
  const slow = failing('vault_timeout', '2026-01-01T00:00:09Z');
  t.same(told(sealed, slow), ['Refresh fails: vault_timeout, m']);
  t.same(told(slow, healthOf({})), ['The refresh works again']);
  const revoked = healthOf({ usable: false, state: 'revoked' });
  t.same(told(healthOf({}), revoked), ['Cannot be used any more: revoked']);
});

t.test('pending versions, sinks and a new start are told; several tokens by name', async (t) => {
  const pending = healthOf({ pending: { version: 8, not_before: '2026-01-02T00:00:00Z' } });
  t.same(told(healthOf({}), pending), ['Version 8 is published and takes over later']);
  t.same(told(pending, healthOf({})), ['Version 8 will not take over']);
  const sink = { ok: true, version: 7, last_success_at: null, error: null };
  const well = healthOf({}, { sinks: { file: sink } });
  const full = healthOf({}, { sinks: { file: { ...sink, ok: false, error: 'the disk is full' } } });
  t.same(told(well, full), ['Sink file: the disk is full']);
  t.same(told(full, well), ['Sink file: delivered again']);
  t.same(told(healthOf({}), healthOf({}, { uptime_seconds: 1 })), ['The agent was started anew']);
  const two = healthOf({}, { tokens: { a: fresh, b: fresh } });
  const gone = healthOf({}, { tokens: { a: fresh, b: { ...fresh, usable: false } } });
  t.match(told(two, gone), [/^b: cannot be used/]);
});

t.test('a sink says what it has, and why it has not', async (t) => {
  const sink = { ok: true, version: 7, last_success_at: '2026-01-01T00:00:10Z', error: null };
  t.equal(plain(view.sinkSays(sink, now, advice)), 'version 7, delivered 2s ago');
  t.equal(
    view.sinkSays({ ...sink, ok: false, error: 'the disk is full' }, now, advice),
    'failing: the disk is full; it has version 7. What to do: see to it',
  );
  t.equal(
    view.sinkSays({ ok: false, version: null, last_success_at: null, error: 'x' }, now, advice),
    'failing: x. What to do: see to it',
  );
});

t.test('an agent that is degraded for no token says for what it may be', async (t) => {
  const degraded = (token: Partial<TokenHealth>): HealthBody =>
    healthOf(token, { status: 'degraded' });
  t.equal(view.otherwiseOf(degraded({}), advice), 'The login could not be renewed.');
  t.equal(view.otherwiseOf(degraded({ error: template.error }), advice), '');
  t.equal(view.otherwiseOf(healthOf({}), advice), '');
});
