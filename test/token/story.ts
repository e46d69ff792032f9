// A story for a test: one secret, one agent, one clock; the operator's commands by name, the agent's view by name.
import type { TokenStoreOptions } from '../../src/token/store.js';
import type { ChangeKind } from '../../src/token/change.js';
import { AgentModel, type Poll, settings, tokenText } from './agent-model.js';
import { type Fields, Kv2Model, type SecretState } from './kv2-model.js';

export const T0 = Date.parse('2026-01-01T00:00:00.000Z');

export type StoryOptions = Partial<Omit<TokenStoreOptions, 'limits'>> & {
  readonly limits?: Partial<TokenStoreOptions['limits']>;
};

export class Story {
  readonly vault = new Kv2Model();
  agent: AgentModel;
  now = T0;
  readonly #options: StoryOptions;

  constructor(options: StoryOptions = {}) {
    this.#options = options;
    this.agent = this.#newAgent();
  }

  /** Seconds since the story began. */
  seconds(at: number | null | undefined): number | null {
    return at === null || at === undefined ? null : (at - T0) / 1000;
  }

  wait(seconds: number): this {
    this.now += seconds * 1000;
    return this;
  }

  /** `kv put token=NAME …`. Times among the fields are seconds from now. */
  put(name: string, fields: Fields & { notBefore?: number; expires?: number } = {}): this {
    const { notBefore, expires, ...rest } = fields;
    this.vault.put(
      { token: tokenText(name), ...this.#times(notBefore, expires), ...rest },
      this.now,
    );
    return this;
  }

  patch(fields: Fields & { notBefore?: number; expires?: number }): this {
    const { notBefore, expires, ...rest } = fields;
    this.vault.patch({ ...this.#times(notBefore, expires), ...rest }, this.now);
    return this;
  }

  /** A version without a token in it. */
  putMalformed(): this {
    this.vault.put({ tokn: tokenText('x') }, this.now);
    return this;
  }

  poll(node: SecretState = this.vault.state): Poll {
    return this.agent.poll(node, this.now);
  }

  /** What the poll changed, in one word. */
  pollChange(node?: SecretState): ChangeKind | undefined {
    return this.poll(node).newest?.change;
  }

  /** The process ends and another one starts: nothing is remembered. */
  restart(options: StoryOptions = {}): this {
    this.agent = this.#newAgent(options);
    return this;
  }

  get snapshot() {
    return this.agent.store.at(this.now);
  }

  signs(): string | null {
    return this.agent.signs(this.now);
  }

  verifies(): string[] {
    return this.agent.verifies(this.now);
  }

  /** The seconds at which each superseded one stops verifying, newest first. */
  ends(): (number | null)[] {
    return this.snapshot.superseded.map((one) => this.seconds(one.usableUntil));
  }

  #times(notBefore: number | undefined, expires: number | undefined): Fields {
    const iso = (seconds: number): string => new Date(this.now + seconds * 1000).toISOString();
    return {
      ...(notBefore === undefined ? {} : { not_before: iso(notBefore) }),
      ...(expires === undefined ? {} : { expires_at: iso(expires) }),
    };
  }

  #newAgent(more: StoryOptions = {}): AgentModel {
    const { limits, ...rest } = { ...this.#options, ...more };
    return new AgentModel({
      ...rest,
      limits: { ...settings.limits, ...limits },
      now: this.now,
    });
  }
}
