// What the status page says, as pure functions of `/health` and the time: no document, no clock. Runs in a browser,
// inline, before page.js; a test runs it by itself.
// @ts-check
'use strict';

/** @typedef {import('../../health/body.js').HealthBody} Health */
/** @typedef {import('../../health/body.js').TokenHealth} Token */
/** @typedef {import('../../health/body.js').SinkHealth} Sink */
/** @typedef {'well' | 'warned' | 'ill' | 'plain'} Tone */
/** @typedef {{ readonly tone: Tone, readonly text: string }} Sentence */
/** @typedef {{ readonly byClass: Readonly<Record<string, string>>, readonly unusable: Readonly<Record<string, string>>, readonly sinks: string, readonly otherwise: string }} Advice */
/**
 * A version's stay on the time line; instants in milliseconds since the epoch. `from` null: before anything known.
 * @typedef {{ readonly from: number | null, readonly until: number | null, readonly kind: 'pending' | 'current' | 'superseded' }} Stay
 */
/** @typedef {{ readonly key: string, readonly name: string, readonly says: string, readonly stays: readonly Stay[] }} Lane */

/**
 * A length of time in at most two units: `3h 5m`, `12s`. As `keytender status` writes it.
 * @param {number} seconds
 */
function lengthOf(seconds) {
  return unitsOf(seconds)
    .map(([count, unit]) => `${count}${unit}`)
    .join('\u00a0');
}

/**
 * @param {number} seconds
 * @returns {readonly (readonly [number, string])[]}
 */
function unitsOf(seconds) {
  /** @type {readonly (readonly [string, number])[]} */
  const units = [
    ['d', 86400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ];
  const whole = Math.max(0, Math.floor(seconds));
  const first = units.findIndex(([, size]) => whole >= size);
  if (first < 0) return [[0, 's']];
  let rest = whole;
  /** @type {[number, string][]} */
  const parts = [];
  for (const [unit, size] of units.slice(first, first + 2)) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push([count, unit]);
  }
  return parts;
}

/**
 * An instant as seen from `now`: `in 4s`, `3s ago`, `now`.
 * @param {number} at @param {number} now
 */
function whenOf(at, now) {
  const seconds = Math.round((at - now) / 1000);
  if (seconds === 0) return 'now';
  return seconds > 0 ? `in ${lengthOf(seconds)}` : `${lengthOf(-seconds)} ago`;
}

/** @param {string | null | undefined} text */
function instantOf(text) {
  const at = text === null || text === undefined ? NaN : Date.parse(text);
  return Number.isNaN(at) ? null : at;
}

/**
 * The first thing to read. @param {Health} health @returns {Sentence}
 */
function headlineOf(health) {
  const tokens = Object.values(health.tokens);
  const one = tokens.length === 1;
  switch (health.status) {
    case 'ok':
      return { tone: 'well', text: one ? 'The token is fresh' : 'All tokens are fresh' };
    case 'degraded':
      return {
        tone: 'warned',
        text: tokens.some(({ usable }) => !usable)
          ? 'The required tokens are usable'
          : `The ${one ? 'token is' : 'tokens are'} usable, but not all is well`,
      };
    case 'starting':
      return { tone: 'warned', text: 'Starting: Vault was not read yet' };
    case 'unavailable':
      return { tone: 'ill', text: one ? 'The token cannot be used' : 'A token cannot be used' };
  }
}

/** @param {Token} token @returns {Tone} */
function toneOf(token) {
  if (!token.usable) return 'ill';
  return token.error === null ? 'well' : 'warned';
}

/** @param {number | null} version */
function versionName(version) {
  return version === null ? 'the token' : `version ${version}`;
}

/** @param {Token} token @param {number} now */
function lastRefreshOf(token, now) {
  if (token.last_refresh_ok === null)
    return token.source === 'static' ? 'none: static' : 'none yet';
  const at = instantOf(token.last_attempt_at);
  return `${token.last_refresh_ok ? 'ok' : 'failed'}${at === null ? '' : `, ${whenOf(at, now)}`}`;
}

