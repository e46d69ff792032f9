// Containers of a pod as plain processes, where there is no sandbox: what a container has to itself (its ports, its file
// system) is put in the place of this machine's by replacing it in the environment. Everything else is as written.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { freePort } from '../docs/terminal.js';
import { imageConfigOf, parseDockerfile } from './dockerfile.js';
import { readFileSync } from 'node:fs';
import type { Running } from './kubelet.js';
import { type ContainerSpec, portOf, type ProbeSpec } from './pod.js';

export interface PodProcessesOptions {
  readonly volumes: ReadonlyMap<string, string>;
  /** Of the environment: what is written → what it is here. */
  readonly replace: Readonly<Record<string, string>>;
  /** Added to what is written. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Process extends Running {
  readonly output: string;
}

const root = join(import.meta.dirname, '../..');
export const image = imageConfigOf(
  parseDockerfile(readFileSync(join(root, 'deploy/Dockerfile'), 'utf8')),
);
const agentImage = /\/keytender:/;

export class PodProcesses {
  readonly #options: PodProcessesOptions;
  readonly #ports = new Map<number, Promise<number>>();
  readonly processes = new Map<string, Process>();

  constructor(options: PodProcessesOptions) {
    this.#options = options;
  }

  /** Where a port of the pod is on this machine. */
  port(inPod: number): Promise<number> {
    const port = this.#ports.get(inPod) ?? freePort();
    this.#ports.set(inPod, port);
    return port;
  }

  readonly start = async (container: ContainerSpec): Promise<Process> => {
    const isAgent = agentImage.test(container.image);
    const env = await this.#environmentOf(container, isAgent);
    const { command, args: words } = container;
    const program = command?.slice(1) ?? (isAgent ? [join(root, 'dist/keytender.cjs')] : []);
    const rest = words ?? (isAgent && command === undefined ? image.cmd : []);
    const args = [...program, ...rest].map((arg) => this.#here(arg, container));
    const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    const code = new Promise<number | null>((resolve) => child.once('close', resolve));
    const started: Process = {
      ended: code,
      get output() {
        return output;
      },
      kill: (signal) => {
        child.kill(signal);
      },
      ask: async (probe) =>
        isSuccess(await this.port(portOf(container, probe.httpGet.port)), probe),
    };
    this.processes.set(container.name, started);
    return started;
  };

  async #environmentOf(
    container: ContainerSpec,
    isAgent: boolean,
  ): Promise<Record<string, string>> {
    const written = { ...(isAgent ? image.env : {}), ...this.#options.env };
    for (const { name, value } of container.env ?? []) written[name] = value;
    const here = Object.entries(written).map(([name, value]) => [
      name,
      this.#here(value, container),
    ]);
    const env = Object.fromEntries(here) as Record<string, string>;
    const probes = env['KEYTENDER_LISTEN_PROBE_ADDRESS'];
    if (probes === undefined) return { ...env, PORT: String(await this.port(8080)) };
    const port = Number(/:(\d+)$/.exec(probes)?.[1]);
    return {
      ...env,
      KEYTENDER_LISTEN_PROBE_ADDRESS: `127.0.0.1:${await this.port(port)}`,
      KEYTENDER_LISTEN_ADDRESS: '127.0.0.1:0',
    };
  }

  #here(text: string, { volumeMounts = [] }: ContainerSpec): string {
    const mounts = volumeMounts.map(({ name, mountPath }) => {
      const volume = this.#options.volumes.get(name);
      if (volume === undefined) throw new Error(`no volume ${name}`);
      return [mountPath, volume] as const;
    });
    return [...Object.entries(this.#options.replace), ...mounts].reduce(
      (sum, [from, to]) => sum.replace(from, to),
      text,
    );
  }
}

/** As a kubelet asks: anything from 200 to 399 in time. */
export async function isSuccess(
  port: number,
  probe: ProbeSpec,
  host = '127.0.0.1',
): Promise<boolean> {
  const signal = AbortSignal.timeout((probe.timeoutSeconds ?? 1) * 1000);
  try {
    const answer = await fetch(`http://${host}:${port}${probe.httpGet.path}`, {
      signal,
      redirect: 'manual',
    });
    await answer.text();
    return answer.status >= 200 && answer.status < 400;
  } catch {
    return false;
  }
}
