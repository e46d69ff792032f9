// .ci/run: what it runs, and that its last line tells the truth, whichever step fails. npm and npx are stand-ins.
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t from 'tap';

interface Step {
  readonly says?: string;
  readonly code?: number;
}

interface Steps {
  /** `npm cit`, the integration tests on the other Node, `npm run check`. */
  readonly test?: Step;
  readonly other?: Step;
  readonly check?: Step;
}

const fine: Required<Steps> = {
  test: { says: 'noise\n# { total: 40, pass: 40 }\n# time=1ms' },
  other: { says: '# { total: 9, pass: 9 }' },
  check: { says: 'all well' },
};

async function ciRun(steps: Steps): Promise<{ code: number; lines: string[]; asked: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'keytender-ci-'));
  const { test, other, check } = { ...fine, ...steps };
  const say = ({ says = '', code = 0 }: Step): string => `cat <<'X'\n${says}\nX\nexit ${code}`;
  const script = (name: string, body: string): void => {
    writeFileSync(join(folder, name), `#!/bin/sh\necho "asked: ${name} $*"\n${body}\n`);
    chmodSync(join(folder, name), 0o755);
  };
  script('npm', `if [ "$1" = cit ]; then ${say(test)}; fi\n${say(check)}`);
  script('npx', say(other));
  const env = { PATH: `${folder}:${dirname(process.execPath)}:${process.env['PATH'] ?? ''}` };
  try {
    return await new Promise((resolve) => {
      execFile('bash', ['.ci/run'], { env, timeout: 20_000 }, (error, stdout) => {
        const lines = stdout.trimEnd().split('\n');
        const asked = lines.filter((line) => line.startsWith('asked: '));
        resolve({ code: error === null ? 0 : Number(error.code), lines, asked });
      });
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

t.test("it runs README's test command, the promises on the other Node, every check", async (t) => {
  const { code, lines, asked } = await ciRun({});
  const other = process.versions.node.startsWith('20.') ? '24' : '20';
  t.equal(asked[0], 'asked: npm cit');
  t.match(asked[1], `asked: npx -y -p node@${other} -- node node_modules/.bin/tap`);
  t.match(asked[1], 'test/integration/follows-a-rotation.test.ts');
  t.notMatch(asked[1], 'stays-alive');
  t.equal(asked[2], 'asked: npm run check');
  t.equal(lines.at(-1), '49 passed, 0 failed');
  t.equal(code, 0);
});

const failures: Readonly<Record<string, readonly [Steps, string]>> = {
  'failed tests are counted': [
    { test: { says: '# { total: 40, pass: 38, fail: 2 }', code: 1 } },
    '47 passed, 2 failed',
  ],
  'failures of both runs add up': [
    {
      test: { says: '# { total: 40, pass: 39, fail: 1 }', code: 1 },
      other: { says: '# { total: 9, pass: 8, fail: 1 }', code: 1 },
    },
    '47 passed, 2 failed',
  ],
  'a run that ends without counting is a failure': [
    { test: { says: 'npm error: no such thing', code: 1 } },
    '9 passed, 1 failed',
  ],
  'tests that pass in a run that fails are a failure': [
    { other: { says: '# { total: 9, pass: 9 }', code: 1 } },
    '49 passed, 1 failed',
  ],
  'a check that fails is a failure': [{ check: { says: 'lint', code: 2 } }, '49 passed, 1 failed'],
  'skipped tests are neither': [
    { test: { says: '# { total: 40, pass: 38, skip: 2 }' } },
    '47 passed, 0 failed',
  ],
};

for (const [name, [steps, last]] of Object.entries(failures)) {
  t.test(name, async (t) => {
    const { code, lines, asked } = await ciRun(steps);
    t.equal(lines.at(-1), last);
    t.equal(code, last.endsWith(' 0 failed') ? 0 : 1);
    t.equal(asked.length, 3, 'and every step was run');
  });
}
