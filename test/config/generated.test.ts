// Whatever stands in files, environment and flags: never a crash, always settings or problems with a named key, and a
// secret never in what is said about it.
import { inspect } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { stringify } from 'yaml';
import { describeChanges } from '../../src/config/changes.js';
import type { LoadResult } from '../../src/config/load.js';
import { environment, fileKeys } from '../../src/config/names.js';
import type { Named } from '../../src/config/names.js';
import type { SettingKind } from '../../src/config/setting.js';
import { settings, sinkSettings, tokenSettings } from '../../src/config/settings.js';
import { redactedView } from '../../src/config/view.js';
import { load } from './loading.js';
import { MemoryFiles } from './memory-files.js';

/** Looks like nothing else; a file that holds it is at `/secret`. */
const CANARY = 'cAnArY/5f0c9e1d7b3a8642+Zz==';
const files = new MemoryFiles({
  '/secret': `${CANARY}\n`,
  '/open': { content: CANARY, mode: 0o100644 },
  '/pem': 'PEM',
});
const secretNames = [
  'vault.auth.token',
  'vault.auth.role_id',
  'vault.auth.secret_id',
  'token.initial',
];

const likely = fc.constantFrom(
  ...[
    '0',
    '1',
    '60',
    '250ms',
    '90s',
    '5m',
    '1h',
    '30d',
    '31d',
    '-1',
    '1e3',
    'true',
    'off',
    'accept',
  ],
  ...[
    'keep',
    'approle',
    'kubernetes',
    'jwt',
    'cert',
    'token:read',
    'token:read,token:sgin',
    '0660',
    '9999',
  ],
  ...[
    'https://v:8200',
    'http://v',
    'http://127.0.0.1',
    'https://u:p@v',
    'v:8200',
    '127.0.0.1:80',
    '[::]:80',
  ],
  ...[
    ':80',
    '10.0.0.0/8',
    'app-0',
    '/secret',
    '/open',
    '/pem',
    '/absent',
    'secret/data/x',
    'a//b',
    '',
    ' ',
  ],
  CANARY,
);
const scalar = fc.oneof(
  { weight: 6, arbitrary: likely },
  { weight: 1, arbitrary: fc.string() },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
  { weight: 2, arbitrary: fc.integer({ min: -1, max: 100_000 }) },
  { weight: 1, arbitrary: fc.double() },
  { weight: 1, arbitrary: fc.boolean() },
  { weight: 1, arbitrary: fc.constant(null) },
);
const value = fc.oneof(
  { weight: 8, arbitrary: scalar },
  { weight: 1, arbitrary: fc.array(scalar, { maxLength: 4 }) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
);
/** Mostly what the setting's kind wants, so that many a whole is accepted. */
const aptByKind: Readonly<Record<SettingKind, readonly string[]>> = {
  duration: ['2s', '10s', '60s', '5m', '1h', '72h'],
  integer: ['1', '5', '16', '60', '1000'],
  text: ['app', 'app-0', 'v.example.com'],
  path: ['/pem', '/run/x'],
  secret: ['/secret', 'a-secret-of-thirty-two-characters'],
  list: ['', 'token:list', '10.0.0.1', 'app:8210'],
  boolean: ['true', 'false'],
  choice: ['keep', 'token', 'accept', 'info', 'json'],
  octal: ['0600', '660'],
  addresses: ['https://v:8200', 'http://127.0.0.1:8200'],
  'listen address': ['127.0.0.1:0', '[::1]:8210'],
};
const aptFor = (named: Named | undefined): fc.Arbitrary<unknown> => {
  if (named === undefined) return value;
  const { kind, parse } = settings[named.key];
  const apt = named.form === 'file' ? ['/secret'] : aptByKind[kind].filter((one) => parse(one).ok);
  return fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...(apt.length === 0 ? ['x'] : apt)) },
    { weight: 1, arbitrary: value },
  );
};
const strangeKey = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toString',
    'vault',
    'vault.auth',
    'tokens.x',
    'sinks',
    'refersh',
  ),
);
const knownKey = fc.constantFrom(...fileKeys.keys());
const tokenField = fc.oneof(fc.constantFrom(...Object.keys(tokenSettings)), strangeKey);
const sinkField = fc.oneof(fc.constantFrom(...Object.keys(sinkSettings)), strangeKey);
const tokens = fc.oneof(
  value,
  fc.dictionary(
    fc.oneof(fc.constantFrom('default', 'billing', 'client', 'a/b'), strangeKey),
    fc.oneof(value, fc.dictionary(tokenField, value, { maxKeys: 3 })),
    { maxKeys: 3 },
  ),
);
const sinks = fc.oneof(
  value,
  fc.array(fc.dictionary(sinkField, value, { maxKeys: 6 }), { maxLength: 3 }),
);

function rarely<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
}

const file = fc
  .record({
    known: fc
      .array(
        knownKey.chain((key) => fc.tuple(fc.constant(key), aptFor(fileKeys.get(key)))),
        { maxLength: 6 },
      )
      .map((entries) => Object.fromEntries(entries)),
    strange: rarely(fc.dictionary(strangeKey, value, { maxKeys: 1 })),
    tokens: rarely(tokens),
    sinks: rarely(sinks),
  })
  .map(({ known, strange, tokens, sinks }) => ({
    ...known,
    ...strange,
    ...(tokens === undefined ? {} : { tokens }),
    ...(sinks === undefined ? {} : { sinks }),
  }))
  .chain((content) => fc.constantFrom(JSON.stringify(content), stringify(nested(content))));

