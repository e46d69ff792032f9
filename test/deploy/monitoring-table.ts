// The stories: what fires each alert, and what must not fire any.
import {
  absentWhen,
  between,
  constant,
  DAY,
  growing,
  healthy,
  HOUR,
  lastSuccess,
  MINUTE,
  ofToken,
  okWith,
  plus,
  refusedFor,
  renewedLogin,
  replays,
  sinkWrites,
  stateSeries,
  type Story,
  type Value,
} from './monitoring-stories.js';

type Agent = Story['agents'][number];
const three = (agent: Agent): readonly Agent[] => [agent, agent, agent];
const oneOfThree = (agent: Agent): readonly Agent[] => [agent, {}, {}];

/** Vault does not answer from one time to another. */
function vaultAway(from: number, to: number, staleAfter = 72 * HOUR): Record<string, Value> {
  const good = lastSuccess(from, to);
  return {
    [ofToken('refresh_last_ok')]: between(from, to, 0, 1),
    ...stateSeries('stale', (at) => at >= from && at < to),
    [ofToken('refresh_last_success_timestamp_seconds')]: good,
    [ofToken('token_usable_until_timestamp_seconds')]: plus(good, staleAfter),
    [ofToken('refresh_next_attempt_timestamp_seconds')]: (at) => at + 30,
  };
}

/** As an agent is that has had no answer of Vault yet. */
function withoutToken(from: number, to: number): Record<string, Value> {
  const later = (value: Value): Value => between(from, to, () => null, value);
  const unset = [
    ...['token_version', 'token_created_timestamp_seconds'],
    ...['token_usable_until_timestamp_seconds', 'refresh_last_success_timestamp_seconds'],
  ].map((name) => [ofToken(name), later(healthy[ofToken(name)] ?? constant(0))] as const);
  return {
    [ofToken('token_usable')]: between(from, to, 0, 1),
    ...stateSeries('absent', (at) => at >= from && at < to),
    ...Object.fromEntries(unset),
    keytender_vault_login_expiry_timestamp_seconds: later(renewedLogin(HOUR)),
  };
}

function takenAway(from: number, to: number): Record<string, Value> {
  return {
    [ofToken('token_usable')]: between(from, to, 0, 1),
    ...stateSeries('revoked', (at) => at >= from && at < to),
  };
}

/** Another token from `at` on; callers keep to the old one until `movedAt`. Its grace is 300 s. */
function rotation(at: number, movedAt: number, createdAt = at): Record<string, Value> {
  return {
    [ofToken('token_version')]: between(0, at, 7, 8),
    [ofToken('token_created_timestamp_seconds')]: between(0, at, -DAY, createdAt),
    [ofToken('token_superseded_until_timestamp_seconds')]: between(
      at,
      at + 300,
      at + 300,
      () => null,
    ),
    [okWith('superseded')]: growing(600, at, movedAt),
  };
}

