// One fault: what it does, and what has to come of it. Each has a file of its own in `faults/`, with one call of `fault`.
import type { HealthBody } from '../../src/health/body.js';
import type { FailureClass } from '../../src/health/failure.js';
import type { Scene, SceneOptions } from './scene.js';

export const moments = [
  'first start',
  'steady state',
  'during a rotation',
  'inside the grace',
] as const;
export type Moment = (typeof moments)[number];

/** `kept`: usable all the time. `revoked`: taken away, by who may. `restarted`: gone with the process, back with it. */
export type Fate = 'kept' | 'revoked' | 'restarted';

type ByMoment<T> = T | ((moment: Moment) => T);

/** Ends the fault. */
export type End = () => Promise<void> | void;
export type Inject = (scene: Scene, moment: Moment) => Promise<End> | End;

export interface Expectation {
  /** What `/health` has to name while it lasts; null: it is no failure, and none may be named. */
  readonly class: ByMoment<FailureClass | null>;
  /** What it may name besides, for a reason that the row tells. */
  readonly besides?: readonly FailureClass[];
  /** The agent mends it by itself: it may be over before anybody looks at `/health`, and is named by the log for good. */
  readonly isMended?: ByMoment<boolean>;
  /** Default: kept. */
  readonly token?: ByMoment<Fate>;
  /** Beyond its class: the fault is there. */
  readonly isThere?: (health: HealthBody) => boolean;
  /** Beyond a token that is fresh and the newest: it is over. */
  readonly isOver?: (health: HealthBody) => boolean;
  /** Default: that of one attempt. Milliseconds. */
  readonly healsWithinMs?: number;
}

export interface Fault {
  /** As its row is called. */
  readonly name: string;
  /** What holds in spite of it: a sentence. */
  readonly promise: string;
  readonly scene?: SceneOptions;
  /**
   * When it begins. `before`: an agent that starts, and a rotation, meet it. `starting`: it happens to a process, which
   * waits for its first answer. `unseen`: it happens to a new version, before anybody has read that.
   */
  readonly begins?: 'before' | 'starting' | 'unseen';
  /** What callers sign with while it lasts: what the agent holds, or the newest there is, from the first moment. */
  readonly callersHold?: 'held' | 'newest' | 'none';
  /** Nobody can speak to the process while it lasts. */
  readonly isMute?: true;
  /** By Vault's time, the grace is over. */
  readonly endsGrace?: true;
  /** Where this machine cannot make it happen. Default: everywhere. */
  readonly isPossible?: () => boolean;
  /** The secret begins anew at version 1. */
  readonly recreates?: true;
  readonly expect: Expectation;
  readonly inject: Inject;
}

export function fault(described: Fault): Fault {
  return described;
}

export function at<T extends string | boolean | null>(expected: ByMoment<T>, moment: Moment): T {
  return typeof expected === 'function' ? expected(moment) : expected;
}