const envName = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...environment.keys()) },
  { weight: 1, arbitrary: fc.string({ maxLength: 8 }).map((end) => `KEYTENDER_${end}`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('VAULT_SKIP_VERIFY', 'BAO_FORMAT', 'KEYTENDER_PORT', 'VAULT_CAPATH'),
  },
);
const text = fc.oneof({ weight: 5, arbitrary: likely }, { weight: 1, arbitrary: fc.string() });
const entry = envName.chain((key) =>
  fc.tuple(
    fc.constant(key),
    environment.has(key) ? aptFor(environment.get(key)).map(String) : text,
  ),
);
const source = fc.constantFrom<Record<string, string>>(
  ...[
    {},
    { AGENT_TOKEN: CANARY },
    { VAULT_ADDR: 'https://v' },
    { VAULT_ADDR: 'https://v', VAULT_TOKEN: CANARY },
  ],
);
const env = fc
  .tuple(source, fc.array(entry, { maxLength: 4 }))
  .map(([base, more]): Record<string, string> => ({ ...base, ...Object.fromEntries(more) }));
const flags = fc.array(
  fc.oneof(
    knownKey.chain((key) => aptFor(fileKeys.get(key)).map((one) => `${key}=${String(one)}`)),
    rarely(fc.tuple(strangeKey, text).map(([k, v]) => `${k}=${v}`)).map(
      (one) => one ?? 'log.level=info',
    ),
    rarely(fc.string()).map((one) => one ?? 'files.strict=false'),
  ),
  { maxLength: 2 },
);

/** Dotted keys as mappings; one that cannot be placed is left out. */
function nested(content: Record<string, unknown>): object {
  const root = new Map<string, unknown>();
  for (const [key, one] of Object.entries(content)) {
    let at = root;
    const parts = key.split('.');
    for (const part of parts.slice(0, -1)) {
      const inner = at.get(part);
      const next: Map<string, unknown> = inner instanceof Map ? inner : new Map<string, unknown>();
      at.set(part, next);
      at = next;
    }
    at.set(parts.at(-1) ?? '', one);
  }
  return root;
}

let accepted = 0;
let refused = 0;

function judge(result: LoadResult): void {
  if (result.ok) {
    accepted += 1;
    redactedView(result.config);
    if (describeChanges(result.config, result.config).length > 0)
      throw new Error('changed by itself');
    if (result.warnings.some((warning) => warning.includes(CANARY)))
      throw new Error('told a secret');
    return;
  }
  refused += 1;
  if (result.problems.length === 0) throw new Error('refused without a problem');
  for (const { key, message, fix } of result.problems) {
    if (key === '' || message === '' || fix === '') throw new Error('a problem that says nothing');
  }
  if (result.problems.some((one) => String(one).includes(CANARY))) {
    throw new Error('told a secret');
  }
}

t.test(
  '10,000 generated files, environments and flags load or are refused with named keys',
  async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.option(file), env, flags, async (yaml, env, flags) => {
        judge(await load({ env, flags, files, ...(yaml === null ? {} : { yaml }) }));
      }),
      { numRuns: 10_000 },
    );
    t.ok(accepted > 1_000, `${accepted} accepted`);
    t.ok(refused > 1_000, `${refused} refused`);
  },
);

t.test('so are 2,000 files of arbitrary text, and whole ones with a letter changed', async (t) => {
  const mutated = fc.tuple(file, fc.nat(), fc.string({ maxLength: 3 })).map(([text, at, piece]) => {
    const place = at % (text.length + 1);
    return text.slice(0, place) + piece + text.slice(place + 1);
  });
  const syntax = fc.string({
    unit: fc.constantFrom(...Array.from('{}[]:,-&*!|>\'"%@`?# \n\tax1')),
    maxLength: 40,
  });
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.string(), syntax, mutated), async (yaml) => {
      judge(await load({ env: { AGENT_TOKEN: CANARY }, files, yaml }));
    }),
    { numRuns: 2_000 },
  );
  t.pass();
});

t.test('a secret where a secret belongs is in nothing that can be printed', async (t) => {
  const secretKey = fc.constantFrom(...secretNames);
  await fc.assert(
    fc.asyncProperty(fc.array(secretKey), env, async (keys, others) => {
      const clean = Object.fromEntries(Object.entries(others).filter(([, one]) => one !== CANARY));
      const yaml = JSON.stringify(Object.fromEntries(keys.map((key) => [key, CANARY])));
      const result = await load({ env: { ...clean, VAULT_ADDR: 'https://v' }, files, yaml });
      const printed = [inspect(result, { depth: 9, showHidden: true }), JSON.stringify(result)];
      if (result.ok)
        printed.push(
          inspect(redactedView(result.config), { depth: 9 }),
          String(result.config.token.initial),
        );
      if (printed.some((one) => one.includes(CANARY))) throw new Error('printed a secret');
    }),
    { numRuns: 1_000 },
  );
  t.pass();
});
