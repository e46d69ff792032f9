import fc from 'fast-check';
import t from 'tap';
import {
  afterEnd,
  backoffMs,
  type ChildEnd,
  describeEnd,
  exitCodeOf,
  HEALTHY_RUN_MS,
  readsProgramFromInput,
  stopSignalFor,
} from '../../src/sink/child-plan.js';

const ended = (code: number): ChildEnd => ({ code, signal: null, failure: null });
const killed = (signal: NodeJS.Signals): ChildEnd => ({ code: null, signal, failure: null });
const failed = (failure: string): ChildEnd => ({ code: null, signal: null, failure });

t.test('an exit code is the one that a shell would tell', async (t) => {
  const rows: readonly [ChildEnd, number, RegExp][] = [
    [ended(0), 0, /ended with 0$/],
    [ended(7), 7, /ended with 7$/],
    [ended(70), 70, /ended with 70$/],
    [killed('SIGTERM'), 143, /ended by SIGTERM$/],
    [killed('SIGINT'), 130, /ended by SIGINT$/],
    [killed('SIGKILL'), 137, /ended by SIGKILL$/],
    [failed('ENOENT'), 127, /is not there; write its whole path/],
    [failed('EACCES'), 126, /make it executable/],
    [failed('EAGAIN'), 126, /could not be started \(EAGAIN\)/],
    [{ code: null, signal: null, failure: null }, 1, /./],
  ];
  for (const [end, code, words] of rows) {
    t.equal(exitCodeOf(end), code, JSON.stringify(end));
    t.match(describeEnd(end), words);
  }
});

const facts = { end: ended(7), ranMs: 0, crashes: 0, restarts: 5, hasRun: true };
const random = (): number => 0;

t.test('an end with 0 is the end; a crash is not, so often as it may be', async (t) => {
  t.strictSame(afterEnd({ ...facts, end: ended(0) }, random), { does: 'finish', code: 0 });
  t.match(afterEnd(facts, random), { does: 'restart', crashes: 1, waitMs: 250 });
  t.match(afterEnd({ ...facts, crashes: 4 }, random), { does: 'restart', crashes: 5 });
  t.strictSame(afterEnd({ ...facts, crashes: 5 }, random), { does: 'finish', code: 7 });
  t.strictSame(afterEnd({ ...facts, restarts: 0 }, random), { does: 'finish', code: 7 });
});

t.test('a healthy run makes earlier crashes forgotten', async (t) => {
  const late = { ...facts, crashes: 5, ranMs: HEALTHY_RUN_MS };
  t.match(afterEnd(late, random), { does: 'restart', crashes: 1, waitMs: 250 });
  t.match(afterEnd({ ...late, ranMs: HEALTHY_RUN_MS - 1 }, random), { does: 'finish' });
});

t.test('one that never ran and cannot be started is not tried again', async (t) => {
  const end = failed('ENOENT');
  t.strictSame(afterEnd({ ...facts, end, hasRun: false }, random), { does: 'finish', code: 127 });
  t.match(afterEnd({ ...facts, end }, random), { does: 'restart' }, 'it may be being replaced');
});

t.test('a crash loop never spins: at least 125 ms, at most a minute, and spread', async (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000_000 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (crashes, chance) => {
        const ms = backoffMs(crashes, () => chance);
        return ms >= 125 && ms <= 60_000;
      },
    ),
  );
  t.strictSame(
    [1, 2, 3, 9, 2_000].map((crashes) => backoffMs(crashes, () => 0)),
    [250, 500, 1_000, 60_000, 60_000],
  );
  t.equal(
    backoffMs(1, () => 0.5),
    187.5,
  );
});

t.test('an interrupt stays one, unless another signal is asked for', async (t) => {
  t.equal(stopSignalFor('SIGINT', { stopSignal: 'SIGTERM' }), 'SIGINT');
  t.equal(stopSignalFor('SIGTERM', { stopSignal: 'SIGTERM' }), 'SIGTERM');
  t.equal(stopSignalFor('SIGINT', { stopSignal: 'SIGQUIT' }), 'SIGQUIT');
  t.equal(stopSignalFor('SIGTERM', { stopSignal: 'SIGQUIT' }), 'SIGQUIT');
});

t.test('an interpreter with nothing to run takes its input for its program', async (t) => {
  const bare = [
    'sh',
    '/bin/bash',
    'bash -l',
    'sh -e',
    'sh -s',
    'node',
    'node -',
    'node --no-warnings',
  ];
  bare.push('python3', 'python3.12 -u', '/usr/bin/perl -w', 'ruby', 'php', 'dash', 'zsh -i');
  const given = ['sh -c exit', 'sh -ec exit', 'bash app.sh', 'sh ./x', 'node app.js', 'node -e 1'];
  given.push('node --eval=1', 'node --no-warnings app.js', 'python3 -m app', 'python3 -c 1');
  given.push(
    'perl -e 1',
    'perl -ne 1',
    'ruby app.rb',
    'cat',
    './app',
    'publish',
    'git-sh-x',
    'sh --version',
  );
  for (const command of bare) t.ok(readsProgramFromInput(command.split(' ')), command);
  for (const command of given) t.notOk(readsProgramFromInput(command.split(' ')), command);
});
