// The pods of deploy/kubernetes, run by the kubelet of these tests as plain processes against a dev Vault with TLS and a
// Kubernetes login. The same in a sandbox, with the paths and ports as they are written, is in kubelet.check.ts.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { systemClock } from '../../src/platform/clock.js';
import { eventually } from '../docs/terminal.js';
import { putToken } from '../fixtures/scene.js';
import { clusterVault, type ClusterVault } from './cluster-vault.js';
import { Kubelet } from './kubelet.js';
import { buildKustomization, type Manifest } from './kustomization.js';
import { type ContainerSpec, podOf, type PodSpec, type ProbeSpec } from './pod.js';
import { PodProcesses } from './pod-processes.js';
import { buildVolumes } from './pod-volumes.js';

t.jobs = 3;

const pem = (name: string): string => readFileSync(`test/vault/tls/${name}.pem`, 'utf8');

interface Scene {
  readonly kubelet: Kubelet;
  readonly pods: PodProcesses;
  readonly cluster: ClusterVault;
  /** What the service answers at `/`. */
  readonly ask: () => Promise<{ status: number; body: Record<string, unknown> }>;
}

async function scene(t: Test, overlay: string): Promise<Scene> {
  const tls = { cert: pem('server'), key: readFileSync('test/vault/tls/server.key', 'utf8') };
  const cluster = await clusterVault({ tls });
  const folder = mkdtempSync(join(tmpdir(), 'kt-'));
  const manifests = buildKustomization(`deploy/kubernetes/${overlay}`);
  const pod = hurried(podOf(manifests));
  const configMaps = { ...configMapsOf(manifests), 'vault-ca': { 'ca.crt': pem('ca') } };
  const volumes = buildVolumes(pod, folder, { configMaps, mint: cluster.mint });
  const pods = new PodProcesses({
    volumes,
    replace: { 'https://vault.vault.svc:8200': cluster.vault.address },
    env: { KEYTENDER_REFRESH_INTERVAL: '1s' },
  });
  const kubelet = new Kubelet({ pod, clock: systemClock, start: pods.start });
  t.teardown(async () => {
    const stopped = kubelet.stop();
    for (const process of pods.processes.values()) process.kill('SIGKILL');
    await stopped;
    await cluster[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });
  return {
    kubelet,
    pods,
    cluster,
    ask: async () => {
      const answer = await fetch(`http://127.0.0.1:${await pods.port(8080)}/`);
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    },
  };
}

/** With probes that are asked five times as often as written. */
function hurried(pod: PodSpec): PodSpec {
  const sooner = (probe: ProbeSpec): ProbeSpec => ({
    ...probe,
    periodSeconds: (probe.periodSeconds ?? 10) / 5,
  });
  const each = (container: ContainerSpec): ContainerSpec => {
    const { startupProbe: startup, livenessProbe: liveness, readinessProbe: ready } = container;
    return {
      ...container,
      ...(startup && { startupProbe: sooner(startup) }),
      ...(liveness && { livenessProbe: sooner(liveness) }),
      ...(ready && { readinessProbe: sooner(ready) }),
    };
  };
  const { initContainers, containers } = pod;
  return { ...pod, initContainers: initContainers.map(each), containers: containers.map(each) };
}

/** Waits for a condition. */
function until(isThere: () => boolean | Promise<boolean>): Promise<void> {
  return eventually(async () => {
    if (!(await isThere())) throw new Error(`still not: ${String(isThere)}`);
  });
}

function configMapsOf(manifests: readonly Manifest[]): Record<string, Record<string, string>> {
  const maps = manifests.filter(({ kind }) => kind === 'ConfigMap');
  return Object.fromEntries(
    maps.map(({ metadata, ...rest }) => [metadata.name, rest['data'] as Record<string, string>]),
  );
}

t.test('the service waits for a token, follows a rotation, and is stopped first', async (t) => {
  const { kubelet, pods, cluster, ask } = await scene(t, 'base');
  const { vault } = cluster;
  vault.faults.add({ kind: 'refuse' });
  await vault.settled();
  const started = kubelet.start();
  await systemClock.sleep(3_000);
  t.strictSame(kubelet.events, ['started keytender'], 'without Vault nothing else starts');
  vault.faults.clear();
  await vault.settled();
  await started;
  await until(() => kubelet.isPodReady);
  t.match(await ask(), { status: 200, body: { signed_with: 1, verified: true } });
  putToken(vault, 'token-2');
  await until(async () => (await ask()).body['signed_with'] === 2);
  vault.faults.add({ kind: 'refuse' });
  await systemClock.sleep(2_000);
  t.match(await ask(), { status: 200, body: { signed_with: 2 } }, 'an outage changes nothing');
  t.ok(kubelet.isPodReady);
  t.equal(kubelet.status('keytender').restarts, 0);
  vault.faults.clear();
  await kubelet.stop();
  t.strictSame(kubelet.events.slice(2), [
    'told app',
    'ended app',
    'told keytender',
    'ended keytender',
  ]);
  t.equal(await pods.processes.get('keytender')?.ended, 0);
  t.notMatch(pods.processes.get('keytender')?.output, 'token-2');
});

t.test('gated: the pod is ready exactly while its token is usable', async (t) => {
  const { kubelet, cluster } = await scene(t, 'overlays/gated');
  await kubelet.start();
  await until(() => kubelet.isPodReady);
  cluster.vault.kv.destroy('keytender/default/token', [1]);
  await until(() => !kubelet.isPodReady);
  t.equal(kubelet.status('keytender').restarts, 0, 'and nothing is restarted for it');
  putToken(cluster.vault, 'token-2');
  await until(() => kubelet.isPodReady);
});

t.test(
  'start-without-token: the service starts at once, and is told that there is none',
  async (t) => {
    const { kubelet, cluster, ask } = await scene(t, 'overlays/start-without-token');
    cluster.vault.faults.add({ kind: 'refuse' });
    await kubelet.start();
    await until(async () => (await ask()).body['code'] === 'token_unavailable');
    cluster.vault.faults.clear();
    await until(async () => (await ask()).status === 200);
    t.equal(kubelet.status('keytender').restarts, 0);
  },
);

t.test(
  'plain-sidecar: told at the same time, the agent serves on while the service ends',
  async (t) => {
    const { kubelet, pods, ask } = await scene(t, 'overlays/plain-sidecar');
    await kubelet.start();
    await until(async () => kubelet.isPodReady && (await ask()).status === 200);
    const stopped = kubelet.stop();
    await until(() => kubelet.events.includes('ended app'));
    const socket = { path: '/livez', port: 'probes' };
    t.ok(await pods.processes.get('keytender')?.ask({ httpGet: socket }), 'it still serves');
    t.notOk(kubelet.events.includes('ended keytender'));
    // not waited out here: a second signal ends it at once
    pods.processes.get('keytender')?.kill('SIGTERM');
    await stopped;
    t.equal(await pods.processes.get('keytender')?.ended, 0);
  },
);
