import t from 'tap';
import { eventLine } from '../../../src/cli/dev/introduction.js';
import { devSettings } from '../../../src/cli/dev/dev-settings.js';
import { newToken, rotateEvery } from '../../../src/cli/dev/rotation.js';
import { loadSettings } from '../../../src/cli/settings.js';
import type { Config } from '../../../src/config/config.js';
import { FakeClock } from '../../fixtures/fake-clock.js';
import { testIo } from '../test-io.js';

const vault = { address: 'http://127.0.0.1:1', vaultToken: 'dev' };

async function configOf(
  set: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  isTTY = false,
): Promise<Config> {
  const loaded = await loadSettings(...devSettings({ set }, testIo({ env, isTTY }), vault));
  if (!loaded.ok) throw new Error(loaded.problems.join('\n'));
  return loaded.config;
}

t.test('it polls often, unless told otherwise', async (t) => {
  t.equal((await configOf()).refresh.intervalMs, 5000);
  t.equal((await configOf([], { KEYTENDER_REFRESH_INTERVAL: '9s' })).refresh.intervalMs, 9000);
  t.equal((await configOf(['refresh.interval=8s'])).refresh.intervalMs, 8000);
});

t.test('on a terminal events take the place of the log, unless a level is asked for', async (t) => {
  t.equal((await configOf([], {}, true)).log.level, 'error');
  t.equal((await configOf([], { LOG_LEVEL: 'debug' }, true)).log.level, 'debug');
  t.equal((await configOf([], { KEYTENDER_LOG_LEVEL: 'info' }, true)).log.level, 'info');
  t.equal((await configOf()).log.level, 'info', 'elsewhere it logs as the agent does');
});

t.test('an event is a line', async (t) => {
  const at = new Date(2026, 0, 1, 12, 0, 5).getTime();
  const event = {
    type: 'rotated',
    token: 'default',
    version: 2,
    message: 'token rotated',
  } as const;
  t.equal(eventLine(event, at), '12:00:05 default: token rotated (version 2)\n');
  t.equal(eventLine({ ...event, version: null }, at), '12:00:05 default: token rotated\n');
});

t.test('every token is new and strong', async (t) => {
  t.equal(newToken().length, 44);
  t.not(newToken(), newToken());
});

t.test('rotation writes each token every so often, until it is stopped', async (t) => {
  const clock = new FakeClock();
  const stopping = new AbortController();
  const written: string[] = [];
  const kv = { put: (path: string) => void written.push(path) };
  const config = await configOf(['tokens.other.path=other', 'deployment=blue']);
  const done = rotateEvery(20_000, { kv } as never, config, clock, stopping.signal);
  await clock.advance(19_999);
  t.same(written, []);
  await clock.advance(20_001);
  t.same(written.length, 2 * config.tokens.length);
  t.ok(written.every((path) => path.startsWith('keytender/blue/')));
  stopping.abort(new Error('stopping'));
  await t.resolves(done);
});
