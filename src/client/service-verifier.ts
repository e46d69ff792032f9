// Verifies what a service receives, in the order of the agent's own API: well-formed, fresh, MAC, digest, nonce. A key that
// is not held, but may exist, is asked for at the agent before anybody is refused for it (RFC 9421 section 3.2).
import { randomBytes } from 'node:crypto';
import {
  checkDigest,
  checkFreshness,
  componentLabel,
  isFramedWithContent,
  Keyring,
  keytenderPolicy,
  parseSignature,
  refusalReasons,
  replayCapacity,
  ReplayPartition,
  verifyMac,
  viewRequest,
  withMaxSkew,
  type KeyringEntry,
  type KeyRole,
  type MacRefused,
  type ParsedSignature,
  type RefusalReason,
  type SignaturePolicy,
  type VerifiableRequest,
} from '../signature/index.js';
import type { AgentApi } from './agent-api.js';
import { ask, json, malformedAnswer } from './agent-answer.js';
import type { Clocks } from './client-clock.js';
import type { HeldToken } from './held-token.js';
import { readRequest, type RequestInput } from './http-message.js';
import { KeytenderError } from './keytender-error.js';
import { absoluteUrl, fieldsRecord } from './request-fields.js';
import { isUnreadable } from './service-signer.js';
import { isUsable, type Token } from './token.js';

export interface VerifiedRequest {
  readonly ok: true;
  readonly reason: null;
  /** As the signer wrote it. */
  readonly keyid: string;
  /** Newest version of the key that matched; null for a token that has none. */
  readonly version: number | null;
  /** Which of the token's keys it was. */
  readonly key: KeyRole;
  /** Identifiers of what is signed: `@method`, `content-digest`. */
  readonly covered: readonly string[];
  /** Whole seconds since the Unix epoch. */
  readonly created: number;
}

export interface RefusedRequest {
  readonly ok: false;
  /** For logs and metrics; no answer should carry it. */
  readonly reason: RefusalReason;
  readonly keyid: null;
  readonly version: null;
  readonly covered: readonly [];
}

export type ServiceVerdict = VerifiedRequest | RefusedRequest;

export interface ServiceVerifierOptions {
  readonly api: AgentApi;
  readonly token: HeldToken;
  readonly clocks: Clocks;
  readonly tag: string;
  /** Normalised; null: none was named. */
  readonly audience: readonly string[] | null;
  readonly requestsPerMinute: number;
  readonly maxSkewSeconds: number | null;
}

/** How long the agent verifies after the keys were refused to us; scopes may change. */
const REMOTE_MS = 60_000;
/** Questions to the agent about keys that are not held, at once. */
const ASKING_MAX = 256;

export class ServiceVerifier {
  readonly #options: ServiceVerifierOptions;
  readonly #policy: SignaturePolicy;
  readonly #replay: ReplayPartition;
  readonly #startedSeconds: number;
  #remoteUntilMs = -Infinity;
  #ring: { readonly revision: string; readonly keyring: Keyring } | undefined;
  #asking = 0;

