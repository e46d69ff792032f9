// One configured token, as the agent would read it: what the login may do there, whether it can be read, what the
// document says, what history Vault keeps. Nothing of the value is told, only its length.
import type { TokenConfig } from '../../config/config.js';
import type { Failure } from '../../health/failure.js';
import { parseDocument, STRONG_TOKEN_BYTES } from '../../token/document.js';
import type { SecretReading } from '../../token/reading.js';
import { outcomeOfRead, type ReadOutcome } from '../../vault/failure-of-answer.js';
import { absentCause, absentSentence, isKvVersion1 } from '../../vault/absent-secret.js';
import type { AbsentCause } from '../../vault/absent-secret.js';
import {
  encodePath,
  inMount,
  mountProbePath,
  secretPath,
  type SecretLocation,
} from '../../vault/secret-path.js';
import {
  isObject,
  parseBody,
  type JsonObject,
  type VaultAnswer,
} from '../../vault/vault-answer.js';
import {
  healthCommand,
  mountCommand,
  policyCommand,
  putCommand,
  tokenCommand,
  undeleteCommand,
  unsealCommand,
  versioningCommand,
  type Place,
} from './commands.js';
import { failed, ok, skipped, warning, type Finding } from './finding.js';
import type { Asked, VaultProbe } from './vault-probe.js';

export interface TokenContext {
  readonly probe: VaultProbe;
  readonly vaultToken: string | null;
  readonly token: TokenConfig;
  readonly place: Place;
  readonly nowMs: number;
}

export async function tokenFindings(context: TokenContext): Promise<readonly Finding[]> {
  const capabilities = capabilitiesFinding(context, await askCapabilities(context));
  const asked = await askSecret(context);
  const outcome = outcomeOf(context, asked);
  const read = await readFindings(context, asked, outcome);
  const newest = outcome.ok && 'version' in outcome.reading ? outcome.reading.version : 0;
  return [capabilities, ...read, await historyFinding(context, newest)];
}

function askCapabilities({ probe, vaultToken, place }: TokenContext): Promise<Asked> {
  const { location, namespace } = place;
  const body = { paths: [apiPath(location, 'data')] };
  return probe.ask({ method: 'POST', path: 'sys/capabilities-self', body, vaultToken, namespace });
}

function askSecret(context: TokenContext, version?: number): Promise<Asked> {
  const path = secretPath(context.place.location);
  return get(context, version === undefined ? path : `${path}?version=${version}`);
}

function get({ probe, vaultToken, place }: TokenContext, path: string): Promise<Asked> {
  return probe.ask({ method: 'GET', path, vaultToken, namespace: place.namespace });
}

function outcomeOf({ place, nowMs }: TokenContext, asked: Asked, version?: number): ReadOutcome {
  if (!asked.ok) return asked;
  const { location } = place;
  const context = version === undefined ? { location, nowMs } : { location, nowMs, version };
  return outcomeOfRead(asked.answer, context);
}

/** As a policy has it: not encoded. */
function apiPath(location: SecretLocation, kind: 'data' | 'metadata'): string {
  return `${location.mount}/${kind}/${inMount(location)}`;
}

const writing = ['root', 'sudo', 'create', 'update', 'patch', 'delete'];

function capabilitiesFinding({ token, place }: TokenContext, asked: Asked): Finding {
  const path = apiPath(place.location, 'data');
  const held = asked.ok ? capabilitiesIn(asked.answer, path) : null;
  if (held === null) {
    const found = "Vault does not tell (the login lacks Vault's default policy)";
    return skipped('capabilities', token.name, found);
  }
  const found = `${held.join(', ')} on ${path}`;
  if (!held.includes('read') && !held.includes('root')) {
    const fix = `add path "${path}" { capabilities = ["read"] } to its policy, or make one: ${policyCommand(place)}`;
    return failed('capabilities', token.name, found, fix);
  }
  if (held.some((capability) => writing.includes(capability))) {
    const fix = `the agent only reads: give it a policy with "read" alone: ${policyCommand(place)} && ${tokenCommand(place.namespace)}`;
    return warning('capabilities', token.name, found, fix);
  }
  return ok('capabilities', token.name, found);
}

function capabilitiesIn(answer: VaultAnswer, path: string): readonly string[] | null {
  const body = answer.status === 200 ? parseBody(answer) : undefined;
  const data = isObject(body) ? (isObject(body['data']) ? body['data'] : body) : undefined;
  const held = data?.[path] ?? data?.['capabilities'];
  if (!Array.isArray(held)) return null;
  return held.filter(
    (entry) => typeof entry === 'string' && /^[a-z]{1,20}$/.test(entry),
  ) as string[];
}

async function readFindings(
  context: TokenContext,
  asked: Asked,
  outcome: ReadOutcome,
): Promise<readonly Finding[]> {
  const { token, place } = context;
  if (!outcome.ok) {
    const { class: failureClass, message } = outcome.failure;
    const cause = failureClass === 'secret_absent' ? await causeOfAbsence(context, asked) : null;
    const found = cause === null ? message : absentSentence(cause, place.location);
    const fix = cause === null ? fixOf(context, outcome.failure) : absentFix(place, cause);
    return [failed('read', token.name, `${failureClass}: ${found}`, fix)];
  }
  const { reading } = outcome;
  return reading.kind === 'live'
    ? [
        ok('read', token.name, `version ${reading.version}, created ${reading.createdTime}`),
        documentFinding(context, reading),
      ]
    : [goneFinding(token, place, reading)];
}

/** The command that mends it, or that shows more. */
function fixOf({ place, probe }: TokenContext, failure: Failure): string {
  switch (failure.class) {
    case 'vault_forbidden':
      return policyCommand(place);
    case 'secret_malformed':
      return putCommand(place);
    case 'vault_sealed':
      return unsealCommand(probe.address);
    default:
      return healthCommand(probe.address);
  }
}

