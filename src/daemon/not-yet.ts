// Settings that are understood and whose feature is not built yet: refused, because whoever writes them relies on them.
import type { Config } from '../config/config.js';
import { ConfigProblem } from '../config/problem.js';

/** Throws `ConfigProblem` for the first of them. */
export function refuseWhatIsNotBuilt({ sinks }: Config): void {
  const at = sinks.findIndex(({ type }) => type === 'exec');
  if (at >= 0) {
    throw new ConfigProblem(
      `sinks[${at}].type`,
      'this version runs no commands yet',
      'write type: file, or take the sink away',
    );
  }
}
