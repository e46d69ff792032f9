// Secrets: where they come from, what is refused, and that none can be printed.
import { inspect } from 'node:util';
import t from 'tap';
import { ConfigProblem } from '../../src/config/problem.js';
import { isMountedAsSecret } from '../../src/config/world-readable.js';
import { FileRefusal } from '../../src/platform/files.js';
import { problemsOf, settingsOf, TOKEN, warningsOf } from './loading.js';
import { MemoryFiles } from './memory-files.js';

const env = { AGENT_TOKEN_FILE: '/run/token' };
const mounts = (line: string): string =>
  `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n${line}\n30 22 0:5 / /proc rw - proc proc rw\n`;
const readOnly = mounts('40 22 8:2 / /run ro,relatime - ext4 /dev/sda2 rw');
const tmpfs = mounts('40 22 0:44 / /run rw,nosuid - tmpfs tmpfs rw,size=64k');
const disk = mounts('40 22 8:2 / /run rw - ext4 /dev/sda2 rw');
const open = { '/run/token': { content: TOKEN, mode: 0o100644 } };

t.test('one line break at the end of a file is not part of the secret', async (t) => {
  for (const [content, expected] of [
    [`${TOKEN}\n`, TOKEN],
    [`${TOKEN}\r\n`, TOKEN],
    [TOKEN, TOKEN],
  ] as const) {
    const { token } = await settingsOf({ env, files: new MemoryFiles({ '/run/token': content }) });
    t.equal(await token.initial?.read(), expected);
  }
});

t.test(
  'a file with anything but one clean secret is refused, without a letter of it',
  async (t) => {
    const cases: [content: string | Uint8Array, problem: RegExp][] = [
      ['', /is empty/],
      ['\n', /is empty/],
      [`${TOKEN}\n\n`, /control character/],
      [` ${TOKEN}`, /white space/],
      [`a ${TOKEN}\tb`, /control character/],
      ['tooshort', /shorter than 16 bytes/],
      ['x'.repeat(8_193), /longer than 8192 bytes/],
      [Uint8Array.from([0xff, 0xfe, 0x41]), /not UTF-8/],
      ['x'.repeat(70_000), /longer than 65536 bytes/],
    ];
    for (const [content, expected] of cases) {
      const problems = await problemsOf({
        env,
        files: new MemoryFiles({ '/run/token': { content } }),
      });
      t.equal(problems.length, 1);
      t.match(problems[0], expected);
      t.match(problems[0], /^AGENT_TOKEN_FILE: /);
      t.notMatch(problems[0], TOKEN);
    }
  },
);

t.test('a secret where its path belongs is not repeated', async (t) => {
  const [problem = ''] = await problemsOf({ env: { AGENT_TOKEN_FILE: TOKEN } });
  t.match(problem, /does not exist.*path of the file that belongs here/);
  t.notMatch(problem, TOKEN);
  const refuse = new FileRefusal('forbidden', 'may not be read by this user');
  const files = new MemoryFiles({ '/run/token': { content: '', refuse } });
  t.match(await problemsOf({ env, files }), [/may not be read by this user.*chown/]);
});

t.test(
  'a file that everybody may read is refused, except where the platform mounts secrets',
  async (t) => {
    const on = (mountTable: string | null): MemoryFiles => new MemoryFiles(open, mountTable);
    for (const table of [null, disk, '', 'rubbish']) {
      t.match(await problemsOf({ env, files: on(table) }), [
        /^AGENT_TOKEN_FILE: everybody.*chmod o-rwx/,
      ]);
    }
    for (const table of [readOnly, tmpfs]) {
      t.match(await warningsOf({ env, files: on(table) }), [
        /^AGENT_TOKEN_FILE: everybody may read \/run\/token/,
      ]);
      const strict = { ...env, KEYTENDER_FILES_STRICT: 'true' };
      t.match(await problemsOf({ env: strict, files: on(table) }), [/files\.strict is set/]);
    }
    const writable = { '/run/token': { content: TOKEN, mode: 0o100602 } };
    t.equal((await problemsOf({ env, files: new MemoryFiles(writable, disk) })).length, 1);
    const group = { '/run/token': { content: TOKEN, mode: 0o100660 } };
    t.equal((await problemsOf({ env, files: new MemoryFiles(group, disk) })).length, 0);
  },
);