/** @param {Token} token @param {number} now */
function nextPollOf(token, now) {
  const at = instantOf(token.next_attempt_at);
  if (at === null) return token.source === 'static' ? 'none: static' : 'not planned';
  return at <= now ? 'now' : whenOf(at, now);
}

/** @param {Sink} sink @param {number} now @param {Advice} advice */
function sinkSays(sink, now, advice) {
  const at = instantOf(sink.last_success_at);
  const has = sink.version === null ? '' : versionName(sink.version);
  if (!sink.ok)
    return `failing: ${sink.error ?? 'no reason given'}${has && `; it has ${has}`}. What to do: ${advice.sinks}`;
  return `${has || 'the token'}${at === null ? '' : `, delivered ${whenOf(at, now)}`}`;
}

/**
 * How much of the wait between two polls is over, 0 to 1. @param {Token} token @param {number} now
 */
function waitedOf(token, now) {
  const last = instantOf(token.last_attempt_at);
  const next = instantOf(token.next_attempt_at);
  if (last === null || next === null || next <= last) return 0;
  return Math.min(1, Math.max(0, (now - last) / (next - last)));
}

/**
 * What is wrong with a token: what happened, what to do, what holds meanwhile. Null: nothing.
 * @param {Token} token @param {number} now @param {Advice} advice
 */
function troubleOf(token, now, advice) {
  const { error } = token;
  if (error === null && token.usable) return null;
  const since = instantOf(error?.since);
  const staleAt = instantOf(token.stale_at);
  const attempts = token.consecutive_failures > 1 ? `, ${token.consecutive_failures} attempts` : '';
  const why = token.usable ? '' : (advice.unusable[token.state] ?? 'not usable');
  return {
    name: error?.class ?? token.state,
    since: since === null ? '' : `for ${lengthOf((now - since) / 1000)}${attempts}`,
    what: error?.message ?? why,
    fix: error === null ? '' : (advice.byClass[error.class] ?? ''),
    meanwhile: token.usable
      ? staleAt === null
        ? ''
        : `The token held stays in use for ${lengthOf((staleAt - now) / 1000)} more without Vault.`
      : error === null
        ? ''
        : capital(`${why}.`),
  };
}

/**
 * Why not all is well when no token says why. @param {Health} health @param {Advice} advice
 */
function otherwiseOf({ status, tokens }, advice) {
  const isTold = Object.values(tokens).some(({ error, usable }) => error !== null || !usable);
  return status !== 'degraded' || isTold ? '' : capital(`${advice.otherwise}.`);
}

/**
 * The versions of a token, newest first, each with its stay. `vaultNow`: in Vault's time, as the instants are.
 * `created`: when versions were made, as far as they were seen while they were current.
 * @param {Token} token @param {number} vaultNow @param {ReadonlyMap<number | null, number>} created
 * @returns {readonly Lane[]}
 */
function lanesOf(token, vaultNow, created) {
  const { pending, version } = token;
  const createdAt = instantOf(token.created_at);
  const takesOver = instantOf(pending?.not_before);
  /** @type {Lane[]} */
  const lanes = [];
  if (pending !== null) {
    lanes.push({
      key: `p${pending.version}`,
      name: versionName(pending.version),
      says: `current ${takesOver === null ? 'later' : whenOf(takesOver, vaultNow)}`,
      stays: [
        { from: vaultNow, until: takesOver, kind: 'pending' },
        { from: takesOver, until: null, kind: 'current' },
      ],
    });
  }
  if (token.usable) {
    const expires = instantOf(token.expires_at);
    lanes.push({
      key: `c${version}`,
      name: versionName(version),
      says: `current${expires === null ? '' : ` for ${lengthOf((expires - vaultNow) / 1000)}`}`,
      stays: [{ from: createdAt, until: takesOver ?? expires, kind: 'current' }],
    });
  }
  /** When the version after it was made; null: not known. */
  let followed = createdAt;
  for (const old of token.superseded) {
    const until = instantOf(old.usable_until);
    const from = created.get(old.version) ?? null;
    lanes.push({
      key: `s${old.version}`,
      name: versionName(old.version),
      says: `verifies${until === null ? '' : ` for ${lengthOf((until - vaultNow) / 1000)}`}`,
      stays: [
        ...(followed === null
          ? []
          : [{ from, until: followed, kind: /** @type {const} */ ('current') }]),
        { from: followed, until, kind: 'superseded' },
      ],
    });
    followed = from;
  }
  return lanes;
}

