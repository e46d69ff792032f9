// Standard output is a socket, as systemd's journal gives one, whose reader stalls: the agent ends in its time all the same.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { pause } from '../fixtures/agent-process.js';

const BUNDLE = fileURLToPath(new URL('../../dist/keytender.cjs', import.meta.url));
const settings = ['child.deliver=none', 'shutdown.timeout=1s', 'child.stop_timeout=1s'];

t.test('a log that nobody reads keeps no agent from its end', async (t) => {
  // the start of a program makes writes to the socket wait for their reader; this one fills it
  const program = ['sh', '-c', "trap 'exit 7' TERM; dd if=/dev/zero bs=64k count=64 & wait; wait"];
  const set = settings.flatMap((setting) => ['--set', setting]);
  const args = ['-u', 'NODE_OPTIONS', process.execPath, BUNDLE, 'agent', ...set, '--', ...program];
  const agent = spawn('env', args, {
    env: {
      PATH: process.env['PATH'],
      KEYTENDER_LISTEN_ADDRESS: '127.0.0.1:0',
      AGENT_TOKEN: 'x'.repeat(32),
    },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = new Promise<number | null>((resolve) => agent.once('exit', resolve));
  await pause(2_000);
  agent.stdout.pause();
  agent.kill('SIGHUP');
  await pause(500);
  agent.kill('SIGTERM');
  const late = new Promise((resolve) => setTimeout(resolve, 10_000, 'it hangs').unref());
  const code = await Promise.race([ended, late]);
  agent.kill('SIGKILL');
  agent.stdout.destroy();
  t.equal(code, 7);
});
