// Settings that are understood and whose feature is not built yet: refused, because whoever writes them relies on them.
import type { Config } from '../config/config.js';
import { ConfigProblem } from '../config/problem.js';

/** Throws `ConfigProblem` for the first of them. */
export function refuseWhatIsNotBuilt({ sinks }: Config): void {
  if (sinks.length > 0) {
    throw new ConfigProblem(
      'sinks',
      'this version delivers to no sinks yet',
      'take the setting away; read the token from the agent',
    );
  }
}
