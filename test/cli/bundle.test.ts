// The file that is shipped, as a process.
import { readFileSync } from 'node:fs';
import t from 'tap';
import { fakeAgent, freePort, healthBody } from './fake-agent.js';
import { bundle, healthcheckBundle, run, start } from './program.js';

const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string };

t.test("the version is the package's", async (t) => {
  t.match(await run(['--version']), { code: 0, out: `${version}\n`, err: '' });
});

t.test('the health check is the same in both files', async (t) => {
  await using agent = await fakeAgent((request, response) => {
    response.writeHead(request.url === '/livez' ? 200 : 503).end();
  });
  const env = { KEYTENDER_LISTEN_ADDRESS: `127.0.0.1:${agent.port}` };
  for (const [argv, code] of [
    [[], 1],
    [['--live'], 0],
    [['--nonsense'], 2],
    [['--help'], 0],
  ] as const) {
    const small = await run(argv, env, healthcheckBundle);
    const large = await run(['healthcheck', ...argv], env);
    t.equal(small.code, code, argv.join(' '));
    t.same(small, large);
  }
});

t.test('the small file loads node:net and nothing else', async (t) => {
  const text = readFileSync(healthcheckBundle, 'utf8');
  t.same(
    [...new Set([...text.matchAll(/require\("([^"]+)"\)/g)].map(([, name]) => name))],
    ['node:net'],
  );
});

t.test('status exits with its answer', async (t) => {
  await using agent = await fakeAgent((_request, response) =>
    response.end(JSON.stringify(healthBody())),
  );
  t.match(await run(['status', '--url', agent.url]), { code: 0, out: /app-0: ok/ });
  const nobody = `http://127.0.0.1:${await freePort()}`;
  t.match(await run(['status', '--url', nobody]), { code: 1, out: '', err: /nothing listens/ });
});

t.test('a wait for health that is interrupted is no yes', async (t) => {
  const url = `http://127.0.0.1:${await freePort()}`;
  await using program = start(['healthcheck', '--wait', '60s', '--url', url]);
  await new Promise((resolve) => setTimeout(resolve, 300));
  program.child.kill('SIGTERM');
  t.match(await program.ended, { code: null, signal: 'SIGTERM' });
});

t.test('nothing is loaded before signals are caught', async (t) => {
  const order = t.testdir({
    'order.cjs': `
      const Module = require('node:module');
      const seen = [];
      const load = Module._load;
      const on = process.on;
      process.on = function (name, ...rest) { if (/^SIG/.test(name)) seen.push(name); return on.call(this, name, ...rest); };
      Module._load = function (name, ...rest) { seen.push(name); return load.call(this, name, ...rest); };
      process.argv = [process.argv[0], process.argv[1], '--version'];
      require(${JSON.stringify(bundle)});
      process.on('exit', () => console.error(JSON.stringify(seen)));
    `,
  });
  const { err } = await run([], {}, `${order}/order.cjs`);
  t.same((JSON.parse(err) as string[]).slice(0, 4), [bundle, 'SIGTERM', 'SIGINT', 'SIGHUP']);
});

for (const delayMs of [60, 120, 250]) {
  t.test(
    `a SIGTERM ${delayMs} ms after the start ends the agent with 0, or by the signal before its first statement`,
    async (t) => {
      await using program = start(['agent'], {
        VAULT_ADDR: `http://127.0.0.1:${await freePort()}`,
        VAULT_TOKEN: 'x',
        KEYTENDER_LISTEN_ADDRESS: '127.0.0.1:0',
      });
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      program.child.kill('SIGTERM');
      const { code, signal } = await program.ended;
      t.ok(code === 0 || signal === 'SIGTERM', `${code} ${signal}`);
    },
  );
}

t.test('settings that are wrong are told all at once, and the exit code is 2', async (t) => {
  const ended = await run(['agent', '--set', 'refresh.interval=canary', '--set', 'nonsense=1']);
  t.equal(ended.code, 2);
  t.match(ended.err, /^keytender: \d problems in the settings\n/);
  t.match(ended.err, /^ {2}refresh\.interval: /m);
  t.match(ended.err, /^ {2}nonsense: /m);
  t.match(ended.err, /vault\.address/, 'a token source is missing too');
  t.notMatch(ended.err, /canary|\n {4}at /);
  t.equal(ended.out, '');
});

t.test('a settings file that is not there is 2', async (t) => {
  const ended = await run(['--config', '/nonexistent/keytender.yaml']);
  t.match(ended, { code: 2, err: /nonexistent/ });
});

t.test('an address in use is 1, with the fix and no stack', async (t) => {
  await using other = await fakeAgent((_request, response) => response.end());
  const ended = await run(['agent'], {
    AGENT_TOKEN: 'x'.repeat(44),
    KEYTENDER_LISTEN_ADDRESS: `127.0.0.1:${other.port}`,
  });
  t.match(ended, {
    code: 1,
    err: /^keytender: cannot listen on .*set listen\.address to a free port\n$/,
  });
});

t.test('a reader that went away is no bug', async (t) => {
  await using agent = await fakeAgent((_request, response) =>
    response.end(JSON.stringify(healthBody())),
  );
  const program = start(['status', '--url', agent.url]);
  program.child.stdout?.destroy();
  t.match(await program.ended, { code: 0, err: '' });
});

for (const [what, code] of [
  ['an exception', "throw new RangeError('canary-secret')"],
  ['a rejection', "Promise.reject(new RangeError('canary-secret'))"],
] as const) {
  t.test(`${what} that nobody expects is 70: its kind and place, not its words`, async (t) => {
    await using agent = await fakeAgent((_request, response) =>
      response.end(JSON.stringify(healthBody())),
    );
    const folder = t.testdir({
      'broken.cjs': `
        process.argv = [process.argv[0], process.argv[1], 'status', '--watch', '--url', '${agent.url}'];
        require(${JSON.stringify(bundle)});
        setTimeout(() => { ${code} }, 200);`,
    });
    const ended = await run([], {}, `${folder}/broken.cjs`);
    t.match(ended, { code: 70, err: /^keytender: unexpected RangeError at .*a bug of ours.*\n$/ });
    t.notMatch(ended.out + ended.err, 'canary');
  });
}
