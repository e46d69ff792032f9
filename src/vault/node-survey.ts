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
/** Of `sys/health`: a standby that does not reach its active node. OpenBao 2.5 does not say so, and answers 429. */
const CUT_OFF = 474;

export class NodeSurvey {
  readonly #options: NodeSurveyOptions;
  #active: string | null = null;
  #activeReadMs = -Infinity;
  #surveyedMs: number;
  /** They say of themselves that they do not reach their active node. */
  #cutOff: ReadonlySet<string> = new Set();
  #isRunning = false;
  #well = new Set<string>();

  constructor(options: NodeSurveyOptions) {
    this.#options = options;
    // where there is a choice it is made at once; a single address is only looked at now and then
    this.#surveyedMs = options.list.length > 1 ? -Infinity : options.clock.monotonicMs();
  }

  /** A read is about to be made. Never waits. */
  beforeRead(): void {
    const nowMs = this.#options.clock.monotonicMs();
    const isDue = nowMs - this.#activeReadMs >= ACTIVE_READ_MS;
    if (!isDue || this.#isRunning) return;
    if (nowMs - this.#surveyedMs < this.#apartMs()) return;
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

  /** What `address` answers is not to be trusted: it said that it does not reach its active node (474). */
  isCutOff(address: string): boolean {
    return this.#cutOff.has(address);
  }

  #apartMs(): number {
    const isAlone = this.#options.list.length < 2;
    return isAlone && this.#cutOff.size === 0 ? ACTIVE_READ_MS : SURVEY_APART_MS;
  }

  async #survey(): Promise<void> {
    const { addresses, list, askHealth } = this.#options;
    const states = new Map<string, NodeState>();
    const cutOff = new Set<string>();
    for (const address of list) {
      const status = await askHealth(address);
      states.set(address, nodeState(status));
      if (status === CUT_OFF) cutOff.add(address);
    }
    this.#cutOff = cutOff;
    const isUsable = (address: string): boolean => states.get(address) !== 'unusable';
    this.#active = list.find((address) => states.get(address) === 'active') ?? null;
    addresses.avoid(list.filter((address) => !isUsable(address)));
    const wellTwice = list.find((address) => isUsable(address) && this.#well.has(address));
    if (wellTwice !== undefined) addresses.goBackTo(wellTwice);
    this.#well = new Set(list.filter(isUsable));
    if (this.#active !== null) addresses.visit(this.#active);
  }
}
