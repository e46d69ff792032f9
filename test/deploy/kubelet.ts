// What a kubelet does with one pod, after the Kubernetes documentation ("Sidecar Containers", "Configure Liveness,
// Readiness and Startup Probes", "Pod Lifecycle"): order of start and stop, probes with their thresholds, restarts.
// How a container runs and how a probe is asked are the caller's, so that it can be a sandbox, a process or a fake.
import type { Clock } from '../../src/platform/clock.js';
import type { ContainerSpec, PodSpec, ProbeSpec } from './pod.js';

export interface Running {
  /** With the exit code; null: by a signal. */
  readonly ended: Promise<number | null>;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
  /** Whether the probe succeeded: 200 to 399 within its timeout. Never rejects. */
  ask(probe: ProbeSpec): Promise<boolean>;
}

export interface KubeletOptions {
  readonly pod: PodSpec;
  readonly clock: Clock;
  start(container: ContainerSpec): Promise<Running>;
}

export interface ContainerStatus {
  readonly isRunning: boolean;
  /** Its startup probe, if it has one, has succeeded. */
  readonly isStarted: boolean;
  readonly isReady: boolean;
  readonly restarts: number;
}

const nothing: ContainerStatus = {
  isRunning: false,
  isStarted: false,
  isReady: false,
  restarts: 0,
};

/** The first restart is at once; later ones wait, twice as long each time, at most five minutes. */
const backoffMs = (restarts: number): number =>
  restarts === 0 ? 0 : Math.min(300_000, 10_000 * 2 ** (restarts - 1));

export class Kubelet {
  readonly #options: KubeletOptions;
  readonly #statuses = new Map<string, ContainerStatus>();
  readonly #running = new Map<string, Running>();
  readonly #stop = new AbortController();
  readonly #work = new Set<Promise<unknown>>();
  /** What happened, in order. */
  readonly events: string[] = [];

  constructor(options: KubeletOptions) {
    this.#options = options;
  }

  status(name: string): ContainerStatus {
    return this.#statuses.get(name) ?? nothing;
  }

  /** Every container, sidecars too, is ready. */
  get isPodReady(): boolean {
    return this.#containers.every(({ name }) => this.status(name).isReady);
  }

