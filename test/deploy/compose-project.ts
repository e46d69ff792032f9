// `docker compose up` as far as deploy/compose.yaml goes, after the Compose specification ("depends_on", "healthcheck"):
// a service starts when what it depends on has started, is healthy or has ended well. How a service runs is the caller's.
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export interface ComposeService {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly user?: string;
  readonly group_add?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: Condition }>>;
  readonly healthcheck?: {
    readonly test: readonly string[];
    readonly interval: string;
    readonly retries: number;
  };
}

type Condition = 'service_started' | 'service_healthy' | 'service_completed_successfully';

export interface StartedService {
  /** With the exit code. */
  readonly ended: Promise<number | null>;
  readonly output: string;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

/** Starts a service, or its health check in its place: another command, and otherwise the same. */
export type StartService = (
  name: string,
  service: ComposeService,
  command?: readonly string[],
) => Promise<StartedService>;

export function readCompose(file: string): Readonly<Record<string, ComposeService>> {
  const text = readFileSync(file, 'utf8').replaceAll('$$', '$');
  return (parse(text) as { readonly services: Readonly<Record<string, ComposeService>> }).services;
}

export class ComposeProject implements AsyncDisposable {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly #start: StartService;
  readonly running = new Map<string, StartedService>();

  constructor(file: string, start: StartService) {
    this.services = readCompose(file);
    this.#start = start;
  }

  /** Resolves when all have started, or ended well where another waits for that. Rejects when one does not. */
  async up(): Promise<void> {
    const begun = new Map<string, Promise<void>>();
    const begin = (name: string): Promise<void> => {
      const work = begun.get(name) ?? this.#begin(name, begin);
      begun.set(name, work);
      return work;
    };
    await Promise.all(Object.keys(this.services).map(begin));
  }

  async #begin(name: string, begin: (name: string) => Promise<void>): Promise<void> {
    const service = this.services[name];
    if (service === undefined) throw new Error(`no service ${name}`);
    for (const [needed, { condition }] of Object.entries(service.depends_on ?? {})) {
      await begin(needed);
      await this.#until(needed, condition);
    }
    this.running.set(name, await this.#start(name, service));
  }

  async #until(name: string, condition: Condition): Promise<void> {
    const running = this.running.get(name);
    if (condition === 'service_started' || running === undefined) return;
    if (condition === 'service_completed_successfully') {
      const code = await running.ended;
      if (code !== 0) throw new Error(`${name} ended with ${code}: ${running.output}`);
    } else await this.#untilHealthy(name);
  }

  /** As often as it may be asked; a start period is not looked at, so this is stricter. */
  async #untilHealthy(name: string): Promise<void> {
    const service = this.services[name];
    const { test, interval, retries } = service?.healthcheck ?? {
      test: [],
      interval: '',
      retries: 0,
    };
    const [kind, ...command] = test;
    if (service === undefined || kind !== 'CMD') throw new Error(`${name}: no health check`);
    let said = '';
    for (let asked = 0; asked < retries; asked += 1) {
      await new Promise((resolve) => setTimeout(resolve, secondsOf(interval) * 1000));
      const check = await this.#start(name, service, command);
      if ((await check.ended) === 0) return;
      said = check.output;
    }
    throw new Error(`${name} is not healthy: ${said}\n${this.running.get(name)?.output ?? ''}`);
  }

  /** The exit codes of what still ran, after SIGTERM: dependents first, as Compose stops them. */
  async down(): Promise<ReadonlyMap<string, number | null>> {
    const codes = new Map<string, number | null>();
    for (const [name, running] of [...this.running].toReversed()) {
      running.kill('SIGTERM');
      const late = setTimeout(() => {
        running.kill('SIGKILL');
      }, 10_000);
      codes.set(name, await running.ended);
      clearTimeout(late);
    }
    return codes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const running of this.running.values()) running.kill('SIGKILL');
    await Promise.all([...this.running.values()].map(({ ended }) => ended));
  }
}

function secondsOf(text: string): number {
  const seconds = Number(/^(\d+)s$/.exec(text)?.[1]);
  if (!(seconds > 0)) throw new Error(`not seconds: ${text}`);
  return seconds;
}
