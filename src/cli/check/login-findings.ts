// Logging in as the agent would: what the login is, how long it lives. Never unwraps, and never spends a use of a
// secret id unless told to; a login that was made is revoked at the end.
import type { VaultConfig } from '../../config/config.js';
import type { Clock } from '../../platform/clock.js';
import type { Login, LoginContext } from '../../vault/auth/auth-method.js';
import { buildConfiguredAuth } from '../../vault/auth/configured-auth.js';
import { revokeSelf } from '../../vault/auth/revoke-self.js';
import { ageOf } from '../status/relative-time.js';
import { policyCommand, tokenCommand, word, type Place } from './commands.js';
import { failed, ok, skipped, warning, type Finding } from './finding.js';
import type { VaultProbe } from './vault-probe.js';

export interface LoginFound {
  readonly login: Login | null;
  readonly finding: Finding;
  /** Gives back what was taken. Never rejects. */
  readonly end: () => Promise<void>;
}

export interface LoginOptions {
  readonly maySpend: boolean;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly readFile: (path: string) => Promise<string>;
  /** One of the secrets to be read, for the policy that a login needs. */
  readonly place: Place;
}

const nothing = (): Promise<void> => Promise.resolve();

export async function findLogin(
  probe: VaultProbe,
  config: VaultConfig,
  options: LoginOptions,
): Promise<LoginFound> {
  const { method } = config.auth;
  if (config.auth.secretIdWrapped !== null) {
    const found = `${method}: not tried, because a wrapped secret id can be unwrapped once only, by the agent`;
    return { login: null, finding: skipped('login', null, found), end: nothing };
  }
  if (spendsAUse(config) && !options.maySpend) {
    const found = `${method}: not tried, because that may spend a use of the secret id (--login tries it)`;
    return { login: null, finding: skipped('login', null, found), end: nothing };
  }
  const auth = buildConfiguredAuth(config.auth, {
    readFile: options.readFile,
    onWarning: () => undefined,
  });
  const context: LoginContext = {
    caller: probe.caller,
    namespace: config.auth.namespace ?? config.namespace,
    nowMs: options.clock.now(),
    budget: 'poll',
    signal: options.signal,
  };
  const result = await auth.login(context);
  if (!result.ok) {
    const { class: failureClass, message } = result.failure;
    const found = `${method}: ${failureClass}: ${message}`;
    const finding = failed('login', null, found, credentialFix(config, options.place));
    return { login: null, finding, end: nothing };
  }
  const { login } = result;
  const end = async (): Promise<void> => {
    if (auth.makesLogins && login.type !== 'batch') await revokeSelf(context, login.vaultToken);
  };
  return {
    login: login.isAlive === false ? null : login,
    finding: findingOf(config, login, options.place),
    end,
  };
}

function spendsAUse({ auth }: VaultConfig): boolean {
  return auth.method === 'approle' && auth.secretId !== null;
}

/** How to get what this method logs in with. */
function credentialFix({ auth, namespace }: VaultConfig, place: Place): string {
  const role = word(auth.role ?? 'ROLE');
  const at = word(`auth/${auth.mount}`);
  switch (auth.method) {
    case 'token':
      return `${policyCommand(place)} && ${tokenCommand(namespace)} > vault-token; export VAULT_TOKEN_FILE=$PWD/vault-token`;
    case 'approle':
      return `vault read ${at}/role/${role}/role-id; vault write -f ${at}/role/${role}/secret-id`;
    case 'kubernetes':
    case 'jwt':
      return `vault read ${at}/role/${role}; vault read ${at}/config`;
    case 'cert':
      return `vault list ${at}/certs; vault read ${at}/certs/${role}`;
  }
}

/** A login that cannot be kept alive by whoever has it. */
const ENDING_MS = 7 * 86_400_000;

function findingOf(config: VaultConfig, login: Login, place: Place): Finding {
  const { method } = config.auth;
  if (login.vaultToken === null) {
    const found = 'no Vault token is set: requests carry none';
    const fix = `unless a Vault proxy that logs in by itself is asked: ${credentialFix(config, place)}`;
    return warning('login', null, found, fix);
  }
  if (login.isAlive === false) {
    const found = `${method}: Vault does not know the Vault token (expired, revoked, or of another Vault)`;
    return failed('login', null, found, credentialFix(config, place));
  }
  if (login.isAlive === null) {
    const found = `${method}: Vault does not tell how long the login lives`;
    const fix = `make one that has Vault's default policy, which allows lookup-self and renew-self: ${tokenCommand(config.namespace)}`;
    return warning('login', null, found, fix);
  }
  const lifetime = login.ttlMs === null ? 'never expires' : `ends in ${ageOf(login.ttlMs / 1000)}`;
  const renewal = login.renewable ? ', renewable' : login.ttlMs === null ? '' : ', not renewable';
  const found = `${method}: ${lifetime}${renewal}`;
  const isGiven = method === 'token' && login.ttlMs !== null;
  if (isGiven && !login.renewable && login.ttlMs < ENDING_MS) {
    return warning('login', null, found, tokenCommand(config.namespace));
  }
  return ok('login', null, found);
}
