// How tests load settings: one call with only what matters, and the two ways to look at what came out.
import { loadConfig } from '../../src/config/load.js';
import type { ConfigSources, LoadResult } from '../../src/config/load.js';
import type { Config } from '../../src/config/config.js';
import { MemoryFiles } from './memory-files.js';

/** A token source that satisfies every check. */
export const TOKEN = 'an-agent-token-of-thirty-two-bytes';
export const staticMode = { AGENT_TOKEN: TOKEN };
export const withVault = {
  VAULT_ADDR: 'https://vault.example.com:8200',
  VAULT_TOKEN: 'hvs.vault-token',
};

export interface Given extends Partial<Omit<ConfigSources, 'file'>> {
  /** The content of the settings file. */
  readonly yaml?: string;
}

export function load({ yaml, ...given }: Given): Promise<LoadResult> {
  const files = given.files ?? new MemoryFiles();
  if (yaml !== undefined && files instanceof MemoryFiles) files.put('/etc/keytender.yaml', yaml);
  return loadConfig({
    env: {},
    flags: [],
    hostname: 'app-0',
    files,
    ...given,
    file: yaml === undefined ? undefined : '/etc/keytender.yaml',
  });
}

/** The settings; throws what is wrong with them. */
export async function settingsOf(given: Given): Promise<Config> {
  const result = await load(given);
  if (result.ok) return result.config;
  throw new Error(result.problems.map(String).join('\n'));
}

/** Every problem as one line; empty when there is none. */
export async function problemsOf(given: Given): Promise<string[]> {
  const result = await load(given);
  return result.ok ? [] : result.problems.map(String);
}

export async function warningsOf(given: Given): Promise<readonly string[]> {
  const result = await load(given);
  return result.ok ? result.warnings : result.problems.map(String);
}
