// The kubelet of these tests, before it is believed: probes, thresholds, restarts, order.
import t from 'tap';
import { FakeClock, settle } from '../fixtures/fake-clock.js';
import { Kubelet, type Running } from './kubelet.js';
import { buildKustomization } from './kustomization.js';
import { agentOf, podOf, type ProbeSpec } from './pod.js';

const base = podOf(buildKustomization('deploy/kubernetes/base'));

/** Containers that are whatever a test says: which paths are answered with success, and how long a stop takes. */
function pretend(answers: Record<string, boolean>, stopMs = 0, pod = base) {
  const clock = new FakeClock();
  const kubelet = new Kubelet({
    pod,
    clock,
    start: async ({ command }): Promise<Running> => {
      let end = (_: number): void => undefined;
      const ended = new Promise<number>((resolve) => (end = resolve));
      // what only prepares ends at once
      if (command !== undefined) end(0);
      return {
        ended,
        kill: (signal) => {
          void clock.sleep(signal === 'SIGKILL' ? 0 : stopMs).then(() => {
            end(0);
          });
        },
        ask: async ({ httpGet }: ProbeSpec) => answers[httpGet.path] ?? true,
      };
    },
  });
  return { clock, kubelet, answers };
}

t.test('a service starts once the sidecar before it has started', async (t) => {
  const { clock, kubelet, answers } = pretend({ '/startupz': false });
  const started = kubelet.start();
  await settle();
  await clock.advance(60_000);
  t.strictSame(kubelet.events, ['started keytender']);
  answers['/startupz'] = true;
  await clock.advance(5_000);
  await started;
  t.strictSame(kubelet.events, ['started keytender', 'started app']);
  await clock.advance(5_000);
  t.ok(kubelet.isPodReady);
});

t.test('a liveness probe that fails as often as it may restarts its container', async (t) => {
  const { clock, kubelet, answers } = pretend({});
  const started = kubelet.start();
  await settle();
  await clock.advance(1_000);
  await started;
  answers['/livez'] = false;
  await clock.advance(55_000);
  t.equal(kubelet.status('keytender').restarts, 0, 'five times are not six');
  await clock.advance(15_000);
  t.equal(kubelet.status('keytender').restarts, 1);
  t.ok(kubelet.events.includes('liveness probe of keytender failed'));
});

t.test('a startup probe that gives up restarts, which is what ours must never do', async (t) => {
  const sidecar = agentOf(base);
  const startupProbe = { ...sidecar.startupProbe!, failureThreshold: 30 };
  const impatient = { ...base, initContainers: [{ ...sidecar, startupProbe }] };
  const { clock, kubelet } = pretend({ '/startupz': false }, 0, impatient);
  const started = kubelet.start();
  await settle();
  await clock.advance(200_000);
  t.ok(kubelet.status('keytender').restarts >= 2);
  void started.catch(() => undefined);
});

t.test('the service is stopped before its sidecar, within the grace period', async (t) => {
  const { clock, kubelet } = pretend({}, 20_000);
  const started = kubelet.start();
  await settle();
  await clock.advance(5_000);
  await started;
  const stopped = kubelet.stop();
  await clock.advance(60_000);
  await stopped;
  t.strictSame(kubelet.events.slice(2), [
    'told app',
    'ended app',
    'told keytender',
    'killed keytender',
    'ended keytender',
  ]);
});
