// The settings of `keytender dev`: the user's own, except that the Vault is the dev Vault and never another one whose
// address or token happens to be in the environment, and that it polls often.
import { isTerminal, type Environment } from '../../platform/terminal.js';
import type { Io } from '../io.js';
import type { SettingsOptions } from '../settings.js';
import { UsageError } from '../usage-error.js';

/** The dev Vault as the agent enters it. */
export interface VaultLogin {
  readonly address: string;
  readonly vaultToken: string;
  /** Where the agent's Unix socket goes, unless a setting says otherwise. */
  readonly socket?: string | null;
}

/** How a Vault is found and entered, and the tokens that would be used without one. */
const foreign =
  /^(?:(?:KEYTENDER_)?VAULT_|BAO_|(?:KEYTENDER_TOKEN_INITIAL|AGENT_TOKEN)(?:_FILE)?$)/;
/** What may still be set of it: where the secret is, and how it is asked for. */
const kept =
  /^(?:VAULT_AGENT_PATH_PREFIX|VAULT_CLIENT_TIMEOUT|BAO_CLIENT_TIMEOUT|KEYTENDER_VAULT_(?:PATH_PREFIX|MOUNT|TIMEOUT|REQUESTS_PER_MINUTE))$/;
const foreignFlag =
  /^\s*(?:vault\.(?!path_prefix|mount|timeout|requests_per_minute)|token\.initial)/;

/** The arguments for `loadSettings`. Throws `UsageError` for a flag that names another Vault. */
export function devSettings(
  settings: SettingsOptions,
  io: Pick<Io, 'env' | 'hostname' | 'stdout'>,
  vault: VaultLogin,
): [SettingsOptions, Pick<Io, 'env' | 'hostname'>] {
  const flag = settings.set.find((text) => foreignFlag.test(text));
  if (flag !== undefined) {
    const key = flag.split('=')[0] ?? '';
    throw new UsageError(`dev brings its own Vault: ${key} cannot be set; run keytender agent`);
  }
  const own = Object.entries(io.env).filter(([name]) => !foreign.test(name) || kept.test(name));
  const env = {
    ...(settings.config === undefined ? gentleDefaults(io.env, isTerminal(io.stdout)) : {}),
    ...(settings.config === undefined ? socketDefault(vault) : {}),
    ...Object.fromEntries(own),
    KEYTENDER_VAULT_ADDRESS: vault.address,
    KEYTENDER_VAULT_AUTH_METHOD: 'token',
    KEYTENDER_VAULT_AUTH_TOKEN: vault.vaultToken,
  };
  return [settings, { env, hostname: io.hostname }];
}

function socketDefault({ socket }: VaultLogin): Record<string, string> {
  return socket === undefined || socket === null ? {} : { KEYTENDER_LISTEN_SOCKET: socket };
}

/** Each yields to the same setting in the environment or a flag, and all of them to a settings file. */
function gentleDefaults(env: Environment, onTerminal: boolean): Record<string, string> {
  return {
    KEYTENDER_REFRESH_INTERVAL: '5s',
    KEYTENDER_LISTEN_STATUS_PAGE: 'true',
    // a person is told a line per event instead
    ...(onTerminal && env['LOG_LEVEL'] === undefined ? { KEYTENDER_LOG_LEVEL: 'error' } : {}),
    ...(onTerminal ? { KEYTENDER_AUDIT_FILE: '/dev/null' } : {}),
  };
}
