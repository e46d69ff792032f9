// Puts the settings together: defaults where nothing was written, and the checks that need more than one setting.
import type { FileReader } from '../platform/files.js';
import type { Config } from './config.js';
import type { Findings } from './findings.js';
import type { Written } from './layer.js';
import { childConfig } from './child-config.js';
import { listenConfig } from './listen-config.js';
import { secretReader } from './secret-settings.js';
import type { SettingKey } from './settings.js';
import { sinkConfigs } from './sink-config.js';
import { resolveTiming } from './timing.js';
import type { Given, Timing } from './timing.js';
import { checkStaticTokens, tokenConfigs, tokenGraces } from './token-config.js';
import { vaultConfig } from './vault-config.js';

export interface Surroundings {
  readonly hostname: string;
  readonly files: FileReader;
  /** The settings file could not be read: what seems missing may be in it. */
  readonly isFileUnknown: boolean;
}

/** Complete only when `findings` has no problem. */
export function assemble(written: Written, around: Surroundings, findings: Findings): Config {
  const secrets = secretReader(written, around.files, findings);
  const timing = timingOf(written, findings);
  const vault = vaultConfig(written, secrets, timing.requestsPerMinute, findings);
  const graceMs = written.value('token.grace') ?? timing.graceMs;
  const tokens = tokenConfigs(written, graceMs, findings);
  const initial = secrets('token.initial');
  checkSource(written, around, findings);
  if (!written.has('vault.address')) checkStaticTokens(tokens, findings);
  warnOfIdle(
    written,
    tokens.some(({ name }) => name === 'default'),
    findings,
  );
  const tokenNames = tokens.map(({ name }) => name);
  return {
    vault,
    deployment: written.get('deployment'),
    refresh: {
      intervalMs: timing.intervalMs,
      jitterMs: timing.jitterMs,
      startSplayMs: written.get('refresh.start_splay'),
      maxStaleMs: written.get('refresh.max_stale') || Infinity,
      onDeleted: written.get('refresh.on_deleted'),
      onDemandPerMinute: timing.onDemandPerMinute,
    },
    token: {
      graceMs,
      supersededMax: written.get('token.superseded_max'),
      initial,
      initialMaxAgeMs: written.get('token.initial_max_age'),
    },
    tokens,
    listen: listenConfig(written, findings),
    shutdown: {
      delayMs: written.get('shutdown.delay'),
      timeoutMs: written.get('shutdown.timeout'),
    },
    agent: {
      id: written.value('agent.id') ?? idFrom(around.hostname),
      idWritten: written.has('agent.id'),
      scopes: written.get('agent.scopes'),
    },
    signature: {
      maxSkewMs: timing.maxSkewMs,
      replayTtlMs: timing.replayTtlMs,
      legacy: written.get('signature.legacy'),
    },
    limits: {
      requestsPerMinute: written.get('limits.requests_per_minute'),
      cryptoRequestsPerMinute: written.get('limits.crypto_requests_per_minute'),
      failuresPerMinute: written.get('limits.failures_per_minute'),
      waiters: written.get('limits.waiters'),
    },
    sinks: sinkConfigs(written.sinks, tokenNames, findings),
    child: childConfig(written, tokenNames, findings),
    files: { strict: written.get('files.strict') },
    log: { level: written.get('log.level'), format: written.get('log.format') },
    audit: { file: written.optional('audit.file') },
  };
}

function timingOf(written: Written, findings: Findings): Timing {
  const given = (key: SettingKey): Given | undefined => {
    const value: unknown = written.value(key);
    return typeof value === 'number' ? { name: written.name(key), value } : undefined;
  };
  const notZero = (one: Given | undefined): Given | undefined =>
    one?.value === 0 ? undefined : one;
  const grace = given('token.grace');
  const timing = resolveTiming({
    interval: given('refresh.interval'),
    jitter: given('refresh.jitter'),
    startSplay: given('refresh.start_splay'),
    maxStale: notZero(given('refresh.max_stale')),
    graces: [...(grace === undefined ? [] : [grace]), ...tokenGraces(written)].filter(
      ({ value }) => value > 0,
    ),
    skew: given('signature.max_skew'),
    replayTtl: given('signature.replay_ttl'),
    onDemand: given('refresh.on_demand_per_minute'),
    requestsPerMinute: given('vault.requests_per_minute'),
    supersededMax: written.get('token.superseded_max'),
    tokens: written.has('vault.address') ? Math.max(1, written.tokens.size) : 0,
  });
  findings.problems.push(...timing.problems);
  if (timing.onDemandPerMinute === 0 && !written.has('refresh.on_demand_per_minute')) {
    findings.warn(
      `${written.name('vault.requests_per_minute')} leaves nothing for refreshes on demand: a request signed with a token newer than ours is refused until the next poll`,
    );
  }
  return timing;
}

function checkSource(written: Written, { isFileUnknown }: Surroundings, findings: Findings): void {
  if (isFileUnknown || written.has('vault.address') || written.has('token.initial')) return;
  findings.problem(
    'vault.address',
    'neither it nor token.initial is set: there is nowhere to get a token from',
    'set vault.address (VAULT_ADDR) to poll Vault, or token.initial (AGENT_TOKEN) for static mode',
  );
}

/** Settings that are valid and do nothing. */
function warnOfIdle(written: Written, hasDefault: boolean, findings: Findings): void {
  if (written.has('token.initial') && !hasDefault) {
    findings.warn(`${written.name('token.initial')} is not used: tokens does not list default`);
  }
  if (written.get('signature.legacy') === 'accept') {
    const name = written.name('signature.legacy');
    findings.warn(
      written.has('agent.id')
        ? `${name} is accept: /api/v1/auth/rotate-token takes requests whose signature covers the body alone (SECURITY.md says what that lacks)`
        : `${name} is accept, but agent.id is not set: every request of the older scheme is refused`,
    );
  }
}

/** A host name is printable nearly everywhere; what is not would break a header. */
function idFrom(hostname: string): string {
  const id = hostname.replace(/[^\x21-\x7e]/g, '').slice(0, 128);
  return id === '' ? 'keytender' : id;
}
