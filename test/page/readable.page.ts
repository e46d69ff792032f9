// The status page for everybody: by keyboard, by a screen reader, in the dark, on a narrow screen.
import t from 'tap';
import type { Page } from 'playwright-core';
import { AgentProcess } from '../fixtures/agent-process.js';
import { launch, open, untilReads } from './browser.js';

const browser = await launch();
const dev = new AgentProcess({
  args: ['dev', '--vault-address', '127.0.0.1:0', '--set', 'refresh.interval=1s'],
});
t.teardown(async () => {
  await browser.close();
  await dev[Symbol.asyncDispose]();
});
const [url = ''] = await dev.untilOutput(/http\S+\/(?= )/);
await dev.untilHealth(({ status }) => status === 'ok');

/** What has the focus, and whether it shows. */
async function focused(page: Page): Promise<{ name: string; outline: string }> {
  return page.evaluate(`({
    name: document.activeElement.textContent.trim(),
    outline: getComputedStyle(document.activeElement).outlineStyle,
  })`);
}

/** Text whose contrast with what is behind it is below what WCAG 2.2 asks for (1.4.3), a line each. */
const faintText = `(() => {
  const channels = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => {
    const [r, g, b] = rgb.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const [r, g, b, a = 1] = channels(getComputedStyle(at).backgroundColor);
      if (a === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const [a, b] = [light(channels(style.color).slice(0, 3)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5)) found.push(ratio.toFixed(2) + ' ' + element.textContent);
  }
  return found;
})()`;

t.test('everything is reached by keyboard, in order, and the focus shows', async (t) => {
  const { page, complaints } = await open(browser, url);
  const names: string[] = [];
  for (let press = 0; press < 5; press += 1) {
    await page.keyboard.press('Tab');
    const { name, outline } = await focused(page);
    names.push(name);
    t.not(outline, 'none', name);
  }
  t.same(names, ['Skip to the tokens', 'Rotate the token', 'health', 'readyz', 'metrics']);
  await page.reload();
  await page.locator('.token').waitFor();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await untilReads(page, '#changes', /is in Vault/);
  t.equal((await focused(page)).name, 'Rotate the token', 'the focus stays');
  t.same(complaints, []);
  await page.close();
});

t.test('a screen reader finds landmarks, headings, names and one polite log', async (t) => {
  const { page } = await open(browser, url);
  const tree = await page.locator('body').ariaSnapshot();
  for (const part of [
    /^- banner/m,
    /^- main/m,
    /^- contentinfo/m,
    /navigation "The same for machines"/,
    /heading "The token is fresh" \[level=1\]/,
    /heading "default" \[level=2\]/,
    /region "default"/,
    /region "Try it"/,
    /button "Rotate the token"/,
    /list "Versions"/,
    /log "Since you opened this page"/,
    /term: Last refresh\s+- definition: ok/,
  ]) {
    t.match(tree, part);
  }
  const live = await page.evaluate(
    `document.querySelectorAll('[aria-live], [role=log], [role=status], [role=alert]').length`,
  );
  t.equal(live, 1, 'what ticks is not read out');
  t.equal(await page.evaluate(`document.documentElement.lang`), 'en');
  await page.close();
});

t.test('what does not change is not touched', async (t) => {
  const { page } = await open(browser, url);
  // the version of the test before
  await untilReads(page, '.age', /age of version 2/);
  await page.evaluate(`
    globalThis.touched = new Set();
    new MutationObserver((records) => {
      for (const { target } of records) {
        const element = target.nodeType === 1 ? target : target.parentElement;
        touched.add(element.id || element.dataset.part || element.tagName);
      }
    }).observe(document.body, { childList: true, subtree: true, characterData: true });
  `);
  await page.waitForTimeout(3000);
  const touched: string[] = await page.evaluate('[...touched].sort()');
  t.ok(touched.includes('age'), 'times tick');
  const ticking = ['age', 'last', 'next', 'polls', 'polls-say', 'says', 'uptime'];
  t.same(
    touched.filter((name) => !ticking.includes(name)),
    [],
    'and nothing else',
  );
  await page.close();
});

for (const colorScheme of ['light', 'dark'] as const) {
  t.test(`in ${colorScheme} all text stands out from what is behind it`, async (t) => {
    const { page } = await open(browser, url, { colorScheme });
    t.same(await page.evaluate(faintText), []);
    const paper = await page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
    t.match(paper, colorScheme === 'dark' ? /^rgb\(\d\d, / : /^rgb\(2\d\d, /);
    await page.route('**/health', (route) => route.abort());
    await page.locator('#silence').waitFor();
    t.same(await page.evaluate(faintText), [], 'also while the agent is silent');
    await page.close();
  });
}

t.test('trouble stands out too, in both schemes', async (t) => {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const usable of [true, false]) {
      const { page } = await open(browser, url, { colorScheme });
      await page.route('**/health', async (route) => {
        const response = await route.fetch();
        const body = await response.json();
        body.status = usable ? 'degraded' : 'unavailable';
        Object.assign(body.tokens.default, {
          usable,
          state: usable ? 'stale' : 'expired',
          last_refresh_ok: false,
          error: { class: 'vault_sealed', since: new Date().toISOString(), message: 'sealed' },
        });
        body.sinks = { file: { ok: false, version: 1, last_success_at: null, error: 'full' } };
        await route.fulfill({ response, json: body });
      });
      await page.locator('.token .trouble').waitFor();
      await untilReads(page, '#sinks', /failing: full/);
      t.same(await page.evaluate(faintText), [], `${colorScheme}, usable ${usable}`);
      await page.close();
    }
  }
});

t.test('when no token says what is wrong, the page says for what it may be', async (t) => {
  const { page } = await open(browser, url);
  t.equal(await page.locator('#otherwise').isVisible(), false);
  await page.route('**/health', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), status: 'degraded' } });
  });
  await untilReads(page, '#otherwise', /could not be renewed/);
  t.same(await page.evaluate(faintText), []);
  await page.close();
});

t.test('a narrow screen needs no scrolling sideways, and motion can be refused', async (t) => {
  const { page } = await open(browser, url, {
    viewport: { width: 320, height: 640 },
    reducedMotion: 'reduce',
  });
  t.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'));
  const moving = await page.evaluate(
    `[...document.querySelectorAll('*')].filter((each) => {
      const { animationName, transitionDuration } = getComputedStyle(each);
      return animationName !== 'none' || transitionDuration !== '0s';
    }).length`,
  );
  t.equal(moving, 0);
  await page.close();
});

t.test('a name that would be markup elsewhere is text here', async (t) => {
  const { page, complaints } = await open(browser, url);
  await page.route('**/health', async (route) => {
    const response = await route.fetch();
    const body = await response.json();
    body.agent_id = '<img src=x onerror=alert(1)>';
    await route.fulfill({ response, json: body });
  });
  await untilReads(page, '#agent', /^<img src=x onerror=alert\(1\)>$/);
  t.same(complaints, []);
  await page.close();
});
