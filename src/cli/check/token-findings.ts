// One configured token, as the agent would read it: what the login may do there, whether it can be read, what the
// document says, what history Vault keeps. Nothing of the value is told, only its length.
import type { TokenConfig } from '../../config/config.js';
import { parseDocument, STRONG_TOKEN_BYTES } from '../../token/document.js';
import type { SecretReading } from '../../token/reading.js';
import { outcomeOfRead } from '../../vault/failure-of-answer.js';
import { inMount, secretPath, type SecretLocation } from '../../vault/secret-path.js';
import {
  isObject,
  parseBody,
  type JsonObject,
  type VaultAnswer,
} from '../../vault/vault-answer.js';
import { failed, ok, skipped, warning, type Finding } from './finding.js';
import type { Asked, VaultProbe } from './vault-probe.js';

export interface TokenContext {
  readonly probe: VaultProbe;
  readonly vaultToken: string | null;
  readonly namespace: string | null;
  readonly token: TokenConfig;
  readonly location: SecretLocation;
  readonly nowMs: number;
}

export async function tokenFindings(context: TokenContext): Promise<readonly Finding[]> {
  const capabilities = capabilitiesFinding(context, await askCapabilities(context));
  const read = readFindings(context, await askSecret(context));
  const history = historyFinding(context, await askHistory(context));
  return [capabilities, ...read, history];
}

function askCapabilities({ probe, vaultToken, namespace, location }: TokenContext): Promise<Asked> {
  const body = { paths: [apiPath(location, 'data')] };
  return probe.ask({ method: 'POST', path: 'sys/capabilities-self', body, vaultToken, namespace });
}

function askSecret({ probe, vaultToken, namespace, location }: TokenContext): Promise<Asked> {
  return probe.ask({ method: 'GET', path: secretPath(location), vaultToken, namespace });
}

function askHistory({ probe, vaultToken, namespace, location }: TokenContext): Promise<Asked> {
  const path = encodeURI(apiPath(location, 'metadata'));
  return probe.ask({ method: 'GET', path, vaultToken, namespace });
}

/** As a policy has it: not encoded. */
function apiPath(location: SecretLocation, kind: 'data' | 'metadata'): string {
  return `${location.mount}/${kind}/${inMount(location)}`;
}

const writing = ['root', 'sudo', 'create', 'update', 'patch', 'delete'];

function capabilitiesFinding({ token, location }: TokenContext, asked: Asked): Finding {
  const path = apiPath(location, 'data');
  const held = asked.ok ? capabilitiesIn(asked.answer, path) : null;
  if (held === null) {
    const found = "Vault does not tell (the login lacks Vault's default policy)";
    return skipped('capabilities', token.name, found);
  }
  const found = `${held.join(', ')} on ${path}`;
  if (!held.includes('read') && !held.includes('root')) {
    const fix = `add to its policy: path "${path}" { capabilities = ["read"] }`;
    return failed('capabilities', token.name, found, fix);
  }
  if (held.some((capability) => writing.includes(capability))) {
    const fix = 'the agent only reads: give it a policy with "read" alone';
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

function readFindings(context: TokenContext, asked: Asked): readonly Finding[] {
  const { token, location, nowMs } = context;
  const outcome = asked.ok ? outcomeOfRead(asked.answer, { location, nowMs }) : asked;
  if (!outcome.ok) {
    const { class: failureClass, message } = outcome.failure;
    return [failed('read', token.name, `${failureClass}: ${message}`, null)];
  }
  const { reading } = outcome;
  return reading.kind === 'live'
    ? [
        ok('read', token.name, `version ${reading.version}, created ${reading.createdTime}`),
        documentFinding(token, reading),
      ]
    : [goneFinding(token, reading)];
}

function goneFinding(
  token: TokenConfig,
  reading: Exclude<SecretReading, { kind: 'live' }>,
): Finding {
  if (reading.kind === 'unknown') {
    return failed('read', token.name, 'the newest version is not there', 'write one: vault kv put');
  }
  const fix =
    reading.kind === 'deleted'
      ? `undelete it: vault kv undelete -versions=${reading.version}, or write a new version`
      : 'write a new version: vault kv put';
  const found = `secret_${reading.kind}: version ${reading.version}, the newest, is ${reading.kind}`;
  return failed('read', token.name, found, fix);
}

function documentFinding(
  token: TokenConfig,
  reading: Extract<SecretReading, { kind: 'live' }>,
): Finding {
  const parsed = parseDocument(reading.fields, token.field);
  if (!parsed.ok)
    return failed('document', token.name, `secret_malformed: ${parsed.problem}`, rewrite);
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
  return ok('document', token.name, facts);
}

const rewrite = 'write a new version, such as token="$(openssl rand -base64 32)"';

function timeOf(at: number): string {
  return new Date(at).toISOString();
}

function historyFinding({ token }: TokenContext, asked: Asked): Finding {
  const body = asked.ok && asked.answer.status === 200 ? parseBody(asked.answer) : undefined;
  const data = isObject(body) && isObject(body['data']) ? body['data'] : null;
  if (data === null) {
    const found = 'not allowed to read its metadata, which the agent does not need';
    return skipped('history', token.name, found);
  }
  return ok('history', token.name, historyOf(data));
}

function historyOf(data: JsonObject): string {
  const current = numberIn(data, 'current_version');
  const oldest = Math.max(1, numberIn(data, 'oldest_version'));
  const max = numberIn(data, 'max_versions');
  return [
    `versions ${oldest} to ${current}`,
    max === 0 ? "the mount's limit of versions" : `at most ${max}`,
    ...(data['cas_required'] === true ? ['-cas required to write'] : []),
  ].join(', ');
}

function numberIn(data: JsonObject, key: string): number {
  const value = data[key];
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : 0;
}