/**
 * Half the width of the time line, milliseconds: the least of a ladder that shows two polls and all that is to come.
 * @param {Token} token @param {number} now
 */
function spanOf(token, now) {
  const last = instantOf(token.last_attempt_at) ?? now;
  const next = instantOf(token.next_attempt_at) ?? now;
  const ends = [token.pending?.not_before, ...token.superseded.map((each) => each.usable_until)];
  const need = Math.max(2 * (next - last), ...ends.map((end) => (instantOf(end) ?? now) - now));
  const minutes = [1, 2, 5, 10, 15, 30, 60, 120, 360, 720, 1440, 4320, 10080, 43200];
  const found = minutes.find((each) => each * 60000 >= need) ?? 43200;
  return found * 60000;
}

/**
 * Where an instant is on a line of ±`span` around now: 0 to 100. @param {number} at @param {number} now @param {number} span
 */
function placeOf(at, now, span) {
  return Math.min(100, Math.max(0, 50 + (50 * (at - now)) / span));
}

/**
 * What happened between two answers, as sentences to read out. @param {Health} before @param {Health} after
 * @param {number} now @returns {readonly Sentence[]}
 */
function changesBetween(before, after, now) {
  /** @type {Sentence[]} */
  const told = [];
  if (after.uptime_seconds < before.uptime_seconds) {
    told.push({ tone: 'plain', text: 'The agent was started anew' });
  }
  const isAlone = Object.keys(after.tokens).length === 1;
  for (const [name, token] of Object.entries(after.tokens)) {
    const was = before.tokens[name];
    if (was === undefined) continue;
    for (const { tone, text } of changesOfToken(was, token, now)) {
      told.push({ tone, text: isAlone ? capital(text) : `${name}: ${text}` });
    }
  }
  for (const [name, sink] of Object.entries(after.sinks ?? {})) {
    const was = before.sinks?.[name];
    if (was === undefined || was.ok === sink.ok) continue;
    told.push(
      sink.ok
        ? { tone: 'well', text: `Sink ${name}: delivered again` }
        : { tone: 'ill', text: `Sink ${name}: ${sink.error ?? 'failed'}` },
    );
  }
  return told;
}

/**
 * @param {Token} was @param {Token} is @param {number} now @returns {readonly Sentence[]}
 */
function changesOfToken(was, is, now) {
  /** @type {Sentence[]} */
  const told = [];
  const tell = (/** @type {Tone} */ tone, /** @type {string} */ text) => {
    told.push({ tone, text });
  };
  if (is.usable && (is.version !== was.version || is.created_at !== was.created_at)) {
    const old = is.superseded.find(({ version }) => version === was.version);
    const until = instantOf(old?.usable_until);
    const grace =
      until === null
        ? ''
        : `; ${versionName(was.version)} still verifies for ${lengthOf((until - now) / 1000)}`;
    tell('well', `${versionName(is.version)} is current${grace}`);
  }
  for (const { version } of was.superseded) {
    const verifies = is.superseded.some((each) => each.version === version);
    if (!verifies && version !== is.version) {
      tell('plain', `${versionName(version)} does not verify any more`);
    }
  }
  if (is.pending !== null && is.pending.version !== was.pending?.version) {
    tell('plain', `version ${is.pending.version} is published and takes over later`);
  }
  if (was.pending !== null && is.pending === null && is.version !== was.pending.version) {
    tell('plain', `version ${was.pending.version} will not take over`);
  }
  if (was.usable && !is.usable) tell('ill', `cannot be used any more: ${is.state}`);
  if (is.error !== null && is.error.class !== was.error?.class) {
    tell(toneOf(is), `refresh fails: ${is.error.class}, ${is.error.message}`);
  }
  if (is.error === null && was.error !== null) tell('well', 'the refresh works again');
  return told;
}

/** @param {string} text */
function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
