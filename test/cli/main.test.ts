import t from 'tap';
import { bugReport, wantsStack } from '../../src/cli/bug-report.js';
import { main } from '../../src/cli/main.js';
import { buildProgram } from '../../src/cli/program.js';
import { testIo } from './test-io.js';

t.test('--version is 0 and the version', async (t) => {
  for (const argv of [['--version'], ['-V'], ['status', '--version']]) {
    const io = testIo();
    t.equal(await main(argv, io), 0);
    t.equal(io.out(), '1.2.3\n');
  }
});

t.test('--help is 0, for the program and each command, with an example', async (t) => {
  const names = buildProgram(testIo(), () => undefined).commands.map((command) => command.name());
  t.same(names, ['agent', 'dev', 'check', 'status', 'healthcheck', 'request']);
  for (const argv of [['--help'], ...names.map((name) => [name, '--help'])]) {
    const io = testIo();
    t.equal(await main(argv, io), 0, argv.join(' '));
    t.match(io.out(), /Example:\n {2}\$ keytender/);
    t.equal(io.err(), '');
  }
});

const wrong: readonly (readonly [readonly string[], RegExp])[] = [
  [['--nonsense'], /unknown option '--nonsense'/],
  [['nonsense'], /unknown command 'nonsense'; there are agent, dev, check, status, healthcheck/],
  [['agent', 'nonsense'], /unknown command 'nonsense'/],
  [['status', 'nonsense'], /too many arguments/],
  [['status', '--jsno'], /Did you mean --json/],
  [['--config'], /argument missing/],
  [['status', '--url', 'x'], /--url must look like/],
  [['dev', '--rotate-every', 'often'], /--rotate-every must be a duration/],
  [['dev', '--rotate-every', '1ms'], /at least 1s/],
  [['dev', '--set', 'vault.address=https://vault'], /dev brings its own Vault: vault\.address/],
  [['healthcheck', '--config', 'x'], /unknown option '--config'/],
  [['--config', 'x', 'healthcheck'], /healthcheck reads no settings/],
];
for (const [argv, sentence] of wrong) {
  t.test(`'${argv.join(' ')}' is 2, with a sentence and no stack`, async (t) => {
    const io = testIo();
    t.equal(await main(argv, io), 2);
    t.match(io.err(), sentence);
    t.notMatch(io.err(), /\n {4}at /);
    t.equal(io.out(), '');
  });
}

t.test('an unexpected error is 70: where, never what it said', async (t) => {
  const io = testIo();
  io.signals.release = () => {
    throw Object.assign(new TypeError('canary-secret'), { code: 'E_CANARY' });
  };
  t.equal(await main(['check'], io), 70);
  t.match(io.err(), /^keytender: unexpected TypeError E_CANARY at .*a bug of ours.*\n$/);
  t.notMatch(io.err(), 'canary-secret');
});

t.test(
  'the frames of a bug come with log.level debug, from a flag or the environment',
  async (t) => {
    t.equal(wantsStack([], {}), false);
    t.equal(wantsStack([], { LOG_LEVEL: 'debug' }), true);
    t.equal(wantsStack([], { KEYTENDER_LOG_LEVEL: 'trace' }), true);
    t.equal(wantsStack(['--set', 'log.level=debug'], {}), true);
    t.equal(wantsStack(['--set=log.level=debug'], {}), true);
    t.equal(wantsStack(['--set', 'log.level=info'], { LOG_LEVEL: 'debug' }), false);
    const report = bugReport(new Error('canary-secret, and\n    at a place that it made up'), true);
    t.match(report, /\n {4}at .*main\.test/);
    t.notMatch(report, /canary|made up/);
  },
);

t.test('whatever is thrown is reported', async (t) => {
  for (const thrown of [undefined, null, 'canary', 1, {}, Object.create(null)]) {
    t.match(bugReport(thrown, true), /^keytender: unexpected thrown /);
    t.notMatch(bugReport(thrown, true), 'canary');
  }
});
