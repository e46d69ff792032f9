// Rate-limit quotas: how many requests an interval allows on a path, counted from the first of the interval, as
// OpenBao's limiter does. The most specific quota of a path counts.
// https://openbao.org/api-docs/system/rate-limit-quotas/
import type { ServerClock } from '../instant.js';

export interface Quota {
  readonly name: string;
  readonly path: string;
  readonly rate: number;
  readonly intervalSeconds: number;
  readonly blockIntervalSeconds: number;
}

interface Bucket {
  startedAtMs: number;
  used: number;
  blockedUntilMs: number;
}

export interface QuotaSettings {
  readonly headersEnabled: boolean;
  readonly exemptPaths: readonly string[];
}

/** What the answer tells of the quota when `headersEnabled`. */
export interface QuotaVerdict {
  readonly allowed: boolean;
  readonly limit: number;
  readonly remaining: number;
  readonly resetSeconds: number;
}

export class Quotas {
  readonly #clock: ServerClock;
  readonly #quotas = new Map<string, Quota>();
  readonly #buckets = new Map<string, Bucket>();
  settings: QuotaSettings = { headersEnabled: false, exemptPaths: [] };

  constructor(clock: ServerClock) {
    this.#clock = clock;
  }

  set(quota: Quota): void {
    this.#quotas.set(quota.name, quota);
    this.#buckets.delete(quota.name);
  }

  get(name: string): Quota | undefined {
    return this.#quotas.get(name);
  }

  remove(name: string): void {
    this.#quotas.delete(name);
    this.#buckets.delete(name);
  }

  names(): string[] {
    return [...this.#quotas.keys()].sort();
  }

  /** Counts a request (`path` with its namespace); undefined when no quota is about it. */
  check(path: string): QuotaVerdict | undefined {
    if (this.#quotas.size === 0 || EXEMPT.has(path)) return undefined;
    if (this.settings.exemptPaths.some((exempt) => path.startsWith(exempt))) return undefined;
    const quota = this.#quotaOf(path);
    return quota === undefined ? undefined : this.#count(quota);
  }

  #quotaOf(path: string): Quota | undefined {
    let best: Quota | undefined;
    for (const quota of this.#quotas.values()) {
      const longer = best === undefined || quota.path.length > best.path.length;
      if (longer && isUnder(path, quota.path)) best = quota;
    }
    return best;
  }

  #count(quota: Quota): QuotaVerdict {
    const now = this.#clock.nowMs();
    const intervalMs = quota.intervalSeconds * 1000;
    let bucket = this.#buckets.get(quota.name);
    if (
      bucket === undefined ||
      now - bucket.startedAtMs >= intervalMs ||
      now < bucket.startedAtMs
    ) {
      bucket = { startedAtMs: now, used: 0, blockedUntilMs: bucket?.blockedUntilMs ?? 0 };
      this.#buckets.set(quota.name, bucket);
    }
    const limit = Math.ceil(quota.rate);
    const allowed = now >= bucket.blockedUntilMs && bucket.used < limit;
    if (allowed) bucket.used += 1;
    else if (quota.blockIntervalSeconds > 0 && now >= bucket.blockedUntilMs) {
      bucket.blockedUntilMs = now + quota.blockIntervalSeconds * 1000;
    }
    const endsAtMs = Math.max(bucket.startedAtMs + intervalMs, bucket.blockedUntilMs);
    return {
      allowed,
      limit,
      remaining: Math.max(0, limit - bucket.used),
      resetSeconds: Math.ceil((endsAtMs - now) / 1000),
    };
  }
}

const EXEMPT = new Set([
  'sys/generate-recovery-token/attempt',
  'sys/generate-recovery-token/update',
  'sys/generate-root/attempt',
  'sys/generate-root/update',
  'sys/health',
  'sys/seal-status',
  'sys/unseal',
]);

/** `kt7/` covers everything below, `kt7/data/x` that path alone, `kt7/data/*` what starts so, the empty path all. */
function isUnder(path: string, quotaPath: string): boolean {
  if (quotaPath === '') return true;
  if (quotaPath.endsWith('*')) return path.startsWith(quotaPath.slice(0, -1));
  return quotaPath.endsWith('/') ? path.startsWith(quotaPath) : path === quotaPath;
}
