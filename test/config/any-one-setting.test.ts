// "Any one valid setting alone starts": each setting, with each kind of valid value, beside nothing but a token source.
import fc from 'fast-check';
import t from 'tap';
import { settings, sinkSettings, tokenSettings } from '../../src/config/settings.js';
import type { SettingKey } from '../../src/config/settings.js';
import { canonicalName } from '../../src/config/names.js';
import { load, staticMode, withVault } from './loading.js';
import { MemoryFiles } from './memory-files.js';
import { companions, duration, hour, name, orZero, valid } from './valid-values.js';

const files = new MemoryFiles({ '/pem': 'PEM' });
const keys = Object.keys(settings) as SettingKey[];
const oneSetting = fc
  .constantFrom(...keys)
  .chain((key) => valid[key].map((value) => ({ key, value })));
const sources = fc.constantFrom<Record<string, string>>(staticMode, withVault, {
  VAULT_ADDR: 'https://v',
});

t.test('any one valid setting alone loads, from the environment, a flag or a file', async (t) => {
  await fc.assert(
    fc.asyncProperty(oneSetting, sources, fc.nat(2), async ({ key, value }, source, way) => {
      const all = Object.entries({ [key]: value, ...companions(key, value) });
      const base = { ...source };
      if (key === 'vault.address') delete base['VAULT_ADDR'];
      if (key === 'vault.auth.token') delete base['VAULT_TOKEN'];
      const env = Object.fromEntries(all.map(([k, v]) => [canonicalName(k), v]));
      const flags = all.map(([k, v]) => `${k}=${v}`);
      const yaml = JSON.stringify(Object.fromEntries(all));
      const given = [{ env: { ...base, ...env } }, { env: base, flags }, { env: base, yaml }][way];
      const result = await load({ files, ...given });
      if (!result.ok) throw new Error(`${key}=${value}: ${result.problems.map(String).join('; ')}`);
      checkInvariants(result.config);
    }),
    { numRuns: 5_000 },
  );
  t.pass();
});

type Loaded = Extract<Awaited<ReturnType<typeof load>>, { ok: true }>['config'];

/** The limits of the table, on the settings in effect. */
function checkInvariants({ refresh, token, signature, vault, tokens }: Loaded): void {
  const { intervalMs, jitterMs, maxStaleMs, startSplayMs, onDemandPerMinute } = refresh;
  const checks: Record<string, boolean> = {
    interval: intervalMs >= 1_000 && intervalMs <= 24 * hour && Number.isInteger(intervalMs),
    jitter: jitterMs >= 0 && jitterMs <= intervalMs && Number.isInteger(jitterMs),
    splay: startSplayMs <= intervalMs,
    stale: maxStaleMs >= intervalMs,
    grace: [token, ...tokens].every(
      ({ graceMs }) =>
        graceMs === 0 || (graceMs >= 3 * (intervalMs + jitterMs) && graceMs <= 720 * hour),
    ),
    replay: signature.replayTtlMs >= 2 * signature.maxSkewMs && signature.maxSkewMs >= 1_000,
    budget:
      vault === null ||
      vault.requestsPerMinute >=
        ((tokens.length * (1 + token.supersededMax) + 1) * 60_000) / intervalMs +
          5 * onDemandPerMinute,
  };
  for (const [what, holds] of Object.entries(checks)) {
    if (!holds) throw new Error(`${what} does not hold: ${JSON.stringify({ refresh, token })}`);
  }
}

t.test('so does any one field of a token, and every kind of sink', async (t) => {
  const fields: { readonly [K in keyof typeof tokenSettings]: fc.Arbitrary<unknown> } = {
    path: fc.constantFrom('token', 'a/b', '/x/'),
    field: name,
    grace: orZero(duration(3_000, 720 * hour)),
    required: fc.boolean(),
  };
  const field = fc
    .constantFrom(...(Object.keys(fields) as (keyof typeof fields)[]))
    .chain((key) => fields[key].map((value) => ({ [key]: value })));
  await fc.assert(
    fc.asyncProperty(field, sources, async (one, env) => {
      const result = await load({ env, yaml: JSON.stringify({ tokens: { default: one } }) });
      if (!result.ok) throw new Error(result.problems.map(String).join('; '));
      checkInvariants(result.config);
    }),
    { numRuns: 500 },
  );
  const minimal = [
    { name: 'a', type: 'file', path: '/run/token' },
    { name: 'b', type: 'exec', command: ['/bin/true', 'a,b', 'a,b'] },
  ];
  const extras: { readonly [K in keyof typeof sinkSettings]: unknown } = {
    name: 'other',
    type: 'file',
    token: 'default',
    path: '/run/other',
    format: 'json',
    template: null,
    mode: '0640',
    owner: 'app:app',
    command: ['/bin/true'],
    timeout: '5s',
    splay: '1m',
    remove_on_exit: true,
  };
  for (const [key, value] of Object.entries(extras)) {
    const sink = { ...minimal[0], [key]: value };
    const result = await load({
      env: staticMode,
      yaml: JSON.stringify({ sinks: [sink, minimal[1]] }),
    });
    t.equal(result.ok, true, key);
    if (result.ok) t.same(result.config.sinks[1]?.command, ['/bin/true', 'a,b', 'a,b']);
  }
});
