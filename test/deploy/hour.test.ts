// An hour without Vault, twice, by fake clock: the agent's own code in this process behind its real probe listener, and
// the kubelet of these tests with the probes of the manifests, both on one clock.
import { openSync } from 'node:fs';
import t from 'tap';
import { loadConfig } from '../../src/config/load.js';
import { runAgent } from '../../src/daemon/agent.js';
import { devVault } from '../../src/dev-vault/index.js';
import { systemFiles } from '../../src/platform/files.js';
import { freePort } from '../docs/terminal.js';
import { FakeClock } from '../fixtures/fake-clock.js';
import { putToken } from '../fixtures/scene.js';
import { Kubelet, type Running } from './kubelet.js';
import { buildKustomization } from './kustomization.js';
import { podOf } from './pod.js';
import { isSuccess } from './pod-processes.js';

const HOUR_S = 3_600;

t.test('an hour without Vault restarts nothing, before the first token and after', async (t) => {
  const clock = new FakeClock(new Date().toISOString());
  const vaultPort = await freePort();
  const probePort = await freePort();
  let asking = 0;
  let asked = 0;

  const agent = async (): Promise<Running> => {
    const load = () =>
      loadConfig({
        env: {
          VAULT_ADDR: `http://127.0.0.1:${vaultPort}`,
          VAULT_TOKEN: 'root',
          KEYTENDER_LISTEN_ADDRESS: '127.0.0.1:0',
          KEYTENDER_LISTEN_PROBE_ADDRESS: `127.0.0.1:${probePort}`,
        },
        flags: [],
        hostname: 'app-0',
        files: systemFiles,
      });
    const loaded = await load();
    if (!loaded.ok) throw new Error(String(loaded.problems));
    let stop = (_: string, __: number): void => undefined;
    const signals = {
      onStop: (listener: typeof stop) => (stop = listener),
      onReload: () => undefined,
      onPassed: () => undefined,
    };
    const stdout = { fd: openSync('/dev/null', 'w') };
    const options = { ...loaded, reload: load, signals, stdout, version: '0', clock };
    const ended = runAgent(options);
    return {
      ended,
      kill: () => {
        stop('SIGTERM', 1);
      },
      ask: async (probe) => {
        asking += 1;
        asked += 1;
        // the fake clock has nothing to say about the network
        const isGood = await isSuccess(probePort, { ...probe, timeoutSeconds: 30 });
        asking -= 1;
        return isGood;
      },
    };
  };
  const service: Running = {
    ended: Promise.resolve(0),
    kill: () => undefined,
    ask: async () => true,
  };
  const { initContainers, containers, ...rest } = podOf(
    buildKustomization('deploy/kubernetes/base'),
  );
  const sidecars = initContainers.filter(({ restartPolicy }) => restartPolicy === 'Always');
  const kubelet = new Kubelet({
    pod: { ...rest, initContainers: sidecars, containers: [] },
    clock,
    start: async ({ name }) => (name === 'keytender' ? agent() : service),
  });
  t.equal(containers.length, 1, 'the service of the manifests, which is not looked at here');

  const seconds = async (count: number, until = (): boolean => false): Promise<void> => {
    for (let second = 0; second < count && !until(); second += 1) {
      await clock.advance(1_000);
      while (asking > 0) await new Promise<void>((resolve) => setImmediate(resolve));
    }
  };
  const isStarted = (): boolean => kubelet.status('keytender').isStarted;

  const started = kubelet.start();
  await seconds(HOUR_S);
  t.notOk(isStarted());
  t.ok(asked > HOUR_S / 2 - 100, 'it was asked all the time');
  const vault = await devVault({
    address: `127.0.0.1:${vaultPort}`,
    rootToken: 'root',
    now: () => clock.now(),
  });
  putToken(vault, 'token-1');
  await seconds(600, isStarted);
  await seconds(1);
  await started;
  t.ok(isStarted(), 'Vault is back: the service starts');
  await vault.close();
  await seconds(HOUR_S);
  t.ok(kubelet.isPodReady, 'an hour later nothing has changed');
  t.equal(kubelet.status('keytender').restarts, 0);
  t.strictSame(kubelet.events, ['started keytender']);

  const stopped = kubelet.stop();
  await seconds(60, () => kubelet.events.includes('ended keytender'));
  await stopped;
});
