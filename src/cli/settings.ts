// Where a command's settings come from: `--config`, the environment, `--set`. Reading them anew gives what is there now.
import type { LoadResult } from '../config/load.js';
import { systemFiles } from '../platform/files.js';
import type { Io } from './io.js';

/** Written before or after the command's name; every command but `healthcheck` takes them. */
export interface SettingsOptions {
  readonly config?: string;
  /** `key=value` each. */
  readonly set: readonly string[];
}

export async function loadSettings(
  { config, set }: SettingsOptions,
  io: Pick<Io, 'env' | 'hostname'>,
): Promise<LoadResult> {
  const { loadConfig } = await import('../config/load.js');
  return loadConfig({
    ...(config === undefined ? {} : { file: config }),
    env: io.env,
    flags: set,
    hostname: io.hostname,
    files: systemFiles,
  });
}
