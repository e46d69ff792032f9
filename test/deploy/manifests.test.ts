// What deploy/ names exists and agrees: settings, ports, paths, probes, images, versions.
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load.js';
import { environment, fileKeys } from '../../src/config/names.js';
import { systemFiles } from '../../src/platform/files.js';
import { buildKustomization, type Manifest } from './kustomization.js';
import { agentOf, type ContainerSpec, podOf, portOf, type ProbeSpec } from './pod.js';
import { image } from './pod-processes.js';

const overlays = [
  'base',
  'overlays/gated',
  'overlays/start-without-token',
  'overlays/plain-sidecar',
];
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
const probePort = Number(/:(\d+)$/.exec(image.env['KEYTENDER_LISTEN_PROBE_ADDRESS'] ?? '')?.[1]);

/** glibc's, of mallopt(3). */
const ofTheAllocator = ['MALLOC_ARENA_MAX', 'MALLOC_TRIM_THRESHOLD_'];

/** Names of a container's environment that are neither settings nor the allocator's are mistakes. */
const unknownNames = (names: readonly string[]): string[] =>
  names.filter((name) => !environment.has(name) && !ofTheAllocator.includes(name));

const environmentOf = ({ env = [] }: ContainerSpec): Record<string, string> =>
  Object.fromEntries(env.map(({ name, value }) => [name, value]));

function probesOf(container: ContainerSpec): ProbeSpec[] {
  const { startupProbe, livenessProbe, readinessProbe } = container;
  return [startupProbe, livenessProbe, readinessProbe].filter((it) => it !== undefined);
}

for (const overlay of overlays) {
  const manifests = buildKustomization(`deploy/kubernetes/${overlay}`);
  const pod = podOf(manifests);
  const agent = agentOf(pod);
  const env = { ...image.env, ...environmentOf(agent) };

  t.test(
    `${overlay}: environment names are settings, and all of them together are taken`,
    async (t) => {
      t.strictSame(unknownNames(Object.keys(env)), []);
      // files are there in the pod only; that they are is looked at below
      const ofPod = ['VAULT_CACERT', 'KEYTENDER_VAULT_AUTH_JWT_FILE'];
      const rest = Object.fromEntries(
        Object.entries(env).filter(([name]) => !ofPod.includes(name)),
      );
      const loaded = await loadConfig({
        env: rest,
        flags: [],
        hostname: 'app-0',
        files: systemFiles,
      });
      t.strictSame(loaded.ok ? [] : loaded.problems.map(String), []);
    },
  );

  t.test(
    `${overlay}: probes ask the probe listener by HTTP, for paths that are there`,
    async (t) => {
      const probes = probesOf(agent);
      for (const { httpGet } of probes) {
        t.equal(portOf(agent, httpGet.port), probePort);
        t.match(httpGet.path, /^\/(?:startupz|livez|readyz)$/);
      }
      t.notMatch(JSON.stringify(manifests), /"exec"/, 'never by a command');
      t.equal(agent.readinessProbe !== undefined, overlay === 'overlays/gated');
      if (overlay !== 'overlays/start-without-token') {
        t.match(agent.startupProbe, {
          httpGet: { path: '/startupz' },
          failureThreshold: 2 ** 31 - 1,
        });
      }
    },
  );

  t.test(
    `${overlay}: every path is in a mount, every mount is a volume, and the socket is shared`,
    async (t) => {
      const volumes = pod.volumes.map(({ name }) => name);
      for (const container of [...pod.initContainers, ...pod.containers]) {
        const mounts = container.volumeMounts ?? [];
        for (const { name } of mounts) t.ok(volumes.includes(name), name);
        for (const [name, value] of Object.entries(environmentOf(container))) {
          if (!value.startsWith('/')) continue;
          const mount = mounts.find(({ mountPath }) => value.startsWith(`${mountPath}/`));
          t.ok(mount, `${container.name}: ${name}`);
        }
        const { securityContext } = container;
        t.match(securityContext, { runAsNonRoot: true, readOnlyRootFilesystem: true });
      }
      const [service] = pod.containers;
      t.equal(environmentOf(service!)['AGENT_SOCKET'], env['KEYTENDER_LISTEN_SOCKET']);
      t.equal(pod.securityContext.fsGroup, image.group);
      t.equal(pod.enableServiceLinks, false);
      t.equal(pod.automountServiceAccountToken, false);
      t.notOk(agent.resources.limits.cpu, 'and no CPU limit');
    },
  );

  t.test(`${overlay}: the network policy has the ports that are used`, async (t) => {
    const policy = manifests.find(({ kind }) => kind === 'NetworkPolicy');
    const ports = JSON.stringify(policy).matchAll(/"port":(\d+)/g);
    const service = pod.containers[0]!;
    t.strictSame(
      [...ports].map(([, port]) => Number(port)).sort(),
      [
        ...[53, 53, portOf(service, 'http')],
        ...[Number(new URL(env['VAULT_ADDR'] ?? '').port), probePort],
      ].sort(),
    );
  });

  t.test(`${overlay}: the image is of this version`, async (t) => {
    t.equal(agent.image, `ghcr.io/keytender/keytender:${version}`);
  });
}

