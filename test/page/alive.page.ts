// The status page in a real browser: a rotation and an outage as somebody watches them.
import t from 'tap';
import { AgentProcess } from '../fixtures/agent-process.js';
import { agentOf, putToken, vaultWithToken } from '../fixtures/scene.js';
import { launch, open, textOf, untilReads } from './browser.js';

const browser = await launch();
t.teardown(() => browser.close());

/** Where an agent that has it serves the page. */
async function pageOf(agent: AgentProcess): Promise<string> {
  await agent.untilHealth(({ status }) => status === 'ok');
  return `${(await agent.untilOutput(/"probe":"(http[^"]+)"/))[1] ?? ''}/`;
}

const withPage = {
  KEYTENDER_LISTEN_STATUS_PAGE: 'true',
  KEYTENDER_LISTEN_PROBE_ADDRESS: '127.0.0.1:0',
};

t.test('the button of dev rotates, and the page follows without being touched', async (t) => {
  await using dev = new AgentProcess({
    args: ['dev', '--vault-address', '127.0.0.1:0', '--set', 'refresh.interval=1s'],
  });
  const [url = ''] = await dev.untilOutput(/http\S+\/(?= )/);
  const { page, complaints } = await open(browser, url);
  await untilReads(page, 'h1', /^The token is fresh$/);
  t.match(await textOf(page, '.age'), /\ds\n?.*age of version 1/s);
  await page.getByRole('button', { name: 'Rotate the token' }).click();
  await untilReads(page, '#changes', /Version 2 is in Vault; the next poll finds it/);
  await untilReads(page, '#changes', /Version 2 is current; version 1 still verifies for \d+/);
  await untilReads(page, '.age', /age of version 2/);
  await untilReads(page, '[data-part=lanes]', /version 2\s+current\s+version 1\s+verifies for \d/);
  await untilReads(page, '[data-part=polls-say]', /^[2-9]\d* ok$/);
  t.same(complaints, [], 'nothing in the console, nothing against the policy, nobody else asked');
  await page.close();
});

t.test('a sealed Vault is shown with what to do, and its end too', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, { env: withPage });
  const { page, complaints } = await open(browser, await pageOf(agent));
  t.equal(await page.locator('.token .trouble').isVisible(), false);
  vault.seal();
  await untilReads(page, 'h1', /usable, but not all is well/);
  await untilReads(
    page,
    '.token .trouble',
    /vault_sealed for .*unseal Vault: vault operator unseal/s,
  );
  await untilReads(page, '.token .trouble', /The token held stays in use for \d+d \d+h more/);
  await untilReads(page, '[data-part=polls-say]', /\d+ failed/);
  t.match(await page.title(), /^degraded · /);
  vault.unseal();
  putToken(vault, 'token-2');
  await untilReads(page, 'h1', /^The token is fresh$/);
  t.equal(await page.locator('.token .trouble').isVisible(), false);
  await untilReads(page, '#changes', /The refresh works again/);
  t.same(complaints, []);
  await page.close();
});

t.test('a revoked token is shown as one that cannot be used', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, { env: withPage });
  const { page } = await open(browser, await pageOf(agent));
  vault.kv.destroy('keytender/default/token', [1]);
  await untilReads(page, 'h1', /cannot be used/);
  await untilReads(page, '.state', /revoked/);
  await untilReads(page, '.token .trouble', /write a new version: vault kv put/);
  t.match(await page.title(), /^unavailable · /);
  await page.close();
});

t.test('an agent that is gone is said to be gone since when, and found again', async (t) => {
  await using vault = await vaultWithToken();
  const agent = agentOf(vault, { env: withPage });
  const url = await pageOf(agent);
  const { page } = await open(browser, url);
  t.equal(await page.locator('#silence').isVisible(), false);
  await agent[Symbol.asyncDispose]();
  await untilReads(page, '#silence', /does not answer since \d\d:\d\d:\d\d \((now|\d+s ago)\)/);
  t.equal(await textOf(page, 'h1'), 'The agent does not answer');
  t.match(await textOf(page, '.age'), /age of version 1/, 'what it said last stays');
  const address = new URL(url).host;
  await using again = agentOf(vault, {
    env: { ...withPage, KEYTENDER_LISTEN_PROBE_ADDRESS: address },
  });
  await again.untilOutput(/"listening"/);
  await untilReads(page, 'h1', /^The token is fresh$/);
  await untilReads(page, '#changes', /The agent answers again/);
  t.equal(await page.locator('#silence').isVisible(), false);
  await page.close();
});

t.test('nobody asks for a page that nobody sees', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, { env: withPage });
  const { page } = await open(browser, await pageOf(agent));
  let asked = 0;
  page.on('request', () => (asked += 1));
  const show = (isHidden: boolean): Promise<unknown> =>
    page.evaluate(
      `Object.defineProperty(document, 'hidden', { configurable: true, get: () => ${isHidden} });
       document.dispatchEvent(new Event('visibilitychange'))`,
    );
  await show(true);
  await page.waitForTimeout(500);
  asked = 0;
  await page.waitForTimeout(3000);
  t.equal(asked, 0);
  await show(false);
  await page.waitForRequest(/health$/, { timeout: 10_000 });
  t.pass('asked at once when seen again');
  await page.close();
});
