// What a fleet's metrics look like to Prometheus while something happens to it, told as functions of time, and written
// as the input of `promtool test rules`. Times are seconds from the start of a story; a value of null is no sample.
import { stringify } from 'yaml';

export type Value = (at: number) => number | null;

/** Keys: the name of a metric, with labels where it has any, as Prometheus writes them. */
export type Series = Readonly<Record<string, Value>>;

export interface Story {
  readonly name: string;
  readonly seconds: number;
  /** 15 unless it takes days. */
  readonly stepSeconds?: number;
  /** One a pod. What differs from `healthy`; null: it has no such series. */
  readonly agents: readonly Readonly<Record<string, Value | null>>[];
  /** `severity/alert` of everything that fires at any time in it. */
  readonly fires: readonly string[];
  /** All of `fires` have gone silent at its end. */
  readonly heals?: boolean;
}

export const MINUTE = 60;
export const HOUR = 3600;
export const DAY = 86_400;
const token = '{token="default"}';

export const constant =
  (value: number): Value =>
  () =>
    value;
/** `usual`, but from one time to another. */
export const between =
  (from: number, to: number, then: Value | number, usual: Value | number): Value =>
  (at) => {
    const chosen = at >= from && at < to ? then : usual;
    return typeof chosen === 'number' ? chosen : chosen(at);
  };
/** A counter that grows by `perMinute` from one time to another. */
export const growing =
  (perMinute: number, from = 0, to = Infinity): Value =>
  (at) =>
    at <= from ? 0 : (Math.min(at, to) - from) * (perMinute / 60);
/** Polled each minute until Vault goes, and again from when it is back. */
export const lastSuccess =
  (goneFrom = Infinity, backAt = Infinity): Value =>
  (at) =>
    Math.floor((at >= goneFrom && at < backAt ? goneFrom : at) / 60) * 60;
/** A login of this time that is renewed at two thirds of it, give or take. */
export const renewedLogin =
  (ttl: number, share = 0.73): Value =>
  (at) =>
    Math.floor(at / (ttl * share)) * ttl * share + ttl;
export const plus =
  (value: Value, more: number): Value =>
  (at) => {
    const found = value(at);
    return found === null ? null : found + more;
  };

export const states = ['fresh', 'stale', 'initial', 'static', 'expired', 'revoked', 'absent'];
/** The seven series of the state: it is `state` where `isIt`, else fresh. */
export function stateSeries(
  state: string,
  isIt: (at: number) => boolean,
  usual = 'fresh',
): Record<string, Value> {
  const of = (it: string): Value => {
    return (at) => Number(it === (isIt(at) ? state : usual));
  };
  return Object.fromEntries(
    states.map((it) => [`keytender_token_state{token="default",state="${it}"}`, of(it)]),
  );
}

const verified = (result: string, key: string, caller: string): string =>
  `keytender_signature_verifications_total{purpose="api",result="${result}",key="${key}",caller="${caller}"}`;
export const okWith = (key: string): string => verified('ok', key, 'holder');
export const refusedFor = (reason: string): string => verified(reason, 'none', 'none');
export const replays = verified('replay', 'current', 'holder');
export const sinkWrites = (outcome: string): string =>
  `keytender_sink_writes_total{sink="app",outcome="${outcome}"}`;
export const ofToken = (name: string): string => `keytender_${name}${token}`;

/** An agent that has run for an hour, polls each minute and has nothing to complain of. */
export const healthy: Series = {
  up: constant(1),
  [ofToken('token_usable')]: constant(1),
  ...stateSeries('fresh', () => true),
  [ofToken('token_version')]: constant(7),
  [ofToken('token_created_timestamp_seconds')]: constant(-DAY),
  [ofToken('token_usable_until_timestamp_seconds')]: plus(lastSuccess(), 72 * HOUR),
  [ofToken('token_regressions_total')]: constant(0),
  [ofToken('refresh_last_ok')]: constant(1),
  [ofToken('refresh_last_success_timestamp_seconds')]: lastSuccess(),
  [ofToken('refresh_next_attempt_timestamp_seconds')]: plus(lastSuccess(), 65),
  keytender_vault_login_expiry_timestamp_seconds: renewedLogin(HOUR),
  keytender_vault_budget_refusals_total: constant(0),
  keytender_config_last_reload_successful: constant(1),
  [okWith('current')]: growing(600),
  [okWith('superseded')]: constant(0),
  [replays]: constant(0),
  ...Object.fromEntries(
    ['signature_mismatch', 'missing_signature', 'before_start', 'unknown_key'].map((it) => [
      refusedFor(it),
      constant(it === 'missing_signature' ? 3 : 0),
    ]),
  ),
  [sinkWrites('ok')]: constant(1),
  [sinkWrites('failed')]: constant(0),
  [sinkWrites('timeout')]: constant(0),
};

/** An agent that is not there then: no series, and the last ones are ended as Prometheus ends them. */
export function absentWhen(
  isAway: (at: number) => boolean,
  series: Readonly<Record<string, Value | null>> = {},
): Record<string, Value | null> {
  const all = { ...healthy, ...series };
  return Object.fromEntries(
    Object.entries(all).map(([name, value]) => [
      name,
      value === null ? null : (at: number) => (isAway(at) ? null : value(at)),
    ]),
  );
}

function valuesOf(value: Value, times: readonly number[]): string {
  let wasThere = false;
  return times
    .map((at) => {
      const now = value(at);
      const text =
        now === null ? (wasThere ? 'stale' : '_') : String(now).replace('Infinity', 'Inf');
      wasThere = now !== null;
      return text;
    })
    .join(' ');
}

function labelled(name: string, pod: number): string {
  const scrape = `cluster="one",namespace="shop",job="keytender",pod="app-${pod}",instance="10.0.0.${pod}:8211"`;
  return name.endsWith('}') ? `${name.slice(0, -1)},${scrape}}` : `${name}{${scrape}}`;
}

function testOf(story: Story): unknown {
  const step = story.stepSeconds ?? 15;
  const times = Array.from({ length: Math.floor(story.seconds / step) + 1 }, (_, at) => at * step);
  const fired = story.fires.map((it) => {
    const [severity = '', alertname = ''] = it.split('/');
    return { labels: `{alertname="${alertname}", severity="${severity}"}`, value: 1 };
  });
  const end = `${story.seconds}s`;
  const ever = `ALERTS{alertstate="firing"}`;
  return {
    name: story.name,
    interval: `${step}s`,
    input_series: story.agents.flatMap((agent, pod) =>
      Object.entries({ ...healthy, ...agent })
        .filter((entry): entry is [string, Value] => entry[1] !== null)
        .map(([name, value]) => ({ series: labelled(name, pod), values: valuesOf(value, times) })),
    ),
    promql_expr_test: [
      {
        expr: `group by (alertname, severity) (count_over_time(${ever}[7d]))`,
        eval_time: end,
        exp_samples: fired,
      },
      {
        expr: `count_over_time(ALERTS{severity="page", instance!=""}[7d])`,
        eval_time: end,
        exp_samples: [],
      },
      ...(story.heals === true ? [{ expr: ever, eval_time: end, exp_samples: [] }] : []),
    ],
  };
}

/** A file for `promtool test rules`. */
export function promtoolFile(rules: string, groups: readonly string[], story: Story): string {
  return stringify(
    {
      rule_files: [rules],
      evaluation_interval: `${story.stepSeconds ?? 15}s`,
      group_eval_order: groups,
      tests: [testOf(story)],
    },
    { lineWidth: 0, aliasDuplicateObjects: false },
  );
}
