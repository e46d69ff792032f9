// The pods of deploy/kubernetes with exactly what is written in them, each container in a sandbox: environment, mounts,
// ports, users, probes at their own pace, Vault by its own name and over TLS. KEYTENDER_TEST_FULL=1 keeps Vault away for
// five minutes, otherwise for some seconds. Started by `npm run check:deploy`.
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { systemClock } from '../../src/platform/clock.js';
import { eventually } from '../docs/terminal.js';
import { putToken } from '../fixtures/scene.js';
import { clusterVault } from './cluster-vault.js';
import { assembleImage } from './image-tree.js';
import { Kubelet } from './kubelet.js';
import type { Manifest } from './kustomization.js';
import { agentOf, podOf } from './pod.js';
import { memoryOf, POD_ADDRESS, PodSandboxes } from './pod-sandboxes.js';
import { buildVolumes } from './pod-volumes.js';
import { parseAllDocuments } from 'yaml';
import { asOnBase } from './sandbox.js';
import { tool } from './tool.js';

const AWAY_MS = process.env['KEYTENDER_TEST_FULL'] === '1' ? 300_000 : 15_000;

const image = assembleImage({ files: { '/usr/bin/tini-static': '/usr/bin/tini-static' } });
asOnBase(image.path);
// as a pod's /etc/hosts would not, but its DNS would
appendFileSync(join(image.path, 'etc/hosts'), '127.0.0.1 vault.vault.svc\n');
const folder = mkdtempSync(join(tmpdir(), 'kt-'));
chmodSync(folder, 0o755);
t.teardown(() => {
  image[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});

/** A certificate authority, and a certificate of it for the name in the manifests. */
function certificates(): { readonly ca: string; readonly cert: string; readonly key: string } {
  const openssl = (command: string): string => tool('openssl', command.split(' '), folder);
  openssl(
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -subj /CN=ca -days 2',
  );
  openssl(
    'req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tls.key -out tls.csr -subj /CN=vault',
  );
  writeFileSync(join(folder, 'san'), 'subjectAltName=DNS:vault.vault.svc\n');
  openssl(
    'x509 -req -in tls.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile san -out tls.pem -days 2',
  );
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  return { ca: read('ca.pem'), cert: read('tls.pem'), key: read('tls.key') };
}

const tls = certificates();
let scenes = 0;

async function scene(t: Test, overlay: string) {
  const text = tool('kustomize', ['build', `deploy/kubernetes/${overlay}`]);
  const manifests = parseAllDocuments(text).map((it) => it.toJS() as Manifest);
  const pod = podOf(manifests);
  const cluster = await clusterVault({ address: '127.0.0.1:8200', tls });
  const place = join(folder, String((scenes += 1)));
  mkdirSync(place);
  const data = Object.fromEntries(
    manifests
      .filter(({ kind }) => kind === 'ConfigMap')
      .map(({ metadata, ...rest }) => [metadata.name, rest['data'] as Record<string, string>]),
  );
  const configMaps = { ...data, 'vault-ca': { 'ca.crt': tls.ca } };
  const volumes = buildVolumes(pod, place, { configMaps, mint: cluster.mint });
  const sandboxes = new PodSandboxes({ pod, volumes, tree: image.path });
  const kubelet = new Kubelet({ pod, clock: systemClock, start: sandboxes.start });
  t.teardown(async () => {
    const stopped = kubelet.stop();
    for (const container of sandboxes.containers.values()) container.kill('SIGKILL');
    await stopped;
    await cluster[Symbol.asyncDispose]();
  });
  const away = async (): Promise<void> => {
    cluster.vault.faults.add({ kind: 'refuse' });
    await cluster.vault.settled();
  };
  const back = async (): Promise<void> => {
    cluster.vault.faults.clear();
    await cluster.vault.settled();
  };
  return { pod, kubelet, sandboxes, vault: cluster.vault, away, back };
}

function until(isThere: () => boolean | Promise<boolean>, withinMs = 120_000): Promise<void> {
  return eventually(async () => {
    if (!(await isThere())) throw new Error(`still not: ${String(isThere)}`);
  }, withinMs);
}

async function service(): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await fetch(`http://${POD_ADDRESS}:8080/`);
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

/** A new one for each: tap writes into what it is given. */
const long = () => ({ timeout: 4 * AWAY_MS + 400_000 });

t.test(
  `base: Vault away for ${AWAY_MS / 1000} s, before the first token and after: 0 restarts`,
  long(),
  async (t) => {
    const { pod, kubelet, sandboxes, vault, away, back } = await scene(t, 'base');
    const agent = () => sandboxes.containers.get('keytender');
    await away();
    const started = kubelet.start();
    await systemClock.sleep(AWAY_MS);
    t.strictSame(kubelet.events, ['started keytender'], agent()?.output ?? '');
    t.match(await health(), { status: 'unavailable', vault: { authenticated: false } });
    await back();
    await until(() => kubelet.isPodReady);
    await started;
    t.match(await service(), { status: 200, body: { signed_with: 1, verified: true } });

    await away();
    await systemClock.sleep(AWAY_MS);
    t.ok(kubelet.isPodReady);
    t.match(
      await service(),
      { status: 200, body: { signed_with: 1 } },
      'an outage changes nothing',
    );
    await back();
    putToken(vault, 'token-2');
    await until(async () => (await service()).body['signed_with'] === 2);
    for (const { name } of [...pod.initContainers, ...pod.containers]) {
      t.equal(kubelet.status(name).restarts, 0, name);
    }

    const idle = memoryOf(agent()?.pid ?? 0).now;
    await load();
    const { peak } = memoryOf(agent()?.pid ?? 0);
    const { requests, limits } = agentOf(pod).resources;
    const mebi = (text: string): number => Number(/^(\d+)Mi$/.exec(text)?.[1]) * 2 ** 20;
    const rounded = (bytes: number): number => Math.round(bytes / 2 ** 20);
    t.comment(`memory: idle ${rounded(idle)} MiB, peak under load ${rounded(peak)} MiB`);
    t.ok(
      idle * 1.25 < mebi(requests.memory),
      'what it asks for is a quarter above what it has idle',
    );
    t.ok(peak * 1.25 < mebi(limits.memory), 'and its limit a quarter above the peak');
    t.equal(limits.cpu, undefined);

    await kubelet.stop();
    t.strictSame(kubelet.events.slice(-4), [
      'told app',
      'ended app',
      'told keytender',
      'ended keytender',
    ]);
    t.strictSame(await agent()?.ended, { code: 0, signal: null });
    t.ok(
      vault.requests.some(({ path }) => path.includes('revoke-self')),
      'its login is given back',
    );
  },
);

t.test(
  'gate-pod-on-token: not ready while the token is revoked, and nothing is restarted',
  long(),
  async (t) => {
    const { kubelet, vault } = await scene(t, 'overlays/gated');
    await kubelet.start();
    await until(() => kubelet.isPodReady);
    vault.kv.destroy('keytender/default/token', [1]);
    await until(() => !kubelet.isPodReady);
    putToken(vault, 'token-2');
    await until(() => kubelet.isPodReady);
    t.equal(kubelet.status('keytender').restarts, 0);
  },
);

t.test(
  'start-without-token: the service runs beside an agent without a token',
  long(),
  async (t) => {
    const { kubelet, away, back } = await scene(t, 'overlays/start-without-token');
    await away();
    await kubelet.start();
    await until(
      async () => (await service().catch(() => null))?.body['code'] === 'token_unavailable',
    );
    await back();
    await until(async () => (await service()).status === 200);
    t.equal(kubelet.status('keytender').restarts, 0);
  },
);

t.test(
  'plain-sidecar: both are told at once, the agent outlives the service by its delay',
  long(),
  async (t) => {
    const { kubelet, sandboxes } = await scene(t, 'overlays/plain-sidecar');
    await kubelet.start();
    await until(async () => kubelet.isPodReady && (await service()).status === 200);
    const toldAt = performance.now();
    await kubelet.stop();
    t.ok(performance.now() - toldAt > 14_000);
    t.notOk(
      kubelet.events.some((event) => event.startsWith('killed')),
      'within the grace period',
    );
    t.strictSame(await sandboxes.containers.get('keytender')?.ended, { code: 0, signal: null });
  },
);

async function health(): Promise<unknown> {
  return (await fetch(`http://${POD_ADDRESS}:8211/health`)).json();
}

/** The service and Prometheus at once, for some seconds. */
async function load(): Promise<void> {
  const endMs = performance.now() + 8_000;
  const agent = { maxSockets: 16 };
  const ask = (port: number, path: string): Promise<void> =>
    new Promise((resolve, reject) => {
      request({ host: POD_ADDRESS, port, path, timeout: 10_000, ...agent }, (answer) => {
        answer.resume().on('end', resolve);
      })
        .on('error', reject)
        .end();
    });
  const worker = async (port: number, path: string): Promise<void> => {
    while (performance.now() < endMs) await ask(port, path);
  };
  const services = Array.from({ length: 16 }, () => worker(8080, '/'));
  const scrapes = Array.from({ length: 2 }, () => worker(8211, '/metrics'));
  await Promise.all([...services, ...scrapes]);
}
