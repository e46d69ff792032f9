// Keeps the login in use alive, behind the back of reads: renews it, or has it replaced, when the plan says so; after a
// failure again with a backoff, until it has ended. From then on reads make their own. One login is kept at a time.
import type { Clock } from '../platform/clock.js';
import type { Failure } from '../health/failure.js';
import type { Random } from '../platform/random.js';
import type { RenewResult } from './auth/renew-self.js';
import { isEnded, type HeldLogin } from './held-login.js';
import { nextStep, type LoginStep } from './login-plan.js';

export interface LoginKeeperOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly makesLogins: () => boolean;
  /** The longest wait after a failure. Milliseconds. */
  readonly backoffMaxMs: () => number;
  readonly renew: (held: HeldLogin, signal: AbortSignal) => Promise<RenewResult>;
  /** Makes another login in place of `held`; null when it did. */
  readonly replace: (held: HeldLogin, signal: AbortSignal) => Promise<Failure | null>;
  readonly onRenewed: (held: HeldLogin) => void;
  readonly onWarning: (message: string) => void;
}

const BACKOFF_MS = 1_000;
const SHORT_TTL_MS = 60_000;
/** Of what is left at the first warning. */
const SECOND_WARNING = 0.7;

export class LoginKeeper {
  readonly #options: LoginKeeperOptions;
  #stop = new AbortController();
  #isFailing = false;
  /** The policy does not allow to renew: from then on logins are replaced instead. */
  #mayRenew = true;
  #toldShort = false;

  constructor(options: LoginKeeperOptions) {
    this.#options = options;
  }

  /** A renewal or a replacement failed, and none has succeeded since. */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  /** From now on this one. What is under way for the one before is ended. */
  keep(held: HeldLogin): void {
    this.stop();
    this.#isFailing = false;
    this.#stop = new AbortController();
    this.#tellIfShort(held);
    this.#run(held, this.#stop.signal).catch(() => undefined);
  }

  stop(): void {
    this.#stop.abort(new Error('another login is kept'));
  }

  async #run(held: HeldLogin, signal: AbortSignal): Promise<void> {
    const { clock, random, makesLogins } = this.#options;
    for (;;) {
      const { ttlMs, longestTtlMs } = held;
      const renewable = held.isRenewable && this.#mayRenew;
      const life = { ttlMs, longestTtlMs, renewable, makesLogins: makesLogins() };
      const step = nextStep(life, random);
      if (step === null) return;
      await clock.sleep(step.afterMs, signal);
      const goesOn = await this.#take(step, held, signal);
      signal.throwIfAborted();
      if (!goesOn) return;
    }
  }

  /** False: there is nothing more to do for this login. */
  async #take({ kind }: LoginStep, held: HeldLogin, signal: AbortSignal): Promise<boolean> {
    switch (kind) {
      case 'renew':
        return this.#renew(held, signal);
      case 'replace':
        await this.#replace(held, signal);
        return false;
      case 'warn':
        // it could be renewed, but not any longer: near its maximum a server grants ever less
        if (held.isRenewable && this.#mayRenew) this.#isFailing = true;
        await this.#warnOfEnd(held, signal);
        return false;
    }
  }

  async #renew(held: HeldLogin, signal: AbortSignal): Promise<boolean> {
    const { clock, onRenewed, onWarning } = this.#options;
    for (let failures = 0; ; failures += 1) {
      const result = await this.#options.renew(held, signal);
      signal.throwIfAborted();
      switch (result.kind) {
        case 'granted':
          this.#isFailing = false;
          held.grant(result.ttlMs, result.renewable, clock);
          onRenewed(held);
          return true;
        case 'forbidden':
          if (this.#mayRenew) onWarning(renewalForbidden);
          this.#mayRenew = false;
          await this.#replaceOrWarn(held, signal);
          return false;
        case 'refused':
          this.#isFailing = !this.#options.makesLogins();
          await this.#replaceOrWarn(held, signal);
          return false;
        case 'unanswered':
          this.#fail(result.failure, held);
          await clock.sleep(this.#waitMs(failures, result.failure), signal);
          if (isEnded(held, clock)) return false;
      }
    }
  }

  async #replaceOrWarn(held: HeldLogin, signal: AbortSignal): Promise<void> {
    if (this.#options.makesLogins()) await this.#replace(held, signal);
    else await this.#warnOfEnd(held, signal);
  }

  async #replace(held: HeldLogin, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    for (let failures = 0; ; failures += 1) {
      const failure = await this.#options.replace(held, signal);
      // when it succeeded, the new login is kept already and this one's signal is aborted
      if (failure === null) return;
      this.#fail(failure, held);
      await clock.sleep(this.#waitMs(failures, failure), signal);
      if (isEnded(held, clock)) return;
    }
  }

  #fail(failure: Failure, held: HeldLogin): void {
    if (!this.#isFailing) {
      this.#options.onWarning(
        `the login could not be renewed (${failure.class}) and ends ${endOf(held)}: tried again until then`,
      );
    }
    this.#isFailing = true;
  }

  #waitMs(failures: number, failure: Failure): number {
    const { random, backoffMaxMs } = this.#options;
    const ceilingMs = Math.min(backoffMaxMs(), BACKOFF_MS * 2 ** Math.min(failures, 30));
    return Math.max(BACKOFF_MS, failure.retryAfterMs ?? 0, random() * ceilingMs);
  }

  /** Twice: a line of last week is easily lost. */
  async #warnOfEnd(held: HeldLogin, signal: AbortSignal): Promise<void> {
    const { clock, onWarning } = this.#options;
    const sentence = `the Vault token ends ${endOf(held)} and cannot be renewed any further: put another one into vault.auth.token`;
    onWarning(sentence);
    const leftMs = held.endsAtMs - clock.monotonicMs();
    if (!(leftMs > 0) || leftMs === Infinity) return;
    await clock.sleep(leftMs * SECOND_WARNING, signal);
    onWarning(`soon: ${sentence}`);
  }

  #tellIfShort({ ttlMs }: HeldLogin): void {
    if (ttlMs === null || ttlMs >= SHORT_TTL_MS || this.#toldShort) return;
    this.#toldShort = true;
    this.#options.onWarning(
      `the login lives ${Math.round(ttlMs / 1_000)} s only: raise its TTL (token_ttl of the role) to an hour, renewing it costs requests`,
    );
  }
}

const renewalForbidden =
  "the policies of the login do not allow to renew it: attach Vault's default policy; until then it is replaced before its end where that is possible";

function endOf({ expiresAt }: HeldLogin): string {
  return expiresAt === null ? 'at an unknown time' : `at ${new Date(expiresAt).toISOString()}`;
}
