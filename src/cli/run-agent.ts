// Running the agent with loaded settings, for `agent` and `dev`: hands it the process, and says in a sentence what it
// could not start with.
import type { Config } from '../config/config.js';
import type { LoadResult } from '../config/load.js';
import { ConfigProblem } from '../config/problem.js';
import type { AgentOptions } from '../daemon/agent.js';
import { ownDescription } from '../platform/own-description.js';
import { cutOff } from '../platform/terminal.js';
import { exitCode } from './exit-code.js';
import type { Io } from './io.js';

export interface LoadedSettings {
  readonly config: Config;
  readonly warnings: readonly string[];
  readonly reload: () => Promise<LoadResult>;
  /** A program to supervise. */
  readonly command?: readonly string[];
}

type Listeners = Pick<AgentOptions, 'onReady' | 'onEvent' | 'rotate'>;

/** Resolves when the agent has stopped. Rejects for a bug only. */
export async function runAgentWith(
  loaded: LoadedSettings,
  io: Io,
  listeners: Listeners = {},
): Promise<number> {
  const { runAgent } = await import('../daemon/agent.js');
  const { config, warnings, reload, command } = loaded;
  const { signals, version } = io;
  const shared = io.stdout.fd ?? 1;
  try {
    return await runAgent({
      config,
      warnings,
      reload,
      ...(command === undefined ? {} : { command }),
      signals,
      version,
      stdout: {
        fd: ownDescription(shared),
        isTTY: io.stdout.isTTY === true,
        cutOff: () => cutOff(io.stdout),
      },
      ...listeners,
    });
  } catch (error) {
    return explain(error, io);
  }
}

function explain(error: unknown, io: Io): number {
  if (error instanceof ConfigProblem) {
    io.stderr.write(`keytender: ${error.toString()}\n`);
    return exitCode.usage;
  }
  if (error instanceof Error && error.name === 'ListenError') {
    io.stderr.write(`keytender: ${error.message}\n`);
    return exitCode.failed;
  }
  throw error;
}
