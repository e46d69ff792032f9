// The supervised program as the settings describe it; which program it is, the command line says. Owns what its settings
// mean together.
import type { ChildConfig } from './config.js';
import type { Findings } from './findings.js';
import type { Written } from './layer.js';
import { suggest } from './suggestion.js';

export function childConfig(
  written: Written,
  tokenNames: readonly string[],
  findings: Findings,
): ChildConfig {
  const byEnvironment = written.has('child.token_env') ? 'env' : 'stdin';
  const deliver = written.value('child.deliver') ?? byEnvironment;
  if (written.has('child.token_env') && deliver !== 'env') {
    findings.warn(
      `${written.name('child.token_env')} is not used: ${written.name('child.deliver')} is ${deliver}`,
    );
  }
  return {
    token: tokenOf(written, tokenNames, findings),
    deliver,
    tokenEnv: written.value('child.token_env') ?? 'TOKEN',
    format: written.get('child.format'),
    onRotation: written.get('child.on_rotation'),
    signal: written.get('child.signal'),
    stopSignal: written.get('child.stop_signal'),
    stopTimeoutMs: written.get('child.stop_timeout'),
    restarts: written.get('child.restarts'),
    splayMs: written.get('child.splay'),
  };
}

function tokenOf(written: Written, tokenNames: readonly string[], findings: Findings): string {
  const [first = 'default'] = tokenNames;
  const name = written.value('child.token');
  if (name === undefined) return tokenNames.includes('default') ? 'default' : first;
  if (!tokenNames.includes(name)) {
    findings.problem(
      written.name('child.token'),
      'names no configured token',
      `write one of ${tokenNames.join(', ')}${suggest(name, tokenNames)}`,
    );
  }
  return name;
}
