// What callers may cause Vault to be asked: one bucket for all tokens and the named clients. One permit buys one
// sequence of reads. A reload changes how many there are, also from none and to none.
import type { Config } from '../config/config.js';
import type { Clock } from '../platform/clock.js';
import { buildRequestBudget } from '../vault/request-budget.js';

export interface Permits {
  /** Resolves when Vault may be asked; rejects when aborted. */
  readonly take: (signal: AbortSignal) => Promise<void>;
  /** Vault is never asked on demand. */
  readonly isNever: () => boolean;
  reconfigure(config: Pick<Config, 'refresh'>): void;
}

export function buildPermits({ refresh }: Pick<Config, 'refresh'>, clock: Clock): Permits {
  let { onDemandPerMinute } = refresh;
  // a bucket as that of polling: a third at once, so that the reads which permits buy do not all come together
  const bucket = buildRequestBudget({
    clock,
    pollPerMinute: onDemandPerMinute,
    onDemandPerMinute: 0,
  });
  return {
    take: (signal) => bucket.take('poll', signal),
    isNever: () => onDemandPerMinute === 0,
    reconfigure: (next) => {
      onDemandPerMinute = next.refresh.onDemandPerMinute;
      bucket.reconfigure({ pollPerMinute: onDemandPerMinute, onDemandPerMinute: 0 });
    },
  };
}
