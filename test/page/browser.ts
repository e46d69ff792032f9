// A Chromium of the system, driven without a window: a page with everything that it complained about.
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

export interface Opened {
  readonly page: Page;
  /** Errors of the console, exceptions, violations of the policy: a line each. */
  readonly complaints: string[];
}

/** `CHROMIUM`: the program, as scripts/test-page.mjs found it. */
export function launch(): Promise<Browser> {
  const executablePath = process.env['CHROMIUM'];
  if (executablePath === undefined) throw new Error('run it as npm run test:page');
  // its own sandbox needs what a container or root does not have; it shows pages of this machine alone
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

/** Opens `url` and waits until it shows what an agent said. */
export async function open(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Opened> {
  const page = await browser.newPage({ viewport: { width: 900, height: 720 }, ...options });
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    const wanted = request.url();
    if (!wanted.startsWith(url) && !wanted.startsWith('data:')) complaints.push(`asked ${wanted}`);
  });
  await page.addInitScript(
    `addEventListener('securitypolicyviolation', (event) => console.error('violates ' + event.violatedDirective))`,
  );
  await page.goto(url);
  await page.locator('.token').first().waitFor();
  return { page, complaints };
}

/** The text of the first match, spaces as spaces. */
export async function textOf(page: Page, selector: string): Promise<string> {
  const text = await page.locator(selector).first().innerText();
  return text.replaceAll('\u00a0', ' ');
}

/** Waits until a part of the page reads as `pattern`; fails with what it reads after `withinMs`. */
export async function untilReads(
  page: Page,
  selector: string,
  pattern: RegExp,
  withinMs = 20_000,
): Promise<void> {
  const endMs = performance.now() + withinMs;
  for (;;) {
    const text = await textOf(page, selector).catch(() => '');
    if (pattern.test(text)) return;
    if (performance.now() > endMs) throw new Error(`${selector} reads: ${text}`);
    await page.waitForTimeout(50);
  }
}