t.test('the same holds for private keys and the JWT', async (t) => {
  const files = new MemoryFiles(
    { '/key': { content: 'PEM', mode: 0o100644 }, '/cert': 'PEM' },
    disk,
  );
  const vault = { VAULT_ADDR: 'https://v', VAULT_CLIENT_CERT: '/cert', VAULT_CLIENT_KEY: '/key' };
  t.match(await problemsOf({ env: vault, files }), [/^VAULT_CLIENT_KEY: everybody/]);
  const jwt = { VAULT_ADDR: 'https://v', KEYTENDER_VAULT_AUTH_JWT_FILE: '/key' };
  t.match(await problemsOf({ env: jwt, files }), [/^KEYTENDER_VAULT_AUTH_JWT_FILE: everybody/]);
  const tls = { ...vault, VAULT_CLIENT_CERT: '/absent', VAULT_CLIENT_KEY: '/cert' };
  t.match(await problemsOf({ env: tls, files }), [
    /^VAULT_CLIENT_CERT: the file it names does not exist/,
  ]);
});

t.test(
  'the mount of a file is the innermost, the last of two on one point, with escapes',
  async (t) => {
    const ro = (point: string): string => `40 22 8:2 / ${point} ro - ext4 /dev/sda2 rw`;
    const rw = (point: string): string => `41 22 8:2 / ${point} rw - ext4 /dev/sda2 rw`;
    const cases: [path: string, lines: string[], expected: boolean][] = [
      ['/run/a', [ro('/run'), rw('/run')], false],
      ['/run/a', [rw('/run'), ro('/run')], true],
      ['/run/a/b', [ro('/run/a'), rw('/run')], true],
      ['/runaway/a', [ro('/run')], false],
      ['/my run/a', [ro('/my\\040run')], true],
      ['/a', [ro('/')], true],
      ['/run/a', ['40 22 8:2 / /run rw - ext4 /dev/sda2 ro,seclabel'], true],
      ['/run/a', ['40 22 8:2 / /run rw shared:1 master:2 - tmpfs tmpfs rw'], true],
    ];
    for (const [path, lines, expected] of cases) {
      t.equal(
        isMountedAsSecret(path, lines.join('\n')),
        expected,
        `${path} on ${lines.join(' and ')}`,
      );
    }
    t.equal(isMountedAsSecret('/a', null), false);
  },
);

t.test('a file is read at each use, and says when it was written', async (t) => {
  const files = new MemoryFiles({ '/run/token': { content: TOKEN, modifiedAtMs: 1_000 } });
  const { token } = await settingsOf({ env, files });
  files.put('/run/token', { content: 'another-token-of-thirty-two-bytes', modifiedAtMs: 2_000 });
  t.equal(await token.initial?.read(), 'another-token-of-thirty-two-bytes');
  t.equal(await token.initial?.modifiedAt(), 2_000);
  files.put('/run/token', { content: TOKEN, mode: 0o100644 });
  t.type(await token.initial?.read().catch((caught: unknown) => caught), ConfigProblem);
  files.files.clear();
  const error: unknown = await token.initial?.read().catch((caught: unknown) => caught);
  t.match(error, { name: 'ConfigProblem', key: 'AGENT_TOKEN_FILE' });
});

t.test('printing settings prints no secret', async (t) => {
  const config = await settingsOf({
    env: { AGENT_TOKEN: TOKEN, VAULT_ADDR: 'https://v', VAULT_TOKEN: `hvs.${TOKEN}` },
  });
  const { initial } = config.token;
  t.equal(await initial?.read(), TOKEN);
  t.equal(await initial?.modifiedAt(), null);
  t.equal(initial?.file, null);
  const printed = [
    inspect(config, { depth: 9, showHidden: true }),
    JSON.stringify(config),
    String(initial),
    inspect(initial, { showHidden: true, customInspect: false }),
  ].join('\n');
  t.notMatch(printed, TOKEN);
  t.match(printed, /\[redacted\]/);
});

t.test('a short initial token is taken, with a warning', async (t) => {
  t.match(await warningsOf({ env: { AGENT_TOKEN: 'sixteen-bytes-ok' } }), [
    /^AGENT_TOKEN is shorter than 32 bytes/,
  ]);
});

t.test('Vault without a Vault token is taken, with a warning', async (t) => {
  t.match(await warningsOf({ env: { VAULT_ADDR: 'https://v' } }), [/no Vault token is set/]);
});