export const firing: readonly Story[] = [
  {
    name: 'the token of all agents is revoked, and healed five minutes later',
    seconds: 20 * MINUTE,
    agents: three(takenAway(300, 600)),
    fires: ['page/KeytenderTokenUnusable'],
    heals: true,
  },
  {
    name: 'two of three agents get no token for twenty minutes',
    seconds: 40 * MINUTE,
    agents: [withoutToken(300, 1500), withoutToken(300, 1500), {}],
    fires: ['page/KeytenderTokenUnusable', 'ticket/KeytenderTokenUnusable'],
    heals: true,
  },
  {
    name: 'one of three agents gets no token: nobody is woken',
    seconds: 40 * MINUTE,
    agents: oneOfThree(withoutToken(300, 1500)),
    fires: ['ticket/KeytenderTokenUnusable'],
    heals: true,
  },
  {
    name: 'the only agent of a namespace has no token',
    seconds: 12 * MINUTE,
    agents: [withoutToken(60, 900)],
    fires: ['page/KeytenderTokenUnusable'],
  },
  {
    name: 'Vault is away for twenty minutes',
    seconds: 40 * MINUTE,
    agents: three(vaultAway(300, 1500)),
    fires: ['page/KeytenderRefreshFailing', 'ticket/KeytenderRefreshFailing'],
    heals: true,
  },
  {
    name: 'one of three agents cannot read: nobody is woken',
    seconds: 40 * MINUTE,
    agents: oneOfThree(vaultAway(300, 1500)),
    fires: ['ticket/KeytenderRefreshFailing'],
    heals: true,
  },
  {
    name: 'Vault is away for three quarters of max_stale',
    seconds: 3 * HOUR,
    agents: three(vaultAway(300, 2 * HOUR, 2 * HOUR)),
    fires: [
      'page/KeytenderRefreshFailing',
      'page/KeytenderStaleSoon',
      'ticket/KeytenderRefreshFailing',
      'ticket/KeytenderStaleSoon',
    ],
    heals: true,
  },
  {
    name: 'the token has an end, and it is near',
    seconds: 2 * HOUR,
    agents: three({ [ofToken('token_usable_until_timestamp_seconds')]: constant(7 * HOUR) }),
    fires: ['page/KeytenderTokenExpiresSoon'],
  },
  {
    name: 'the loops of all agents stop',
    seconds: 20 * MINUTE,
    agents: three({ [ofToken('refresh_next_attempt_timestamp_seconds')]: constant(60) }),
    fires: ['page/KeytenderLoopDead', 'ticket/KeytenderLoopDead'],
  },
  {
    name: 'the loop of one agent stops: nobody is woken',
    seconds: 30 * MINUTE,
    agents: oneOfThree({
      [ofToken('refresh_next_attempt_timestamp_seconds')]: between(0, 1200, 60, (at) => at + 60),
    }),
    fires: ['ticket/KeytenderLoopDead'],
    heals: true,
  },
  {
    name: 'nobody has rotated for 90 days',
    seconds: 2 * HOUR,
    stepSeconds: 60,
    agents: three({ [ofToken('token_created_timestamp_seconds')]: constant(-90 * DAY) }),
    fires: ['ticket/KeytenderTokenOld'],
  },
  {
    name: 'a Vault that was restored answers with an older version for a quarter of an hour',
    seconds: 45 * MINUTE,
    agents: three({
      [ofToken('token_regressions_total')]: growing(1, 300, 1170),
      [ofToken('refresh_last_ok')]: between(300, 1170, 0, 1),
    }),
    fires: ['ticket/KeytenderRegressed'],
    heals: true,
  },
  {
    name: 'requests are replayed',
    seconds: 40 * MINUTE,
    agents: three({ [replays]: growing(20, 300, 900) }),
    fires: ['ticket/KeytenderReplaysRising'],
    heals: true,
  },
  {
    name: 'signatures do not hold',
    seconds: 40 * MINUTE,
    agents: three({ [refusedFor('signature_mismatch')]: growing(20, 300, 900) }),
    fires: ['ticket/KeytenderSignatureFailuresRising'],
    heals: true,
  },
  {
    name: 'refusals that were there an hour ago, and are three times as many now and more',
    seconds: 2 * HOUR,
    agents: [
      {
        [refusedFor('unknown_key')]: (at) =>
          (growing(1)(at) ?? 0) + (growing(9, 5400, 6600)(at) ?? 0),
      },
    ],
    fires: ['ticket/KeytenderSignatureFailuresRising'],
  },
  {
    name: 'a caller keeps to the old token until its grace is over',
    seconds: 30 * MINUTE,
    agents: oneOfThree(rotation(600, 900)),
    fires: ['ticket/KeytenderSupersededKeyInUse'],
    heals: true,
  },
  {
    name: 'a login of an hour is not renewed',
    seconds: HOUR,
    agents: oneOfThree({
      keytender_vault_login_expiry_timestamp_seconds: (at) => (at < HOUR ? HOUR : null),
    }),
    fires: ['ticket/KeytenderLoginExpiring'],
    heals: true,
  },
  {
    name: 'a Vault token that was given ends in six hours',
    seconds: 26 * HOUR,
    stepSeconds: 300,
    agents: oneOfThree({ keytender_vault_login_expiry_timestamp_seconds: constant(30 * HOUR) }),
    fires: ['ticket/KeytenderLoginExpiring'],
  },
  {
    name: 'the budget holds requests back',
    seconds: 40 * MINUTE,
    agents: oneOfThree({ keytender_vault_budget_refusals_total: growing(6, 300, 1200) }),
    fires: ['ticket/KeytenderBudgetRefusals'],
    heals: true,
  },
  {
    name: 'a sink fails again and again',
    seconds: 45 * MINUTE,
    agents: oneOfThree({ [sinkWrites('failed')]: growing(1, 300, 1500) }),
    fires: ['ticket/KeytenderSinkFailing'],
    heals: true,
  },
  {
    name: 'a reload is refused, and one later is taken',
    seconds: 20 * MINUTE,
    agents: oneOfThree({ keytender_config_last_reload_successful: between(300, 900, 0, 1) }),
    fires: ['ticket/KeytenderReloadFailed'],
    heals: true,
  },
  {
    name: 'an agent does not answer',
    seconds: 30 * MINUTE,
    agents: oneOfThree({
      ...absentWhen((at) => at >= 300 && at < 1200),
      up: between(300, 1200, 0, 1),
    }),
    fires: ['ticket/KeytenderNotScraped'],
    heals: true,
  },
];

