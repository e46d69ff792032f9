// Containers of a pod under bubblewrap, each with exactly what the manifests say: environment, mounts, user, a read-only
// root. Ports are the real ones: the check gives the whole test a network of its own.
import { readFileSync } from 'node:fs';
import { image, isSuccess } from './pod-processes.js';
import type { Running } from './kubelet.js';
import { type ContainerSpec, type PodSpec, portOf } from './pod.js';
import { type Container, startContainer } from './sandbox.js';

export interface PodSandboxesOptions {
  readonly pod: PodSpec;
  readonly volumes: ReadonlyMap<string, string>;
  /** `/` of the image. */
  readonly tree: string;
}

/** An address that the agent does not go by, as a pod's is. */
export const POD_ADDRESS = '127.0.0.2';

export class PodSandboxes {
  readonly #options: PodSandboxesOptions;
  readonly containers = new Map<string, Container>();

  constructor(options: PodSandboxesOptions) {
    this.#options = options;
  }

  readonly start = async (spec: ContainerSpec): Promise<Running> => {
    const { pod, volumes, tree } = this.#options;
    const isAgent = spec.image.includes('/keytender:');
    const defaults = isAgent
      ? { entrypoint: image.entrypoint, cmd: image.cmd, env: image.env }
      : { entrypoint: ['/nodejs/bin/node'], cmd: [], env: {} };
    const written = Object.fromEntries((spec.env ?? []).map(({ name, value }) => [name, value]));
    const { runAsUser, runAsGroup } = spec.securityContext;
    const args = spec.args ?? (spec.command === undefined ? defaults.cmd : []);
    const container = await startContainer({
      tree,
      argv: [...(spec.command ?? defaults.entrypoint), ...args],
      env: { ...defaults.env, ...written },
      user: runAsUser,
      group: runAsGroup,
      groups: [pod.securityContext.fsGroup],
      mounts: (spec.volumeMounts ?? []).map(({ name, mountPath, readOnly = false }) => ({
        source: volumes.get(name) ?? missing(name),
        path: mountPath,
        readOnly,
      })),
    });
    this.containers.set(spec.name, container);
    return {
      ended: container.ended.then(({ code }) => code),
      kill: (signal) => {
        container.kill(signal);
      },
      ask: (probe) => isSuccess(portOf(spec, probe.httpGet.port), probe, POD_ADDRESS),
    };
  };
}

/** The peak and the present resident memory of a container's program, bytes: the children of its init. */
export function memoryOf(pid: number): { readonly peak: number; readonly now: number } {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  const statuses = children.map((child) => readFileSync(`/proc/${child}/status`, 'utf8'));
  const sum = (name: string): number =>
    statuses.reduce((all, it) => all + Number(new RegExp(`${name}:\\s+(\\d+)`).exec(it)?.[1]), 0);
  return { peak: sum('VmHWM') * 1024, now: sum('VmRSS') * 1024 };
}

function missing(name: string): never {
  throw new Error(`no volume ${name}`);
}
