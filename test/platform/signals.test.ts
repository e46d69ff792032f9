import t from 'tap';
import { catchSignals, type PassedSignal, type StopSignal } from '../../src/platform/signals.js';

function process() {
  const handlers = new Map<string, (signal: StopSignal) => void>();
  const did: string[] = [];
  const signals = catchSignals({
    pid: 42,
    on: (signal, handler) => handlers.set(signal, handler),
    removeListener: (signal) => void did.push(`default ${signal}`),
    kill: (pid, signal) => void did.push(`kill ${pid} ${signal}`),
    exit: (code) => void did.push(`exit ${code}`),
  });
  /** False: nobody catches it. */
  const send = (signal: StopSignal | PassedSignal): boolean => {
    handlers.get(signal)?.(signal as StopSignal);
    return handlers.has(signal);
  };
  return { signals, send, did };
}

t.test('a stop before anybody took over ends the process with 0', async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) {
    const { send, did } = process();
    send(signal);
    t.same(did, ['exit 0'], signal);
  }
});

t.test('a stop after somebody took over is told, with its count, and ends nothing', async (t) => {
  const { signals, send, did } = process();
  const told: string[] = [];
  signals.onStop((signal, count) => told.push(`${signal} ${count}`));
  send('SIGTERM');
  send('SIGINT');
  t.same(told, ['SIGTERM 1', 'SIGINT 2']);
  t.same(did, []);
});

t.test('a hangup asks for a reload, also one that came before anybody could', async (t) => {
  const { signals, send, did } = process();
  let reloads = 0;
  send('SIGHUP');
  send('SIGHUP');
  signals.onReload(() => (reloads += 1));
  t.equal(reloads, 1, 'several early ones are one');
  send('SIGHUP');
  t.equal(reloads, 2);
  t.same(did, []);
});

t.test('where a hangup stops, it does, also one that came before', async (t) => {
  const { signals, send, did } = process();
  signals.hangupStops();
  const told: string[] = [];
  signals.onStop((signal) => told.push(signal));
  send('SIGHUP');
  t.same(told, ['SIGHUP']);
  const early = process();
  early.send('SIGHUP');
  early.signals.hangupStops();
  t.same(early.did, ['exit 0']);
  t.same(did, []);
});

t.test('a released signal does what the system does, and never says 0', async (t) => {
  const { signals, send, did } = process();
  signals.release();
  send('SIGINT');
  t.same(did, ['default SIGINT', 'kill 42 SIGINT', 'exit 1']);
});

t.test(
  'what would show the memory is caught from the first moment, and does nothing of the kind',
  async (t) => {
    const { signals, send, did } = process();
    t.equal(send('SIGUSR1'), true, 'at which node opens its inspector');
    t.equal(send('SIGUSR2'), true);
    t.same(did, [], 'and nobody is ended by them');
    signals.release();
    send('SIGQUIT');
    t.same(did, ['exit 131'], 'as the system says it, but without a core');
  },
);

t.test('with a program to pass them to, they are passed, and SIGQUIT is no stop', async (t) => {
  const { signals, send, did } = process();
  const told: string[] = [];
  signals.onStop((signal) => told.push(`stop ${signal}`));
  signals.onPassed((signal) => told.push(signal));
  for (const signal of ['SIGUSR1', 'SIGUSR2', 'SIGQUIT', 'SIGWINCH'] as const) send(signal);
  t.same(told, ['SIGUSR1', 'SIGUSR2', 'SIGQUIT', 'SIGWINCH']);
  t.same(did, []);
});
