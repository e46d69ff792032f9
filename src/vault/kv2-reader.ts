// Reads one secret: takes the login, asks once, says what came. After a 403 it has the login looked at, and asks once more
// with another where that one was dead; after a bare 404 it asks once whether the mount has versions at all. Expected
// failures are values.
import type { Clock } from '../platform/clock.js';
import { absentCause, absentSentence, isKvVersion1 } from './absent-secret.js';
import { failureOfStatus, outcomeOfRead, type ReadOutcome } from './failure-of-answer.js';
import type { HeldLogin } from './held-login.js';
import type { LoginSession } from './login-session.js';
import { mountProbePath, policyPath, secretPath, type SecretLocation } from './secret-path.js';
import { parseBody, type VaultAnswer } from './vault-answer.js';
import type { CallOptions, Interpreted, VaultCaller } from './vault-caller.js';

export interface Kv2ReadOptions extends CallOptions {
  /** A version ≥ 1; absent: the newest. */
  readonly version?: number;
}

/** Structurally the `SecretReader` of refresh/. */
export interface Kv2Reader {
  read(options: Kv2ReadOptions): Promise<ReadOutcome>;
  clockOffsetMs(): number;
}

export interface Kv2ReaderOptions {
  readonly location: SecretLocation;
  readonly namespace: string | null;
  readonly clock: Clock;
  readonly caller: VaultCaller;
  readonly session: LoginSession;
  readonly clockOffsetMs: () => number;
}

export function buildKv2Reader(options: Kv2ReaderOptions): Kv2Reader {
  const { location, session } = options;
  const path = secretPath(location);
  /** What an absent secret was explained with; null while it is not absent. */
  let explained: ReadOutcome | null = null;

  return {
    clockOffsetMs: options.clockOffsetMs,
    async read(readOptions) {
      const { version } = readOptions;
      if (version !== undefined && !(Number.isSafeInteger(version) && version >= 1)) {
        throw new RangeError('a version is a whole number from 1: 0 and below mean the newest');
      }
      const asked = await askAuthorised(options, path, readOptions);
      if (!('held' in asked)) return asked;
      if (asked.outcome.ok) {
        if (version === undefined) explained = null;
        session.accepted(asked.held);
        return asked.outcome;
      }
      if (asked.hasAnswer) session.accepted(asked.held);
      if (!asked.isBare) return asked.outcome;
      explained ??= await explainAbsent(options, asked.held, readOptions, asked.outcome);
      return explained ?? asked.outcome;
    },
  };
}

interface Asked {
  readonly outcome: ReadOutcome;
  /** Vault looked at the login: it is not a proxy, a sealed node or a broken line that answered. */
  readonly hasAnswer: boolean;
  readonly isForbidden: boolean;
  readonly isBare: boolean;
}

/**
 * Asks with the login in use. When that turns out to be dead it is replaced at once, and the read tried again, once: so
 * that an agent heals by the first attempt after its login was revoked. What two logins were refused is a refusal.
 */
async function askAuthorised(
  options: Kv2ReaderOptions,
  path: string,
  readOptions: Kv2ReadOptions,
): Promise<(Asked & { readonly held: HeldLogin }) | Extract<ReadOutcome, { ok: false }>> {
  const { session, clock, location } = options;
  const startedMs = clock.monotonicMs();
  for (let isLast = false; ; isLast = true) {
    const current = await session.current(readOptions);
    if (!current.ok) return current;
    const { held } = current;
    const asked = await ask(options, path, held, readOptions);
    if (!asked.isForbidden) return { ...asked, held };
    const { isAlive, again } = await session.refused(held, startedMs, readOptions);
    if (isLast || !again) return forbidden(isAlive, location);
  }
}

async function ask(
  options: Kv2ReaderOptions,
  path: string,
  held: HeldLogin,
  readOptions: Kv2ReadOptions,
): Promise<Asked> {
  const { location, namespace, clock, caller } = options;
  const { version } = readOptions;
  const request = {
    method: 'GET',
    path: version === undefined ? path : `${path}?version=${version}`,
    vaultToken: held.login.vaultToken,
    namespace,
  } as const;
  let status = 0;
  let isBare = false;
  const interpret = (answer: VaultAnswer): Interpreted<ReadOutcome> => {
    status = answer.status;
    isBare = status === 404 && absentCause(parseBody(answer)) === 'bare';
    const nowMs = clock.now();
    const context = version === undefined ? { location, nowMs } : { location, nowMs, version };
    return interpreted(outcomeOfRead(answer, context));
  };
  const operation = version === undefined ? 'read' : 'read_version';
  const result = await caller.call(operation, request, readOptions, interpret);
  return {
    outcome: result.ok ? result.value : result,
    hasAnswer: status === 404,
    isForbidden: status === 403,
    isBare,
  };
}

function interpreted(outcome: ReadOutcome): Interpreted<ReadOutcome> {
  if (!outcome.ok) return outcome;
  switch (outcome.reading.kind) {
    case 'live':
      return { ok: true, value: outcome };
    case 'deleted':
      return { ok: true, value: outcome, outcome: 'secret_deleted' };
    case 'destroyed':
      return { ok: true, value: outcome, outcome: 'secret_destroyed' };
    case 'unknown':
      return { ok: true, value: outcome, outcome: 'secret_absent' };
  }
}

function forbidden(
  isAlive: boolean | null,
  location: SecretLocation,
): Extract<ReadOutcome, { ok: false }> {
  const failure = { class: 'vault_forbidden', message: sentence(isAlive, location) } as const;
  return { ok: false, failure: isAlive === false ? { ...failure, isLoginDead: true } : failure };
}

function sentence(isAlive: boolean | null, location: SecretLocation): string {
  const policy = `\`path "${policyPath(location)}" { capabilities = ["read"] }\``;
  switch (isAlive) {
    case true:
      return `the login may not read the secret (403): its policy needs ${policy}, or the mount does not exist`;
    case false:
      return 'the login is expired, revoked or unknown to vault (403): give a Vault token that lives';
    case null:
      return `vault refused the read (403): the login is dead, the mount does not exist, or its policy needs ${policy}`;
  }
}

/** null: it could not be asked now; the next read tries again. */
async function explainAbsent(
  { location, namespace, clock, caller }: Kv2ReaderOptions,
  held: HeldLogin,
  callOptions: CallOptions,
  bare: ReadOutcome,
): Promise<ReadOutcome | null> {
  const request = {
    method: 'GET',
    path: mountProbePath(location),
    vaultToken: held.login.vaultToken,
    namespace,
  } as const;
  const interpret = (answer: VaultAnswer): Interpreted<boolean> => {
    if (answer.status === 200) return { ok: true, value: isKvVersion1(parseBody(answer)) };
    const failure = failureOfStatus(answer, clock.now());
    // a policy that does not allow it is an answer: there is no more to learn
    if (answer.status < 500) return { ok: true, value: false, outcome: failure.class };
    return { ok: false, failure };
  };
  const result = await caller.call('mounts', request, callOptions, interpret);
  if (!result.ok) return null;
  if (!result.value) return bare;
  const message = absentSentence('kv_version_1', location);
  return { ok: false, failure: { class: 'secret_absent', message } };
}
