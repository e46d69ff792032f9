// From what Vault answered to what happened: the table of docs/errors.md, row by row, pure. Says nothing that Vault
// said: error bodies can hold secrets, so messages are ours, and name what to do.
import type { Failure, FailureClass } from '../health/failure.js';
import type { SecretReading } from '../token/reading.js';
import { absentCause, absentSentence } from './absent-secret.js';
import { decodeKv2, hasVersionMetadata } from './kv2-reading.js';
import { retryAfterMs } from './retry-after.js';
import { policyPath, type SecretLocation } from './secret-path.js';
import { errorTexts, isObject, parseBody, type VaultAnswer } from './vault-answer.js';

/** Structurally what a `SecretReader` returns. */
export type ReadOutcome =
  | { readonly ok: true; readonly reading: SecretReading }
  | { readonly ok: false; readonly failure: Failure };

export interface ReadContext {
  readonly location: SecretLocation;
  /** The version asked for; absent: the newest. */
  readonly version?: number;
  /** Our wall clock, for a `Retry-After` that is a date. Milliseconds since the epoch. */
  readonly nowMs: number;
}

/** What the answer to a read of KV v2 means. Never throws, whatever the answer is. */
export function outcomeOfRead(answer: VaultAnswer, context: ReadContext): ReadOutcome {
  if (answer.status === 404) return outcomeOf404(answer, context);
  if (answer.status === 403) return fail('vault_forbidden', forbiddenSentence(context.location));
  if (answer.status !== 200) return failWith(failureOfStatus(answer, context.nowMs));
  return outcomeOfBody(parseBody(answer), context.version);
}

/** What a login that did not answer 200 means. 400, 403, 404 and 500 are all ways to refuse one. */
export function failureOfLogin(answer: VaultAnswer, nowMs: number): Failure {
  const isRefusal = answer.status === 500 || (answer.status >= 400 && answer.status < 500);
  if (!isRefusal || answer.status === 429 || answer.status === 412) {
    return failureOfStatus(answer, nowMs);
  }
  return {
    class: 'vault_login_failed',
    message: `the login was refused (${answer.status}): check vault.auth.method, vault.auth.mount, vault.auth.role and the credential`,
  };
}

/** What a status means on its own, for every operation. Total: every status has a class. */
export function failureOfStatus(answer: VaultAnswer, nowMs: number): Failure {
  const { status } = answer;
  if (status === 429) return rateLimited(answer, nowMs);
  if (status === 503 && saysSealed(answer)) {
    return { class: 'vault_sealed', message: 'vault is sealed or not initialised: unseal it' };
  }
  if (status === 400 && saysPlainHttp(answer)) {
    const message = 'vault speaks TLS and was asked without: write https:// in vault.address';
    return { class: 'vault_refused', message };
  }
  const statusClass = classOfStatus(status);
  return { class: statusClass, message: sentences[statusClass](status) };
}

type StatusClass = Extract<
  FailureClass,
  'vault_error' | 'vault_refused' | 'vault_standby' | 'vault_forbidden' | 'secret_malformed'
>;

function classOfStatus(status: number): StatusClass {
  if (status === 403) return 'vault_forbidden';
  if (status === 412 || status >= 500) return 'vault_error';
  if (status >= 400) return 'vault_refused';
  return status >= 300 ? 'vault_standby' : 'secret_malformed';
}

const sentences: Readonly<Record<StatusClass, (status: number) => string>> = {
  vault_error: (status) => `vault answered ${status}: look at its own log and health`,
  vault_refused: (status) =>
    `vault refused the request (${status}): check vault.address, vault.mount and vault.path_prefix`,
  vault_standby: (status) =>
    `vault redirected (${status}) to an address that is not configured: add the active node's address to vault.address`,
  vault_forbidden: () => 'vault refused the login (403): check its policies and whether it lives',
  secret_malformed: (status) =>
    `vault answered ${status} without a secret: check that vault.address is a Vault, not a proxy's page`,
};

function outcomeOf404(answer: VaultAnswer, context: ReadContext): ReadOutcome {
  const body = parseBody(answer);
  if (hasVersionMetadata(body)) {
    const outcome = outcomeOfBody(body, context.version);
    // a live secret never comes with 404
    if (!outcome.ok || outcome.reading.kind !== 'live') return outcome;
    return fail('secret_malformed', malformedSentence('it came with status 404'));
  }
  const cause = absentCause(body);
  if (cause === 'bare' && context.version !== undefined) {
    return { ok: true, reading: { kind: 'unknown' } };
  }
  return fail('secret_absent', absentSentence(cause, context.location));
}

function outcomeOfBody(body: unknown, version: number | undefined): ReadOutcome {
  if (body === undefined) return fail('secret_malformed', malformedSentence('it is not JSON'));
  const decoded = decodeKv2(body, version);
  return decoded.ok ? decoded : fail('secret_malformed', malformedSentence(decoded.problem));
}

function rateLimited(answer: VaultAnswer, nowMs: number): Failure {
  const { retryAfter, date } = answer.headers;
  const waitMs = retryAfterMs(retryAfter, date, nowMs);
  return {
    class: 'vault_rate_limited',
    message: 'vault limits the rate of requests (429): raise its quota or refresh.interval',
    ...(waitMs === null ? {} : { retryAfterMs: waitMs }),
  };
}

function saysSealed(answer: VaultAnswer): boolean {
  const body = parseBody(answer);
  if (isObject(body) && body['sealed'] === true) return true;
  const isSealed = (text: string): boolean => /\bsealed\b|not initialized/i.test(text);
  return errorTexts(body).some(isSealed) || (body === undefined && isSealed(answer.bodyText));
}

function saysPlainHttp(answer: VaultAnswer): boolean {
  return /HTTP request (?:was sent )?to an? HTTPS (?:server|port)/i.test(answer.bodyText);
}

function malformedSentence(problem: string): string {
  return `the answer is no readable secret: ${problem}`;
}

function forbiddenSentence(location: SecretLocation): string {
  return `vault refused the read (403): the login is dead, the mount does not exist, or the policy lacks \`path "${policyPath(location)}" { capabilities = ["read"] }\``;
}

function fail(failureClass: FailureClass, message: string): ReadOutcome {
  return failWith({ class: failureClass, message });
}

function failWith(failure: Failure): ReadOutcome {
  return { ok: false, failure };
}
