// The view of the settings in effect, and what a reload changed.
import t from 'tap';
import { describeChanges } from '../../src/config/changes.js';
import { redactedView } from '../../src/config/view.js';
import { load, settingsOf, staticMode, TOKEN, withVault } from './loading.js';
import { MemoryFiles } from './memory-files.js';

t.test('the view has the shape of a settings file, without secrets', async (t) => {
  const files = new MemoryFiles({ '/run/token': TOKEN });
  const yaml =
    'sinks: [{ name: a, type: file, path: /x, timeout: 90s }]\nrefresh: { max_stale: 0 }';
  const env = {
    ...withVault,
    AGENT_TOKEN_FILE: '/run/token',
    KEYTENDER_LISTEN_PROBE_ADDRESS: '[::]:8211',
  };
  const view = redactedView(await settingsOf({ env, yaml, files }));
  t.match(view, {
    vault: {
      address: ['https://vault.example.com:8200'],
      timeout: '10s',
      auth: { token: '[redacted]', role_id: null },
    },
    refresh: { interval: '1m', max_stale: '0', jitter: '10s' },
    token: { initial: 'file:/run/token', grace: '5m' },
    listen: { address: '127.0.0.1:8210', probe_address: '[::]:8211', socket_mode: '0660' },
    tokens: { default: { path: 'token', grace: '5m' } },
    sinks: [{ name: 'a', timeout: '90s', mode: '0600', remove_on_exit: false }],
  });
  t.notMatch(JSON.stringify(view), /hvs|an-agent-token/);
});

t.test('in static mode the view has no Vault but says so', async (t) => {
  t.same(redactedView(await settingsOf({ env: staticMode }))['vault'], { address: null });
});

t.test('what the view shows can be written into a file and loads to the same', async (t) => {
  const first = await settingsOf({
    env: withVault,
    flags: ['refresh.interval=20s', 'token.grace=90s'],
  });
  const view = structuredClone(redactedView(first)) as Record<string, Record<string, unknown>>;
  const { auth, ...vault } = view['vault'] ?? {};
  const clean = {
    ...view,
    vault: { ...vault, auth: { ...(auth as object), token: withVault.VAULT_TOKEN } },
  };
  const yaml = JSON.stringify(clean, (_, value: unknown) => value ?? undefined);
  const again = await load({ yaml });
  if (!again.ok) throw new Error(again.problems.map(String).join('\n'));
  t.same(describeChanges(first, again.config), []);
});

t.test('changes are named by file key, with what needs a restart', async (t) => {
  const changes = async (
    before: { env?: Record<string, string>; flags?: string[]; yaml?: string },
    after: { env?: Record<string, string>; flags?: string[]; yaml?: string },
  ): Promise<unknown> =>
    describeChanges(
      await settingsOf({ env: withVault, ...before }),
      await settingsOf({ env: withVault, ...after }),
    ).map(({ key, restart }) => `${key}${restart ? ' (restart)' : ''}`);
  t.same(await changes({}, {}), []);
  t.same(await changes({}, { flags: ['log.level=debug', 'listen.address=127.0.0.1:9'] }), [
    'listen.address (restart)',
    'log.level',
  ]);
  t.same(
    await changes({}, { flags: ['refresh.interval=2m'] }),
    ['refresh.interval', 'token.grace', 'tokens.default.grace'],
    'defaults that moved are told too',
  );
  t.same(await changes({}, { env: { ...withVault, VAULT_TOKEN: 'hvs.other' } }), [
    'vault.auth.token',
  ]);
  t.same(await changes({}, { env: staticMode }), [
    'vault.address (restart)',
    'token.initial (restart)',
  ]);
  t.same(await changes({}, { yaml: 'tokens: { default: {}, billing: {} }' }), [
    'tokens.billing (restart)',
  ]);
  t.same(await changes({}, { yaml: 'tokens: { default: { path: x } }' }), [
    'tokens.default.path (restart)',
  ]);
  t.same(await changes({}, { yaml: 'sinks: [{ name: a, type: file, path: /x }]' }), [
    'sinks (restart)',
  ]);
  t.same(await changes({ flags: ['refresh.max_stale=0'] }, {}), ['refresh.max_stale']);
});

t.test(
  'a secret that moved from a value to a file is a change, another content of the file is none',
  async (t) => {
    const files = new MemoryFiles({ '/a': TOKEN, '/b': TOKEN });
    const at = (file: string) =>
      settingsOf({ env: { VAULT_ADDR: 'https://v', VAULT_TOKEN_FILE: file }, files });
    const first = await at('/a');
    files.put('/a', 'another-token-of-thirty-two-bytes');
    t.same(describeChanges(first, await at('/a')), []);
    t.same(describeChanges(first, await at('/b')), [{ key: 'vault.auth.token', restart: false }]);
    const value = await settingsOf({ env: { VAULT_ADDR: 'https://v', VAULT_TOKEN: TOKEN } });
    t.same(describeChanges(first, value), [{ key: 'vault.auth.token', restart: false }]);
  },
);
