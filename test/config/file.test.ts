// The settings file: what it may look like, and what is said of one that cannot be read. The file is never quoted.
import t from 'tap';
import { FileRefusal } from '../../src/platform/files.js';
import { loadConfig } from '../../src/config/load.js';
import { problemsOf, settingsOf, staticMode } from './loading.js';
import { MemoryFiles } from './memory-files.js';

const secret = 'hunter2-hunter2-hunter2';

t.test('YAML nested, YAML dotted and JSON say the same', async (t) => {
  const ways = [
    'refresh:\n  interval: 30s\nlisten:\n  socket_scopes: [token:list]\n',
    'refresh.interval: 30\nlisten.socket_scopes: token:list\n',
    '{ "refresh": { "interval": "30s" }, "listen": { "socket_scopes": ["token:list"] } }',
    '\ufeffrefresh: { interval: 30 }\nlisten: { socket_scopes: token:list }',
  ];
  for (const yaml of ways) {
    const { refresh, listen } = await settingsOf({ env: staticMode, yaml });
    t.same([refresh.intervalMs, listen.socketScopes], [30_000, ['token:list']]);
  }
});

t.test('an empty file and empty mappings say nothing', async (t) => {
  for (const yaml of [
    '',
    '# nothing\n',
    '---\n',
    '{}',
    'refresh:\n',
    'refresh:\n  interval:\ntokens:\nsinks:\n',
  ]) {
    t.equal(
      (await settingsOf({ env: staticMode, yaml })).refresh.intervalMs,
      60_000,
      JSON.stringify(yaml),
    );
  }
});

t.test('an empty list must be written as one: nothing is not the default', async (t) => {
  t.match(await problemsOf({ env: staticMode, yaml: 'agent:\n  scopes:\n' }), [
    /^agent\.scopes: is not a list/,
  ]);
  t.same((await settingsOf({ env: staticMode, yaml: 'agent: { scopes: [] }' })).agent.scopes, []);
});

t.test('what is no settings file has a sentence and a place, and is not quoted', async (t) => {
  const cases: [yaml: string, problem: RegExp][] = [
    [
      'a: 1\na: 2',
      /^--config: \/etc\/keytender\.yaml, line 2, column 1: a key is there twice; remove one/,
    ],
    ['{ "token": { "initial": "x", "initial": "y" } }', /a key is there twice/],
    [`token:\n\tinitial: ${secret}`, /line 2.*(tab|YAML)/],
    [`token: { initial: "${secret}`, /neither YAML nor JSON/],
    [`token: *${secret}`, /neither YAML nor JSON|cannot be taken apart/],
    [`listen: { probe_address: [::]:8211 }\ntoken: ${secret}`, /in quotes/],
    [`token: !!js/function ${secret}`, /a tag is not known/],
    [`a: 1\n---\ntoken: ${secret}`, /a second document starts/],
    [secret, /holds no mapping/],
    [`[${secret}]`, /holds no mapping/],
    ['['.repeat(20_000), /--config/],
    [
      `a: &a [${'x,'.repeat(50)}]\nb: &b [${'*a,'.repeat(50)}]\nc: [${'*b,'.repeat(50)}]`,
      /too deep, or aliases/,
    ],
  ];
  for (const [yaml, expected] of cases) {
    const problems = await problemsOf({ env: staticMode, yaml });
    t.match(problems[0], expected, yaml.slice(0, 40));
    t.notMatch(problems.join('\n'), secret);
  }
});

t.test('a file that cannot be read has a sentence and a fix', async (t) => {
  const read = async (files: MemoryFiles): Promise<string[]> => {
    const sources = { env: {}, flags: [], hostname: 'h', files, file: '/etc/k.yaml' };
    const result = await loadConfig(sources);
    return result.ok ? [] : result.problems.map(String);
  };
  const refusing = (reason: ConstructorParameters<typeof FileRefusal>[0]): MemoryFiles =>
    new MemoryFiles({ '/etc/k.yaml': { content: '', refuse: new FileRefusal(reason, 'fails') } });
  t.same(await read(new MemoryFiles()), [
    '--config: /etc/k.yaml does not exist; create it, or correct the path after --config',
  ]);
  t.match(await read(refusing('forbidden')), [/chown or chmod/]);
  t.match(await read(refusing('not_a_file')), [/name a YAML or JSON file/]);
  t.match(await read(refusing('unreadable')), [/name a YAML or JSON file/]);
  t.match(await read(new MemoryFiles({ '/etc/k.yaml': 'x'.repeat(1_048_577) })), [
    /longer than 1048576 bytes/,
  ]);
  t.match(await read(new MemoryFiles({ '/etc/k.yaml': { content: Uint8Array.from([0xff]) } })), [
    /UTF-8/,
  ]);
});

t.test('numbers where texts belong are refused, because YAML changes them', async (t) => {
  for (const yaml of [
    'deployment: 0123',
    'deployment: 1e10',
    'deployment: true',
    'agent: { id: 7 }',
  ]) {
    t.match(await problemsOf({ env: staticMode, yaml }), [/is not a text; put it in quotes/], yaml);
  }
});
