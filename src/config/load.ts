// From what was written to the settings the program uses: reads the sources, joins them, checks every value and what
// they say together, reads the files they name once, and tells all mistakes at once.
import type { FileReader } from '../platform/files.js';
import { assemble } from './assemble.js';
import { checkFiles } from './check-files.js';
import type { Config } from './config.js';
import { environmentLayer } from './environment-layer.js';
import type { Environment } from './environment-layer.js';
import { fileLayer } from './file-layer.js';
import { Findings } from './findings.js';
import { flagsLayer } from './flags-layer.js';
import { emptyLayer, joinLayers } from './layer.js';
import type { ConfigProblem } from './problem.js';

export interface ConfigSources {
  /** Path of a settings file (`--config`), YAML or JSON. */
  readonly file?: string | undefined;
  readonly env: Environment;
  /** `key=value`, one for each `--set`. */
  readonly flags: readonly string[];
  /** The default of `agent.id`. */
  readonly hostname: string;
  readonly files: FileReader;
}

export type LoadResult =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** Never rejects for what a user wrote; a rejection is a bug. `config` is frozen to its depth. */
export async function loadConfig(sources: ConfigSources): Promise<LoadResult> {
  const findings = new Findings();
  const { file, files } = sources;
  const fromFile = file === undefined ? emptyLayer() : await fileLayer(file, files, findings);
  const written = joinLayers(
    [
      fromFile ?? emptyLayer(),
      environmentLayer(sources.env, findings),
      flagsLayer(sources.flags, findings),
    ],
    findings,
  );
  const config = assemble(written, { ...sources, isFileUnknown: fromFile === null }, findings);
  await checkFiles(written, config, files, findings);
  if (findings.problems.length > 0) return { ok: false, problems: findings.problems };
  return { ok: true, config: freeze(config), warnings: findings.warnings };
}

function freeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null) freeze(inner as object);
  }
  return Object.freeze(value);
}