t.test('plain-sidecar: delay and timeout fit into the grace period', async (t) => {
  const pod = podOf(buildKustomization('deploy/kubernetes/overlays/plain-sidecar'));
  const loaded = await loadConfig({
    env: {
      AGENT_TOKEN: 'x'.repeat(32),
      KEYTENDER_SHUTDOWN_DELAY: environmentOf(agentOf(pod))['KEYTENDER_SHUTDOWN_DELAY'],
    },
    flags: [],
    hostname: 'app-0',
    files: systemFiles,
  });
  const { delayMs, timeoutMs } = loaded.ok
    ? loaded.config.shutdown
    : { delayMs: NaN, timeoutMs: NaN };
  t.ok(delayMs > 0 && delayMs + timeoutMs < (pod.terminationGracePeriodSeconds ?? 30) * 1000);
});

interface Service {
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, unknown>>;
}

t.test(
  'compose.yaml: settings, ports, volumes and the health check are those of the image',
  async (t) => {
    const { services, volumes } = parse(readFileSync('deploy/compose.yaml', 'utf8')) as {
      readonly services: Readonly<Record<string, Service>>;
      readonly volumes: Readonly<Record<string, unknown>>;
    };
    const agent = services['keytender']!;
    t.strictSame(unknownNames(Object.keys(agent.environment ?? {})), []);
    const { VAULT_TOKEN_FILE: file = '', ...env } = agent.environment ?? {};
    const loaded = await loadConfig({ env, flags: [], hostname: 'app', files: systemFiles });
    t.strictSame(loaded.ok ? [] : loaded.problems.map(String), []);
    t.strictSame(agent.ports, [`127.0.0.1:${probePort}:${probePort}`]);
    t.strictSame(agent.healthcheck?.test, ['CMD', ...image.healthcheck]);
    const socket = agent.environment?.['KEYTENDER_LISTEN_SOCKET'] ?? '';
    t.equal(services['app']?.environment?.['AGENT_SOCKET'], socket);
    for (const path of [file, socket]) {
      t.ok(
        agent.volumes?.some((volume) => volume.split(':')[1] === dirname(path)),
        path,
      );
    }
    for (const [name, service] of Object.entries(services)) {
      for (const needed of Object.keys(service.depends_on ?? {}))
        t.ok(services[needed], `${name}: ${needed}`);
      for (const volume of service.volumes ?? []) {
        const [source = ''] = volume.split(':');
        t.ok(source.startsWith('./') || source in volumes, `${name}: ${source}`);
      }
    }
  },
);

t.test('keytender.service and its settings agree', async (t) => {
  const unit = readFileSync('deploy/systemd/keytender.service', 'utf8');
  const all = (name: string): string[] =>
    [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value = '']) => value);
  t.strictSame(all('Type'), ['exec']);
  t.match(all('ExecStartPost')[0], /^-.*healthcheck\.cjs --startup --wait 60s$/);
  t.strictSame(all('MemoryDenyWriteExecute'), ['no']);
  t.strictSame(all('LimitCORE'), ['0']);
  const names = all('Environment').map((it) => it.split('=')[0] ?? '');
  t.strictSame(unknownNames(names), []);
  const [credential] = all('LoadCredential');
  t.equal(all('Environment')[0], `VAULT_SECRET_ID_FILE=%d/${credential?.split(':')[0] ?? ''}`);
  const loaded = await loadConfig({
    file: 'deploy/systemd/keytender.yaml',
    env: { VAULT_SECRET_ID: 'in-the-place-of-the-file' },
    flags: [],
    hostname: 'host',
    files: systemFiles,
  });
  t.strictSame(loaded.ok ? [] : loaded.problems.map(String), []);
  t.ok(fileKeys.has('listen.socket'));
  t.equal(
    loaded.ok ? dirname(loaded.config.listen.socket ?? '') : '',
    `/run/${all('RuntimeDirectory')[0] ?? ''}`,
  );
});

t.test('the policies name the default mount, prefix and deployment', async (t) => {
  for (const file of ['policy.hcl', 'rotate-policy.hcl']) {
    const paths = [...readFileSync(`deploy/vault/${file}`, 'utf8').matchAll(/^path "([^"]+)"/gm)];
    t.ok(paths.length > 0);
    for (const [, path] of paths)
      t.match(path, /^secret\/(?:data|metadata)\/keytender\/default\/\*$/);
  }
});

t.test('the service account is the one that the pod has', async (t) => {
  const manifests: readonly Manifest[] = buildKustomization('deploy/kubernetes/base');
  const account = manifests.find(({ kind }) => kind === 'ServiceAccount');
  t.equal(account?.metadata.name, podOf(manifests).serviceAccountName);
});
