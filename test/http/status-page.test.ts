// The status page over real sockets: where it is and is not, what it may do in a browser, and the button of dev.
import { request } from 'node:http';
import t from 'tap';
import type { Rotated } from '../../src/http/status-page/routes.js';
import { directivesOf, hashesOf } from './page-checks.js';
import { startHttp } from './start-http.js';

const written: Rotated = { ok: true, written: { default: 8 } };

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** With `Host` as it is given. */
function post(port: number, headers: Readonly<Record<string, string>>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', port, method: 'POST', path: '/dev/rotate', headers },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => (body += text));
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, body });
        });
      },
    );
    sent.on('error', reject).end();
  });
}

t.test('without the setting there is no page', async (t) => {
  const { apiUrl, probeUrl } = await startHttp(t);
  for (const url of [apiUrl, probeUrl]) t.equal((await fetch(`${url}/`)).status, 404);
});

t.test(
  'an agent has it on the probe listener alone, and no route that writes, by any method',
  async (t) => {
    const { apiUrl, probeUrl, counted } = await startHttp(t, { statusPage: {} });
    const page = await fetch(`${probeUrl}/`);
    t.equal(page.status, 200);
    t.notMatch(await page.text(), /id="rotate"/, 'no button');
    t.equal((await fetch(`${probeUrl}/`, { method: 'HEAD' })).status, 200);
    t.equal((await fetch(`${apiUrl}/`)).status, 404);
    for (const url of [apiUrl, probeUrl]) {
      for (const method of ['POST', 'GET', 'PUT', 'DELETE', 'OPTIONS']) {
        t.equal((await fetch(`${url}/dev/rotate`, { method })).status, 404, method);
      }
    }
    t.ok(counted.includes('probe GET / 200'));
  },
);

t.test('in dev it is on both, and only the one of the API listener has the button', async (t) => {
  const { apiUrl, probeUrl } = await startHttp(t, { statusPage: { rotate: async () => written } });
  t.match(await (await fetch(`${apiUrl}/`)).text(), /<button type="button" id="rotate">/);
  t.notMatch(await (await fetch(`${probeUrl}/`)).text(), /id="rotate"/);
  t.equal((await fetch(`${probeUrl}/dev/rotate`, { method: 'POST' })).status, 404);
});

t.test('the button writes once per press, and says which version, or why none', async (t) => {
  const outcomes: Rotated[] = [written, { ok: false, reason: 'the dev Vault answers 503' }];
  const { apiUrl, api } = await startHttp(t, {
    statusPage: { rotate: async () => outcomes.shift() ?? written },
  });
  const own = { host: `127.0.0.1:${api}`, origin: apiUrl, 'sec-fetch-site': 'same-origin' };
  t.same(await post(api, own), { status: 200, body: '{"written":{"default":8}}' });
  t.same(await post(api, own), { status: 502, body: '{"reason":"the dev Vault answers 503"}' });
  const get = await fetch(`${apiUrl}/dev/rotate`);
  t.equal(get.status, 405);
  t.equal(get.headers.get('allow'), 'POST');
});

t.test('a page of another site cannot press it, nor frame it, nor read it', async (t) => {
  let presses = 0;
  const { api, apiUrl } = await startHttp(t, {
    statusPage: {
      rotate: async () => {
        presses += 1;
        return written;
      },
    },
  });
  const host = `127.0.0.1:${api}`;
  const rows: readonly (readonly [Record<string, string>, number])[] = [
    [{ host, 'sec-fetch-site': 'cross-site' }, 403],
    [{ host, 'sec-fetch-site': 'same-site' }, 403],
    [{ host, origin: 'https://elsewhere.example' }, 403],
    [{ host, origin: 'null' }, 403],
    [{ host, origin: `http://127.0.0.1:${api + 1}` }, 403],
    [{ host: `rebound.example:${api}` }, 421],
    [{ host: `rebound.example:${api}`, origin: `http://rebound.example:${api}` }, 421],
  ];
  for (const [headers, status] of rows) {
    t.equal((await post(api, headers)).status, status, JSON.stringify(headers));
  }
  t.equal(presses, 0);
  const page = await fetch(`${apiUrl}/`, { headers: { origin: 'https://elsewhere.example' } });
  t.equal(page.status, 403);
  t.equal(page.headers.get('access-control-allow-origin'), null);
});

t.test('nothing runs in it that is not of this build', async (t) => {
  const { apiUrl } = await startHttp(t, { statusPage: { rotate: async () => written } });
  const page = await fetch(`${apiUrl}/`);
  const html = await page.text();
  const policy = page.headers.get('content-security-policy') ?? '';
  t.notMatch(policy, /unsafe|\*|https?:/);
  const directives = directivesOf(policy);
  t.same(Object.fromEntries([...directives].filter(([name]) => !/^(script|style)/.test(name))), {
    'default-src': ["'none'"],
    'connect-src': ["'self'"],
    'img-src': ['data:'],
    'base-uri': ["'none'"],
    'form-action': ["'none'"],
    'frame-ancestors': ["'none'"],
    'require-trusted-types-for': ["'script'"],
    'trusted-types': ["'none'"],
  });
  t.same(directives.get('script-src'), hashesOf(html, 'script'));
  t.same(directives.get('style-src'), hashesOf(html, 'style'));
  t.equal(hashesOf(html, 'script').length, 1);
  t.notMatch(html, /<[^>]+\s(?:style|on[a-z]+)=/i, 'nothing inline that needs more');
  t.match(Object.fromEntries(page.headers), {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
  });
});

t.test('it fetches nothing from outside, and its markup is whole', async (t) => {
  const { probeUrl } = await startHttp(t, { statusPage: {} });
  const html = await (await fetch(`${probeUrl}/`)).text();
  const urls = [...html.matchAll(/(?:href|src|action|srcset)="([^"]*)"/g)].map(([, url]) => url);
  t.same([...new Set(urls)].sort(), ['#tokens', 'data:,', 'health', 'metrics', 'readyz']);
  t.notMatch(html.replaceAll('http://www.w3.org/2000/svg', ''), /https?:\/\/|url\(|@import/);
  t.notMatch(html, /<!-- [a-z]+ -->/, 'every part is in its place');
  const ids = [...html.matchAll(/ id="([^"]+)"/g)].map(([, id = '']) => id);
  t.equal(new Set(ids).size, ids.length);
  for (const [, id = ''] of html.matchAll(/aria-labelledby="([^"]+)"/g)) t.ok(ids.includes(id), id);
  const asked = [...html.matchAll(/byId\('([a-z-]+)'\)/g)].map(([, id = '']) => id);
  t.ok(asked.length > 10);
  for (const id of asked) t.ok(ids.includes(id), id);
  const parts = [...html.matchAll(/data-part="([^"]+)"/g)].map(([, part = '']) => part);
  const wanted = [...html.matchAll(/part\(\w+, '([a-z-]+)'\)/g)].map(([, part = '']) => part);
  t.ok(wanted.length > 15);
  for (const part of wanted) t.ok(parts.includes(part), part);
});

t.test('it knows the advice of every failure before there is one', async (t) => {
  const { probeUrl } = await startHttp(t, { statusPage: {} });
  const html = await (await fetch(`${probeUrl}/`)).text();
  const block = /<script type="application\/json" id="advice">([^<]*)<\/script>/.exec(html)?.[1];
  const advice = JSON.parse(block ?? '{}');
  t.match(advice.byClass.vault_sealed, /unseal/);
  t.match(advice.unusable.revoked, /vault kv put/);
});
