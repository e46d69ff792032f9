// `keytender agent`: settings in, the sidecar running, an exit code out. What is wrong with the settings is told all at
// once.
import type { ConfigProblem } from '../config/problem.js';
import { exitCode, type ExitCode } from './exit-code.js';
import type { Io } from './io.js';
import { runAgentWith } from './run-agent.js';
import { loadSettings, type SettingsOptions } from './settings.js';

/** `command`: a program to supervise and its arguments; null: none. */
export async function agent(
  settings: SettingsOptions,
  command: readonly string[] | null,
  io: Io,
): Promise<number> {
  const load = (): ReturnType<typeof loadSettings> => loadSettings(settings, io);
  const loaded = await load();
  if (!loaded.ok) return refuseSettings(loaded.problems, io);
  return runAgentWith({ ...loaded, reload: load, ...(command === null ? {} : { command }) }, io);
}

/** All of them: key, what is wrong, the fix. */
export function refuseSettings(problems: readonly ConfigProblem[], io: Io): ExitCode {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  io.stderr.write(`keytender: ${count} in the settings\n`);
  for (const problem of problems) io.stderr.write(`  ${problem.toString()}\n`);
  return exitCode.usage;
}
