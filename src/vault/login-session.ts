// The login in use: made when there is none, replaced when it is dead or ends, and otherwise kept alive. What keeps a
// fault from becoming a storm of logins is here: one at a time, a backoff after a refused one, and a living login that
// cannot read is replaced at most every 5 minutes. Never holds up a read that has a login.
import type { Failure } from '../health/failure.js';
import type { Clock } from '../platform/clock.js';
import type { Random } from '../platform/random.js';
import type { AuthMethod, LoginContext, LoginResult } from './auth/auth-method.js';
import { lookupSelf } from './auth/lookup-self.js';
import { renewSelf } from './auth/renew-self.js';
import { revokeSelf } from './auth/revoke-self.js';
import { HeldLogin, isEnded } from './held-login.js';
import { LoginKeeper } from './login-keeper.js';
import { LoginRevocations } from './login-revocations.js';
import type { BudgetKind } from './request-budget.js';
import { SharedWork } from './shared-work.js';
import type { CallOptions, VaultCaller } from './vault-caller.js';

export interface LoginSessionOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly caller: VaultCaller;
  readonly method: AuthMethod;
  readonly namespace: string | null;
  /** The longest wait after refused logins. Milliseconds. */
  readonly backoffMaxMs: () => number;
  /** Ends what is under way when the client is closed. */
  readonly closed: AbortSignal;
  /** How long one read may at most take. Milliseconds. */
  readonly timeoutMs: () => number;
  readonly onLogin?: ((login: LoginEvent) => void) | undefined;
  readonly onRenewed?: ((login: LoginEvent) => void) | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** For the audit lines `vault_login` and `vault_login_renewed`: a login that Vault did not call dead. */
export interface LoginEvent {
  readonly method: AuthMethod['name'];
  readonly ttlMs: number | null;
  readonly renewable: boolean;
}

export type HeldResult =
  | { readonly ok: true; readonly held: HeldLogin }
  | { readonly ok: false; readonly failure: Failure };

/** What is known of a login that a read was refused with. */
export interface Refusal {
  /** null: not known. */
  readonly isAlive: boolean | null;
  /** The same read may be tried once more, with another login. */
  readonly again: boolean;
}

const BACKOFF_MS = 1_000;
const REPLACE_ALIVE_MS = 300_000;
/** A login so young that read nothing yet is not doubted: a standby may not know it yet. */
const UNKNOWN_YET_MS = 10_000;
const READ_MARGIN_MS = 1_000;

export class LoginSession {
  readonly #options: LoginSessionOptions;
  readonly #keeper: LoginKeeper;
  readonly #revocations: LoginRevocations;
  #method: AuthMethod;
  #namespace: string | null;
  #held: HeldLogin | null = null;
  #pending: SharedWork<HeldResult> | null = null;
  #looking: SharedWork<void> | null = null;
  #refusal: { readonly failure: Failure; readonly untilMs: number } | null = null;
  #refusals = 0;