/** A mount without versions answers as one where nothing was written: the mount is asked what it is. */
async function causeOfAbsence(context: TokenContext, asked: Asked): Promise<AbsentCause> {
  const cause = absentCause(asked.ok ? parseBody(asked.answer) : undefined);
  if (cause === 'no_mount' || cause === 'no_namespace') return cause;
  const probed = await get(context, mountProbePath(context.place.location));
  const isOld = probed.ok && isKvVersion1(parseBody(probed.answer));
  return isOld ? 'kv_version_1' : cause;
}

function absentFix(place: Place, cause: AbsentCause): string {
  switch (cause) {
    case 'no_mount':
      return mountCommand(place);
    case 'no_namespace':
      return 'vault namespace list';
    case 'kv_version_1':
      return versioningCommand(place);
    default:
      return putCommand(place);
  }
}

function goneFinding(
  token: TokenConfig,
  place: Place,
  reading: Exclude<SecretReading, { kind: 'live' }>,
): Finding {
  if (reading.kind === 'unknown') {
    return failed('read', token.name, 'the newest version is not there', putCommand(place));
  }
  const fix =
    reading.kind === 'deleted'
      ? `${undeleteCommand(place, reading.version)}, or a new version: ${putCommand(place)}`
      : putCommand(place);
  const found = `secret_${reading.kind}: version ${reading.version}, the newest, is ${reading.kind}`;
  return failed('read', token.name, found, fix);
}

function documentFinding(
  { token, place, nowMs }: TokenContext,
  reading: Extract<SecretReading, { kind: 'live' }>,
): Finding {
  const rewrite = putCommand(place);
  const parsed = parseDocument(reading.fields, token.field);
  if (!parsed.ok) {
    return failed('document', token.name, `secret_malformed: ${parsed.problem}`, rewrite);
  }
  const { value, notBeforeAt, expiresAt, graceMs } = parsed.document;
  const facts = [
    `field "${token.field}" has ${value.bytes} bytes`,
    ...(notBeforeAt === null ? [] : [`not before ${timeOf(notBeforeAt)}`]),
    ...(expiresAt === null ? [] : [`expires ${timeOf(expiresAt)}`]),
    ...(graceMs === null ? [] : [`grace ${graceMs / 1000} s`]),
    ...(reading.deletionTime === null ? [] : [`Vault deletes it at ${reading.deletionTime}`]),
  ].join(', ');
  if (value.bytes < STRONG_TOKEN_BYTES) {
    const found = `${facts}: fewer than the ${STRONG_TOKEN_BYTES} that HMAC-SHA256 needs to be strong`;
    return failed('document', token.name, found, rewrite);
  }
  if (expiresAt !== null && expiresAt - nowMs < ENDS_SOON_MS) {
    const found = `${facts}: ${expiresAt <= nowMs ? 'it is over' : 'that is soon'}`;
    return (expiresAt <= nowMs ? failed : warning)('document', token.name, found, rewrite);
  }
  return ok('document', token.name, facts);
}

const ENDS_SOON_MS = 86_400_000;

function timeOf(at: number): string {
  return new Date(at).toISOString();
}

const READ_BACK = 4;

/** By the metadata where the login may read them, else by looking at the versions before the newest, as an agent does. */
async function historyFinding(context: TokenContext, newest: number): Promise<Finding> {
  const { token, place } = context;
  const asked = await get(context, encodePath(apiPath(place.location, 'metadata')));
  const body = asked.ok && asked.answer.status === 200 ? parseBody(asked.answer) : undefined;
  const data = isObject(body) && isObject(body['data']) ? body['data'] : null;
  if (data !== null) return ok('history', token.name, historyOf(data));
  if (asked.ok && asked.answer.status === 404) {
    return skipped('history', token.name, 'there is none');
  }
  const states: string[] = [];
  for (let version = newest - 1; version >= 1 && states.length < READ_BACK; version -= 1) {
    const outcome = outcomeOf(context, await askSecret(context, version), version);
    states.push(`${version} ${outcome.ok ? kinds[outcome.reading.kind] : 'unread'}`);
  }
  const before = states.length === 0 ? '' : `; before the newest: ${states.join(', ')}`;
  const found = `not allowed to read its metadata, which the agent does not need${before}`;
  return skipped('history', token.name, found);
}

const kinds: Readonly<Record<SecretReading['kind'], string>> = {
  live: 'live',
  deleted: 'deleted',
  destroyed: 'destroyed',
  unknown: 'pruned',
};

function historyOf(data: JsonObject): string {
  const current = numberIn(data, 'current_version');
  const oldest = Math.max(1, numberIn(data, 'oldest_version'));
  const max = numberIn(data, 'max_versions');
  return [
    `versions ${oldest} to ${current}`,
    ...statesOf(data['versions']),
    max === 0 ? "the mount's limit of versions" : `at most ${max}`,
    ...(data['cas_required'] === true ? ['-cas required to write'] : []),
  ].join(', ');
}

/** `2 destroyed`: only what is not live. */
function statesOf(versions: unknown): readonly string[] {
  const all = isObject(versions) ? Object.values(versions).filter(isObject) : [];
  const destroyed = all.filter((version) => version['destroyed'] === true).length;
  const deleted = all.filter(
    (version) => version['destroyed'] !== true && (version['deletion_time'] ?? '') !== '',
  ).length;
  return [
    ...(deleted === 0 ? [] : [`${deleted} deleted`]),
    ...(destroyed === 0 ? [] : [`${destroyed} destroyed`]),
  ];
}

function numberIn(data: JsonObject, key: string): number {
  const value = data[key];
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : 0;
}
