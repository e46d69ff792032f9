// `keytender dev`: the whole thing in one process, to try it out. A dev Vault in memory, a first token in it, the agent
// in front; then what to paste. Nothing of it is for production, and nothing of a real Vault's settings is used.
import type { Config } from '../../config/config.js';
import { parseDurationMs } from '../../config/duration.js';
import type { DevVault } from '../../dev-vault/index.js';
import { refuseSettings } from '../agent.js';
import { exitCode } from '../exit-code.js';
import type { Io } from '../io.js';
import { runAgentWith } from '../run-agent.js';
import { loadSettings, type SettingsOptions } from '../settings.js';
import { UsageError } from '../usage-error.js';
import { agentIntroduction, eventLine, vaultIntroduction } from './introduction.js';
import { devSettings, type VaultLogin } from './dev-settings.js';
import { newToken, rotateAsOperator, rotateEvery, secretOf, writeTokens } from './rotation.js';
import { socketFolder } from './socket-folder.js';
import { startVault } from './start-vault.js';
import { isTerminal } from '../../platform/terminal.js';

export interface DevOptions {
  readonly rotateEvery?: string;
  readonly vaultOnly?: boolean;
  readonly vaultAddress?: string;
  readonly rootToken: string;
}

/** Resolves when a signal ended it. Throws `UsageError`. */
export async function dev(options: DevOptions, settings: SettingsOptions, io: Io): Promise<number> {
  io.signals.hangupStops();
  const rotateEveryMs = intervalOf(options.rotateEvery);
  const planned = await loadSettings(...devSettings(settings, io, plannedVault));
  if (!planned.ok) return refuseSettings(planned.problems, io);
  const vault = await startVault(options, planned.config.vault?.mount ?? 'secret');
  const stopping = new AbortController();
  try {
    writeTokens(vault, planned.config, newToken);
    if (rotateEveryMs !== null) {
      void rotateEvery(rotateEveryMs, vault, planned.config, io.clock, stopping.signal);
    }
    return options.vaultOnly === true
      ? await serveVault(vault, planned.config, io)
      : await serveAgent(vault, readOnlyToken(vault, planned.config), settings, io);
  } finally {
    stopping.abort();
    await vault.close();
  }
}

/** Before there is one: which mount and which tokens it needs is for the settings to say. */
const plannedVault: VaultLogin = { address: 'http://127.0.0.1:8200', vaultToken: 'planned' };

function intervalOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  const ms = parseDurationMs(text);
  if (ms === null || ms < 1000) {
    throw new UsageError('--rotate-every must be a duration of at least 1s, such as 20s');
  }
  return ms;
}

async function serveVault(vault: DevVault, config: Config, io: Io): Promise<number> {
  const stopped = new Promise<void>((resolve) => {
    io.signals.onStop(() => {
      resolve();
    });
  });
  io.stdout.write(vaultIntroduction(vault, config));
  await stopped;
  return exitCode.done;
}

/** As in production: the agent may read its own tokens and nothing else. */
function readOnlyToken(vault: DevVault, config: Config): string {
  const path = `${config.vault?.mount ?? 'secret'}/data/${secretOf(config, '*')}`;
  vault.policy('keytender', `path "${path}" { capabilities = ["read"] }`);
  return vault.token({ policies: ['keytender'] }).token;
}

async function serveAgent(
  vault: DevVault,
  vaultToken: string,
  settings: SettingsOptions,
  io: Io,
): Promise<number> {
  const { address } = vault;
  await using folder = await socketFolder();
  const { socket } = folder;
  const load = (): ReturnType<typeof loadSettings> =>
    loadSettings(...devSettings(settings, io, { address, vaultToken, socket }));
  const loaded = await load();
  if (!loaded.ok) return refuseSettings(loaded.problems, io);
  const { config } = loaded;
  return await runAgentWith({ ...loaded, reload: load }, io, {
    rotate: () => rotateAsOperator(vault, config),
    onReady: ({ api }) => {
      io.stdout.write(agentIntroduction({ vault, config, api, version: io.version }));
    },
    onEvent: (event) => {
      if (isTerminal(io.stdout)) io.stdout.write(eventLine(event, io.clock.now()));
    },
  });
}
