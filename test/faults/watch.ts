// Looks at `/health` all the time, by one connection, and keeps what it saw: what was true for a moment only counts.
import type { HealthBody } from '../../src/health/body.js';
import { pause, type AgentProcess } from '../fixtures/agent-process.js';

export interface Sample {
  readonly atMs: number;
  readonly status: number;
  readonly body: HealthBody;
}

const EVERY_MS = 50;

export class Watch implements AsyncDisposable {
  readonly samples: Sample[] = [];
  /** What came instead of an answer. */
  readonly silences: string[] = [];
  /** The process is not expected to answer. */
  isMute = false;
  readonly #agent: () => AgentProcess | null;
  readonly #running: Promise<void>;
  #isOver = false;

  constructor(agent: () => AgentProcess | null) {
    this.#agent = agent;
    this.#running = this.#run();
  }

  /** The first sample from now on that is so; the last one there is when none was within the time. */
  async until(
    isThere: (body: HealthBody) => boolean,
    withinMs: number,
  ): Promise<{ readonly isThere: boolean; readonly sample: Sample | undefined }> {
    const endMs = performance.now() + withinMs;
    const seen = this.samples.length;
    for (;;) {
      const sample = this.samples.slice(seen).find(({ body }) => isThere(body));
      if (sample !== undefined) return { isThere: true, sample };
      if (performance.now() > endMs) return { isThere: false, sample: this.samples.at(-1) };
      await pause(EVERY_MS / 2);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const agent = this.#isMutedNow() ? null : this.#agent();
      if (agent !== null) await this.#look(agent);
      await pause(EVERY_MS);
    }
  }

  async #look(agent: AgentProcess): Promise<void> {
    const atMs = performance.now();
    try {
      const url = await agent.url();
      const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(5_000) });
      const body = (await response.json()) as HealthBody;
      if (!this.#isMutedNow()) this.samples.push({ atMs, status: response.status, body });
    } catch (error) {
      if (!this.#isMutedNow() && !this.#isOver) this.silences.push(String(error));
    }
  }

  #isMutedNow(): boolean {
    return this.isMute;
  }
}