  constructor(options: LoginSessionOptions) {
    this.#options = options;
    const { clock, random, backoffMaxMs, closed } = options;
    this.#method = options.method;
    this.#namespace = options.namespace;
    const behindReads = (signal: AbortSignal): LoginContext =>
      this.#context({ budget: 'background', signal });
    this.#keeper = new LoginKeeper({
      clock,
      random,
      makesLogins: () => this.#method.makesLogins,
      backoffMaxMs,
      renew: (held, signal) => renewSelf(behindReads(signal), held.login),
      replace: (held, signal) => this.#replace(held, signal),
      onRenewed: (held) => options.onRenewed?.(this.#eventOf(held)),
      onWarning: (message) => options.onWarning?.(message),
    });
    this.#revocations = new LoginRevocations({
      clock,
      closed,
      readsEndWithinMs: () => options.timeoutMs() + READ_MARGIN_MS,
      revoke: (held, signal) => revokeSelf(behindReads(signal), held.login.vaultToken),
    });
    closed.addEventListener('abort', () => {
      this.#keeper.stop();
    });
  }

  /**
   * From now on logins are made so. The login in use is used until there is one: reads go on meanwhile, also when the
   * new credential is refused.
   */
  reconfigure(method: AuthMethod, namespace: string | null): void {
    this.#method = method;
    this.#namespace = namespace;
    this.again();
  }

  /** The next read makes the login in use anew, without waiting for an earlier refusal to be over. */
  again(): void {
    this.#forgetRefusals();
    if (this.#held !== null) this.#held.isToBeReplaced = true;
  }

  /** The login to use, made now if need be. One request at most for one caller or many. */
  async current(options: CallOptions): Promise<HeldResult> {
    const isNew = await this.#method.hasNewCredential();
    options.signal.throwIfAborted();
    const held = this.#held;
    if (isNew) this.again();
    if (held !== null && this.#method.makesLogins && isEnded(held, this.#options.clock)) {
      held.isAlive = false;
      held.isToBeReplaced = true;
    }
    if (held !== null && !held.isToBeReplaced) return { ok: true, held };
    const result = await this.#loginOnce(options);
    if (result.ok || held === null || held.isAlive === false) return result;
    // a login that lives is better than none: it may still read the other tokens
    return result.failure.class === 'vault_login_failed' ? { ok: true, held } : result;
  }

  /** Vault took the login: whatever it answered was no 403. */
  accepted(held: HeldLogin): void {
    held.isAlive = true;
    held.wasAccepted = true;
  }

  /**
   * A read that began at `sinceMs` (monotonic) was refused with 403. Looks whether the login lives, unless that was seen
   * since, and decides whether it is to be replaced. `again`: it is dead, or was replaced meanwhile, and another try of
   * the same read is worth while.
   */
  async refused(held: HeldLogin, sinceMs: number, options: CallOptions): Promise<Refusal> {
    const method = this.#method;
    if (held !== this.#held) return { isAlive: null, again: true };
    const ageMs = this.#options.clock.monotonicMs() - held.madeAtMs;
    const isFinal = held.isAlive === false && !method.makesLogins;
    const isTrusted = !held.wasAccepted && ageMs < UNKNOWN_YET_MS;
    const isSeen = held.checkedAtMs >= sinceMs;
    if (!isFinal && !isTrusted && !isSeen) await this.#look(held, options);
    const isOld = ageMs >= REPLACE_ALIVE_MS;
    if (method.makesLogins && (held.isAlive === false || isOld)) held.isToBeReplaced = true;
    return { isAlive: held.isAlive, again: method.makesLogins && held.isAlive === false };
  }

  /** Gives back the logins that we made and replaced, with `alsoCurrent` the one in use too. Never rejects. */
  async end(alsoCurrent: boolean): Promise<void> {
    this.#keeper.stop();
    const isGiven = alsoCurrent && this.#held?.isOurs === true;
    await this.#revocations.finish(isGiven ? this.#held : null);
  }

  /** A renewal failed and none has succeeded since. */
  isRenewalFailing(): boolean {
    return this.#keeper.isFailing;
  }

  isAuthenticated(): boolean {
    return this.#held !== null && this.#held.isAlive !== false;
  }

  /** Milliseconds since the epoch by our clock; null: never, not known, or no login. */
  expiresAt(): number | null {
    return this.#held?.expiresAt ?? null;
  }

  /** Several secrets refused together need one look at their common login. */
  async #look(held: HeldLogin, options: CallOptions): Promise<void> {
    if (this.#looking === null || this.#looking.isAbandoned) {
      this.#looking = this.#startLook(held, options);
    }
    await this.#looking.wait(options);
  }

  #startLook(held: HeldLogin, { budget, pollJoined }: CallOptions): SharedWork<void> {
    const { clock, closed } = this.#options;
    const work = new SharedWork<void>(closed, async (signal, onDeadline) => {
      const beganMs = clock.monotonicMs();
      try {
        const context = this.#context({ budget, pollJoined, signal, onDeadline });
        const found = await lookupSelf(context, held.login.vaultToken);
        held.isAlive = found.kind === 'alive' ? true : found.kind === 'dead' ? false : null;
        held.checkedAtMs = beganMs;
      } finally {
        if (this.#looking === work) this.#looking = null;
      }
    });
    return work;
  }

  /** Behind the back of reads: they go on with `held` until there is another. */
  async #replace(held: HeldLogin, signal: AbortSignal): Promise<Failure | null> {
    if (held !== this.#held) return null;
    const result = await this.#loginOnce({ budget: 'background', signal });
    return result.ok ? null : result.failure;
  }

  async #loginOnce(options: CallOptions): Promise<HeldResult> {
    const waitMs = (this.#refusal?.untilMs ?? 0) - this.#options.clock.monotonicMs();
    if (this.#refusal !== null && waitMs > 0) {
      return { ok: false, failure: { ...this.#refusal.failure, retryAfterMs: Math.ceil(waitMs) } };
    }
    if (this.#pending === null || this.#pending.isAbandoned) {
      this.#pending = this.#startLogin(options.budget === 'background' ? 'background' : 'poll');
    }
    return this.#pending.wait(options);
  }

  /** Paid by the polling share, whoever asked: the backoff keeps callers from driving it. */
  #startLogin(budget: BudgetKind): SharedWork<HeldResult> {
    const { closed } = this.#options;
    const work = new SharedWork<HeldResult>(closed, async (signal, onDeadline) => {
      try {
        return await this.#login({ budget, signal, onDeadline });
      } finally {
        if (this.#pending === work) this.#pending = null;
      }
    });
    return work;
  }

  async #login(options: CallOptions): Promise<HeldResult> {
    const method = this.#method;
    const result = await method.login(this.#context(options));
    if (!result.ok) return this.#refuse(result);
    this.#forgetRefusals();
    const held = new HeldLogin(result.login, method.makesLogins, this.#options.clock);
    // the settings were reloaded meanwhile
    held.isToBeReplaced = method !== this.#method;
    this.#adopt(held);
    return { ok: true, held };
  }

  #adopt(held: HeldLogin): void {
    const { onLogin, onWarning } = this.#options;
    const before = this.#held;
    this.#held = held;
    if (before?.isOurs === true) this.#revocations.retire(before);
    if (held.isAlive === null && held.login.vaultToken !== null) onWarning?.(lookupForbidden);
    if (held.isAlive === false || held.login.vaultToken === null) {
      this.#keeper.stop();
      return;
    }
    onLogin?.(this.#eventOf(held));
    this.#keeper.keep(held);
  }

  #eventOf({ ttlMs, isRenewable }: HeldLogin): LoginEvent {
    return { method: this.#method.name, ttlMs, renewable: isRenewable };
  }

  #refuse(result: Extract<LoginResult, { ok: false }>): HeldResult {
    if (result.failure.class === 'vault_login_failed') {
      const { clock, random, backoffMaxMs } = this.#options;
      const ceilingMs = Math.min(backoffMaxMs(), BACKOFF_MS * 2 ** Math.min(this.#refusals, 30));
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
    const { caller, clock } = this.#options;
    return { ...options, caller, namespace: this.#namespace, nowMs: clock.now() };
  }
}

const lookupForbidden =
  "Vault does not tell how long the Vault token lives, because its policies do not allow to look it up: attach Vault's default policy; until then it is not renewed, and its end comes unannounced";