  get #containers(): readonly ContainerSpec[] {
    const { initContainers, containers } = this.#options.pod;
    return [...initContainers.filter((it) => it.restartPolicy === 'Always'), ...containers];
  }

  /**
   * Init containers one after the other, each once the one before has ended or, of sidecars, has started; then the
   * containers, all at once.
   */
  async start(): Promise<void> {
    for (const container of this.#options.pod.initContainers) {
      if (container.restartPolicy !== 'Always') {
        await this.#runToItsEnd(container);
        continue;
      }
      this.#own(this.#keep(container));
      while (!this.status(container.name).isStarted) await this.#sleep(500);
    }
    for (const container of this.#options.pod.containers) this.#own(this.#keep(container));
  }

  /**
   * Containers are told at the same time, sidecars when these have ended, the last one first. What has not ended within
   * the grace period is killed.
   */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('the pod is deleted'));
    const { pod, clock } = this.#options;
    const graceMs = (pod.terminationGracePeriodSeconds ?? 30) * 1000;
    const over = new AbortController();
    void clock.sleep(graceMs, over.signal).then(
      () => {
        for (const [name, running] of this.#running) {
          this.events.push(`killed ${name}`);
          running.kill('SIGKILL');
        }
      },
      () => undefined,
    );
    await Promise.all(pod.containers.map(({ name }) => this.#end(name)));
    for (const { name } of pod.initContainers.toReversed()) await this.#end(name);
    over.abort();
    await Promise.allSettled(this.#work);
  }

  async #runToItsEnd(container: ContainerSpec): Promise<void> {
    for (let restarts = 0; ; restarts += 1) {
      if (restarts > 0) await this.#sleep(backoffMs(restarts - 1));
      const running = await this.#options.start(container);
      if ((await running.ended) === 0) return;
      this.events.push(`${container.name} failed`);
    }
  }

  async #end(name: string): Promise<void> {
    const running = this.#running.get(name);
    if (running === undefined) return;
    this.events.push(`told ${name}`);
    running.kill('SIGTERM');
    await running.ended;
    this.events.push(`ended ${name}`);
  }

  /** One container's life: started, probed, started again when it ends or a probe says so. */
  async #keep(container: ContainerSpec): Promise<void> {
    const { name } = container;
    for (let restarts = 0; !this.#isStopped(); restarts += 1) {
      this.#set(name, { ...nothing, restarts });
      if (restarts > 0) await this.#sleep(backoffMs(restarts - 1));
      const running = await this.#options.start(container);
      // deleted meanwhile: nobody would ever tell it
      if (this.#isStopped()) running.kill('SIGKILL');
      this.events.push(`started ${name}`);
      this.#running.set(name, running);
      this.#set(name, { isRunning: true });
      const ended = new AbortController();
      const signal = AbortSignal.any([ended.signal, this.#stop.signal]);
      this.#own(this.#probe(container, running, signal));
      await running.ended;
      ended.abort(new Error('it has ended'));
      this.#running.delete(name);
      this.#set(name, { isRunning: false, isReady: false });
    }
  }

  async #probe(container: ContainerSpec, running: Running, signal: AbortSignal): Promise<void> {
    const { name, startupProbe, livenessProbe, readinessProbe } = container;
    const kill = (why: string) => () => {
      this.events.push(`${why} of ${name} failed`);
      running.kill('SIGTERM');
    };
    const parts = { running, signal };
    if (startupProbe !== undefined) {
      await this.#untilSucceeds(startupProbe, { ...parts, onFailed: kill('startup probe') });
    }
    this.#set(name, { isStarted: true, isReady: readinessProbe === undefined });
    const watches = [];
    if (livenessProbe !== undefined) {
      watches.push(this.#watch(livenessProbe, { ...parts, onFailed: kill('liveness probe') }));
    }
    if (readinessProbe !== undefined) {
      const say = (isReady: boolean) => () => {
        this.#set(name, { isReady });
      };
      const onBoth = { onFailed: say(false), onSucceeded: say(true) };
      watches.push(this.#watch(readinessProbe, { ...parts, ...onBoth }));
    }
    await Promise.all(watches);
  }

  async #untilSucceeds(probe: ProbeSpec, reaction: Reaction): Promise<void> {
    const done = new AbortController();
    const signal = AbortSignal.any([reaction.signal, done.signal]);
    const onSucceeded = (): void => {
      done.abort(new Error('it has started'));
    };
    await this.#watch(probe, { ...reaction, signal, onSucceeded }).catch(() => undefined);
    reaction.signal.throwIfAborted();
  }

  /** Asks every period and tells of the results in a row that reach a threshold. Rejects when aborted. */
  async #watch(probe: ProbeSpec, reaction: Reaction): Promise<never> {
    const { periodSeconds = 10, successThreshold = 1, failureThreshold = 3 } = probe;
    const { running, signal, onFailed, onSucceeded } = reaction;
    await this.#options.clock.sleep((probe.initialDelaySeconds ?? 0) * 1000, signal);
    let inARow = 0;
    let last: boolean | null = null;
    for (;;) {
      const isGood = await running.ask(probe);
      signal.throwIfAborted();
      inARow = isGood === last ? inARow + 1 : 1;
      last = isGood;
      if (isGood && inARow === successThreshold) onSucceeded?.();
      if (!isGood && inARow === failureThreshold) onFailed();
      await this.#options.clock.sleep(periodSeconds * 1000, signal);
    }
  }

  #isStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  #set(name: string, change: Partial<ContainerStatus>): void {
    this.#statuses.set(name, { ...this.status(name), ...change });
  }

  #sleep(ms: number): Promise<void> {
    return this.#options.clock.sleep(ms, this.#stop.signal);
  }

  /** Aborting is how work ends here; anything else has to be seen. */
  #own(work: Promise<unknown>): void {
    const owned = work.catch((error: unknown) => {
      if (!(error instanceof Error) || !/deleted|has ended/.test(error.message)) throw error;
    });
    this.#work.add(owned);
  }
}

interface Reaction {
  readonly running: Running;
  readonly signal: AbortSignal;
  readonly onFailed: () => void;
  readonly onSucceeded?: () => void;
}
