// The pictures of README.md: `keytender dev` a little while after one rotation, light and dark. Only written when asked
// for: npm run test:page -- --screenshots
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { AgentProcess } from '../fixtures/agent-process.js';
import { launch, open, untilReads } from './browser.js';

const bytesMax = 150_000;

t.test('light and dark', async (t) => {
  await using dev = new AgentProcess({
    args: ['dev', '--set', 'agent.id=checkout-7d4f'],
    env: { TZ: 'UTC' },
  });
  const [url = ''] = await dev.untilOutput(/http\S+\/(?= )/);
  const browser = await launch();
  t.teardown(() => browser.close());
  const size = { viewport: { width: 800, height: 600 }, deviceScaleFactor: 1.8, timezoneId: 'UTC' };
  const light = (await open(browser, url, { ...size, colorScheme: 'light' })).page;
  const dark = (await open(browser, url, { ...size, colorScheme: 'dark' })).page;
  // long enough for a row of polls
  await light.waitForTimeout(60_000);
  await light.locator('#rotate').click();
  await untilReads(light, '#changes', /is current/);
  await light.mouse.move(0, 0);
  await light.waitForTimeout(20_000);
  for (const [name, page] of Object.entries({ light, dark })) {
    const path = fileURLToPath(new URL(`../../docs/images/status-${name}.png`, import.meta.url));
    await page.evaluate('document.activeElement?.blur()');
    await page.screenshot({ path, fullPage: true });
    t.ok((await stat(path)).size < bytesMax, `${name}: ${(await stat(path)).size} bytes`);
  }
});
