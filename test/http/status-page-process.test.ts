// The page as it is shipped: out of the one bundled file, small, allowed by its hashes, and without a secret.
import t from 'tap';
import { AgentProcess } from '../fixtures/agent-process.js';
import { agentOf, vaultWithToken } from '../fixtures/scene.js';
import { strong } from '../fixtures/readings.js';
import { directivesOf, hashesOf } from './page-checks.js';

const bytesMax = 25_000;

t.test('an agent serves it at / of the probe listener, and has nothing that writes', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, {
    env: { KEYTENDER_LISTEN_STATUS_PAGE: 'true', KEYTENDER_LISTEN_PROBE_ADDRESS: '127.0.0.1:0' },
  });
  await agent.untilHealth(({ status }) => status === 'ok');
  const probe = (await agent.untilOutput(/"probe":"(http[^"]+)"/))[1] ?? '';
  const page = await fetch(`${probe}/`);
  t.equal(page.status, 200);
  const html = await page.text();
  t.ok(Buffer.byteLength(html) < bytesMax, `${Buffer.byteLength(html)} bytes`);
  const directives = directivesOf(page.headers.get('content-security-policy') ?? '');
  t.same(directives.get('script-src'), hashesOf(html, 'script'));
  t.same(directives.get('style-src'), hashesOf(html, 'style'));
  t.notMatch(html, /@ts-check|@param|id="rotate"/, 'neither comments nor the button');
  const seen = html + (await (await fetch(`${probe}/health`)).text());
  for (const secret of [strong('token-1'), vault.rootToken, vault.address]) {
    t.notOk(seen.includes(secret));
  }
  for (const url of [probe, await agent.url()]) {
    t.equal((await fetch(`${url}/dev/rotate`, { method: 'POST' })).status, 404);
  }
  t.equal((await agent.get('/')).status, 404, 'not on the API listener');
});

t.test(
  'dev says its address first, and its button makes a version that the agent finds',
  async (t) => {
    await using dev = new AgentProcess({
      args: ['dev', '--vault-address', '127.0.0.1:0', '--set', 'refresh.interval=1s'],
    });
    const [, url = ''] = await dev.untilOutput(/^ {2}\w+ +(http\S+)\/ .*\n/m);
    t.match(dev.output, /^keytender [^\n]*\n\n {2}open {7}http/, 'before anything else');
    await dev.untilHealth(({ tokens }) => tokens['default']?.version === 1);
    const html = await (await fetch(`${url}/`)).text();
    t.ok(Buffer.byteLength(html) < bytesMax, `${Buffer.byteLength(html)} bytes`);
    t.match(html, /id="rotate"/);
    const pressed = await fetch(`${url}/dev/rotate`, { method: 'POST', headers: { origin: url } });
    t.same(await pressed.json(), { written: { default: 2 } });
    const health = await dev.untilHealth(({ tokens }) => tokens['default']?.version === 2);
    t.equal(health.tokens['default']?.superseded[0]?.version, 1);
  },
);

t.test('dev without the page does not speak of it', async (t) => {
  await using dev = new AgentProcess({
    args: ['dev', '--vault-address', '127.0.0.1:0', '--set', 'listen.status_page=false'],
  });
  const url = await dev.url();
  t.notMatch(dev.output, /^ {2}open /m);
  t.equal((await fetch(`${url}/`)).status, 404);
  t.equal((await fetch(`${url}/dev/rotate`, { method: 'POST' })).status, 404);
});
