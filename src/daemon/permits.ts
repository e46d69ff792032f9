// What callers may cause Vault to be asked: one bucket for all tokens and the named clients. One permit buys one
// sequence of reads.
import type { Config } from '../config/config.js';
import type { Clock } from '../platform/clock.js';
import { buildRequestBudget } from '../vault/request-budget.js';

/** Resolves when Vault may be asked; rejects when aborted. */
export type TakePermit = (signal: AbortSignal) => Promise<void>;

/** null: Vault is never asked on demand. */
export function buildPermits(
  { refresh }: Pick<Config, 'refresh'>,
  clock: Clock,
): TakePermit | null {
  const { onDemandPerMinute } = refresh;
  if (onDemandPerMinute === 0) return null;
  const bucket = buildRequestBudget({ clock, pollPerMinute: 0, onDemandPerMinute });
  return (signal) => bucket.take('on_demand', signal);
}
