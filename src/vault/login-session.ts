// The login in use: made when there is none, replaced when it is dead, and otherwise left alone. What keeps a fault
// from becoming a storm of logins is here: one at a time, a backoff after a refused one, and a living login that
// cannot read is replaced at most every 5 minutes. Never holds up a read that has a login.
import type { Failure } from '../health/failure.js';
import type { Clock } from '../platform/clock.js';
import type { Random } from '../platform/random.js';
import type { AuthMethod, Login, LoginContext, LoginResult } from './auth/auth-method.js';
import { lookupSelf } from './auth/lookup-self.js';
import { SharedWork } from './shared-work.js';
import type { CallOptions, VaultCaller } from './vault-caller.js';

export interface LoginSessionOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly caller: VaultCaller;
  readonly method: AuthMethod;
  readonly namespace: string | null;
  /** The longest wait after refused logins. Milliseconds. */
  readonly backoffMaxMs: number;
  /** Ends what is under way when the client is closed. */
  readonly closed: AbortSignal;
  readonly onLogin?: ((login: LoginEvent) => void) | undefined;
}

/** For the audit line `vault_login`: a login that Vault did not call dead. */
export interface LoginEvent {
  readonly method: AuthMethod['name'];
  readonly ttlMs: number | null;
  readonly renewable: boolean;
}

/** A login as a read uses it; handed back to say how the read went. */
export interface HeldLogin {
  readonly login: Login;
  readonly madeAtMs: number;
  readonly expiresAt: number | null;
  isAlive: boolean | null;
  checkedAtMs: number;
  isToBeReplaced: boolean;
}

export type HeldResult =
  | { readonly ok: true; readonly held: HeldLogin }
  | { readonly ok: false; readonly failure: Failure };

const BACKOFF_MS = 1_000;
const REPLACE_ALIVE_MS = 300_000;
/** Several tokens refused together need one look at their common login. */
const CHECK_HOLDS_MS = 10_000;

export class LoginSession {
  readonly #options: LoginSessionOptions;
  #held: HeldLogin | null = null;
  #pending: SharedWork<HeldResult> | null = null;
  #refusal: { readonly failure: Failure; readonly untilMs: number } | null = null;
  #refusals = 0;

  constructor(options: LoginSessionOptions) {
    this.#options = options;
  }

  /** The login to use, made now if need be. One request at most for one caller or many. */
  async current(options: CallOptions): Promise<HeldResult> {
    const isNew = await this.#options.method.hasNewCredential();
    options.signal.throwIfAborted();
    const held = this.#held;
    if (isNew) {
      this.#forgetRefusals();
      if (held !== null) held.isToBeReplaced = true;
    }
    if (held !== null && !held.isToBeReplaced) return { ok: true, held };
    const result = await this.#loginOnce(options);
    if (result.ok || held === null || held.isAlive === false) return result;
    // a login that lives is better than none: it may still read the other tokens
    return result.failure.class === 'vault_login_failed' ? { ok: true, held } : result;
  }

  /** Vault took the login: whatever it answered was no 403. The next 403 is news, and looked into at once. */
  accepted(held: HeldLogin): void {
    held.isAlive = true;
    held.checkedAtMs = -Infinity;
  }

  /** A read was refused with 403. Looks whether the login lives, and decides whether it is to be replaced. */
  async refused(held: HeldLogin, options: CallOptions): Promise<boolean | null> {
    const { clock, method } = this.#options;
    const nowMs = clock.monotonicMs();
    const isKnown = nowMs - held.checkedAtMs < CHECK_HOLDS_MS;
    const isFinal = held.isAlive === false && !method.makesLogins;
    if (!isKnown && !isFinal) {
      held.checkedAtMs = nowMs;
      held.isAlive = await this.#look(held, options);
    }
    const isOld = nowMs - held.madeAtMs >= REPLACE_ALIVE_MS;
    if (method.makesLogins && (held.isAlive === false || isOld)) held.isToBeReplaced = true;
    return held.isAlive;
  }

  isAuthenticated(): boolean {
    return this.#held !== null && this.#held.isAlive !== false;
  }

  /** Milliseconds since the epoch by our clock; null: never, not known, or no login. */
  expiresAt(): number | null {
    return this.#held?.expiresAt ?? null;
  }

  async #look(held: HeldLogin, options: CallOptions): Promise<boolean | null> {
    const found = await lookupSelf(this.#context(options), held.login.vaultToken);
    if (found.kind === 'alive') return true;
    return found.kind === 'dead' ? false : null;
  }

  async #loginOnce(options: CallOptions): Promise<HeldResult> {
    const waitMs = (this.#refusal?.untilMs ?? 0) - this.#options.clock.monotonicMs();
    if (this.#refusal !== null && waitMs > 0) {
      return { ok: false, failure: { ...this.#refusal.failure, retryAfterMs: Math.ceil(waitMs) } };
    }
    if (this.#pending === null || this.#pending.isAbandoned) this.#pending = this.#startLogin();
    return this.#pending.wait(options);
  }

  #startLogin(): SharedWork<HeldResult> {
    const { closed } = this.#options;
    const work = new SharedWork<HeldResult>(closed, async (signal, onDeadline) => {
      try {
        return await this.#login({ budget: 'poll', signal, onDeadline });
      } finally {
        if (this.#pending === work) this.#pending = null;
      }
    });
    return work;
  }

  /** Paid by the polling share, whoever asked: the backoff keeps callers from driving it. */
  async #login(options: CallOptions): Promise<HeldResult> {
    const { clock, method, onLogin } = this.#options;
    const result = await method.login(this.#context(options));
    if (!result.ok) return this.#refuse(result);
    this.#forgetRefusals();
    const { login } = result;
    const nowMs = clock.monotonicMs();
    const held: HeldLogin = {
      login,
      madeAtMs: nowMs,
      expiresAt: login.ttlMs === null ? null : clock.now() + login.ttlMs,
      isAlive: login.isAlive,
      checkedAtMs: nowMs,
      isToBeReplaced: false,
    };
    this.#held = held;
    if (login.isAlive !== false && login.vaultToken !== null) {
      onLogin?.({ method: method.name, ttlMs: login.ttlMs, renewable: login.renewable });
    }
    return { ok: true, held };
  }

  #refuse(result: Extract<LoginResult, { ok: false }>): HeldResult {
    if (result.failure.class === 'vault_login_failed') {
      const { clock, random, backoffMaxMs } = this.#options;
      const ceilingMs = Math.min(backoffMaxMs, BACKOFF_MS * 2 ** Math.min(this.#refusals, 30));
      this.#refusals += 1;
      const untilMs = clock.monotonicMs() + random() * ceilingMs;
      this.#refusal = { failure: result.failure, untilMs };
    }
    return result;
  }

  #forgetRefusals(): void {
    this.#refusal = null;
    this.#refusals = 0;
  }

  #context(options: CallOptions): LoginContext {
    const { caller, namespace, clock } = this.#options;
    return { ...options, caller, namespace, nowMs: clock.now() };
  }
}
