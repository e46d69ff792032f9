// Settings that are understood and whose feature is not built yet: refused, because whoever writes them relies on them.
import type { Config } from '../config/config.js';
import { ConfigProblem } from '../config/problem.js';

/** Throws `ConfigProblem` for the first of them. */
export function refuseWhatIsNotBuilt({ signature }: Pick<Config, 'signature'>): void {
  if (signature.legacy === 'refuse') return;
  throw new ConfigProblem(
    'signature.legacy',
    'this version does not accept the older signature scheme yet',
    'take the setting away; callers sign as RFC 9421 says',
  );
}
