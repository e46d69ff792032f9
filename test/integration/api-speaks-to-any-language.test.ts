// The shell and Python programs of docs/sign-from.md, as they stand there, against the built agent.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { strong } from '../fixtures/readings.js';
import { agentOf, putToken, vaultWithToken } from '../fixtures/scene.js';
import { secondPasses } from '../fixtures/signed-request.js';

const run = promisify(execFile);
const programs = { 'sign.sh': 'sh', 'sign.py': 'python3' } as const;

async function programOf(name: keyof typeof programs): Promise<string> {
  const page = await readFile(new URL('../../docs/sign-from.md', import.meta.url), 'utf8');
  const code = page
    .slice(page.indexOf(`<!-- file: ${name} -->`))
    .match(/^```[a-z]+\n([^]*?)^```$/m);
  return code?.[1] ?? '';
}

for (const name of Object.keys(programs) as (keyof typeof programs)[]) {
  t.test(`what ${name} signs and curl sends is accepted by the agent`, async (t) => {
    const cwd = await mkdtemp(join(tmpdir(), 'keytender-'));
    t.teardown(() => rm(cwd, { recursive: true }));
    await using vault = await vaultWithToken();
    await using agent = agentOf(vault);
    await agent.untilHealth(({ status }) => status === 'ok');
    await secondPasses();
    const url = await agent.url();
    await writeFile(join(cwd, name), await programOf(name));
    await writeFile(
      join(cwd, 'body.json'),
      JSON.stringify({ method: 'GET', url: '/', headers: {} }),
    );

    const call = async (method: string, target: string, token: string, keyid: string) => {
      await writeFile(join(cwd, 'token'), strong(token));
      const body = method === 'POST' ? ['body.json'] : [];
      const options = {
        cwd,
        env: { PATH: process.env['PATH'], TOKEN_FILE: 'token', KEYID: keyid, TAG: 'keytender-api' },
      };
      const signed = await run(programs[name], [name, method, url + target, ...body], options);
      await writeFile(join(cwd, 'fields.txt'), signed.stdout);
      const data = body.flatMap((file) => ['--data-binary', `@${file}`]);
      const sent = ['-s', '--path-as-is', '-w', '\n%{http_code}', '-X', method, ...data];
      const { stdout } = await run('curl', [...sent, '-H', '@fields.txt', url + target], options);
      const lines = stdout.split('\n');
      return { status: lines.at(-1), body: lines.slice(0, -1).join('\n') };
    };

    t.match(await call('GET', '/v1/tokens', 'token-1', 'default'), {
      status: '200',
      body: /"version":1/,
    });
    t.match(await call('POST', '/v1/tokens/default/verify', 'token-1', 'default:1'), {
      status: '200',
      body: /"verified":false,"reason":"missing_signature"/,
    });
    putToken(vault, 'token-2');
    t.match(
      await call('GET', '/v1/tokens', 'token-2', 'default:2'),
      { status: '200', body: /"version":2/ },
      'also before the agent has polled',
    );
    t.match(await call('GET', '/v1/tokens', 'token-9', 'default'), { status: '401' });
  });
}
