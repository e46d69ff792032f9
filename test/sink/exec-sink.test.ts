import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { systemClock } from '../../src/platform/clock.js';
import { ExecSink } from '../../src/sink/exec-sink.js';
import { SinkError } from '../../src/sink/sink.js';
import { strong } from '../fixtures/readings.js';
import { delivery, snapshotOf, temporaryFolder, without } from './deliveries.js';

const never = new AbortController().signal;
const env = {
  PATH: process.env['PATH'],
  LANG: 'C',
  VAULT_TOKEN: 'the-key-to-vault',
  AGENT_TOKEN: 'the-first-token',
};

function shell(script: string, format: 'raw' | 'json' | 'env' = 'raw'): ExecSink {
  const config = { command: ['sh', '-c', script], format, template: null };
  return new ExecSink({ config, clock: systemClock, env });
}

t.test('the token is on standard input, in no argument and in no environment', async (t) => {
  await using folder = await temporaryFolder();
  const [input, seen] = [join(folder.path, 'input'), join(folder.path, 'seen')];
  await shell(`cat > ${input}; env > ${seen}; tr '\\0' ' ' < /proc/$$/cmdline >> ${seen}`).deliver(
    delivery(7, 'new'),
    never,
  );
  t.equal(await readFile(input, 'utf8'), strong('new'));
  const text = await readFile(seen, 'utf8');
  t.notMatch(text, strong('new'));
  t.notMatch(text, /the-key-to-vault|the-first-token/, 'nor the key to Vault');
  t.match(text, /^TOKEN_NAME=default$/m);
  t.match(text, /^TOKEN_VERSION=7$/m);
  t.match(text, /^LANG=C$/m);
});

t.test(
  'the token is in the environment where that is asked for, and then not on input',
  async (t) => {
    await using folder = await temporaryFolder();
    const seen = join(folder.path, 'seen');
    await shell(`env > ${seen}; cat >> ${seen}`, 'env').deliver(delivery(7, 'new'), never);
    const text = await readFile(seen, 'utf8');
    t.match(text, `TOKEN=${strong('new')}\n`);
    t.equal(text.split(strong('new')).length, 2, 'once');
  },
);

t.test('no shell looks at the arguments', async (t) => {
  await using folder = await temporaryFolder();
  const seen = join(folder.path, 'seen');
  const command = ['tee', `${seen} $(id) ; #`];
  const config = { command, format: 'raw', template: null } as const;
  const sink = new ExecSink({ config, clock: systemClock, env });
  await sink.deliver(delivery(1, 'a'), never);
  t.equal(await readFile(`${seen} $(id) ; #`, 'utf8'), strong('a'));
});

t.test('a command that does not read its input is free not to', async (t) => {
  await t.resolves(shell('exec 0<&-; exit 0').deliver(delivery(1, 'a'.repeat(8_000)), never));
});

const failures: readonly [script: string, message: RegExp][] = [
  ['exit 3', /^the command ended with 3$/],
  ['kill -9 $$', /^the command was ended by SIGKILL$/],
  ['echo first >&2; echo why >&2; exit 1', /^the command ended with 1: why$/],
  ['set -x; read -r TOKEN; : "$TOKEN"; read -r more; test "$TOKEN" = x', /\[token\]/],
  ['cat >&2; exit 1', /^the command ended with 1: \[token\]$/],
  ['printf "\\033[31mred" >&2; exit 1', /^the command ended with 1:\s+\[31mred$/],
  ['head -c 100000 /dev/zero | tr "\\0" x >&2; exit 1', /^the command ended with 1: x{200}$/],
  ['sleep 60 & echo why >&2; kill $!; exit 1', /: why$/],
];
for (const [script, message] of failures) {
  t.test(`${script}: its failure is told`, async (t) => {
    const error: unknown = await shell(script)
      .deliver(delivery(1, 'secret'), never)
      .catch((reason: unknown) => reason);
    t.ok(error instanceof SinkError);
    t.match((error as Error).message, message);
    t.notMatch((error as Error).message, strong('secret'));
  });
}

t.test('a part of a token that was cut off is not told either', async (t) => {
  const script = `head -c 16370 /dev/zero | tr '\\0' x >&2; cat >&2; exit 1`;
  await t.rejects(shell(script).deliver(delivery(1, 'secret'), never), {
    message: /: x+$/,
  });
  const late = `head -c 16370 /dev/zero | tr '\\0' '\\n' >&2; cat >&2; exit 1`;
  await t.rejects(shell(late).deliver(delivery(1, 'secret'), never), { message: /ended with 1$/ });
});

t.test('a command that is not there, or may not be run, is told', async (t) => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'file');
  await writeFile(file, 'x', { mode: 0o600 });
  const build = (program: string) =>
    new ExecSink({
      config: { command: [program], format: 'raw', template: null },
      clock: systemClock,
      env,
    });
  await t.rejects(build('/not/there').deliver(delivery(1, 'a'), never), /is not there; write/);
  await t.rejects(build(file).deliver(delivery(1, 'a'), never), /make it executable/);
});

t.test('one that does not end is ended, with all that it started', async (t) => {
  await using folder = await temporaryFolder();
  const pids = join(folder.path, 'pids');
  const over = new AbortController();
  const sink = shell(`trap '' TERM; sleep 300 & echo $$ $! > ${pids}; wait; wait`);
  const delivered = sink.deliver(delivery(1, 'a'), over.signal);
  let text = '';
  while (!text.endsWith('\n')) text = await readFile(pids, 'utf8').catch(() => '');
  over.abort(new SinkError('too late'));
  await t.rejects(delivered, { message: 'too late' });
  await sink.close();
  for (const pid of text.trim().split(' ')) {
    // the kernel takes a moment to end what was killed
    for (let look = 0; look < 200 && isRunning(Number(pid)); look += 1) {
      await systemClock.sleep(10);
    }
    t.notOk(isRunning(Number(pid)), `${pid} is gone`);
  }
});

/** A killed process that nobody has waited for yet is none that runs. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

t.test('only another value is news, and a revoked one cannot be taken back', async (t) => {
  const sink = shell('');
  t.notOk(sink.isNews(snapshotOf(1, 'a'), snapshotOf(2, 'a', ['z'])));
  t.ok(sink.isNews(snapshotOf(1, 'a'), snapshotOf(2, 'b')));
  t.notOk(sink.isNews(snapshotOf(1, 'a'), without('revoked')));
  t.equal(sink.withdraw, null);
});
