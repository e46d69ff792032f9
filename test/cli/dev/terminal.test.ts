// `keytender dev` where a person looks on: a pseudo terminal, made by script(1) of util-linux.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import t from 'tap';
import { bundle } from '../program.js';

const command = [
  `exec env -u NODE_OPTIONS '${process.execPath}' '${bundle}' dev --vault-address 127.0.0.1:0`,
  '--rotate-every 1s --set listen.address=127.0.0.1:0 --set refresh.interval=1s',
].join(' ');

t.test('each event is a line with its time, and no JSON is between them', async (t) => {
  const child = spawn('script', ['-qefc', command, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], TERM: 'xterm' },
  });
  t.teardown(() => child.kill('SIGKILL'));
  const closed = once(child, 'close');
  let screen = '';
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      screen += String(chunk);
      if (/token rotated[^\n]*\n[^]*token rotated[^\n]*\n/.test(screen)) resolve();
    });
    child.once('close', () => {
      reject(new Error(`it ended:\n${screen}`));
    });
  });
  const events = screen.split(/\r?\n/).filter((line) => /^\d\d:\d\d:\d\d /.test(line));
  t.match(events[0], /^\d\d:\d\d:\d\d default: .*\(version \d+\)$/);
  const versions = events
    .filter((line) => line.includes('token rotated'))
    .map((line) => Number(/\(version (\d+)\)/.exec(line)?.[1]));
  t.ok(
    versions.length >= 2 &&
      versions.every((version, n) => n === 0 || version > (versions[n - 1] ?? 0)),
  );
  t.notMatch(screen, /^\{/m);
  // What Ctrl-C sends, through the terminal.
  child.stdin.write('\x03');
  const [code] = (await closed) as [number];
  t.equal(code, 0);
});