  constructor(options: ServiceVerifierOptions) {
    const { tag, audience, requestsPerMinute, maxSkewSeconds, clocks } = options;
    const policy = withMaxSkew(
      { ...keytenderPolicy, tag },
      maxSkewSeconds ?? keytenderPolicy.maxSkewSeconds,
    );
    this.#options = options;
    this.#policy = audience === null ? policy : { ...policy, audience };
    this.#replay = new ReplayPartition({
      maxSkewSeconds: policy.maxSkewSeconds,
      aheadSeconds: policy.aheadSeconds,
      capacity: replayCapacity(requestsPerMinute, policy),
      salt: randomBytes(16).toString('base64'),
    });
    this.#startedSeconds = clocks.foreground.now() / 1000;
  }

  async verify(input: RequestInput): Promise<ServiceVerdict> {
    if (this.#options.audience === null) {
      throw new KeytenderError('malformed_value', 'audience must be named to verify requests');
    }
    const request = await readRequest(input);
    const parsed = parseSignature(viewRequest(request), this.#policy, hasContent(request));
    if (!parsed.ok) return refused(parsed.reason);
    const token = await this.#keys();
    return token === undefined
      ? this.#verifyThere(request, parsed, true)
      : this.#verifyHere(request, parsed, token);
  }

  /** Undefined: the agent verifies. */
  async #keys(): Promise<Token | undefined> {
    const { token, clocks } = this.#options;
    if (!token.holdsKeyring || clocks.foreground.monotonicMs() < this.#remoteUntilMs) return;
    try {
      const held = await token.get();
      if (held.value !== undefined) return held;
      // what is left of a token that is gone verifies at the agent
      if (isUsable(held)) this.#stayAway();
      return undefined;
    } catch (error) {
      if (isUnreadable(error)) this.#stayAway();
      else if (!(error instanceof KeytenderError) || error.code !== 'token_unavailable')
        throw error;
      return undefined;
    }
  }

  #stayAway(): void {
    this.#remoteUntilMs = this.#options.clocks.foreground.monotonicMs() + REMOTE_MS;
  }

  async #verifyHere(
    request: VerifiableRequest,
    parsed: ParsedSignature,
    token: Token,
  ): Promise<ServiceVerdict> {
    const nowSeconds = this.#options.clocks.foreground.now() / 1000;
    const stale = checkFreshness(parsed, this.#policy, {
      nowSeconds,
      notBeforeSeconds: this.#startedSeconds,
    });
    if (stale !== undefined) return refused(stale);
    const mac = verifyMac(parsed, this.#keyringOf(token), nowSeconds);
    if (!mac.ok && !couldAppear(mac)) return refused(mac.reason);
    const found = mac.ok ? mac : await this.#askFor(request, parsed, mac);
    if (!found.ok) return refused(found.reason);
    const wrong = digestProblem(request, parsed) ?? this.#claim(parsed, found.version);
    return wrong === undefined ? verified(parsed, found.key, found.version) : refused(wrong);
  }

  /** The agent looks for a key that nobody here has seen yet. */
  async #askFor(
    request: VerifiableRequest,
    parsed: ParsedSignature,
    mac: MacRefused,
  ): Promise<ServiceVerdict> {
    const { token } = this.#options;
    if (mac.caller !== token.name) return refused(mac.reason);
    if (this.#asking >= ASKING_MAX) {
      throw new KeytenderError('refresh_busy', 'too many requests name a key that is not held', {
        status: 503,
        retryAfter: 1,
      });
    }
    this.#asking += 1;
    try {
      const verdict = await this.#verifyThere(request, parsed, false);
      if (verdict.ok) await token.reread().catch(() => undefined);
      return verdict;
    } finally {
      this.#asking -= 1;
    }
  }

  async #verifyThere(
    request: VerifiableRequest,
    parsed: ParsedSignature,
    replay: boolean,
  ): Promise<ServiceVerdict> {
    const wrong = digestProblem(request, parsed);
    if (wrong !== undefined) return refused(wrong);
    const { api, token, tag, audience } = this.#options;
    const described = {
      method: request.method,
      url: absoluteUrl(request),
      headers: relevantFields(request),
      tag,
      audience,
      replay,
      ...(hasContent(request) ? { content_digest_verified: true } : {}),
    };
    const target = `/v1/tokens/${token.name}/verify`;
    const answer = await ask(api, { method: 'POST', target, ...json(described) });
    const { verified: isVerified, key, version, reason } = answer ?? {};
    if (isVerified === true) {
      if (!isRole(key)) throw malformedAnswer();
      return verified(parsed, key, typeof version === 'number' ? version : null);
    }
    const known = refusalReasons.find((one) => one === reason);
    if (isVerified !== false || known === undefined) throw malformedAnswer();
    return refused(known);
  }

  #keyringOf(token: Token): Keyring {
    if (this.#ring?.revision === token.revision) return this.#ring.keyring;
    const keyring = new Keyring(entriesOf(token));
    this.#ring = { revision: token.revision, keyring };
    return keyring;
  }

  #claim({ nonce, created, keyid }: ParsedSignature, version: number | null) {
    const { foreground } = this.#options.clocks;
    const name = `${keyid?.split(':')[0] ?? ''} ${nonce ?? ''}`;
    switch (this.#replay.claim(name, created ?? 0, foreground.now() / 1000)) {
      case 'claimed':
        return undefined;
      case 'replay':
        return 'replay';
      case 'forgotten':
        return 'before_start';
      case 'full':
        throw new KeytenderError(
          'replay_guard_full',
          `no more nonces can be remembered now (version ${version ?? 'none'})`,
          { status: 503, retryAfter: 5 },
        );
    }
  }
}

function entriesOf({ name, value, version, superseded, pending }: Token): KeyringEntry[] {
  const entry = (
    role: KeyRole,
    key: string | undefined,
    of: number | null,
    usableUntil?: Date,
  ): KeyringEntry[] =>
    key === undefined
      ? []
      : [
          {
            name,
            role,
            key,
            versions: of === null ? [] : [of],
            ...(usableUntil === undefined ? {} : { usableUntil: usableUntil.getTime() / 1000 }),
          },
        ];
  return [
    ...entry('current', value, version),
    ...(pending === null ? [] : entry('pending', pending.value, pending.version)),
    ...superseded.flatMap((one) => entry('superseded', one.value, one.version, one.usableUntil)),
  ];
}

/** As the agent decides it: a version that is held, or a key that is known to have ended, needs no question. */
function couldAppear({ reason, version, isVersionHeld }: MacRefused): boolean {
  return version === undefined ? reason !== 'retired_key' : !isVersionHeld;
}

function hasContent(request: VerifiableRequest): boolean {
  if (request.isContentVerified === true || (request.body?.length ?? 0) > 0) return true;
  return isFramedWithContent(viewRequest(request).fields);
}

const noContent = new Uint8Array(0);

function digestProblem(
  request: VerifiableRequest,
  parsed: ParsedSignature,
): RefusalReason | undefined {
  if (request.isContentVerified === true) return undefined;
  return checkDigest(parsed, request.body ?? noContent);
}

/** The fields that the signatures name, and those that frame the content: cookies stay here. */
function relevantFields(request: VerifiableRequest): Record<string, string[]> {
  const all = fieldsRecord(request.headers);
  const named = (all['signature-input'] ?? []).flatMap((line) =>
    [...line.matchAll(/"([a-z0-9!#$%&'*+.^_`|~-]+)"/g)].map(([, name = '']) => name),
  );
  const wanted = new Set([...alwaysRelevant, ...named]);
  return Object.fromEntries(Object.entries(all).filter(([name]) => wanted.has(name)));
}

const alwaysRelevant = [
  'host',
  'signature',
  'signature-input',
  'content-digest',
  'content-length',
  'transfer-encoding',
];

function isRole(value: unknown): value is KeyRole {
  return value === 'current' || value === 'pending' || value === 'superseded';
}

function verified(
  { keyid, created, components }: ParsedSignature,
  key: KeyRole,
  version: number | null,
): VerifiedRequest {
  const covered = components.map(componentLabel);
  return {
    ok: true,
    reason: null,
    keyid: keyid ?? '',
    version,
    key,
    covered,
    created: created ?? 0,
  };
}

function refused(reason: RefusalReason): RefusedRequest {
  return { ok: false, reason, keyid: null, version: null, covered: [] };
}
