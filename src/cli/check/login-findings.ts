// Logging in as the agent would: what the login is, how long it lives. Never unwraps, and never spends a use of a
// secret id unless told to; a login that was made is revoked at the end.
import type { VaultConfig } from '../../config/config.js';
import type { Clock } from '../../platform/clock.js';
import type { Login, LoginContext } from '../../vault/auth/auth-method.js';
import { buildConfiguredAuth } from '../../vault/auth/configured-auth.js';
import { revokeSelf } from '../../vault/auth/revoke-self.js';
import { ageOf } from '../status/relative-time.js';
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
    const finding = failed('login', null, `${method}: ${failureClass}: ${message}`, null);
    return { login: null, finding, end: nothing };
  }
  const { login } = result;
  const end = async (): Promise<void> => {
    if (auth.makesLogins && login.type !== 'batch') await revokeSelf(context, login.vaultToken);
  };
  return { login: login.isAlive === false ? null : login, finding: findingOf(method, login), end };
}

function spendsAUse({ auth }: VaultConfig): boolean {
  return auth.method === 'approle' && auth.secretId !== null;
}

function findingOf(method: string, login: Login): Finding {
  if (login.vaultToken === null) {
    const found = 'no Vault token is set: requests carry none';
    const fix = 'set VAULT_TOKEN_FILE, unless a Vault proxy that logs in by itself is asked';
    return warning('login', null, found, fix);
  }
  if (login.isAlive === false) {
    const found = `${method}: Vault does not know the Vault token (expired, revoked, or of another Vault)`;
    return failed('login', null, found, 'make a new one and set vault.auth.token');
  }
  if (login.isAlive === null) {
    const found = `${method}: Vault does not tell how long the login lives`;
    const fix = "attach Vault's default policy, which allows lookup-self and renew-self";
    return warning('login', null, found, fix);
  }
  const lifetime = login.ttlMs === null ? 'never expires' : `ends in ${ageOf(login.ttlMs / 1000)}`;
  const renewal = login.renewable ? ', renewable' : login.ttlMs === null ? '' : ', not renewable';
  return ok('login', null, `${method}: ${lifetime}${renewal}`);
}
