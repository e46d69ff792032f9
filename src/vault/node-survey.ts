// Who is who among several addresses: `sys/health` of each, asked behind the back of reads, no more often than every few
// minutes. So that one read in 5 minutes goes to the active node (a standby that is cut off from it answers 200 with old
// data for ever), and the address that was meant to be asked first is gone back to once it has been well twice in a row.
// https://developer.hashicorp.com/vault/api-docs/system/health
import type { Clock } from '../platform/clock.js';
import type { Addresses } from './addresses.js';

export type NodeState = 'active' | 'standby' | 'unusable';

/** From the status of `sys/health`; null: no answer. */
export function nodeState(status: number | null): NodeState {
  switch (status) {
    case 200:
      return 'active';
    case 429:
    case 472:
    case 473:
      return 'standby';
    default:
      return 'unusable';
  }
}

export interface NodeSurveyOptions {
  readonly clock: Clock;
  readonly addresses: Addresses;
  /** As configured, the first one first. */
  readonly list: readonly string[];
  /** The status of one node's `sys/health`; null without an answer. */
  readonly askHealth: (address: string) => Promise<number | null>;
}

/** An active node that was read from so long ago is to be read from again: a minute before the 5 are over. */
const ACTIVE_READ_MS = 240_000;
/** Without an active node it is looked for again, but no storm. */
const SURVEY_APART_MS = 60_000;

export class NodeSurvey {
  readonly #options: NodeSurveyOptions;
  #active: string | null = null;
  #activeReadMs = -Infinity;
  #surveyedMs = -Infinity;
  #isRunning = false;
  #well = new Set<string>();

  constructor(options: NodeSurveyOptions) {
    this.#options = options;
  }

  /** A read is about to be made. Never waits. */
  beforeRead(): void {
    const { clock, list } = this.#options;
    const nowMs = clock.monotonicMs();
    const isDue = nowMs - this.#activeReadMs >= ACTIVE_READ_MS;
    if (list.length < 2 || !isDue || this.#isRunning) return;
    if (nowMs - this.#surveyedMs < SURVEY_APART_MS) return;
    this.#surveyedMs = nowMs;
    this.#isRunning = true;
    this.#survey()
      .catch(() => undefined)
      .finally(() => {
        this.#isRunning = false;
      });
  }

  /** `address` answered a read of the newest version. */
  answered(address: string): void {
    if (address === this.#active) this.#activeReadMs = this.#options.clock.monotonicMs();
  }

  /** `address` failed as a node: it is not known to be the active node any more. */
  failed(address: string): void {
    if (address !== this.#active) return;
    this.#active = null;
    this.#activeReadMs = -Infinity;
  }

  /** The active node, when it was last seen; null: not known. */
  activeNode(): string | null {
    return this.#active;
  }

  async #survey(): Promise<void> {
    const { addresses, list, askHealth } = this.#options;
    const states = new Map<string, NodeState>();
    for (const address of list) states.set(address, nodeState(await askHealth(address)));
    const isUsable = (address: string): boolean => states.get(address) !== 'unusable';
    this.#active = list.find((address) => states.get(address) === 'active') ?? null;
    addresses.avoid(list.filter((address) => !isUsable(address)));
    const wellTwice = list.find((address) => isUsable(address) && this.#well.has(address));
    if (wellTwice !== undefined) addresses.goBackTo(wellTwice);
    this.#well = new Set(list.filter(isUsable));
    if (this.#active !== null) addresses.visit(this.#active);
  }
}
