// A pod's part of a Deployment, as the API has it (core/v1 PodSpec): the fields that our manifests use.
import type { Manifest } from './kustomization.js';

export interface ProbeSpec {
  readonly httpGet: { readonly path: string; readonly port: string | number };
  readonly initialDelaySeconds?: number;
  readonly periodSeconds?: number;
  readonly timeoutSeconds?: number;
  readonly successThreshold?: number;
  readonly failureThreshold?: number;
}

export interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly restartPolicy?: 'Always';
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe?: ProbeSpec;
  readonly livenessProbe?: ProbeSpec;
  readonly readinessProbe?: ProbeSpec;
  readonly resources: {
    readonly requests: { readonly cpu: string; readonly memory: string };
    readonly limits: { readonly cpu?: string; readonly memory: string };
  };
  readonly securityContext: {
    readonly runAsUser: number;
    readonly runAsGroup: number;
    readonly runAsNonRoot: boolean;
    readonly readOnlyRootFilesystem: boolean;
  };
  readonly volumeMounts?: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly readOnly?: boolean;
  }[];
}

export interface VolumeSpec {
  readonly name: string;
  readonly emptyDir?: { readonly medium: string };
  readonly configMap?: { readonly name: string };
  readonly projected?: {
    readonly sources: readonly {
      readonly serviceAccountToken: { readonly path: string; readonly audience: string };
    }[];
  };
}

export interface PodSpec {
  readonly serviceAccountName: string;
  readonly enableServiceLinks: boolean;
  readonly automountServiceAccountToken: boolean;
  readonly terminationGracePeriodSeconds?: number;
  readonly securityContext: { readonly fsGroup: number };
  readonly initContainers: readonly ContainerSpec[];
  readonly containers: readonly ContainerSpec[];
  readonly volumes: readonly VolumeSpec[];
}

export function podOf(manifests: readonly Manifest[]): PodSpec {
  const deployments = manifests.filter(({ kind }) => kind === 'Deployment');
  const [deployment] = deployments;
  if (deployment === undefined || deployments.length > 1) throw new Error('not one Deployment');
  const { spec } = deployment as unknown as { spec: { template: { spec: PodSpec } } };
  return { ...spec.template.spec, initContainers: spec.template.spec.initContainers };
}

export function agentOf(pod: PodSpec): ContainerSpec {
  const found = [...pod.initContainers, ...pod.containers].find(({ name }) => name === 'keytender');
  if (found === undefined) throw new Error('no keytender in the pod');
  return found;
}

/** A named port is one of the container's. */
export function portOf(container: ContainerSpec, port: string | number): number {
  if (typeof port === 'number') return port;
  const found = container.ports?.find(({ name }) => name === port);
  if (found === undefined) throw new Error(`${container.name} has no port ${port}`);
  return found.containerPort;
}