const hourly: Value = (at) => Math.floor(at / HOUR) * HOUR;
const bornAt = (at: number, series: Agent = {}): Agent => absentWhen((now) => now < at, series);

const silences: readonly Omit<Story, 'fires'>[] = [
  { name: 'nothing happens', seconds: 3 * HOUR, agents: three({}) },
  {
    name: 'cold start',
    seconds: 30 * MINUTE,
    agents: three(
      bornAt(60, {
        ...withoutToken(0, 150),
        up: (at) => (at < 60 ? null : at < 90 ? 0 : 1),
        keytender_vault_budget_refusals_total: growing(12, 60, 120),
      }),
    ),
  },
  {
    name: 'cold start while Vault is away for five minutes',
    seconds: 30 * MINUTE,
    agents: three(bornAt(60, { ...withoutToken(0, 390), ...vaultAwayAtStart(60, 390) })),
  },
  {
    name: 'restart of every agent, with requests under way that were signed before it',
    seconds: 40 * MINUTE,
    agents: three(
      absentWhen((at) => at >= 600 && at < 630, {
        up: (at) => (at >= 600 && at < 630 ? 0 : 1),
        [okWith('current')]: (at) => (at < 600 ? at * 10 : (at - 630) * 10),
        [refusedFor('before_start')]: growing(600, 630, 690),
      }),
    ),
  },
  {
    name: 'a rotation, followed within interval and jitter',
    seconds: 40 * MINUTE,
    agents: three(rotation(600, 670)),
  },
  {
    name: 'a rotation that was written an hour ahead',
    seconds: 40 * MINUTE,
    agents: three(rotation(600, 600, 600 - HOUR)),
  },
  { name: 'five minutes without Vault', seconds: HOUR, agents: three(vaultAway(600, 900)) },
  {
    name: 'five minutes without Vault, when a login was due to be renewed',
    seconds: HOUR,
    agents: three({
      ...vaultAway(2628, 2928),
      keytender_vault_login_expiry_timestamp_seconds: between(0, 2928, HOUR, 2928 + HOUR),
    }),
  },
  {
    name: 'static mode',
    seconds: 2 * HOUR,
    agents: three({
      ...Object.fromEntries(
        Object.keys(healthy)
          .filter((name) => /refresh_|login|created|version\{|regressions/.test(name))
          .map((name) => [name, null]),
      ),
      ...stateSeries('static', () => true),
      [ofToken('token_usable_until_timestamp_seconds')]: constant(Infinity),
    }),
  },
  {
    name: 'a login without expiry',
    seconds: 2 * HOUR,
    agents: three({ keytender_vault_login_expiry_timestamp_seconds: null }),
  },
  {
    name: 'scaled to zero',
    seconds: 2 * HOUR,
    agents: three(absentWhen((at) => at >= 600)),
  },
  ...[25 * MINUTE, 2 * HOUR, 5 * HOUR, DAY, 5 * DAY].map((ttl) => ({
    name: `a login of ${ttl / 60} minutes that is renewed at three quarters of its time`,
    seconds: Math.max(2 * HOUR, 2 * ttl),
    stepSeconds: ttl > 2 * HOUR ? 300 : 60,
    agents: [{ keytender_vault_login_expiry_timestamp_seconds: renewedLogin(ttl) }],
  })),
  {
    name: 'one answer of a lagging standby',
    seconds: HOUR,
    agents: three({
      [ofToken('token_regressions_total')]: between(0, 600, 0, 1),
      [ofToken('refresh_last_ok')]: between(600, 660, 0, 1),
    }),
  },
  {
    name: 'one delivery that fails',
    seconds: HOUR,
    agents: three({ [sinkWrites('failed')]: between(0, 600, 0, 1) }),
  },
  {
    name: 'max_stale as short as the interval, which is an hour',
    seconds: 3 * HOUR,
    agents: three({
      [ofToken('refresh_last_success_timestamp_seconds')]: hourly,
      [ofToken('refresh_next_attempt_timestamp_seconds')]: plus(hourly, HOUR),
      [ofToken('token_usable_until_timestamp_seconds')]: plus(hourly, HOUR),
    }),
  },
  {
    name: 'refusals as many as an hour ago, and a few replays',
    seconds: 40 * MINUTE,
    agents: three({ [refusedFor('unknown_key')]: growing(0.3), [replays]: growing(0.3) }),
  },
];

/** What differs where Vault has not answered yet: the last attempt failed, the next one waits for its backoff. */
function vaultAwayAtStart(from: number, to: number): Record<string, Value> {
  return {
    [ofToken('refresh_last_ok')]: between(from, to, 0, 1),
    [ofToken('refresh_next_attempt_timestamp_seconds')]: (at) => at + 30,
  };
}

export const silent: readonly Story[] = silences.map((story) => ({ ...story, fires: [] }));
