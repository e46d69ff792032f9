// A login as it is held and used: what was granted to it and when it ends, by both clocks, and what is known of its life.
import type { Clock } from '../platform/clock.js';
import type { Login } from './auth/auth-method.js';

export class HeldLogin {
  readonly login: Login;
  /** We made it, and may give it back. */
  readonly isOurs: boolean;
  /** Monotonic. */
  readonly madeAtMs: number;
  /** The last grant; null: no end, or not known. */
  ttlMs: number | null;
  longestTtlMs: number;
  isRenewable: boolean;
  /** By our wall clock, milliseconds since the epoch; null: never, or not known. */
  expiresAt: number | null = null;
  /** Monotonic. */
  endsAtMs = Infinity;
  isAlive: boolean | null;
  /** When the last look at it began, or it was made. */
  checkedAtMs: number;
  /** It read something. */
  wasAccepted = false;
  isToBeReplaced = false;

  constructor(login: Login, isOurs: boolean, clock: Clock) {
    this.login = login;
    this.isOurs = isOurs;
    this.madeAtMs = clock.monotonicMs();
    this.checkedAtMs = this.madeAtMs;
    this.isAlive = login.isAlive;
    this.ttlMs = login.ttlMs;
    this.longestTtlMs = 0;
    this.isRenewable = login.renewable;
    this.grant(login.ttlMs, login.renewable, clock);
  }

  /** Takes what a login or a renewal granted from now on. */
  grant(ttlMs: number | null, renewable: boolean, clock: Clock): void {
    this.ttlMs = ttlMs;
    this.longestTtlMs = Math.max(this.longestTtlMs, ttlMs ?? 0);
    this.isRenewable = renewable && this.login.type !== 'batch';
    this.expiresAt = ttlMs === null ? null : clock.now() + ttlMs;
    this.endsAtMs = ttlMs === null ? Infinity : clock.monotonicMs() + ttlMs;
  }
}

/** Its granted time is over. */
export function isEnded({ endsAtMs }: HeldLogin, clock: Clock): boolean {
  return clock.monotonicMs() >= endsAtMs;
}
