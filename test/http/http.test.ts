import t from 'tap';
import { request } from 'undici';
import { apiLimits } from '../../src/http/limits.js';
import { healthBody, startHttp } from './start-http.js';
import { sendRaw } from './raw.js';

async function get(url: string, method: 'GET' | 'HEAD' | 'POST' | 'DELETE' | 'OPTIONS' = 'GET') {
  const answer = await request(url, { method, ...(method === 'POST' ? { body: '{}' } : {}) });
  return { status: answer.statusCode, headers: answer.headers, body: await answer.body.text() };
}

t.test('the probes say ok, and why not', async (t) => {
  const paths = ['livez', 'readyz', 'startupz'] as const;
  for (const path of paths) {
    let ok = true;
    const ask = () => (ok ? { ok } : { ok, reason: 'token default: revoked' });
    const { apiUrl, probeUrl } = await startHttp(t, { [path]: ask });
    for (const url of [apiUrl, probeUrl]) {
      ok = true;
      const good = await get(`${url}/${path}`);
      t.equal(good.status, 200);
      t.equal(good.headers['content-type'], 'application/json');
      t.same(JSON.parse(good.body), { status: 'ok' });

      ok = false;
      const bad = await get(`${url}/${path}`);
      t.equal(bad.status, 503);
      t.ok(Number(bad.headers['retry-after']) > 0);
      t.same(JSON.parse(bad.body), { status: 'unavailable', reason: 'token default: revoked' });
    }
  }
});

t.test('health is printed as it is, with 503 only when unavailable or starting', async (t) => {
  for (const [status, code] of [
    ['ok', 200],
    ['degraded', 200],
    ['unavailable', 503],
    ['starting', 503],
  ] as const) {
    const { apiUrl } = await startHttp(t, { health: () => healthBody(status) });
    const answer = await get(`${apiUrl}/health`);
    t.equal(answer.status, code, status);
    t.same(JSON.parse(answer.body), healthBody(status));
    t.equal(answer.headers['retry-after'] !== undefined, code === 503);
  }
});

t.test('the probe listener does not say where Vault is', async (t) => {
  const { apiUrl, probeUrl } = await startHttp(t);
  t.match(await get(`${apiUrl}/health`), { body: /vault\.internal/ });
  const shown = JSON.parse((await get(`${probeUrl}/health`)).body);
  t.notMatch(JSON.stringify(shown), /vault\.internal/);
  t.same(Object.keys(shown.vault as object), [
    'authenticated',
    'login_expires_at',
    'clock_offset_seconds',
  ]);
  t.same(shown.tokens, healthBody().tokens);

  const inStaticMode = await startHttp(t, { health: () => ({ ...healthBody(), vault: null }) });
  t.equal(JSON.parse((await get(`${inStaticMode.probeUrl}/health`)).body).vault, null);
});

t.test('the probe listener has the probes, health and metrics alone', async (t) => {
  const { probeUrl } = await startHttp(t);
  for (const path of ['/livez', '/readyz', '/startupz', '/health', '/metrics']) {
    t.equal((await get(probeUrl + path)).status, 200, path);
  }
  for (const method of ['GET', 'POST'] as const) {
    const answer = await get(`${probeUrl}/openapi.json`, method);
    t.equal(answer.status, 404, `${method} of what only the API has`);
  }
});

t.test('without a probe address there is one listener', async (t) => {
  const { bound } = await startHttp(t, {
    listen: { address: { host: '127.0.0.1', port: 0 }, authorities: [], probeAddress: null },
  });
  t.equal(bound.probe, null);
});

t.test('metrics are passed on as they are', async (t) => {
  const { apiUrl } = await startHttp(t);
  const answer = await get(`${apiUrl}/metrics`);
  t.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  t.equal(answer.body, 'x 1\n');
});

t.test('HEAD works on all, with the length of the body it leaves out', async (t) => {
  const { apiUrl } = await startHttp(t, { readyz: () => ({ ok: false, reason: 'no' }) });
  for (const path of ['/health', '/livez', '/readyz', '/startupz', '/metrics', '/openapi.json']) {
    const whole = await get(apiUrl + path);
    const head = await get(apiUrl + path, 'HEAD');
    t.equal(head.status, whole.status, path);
    t.equal(head.body, '');
    t.equal(head.headers['content-length'], String(Buffer.byteLength(whole.body)));
  }
});

t.test('every answer forbids caching and sniffing, refusals too', async (t) => {
  const { apiUrl, api } = await startHttp(t, { readyz: () => ({ ok: false }) });
  for (const path of ['/health', '/readyz', '/metrics', '/nothing', '/%68ealth']) {
    const { headers } = await get(apiUrl + path);
    t.equal(headers['cache-control'], 'no-store', path);
    t.equal(headers['x-content-type-options'], 'nosniff', path);
  }
  t.equal((await sendRaw(api, 'GARBAGE\r\n\r\n')).headers['cache-control'], 'no-store');
});

t.test('what does not exist is 404, in any method, with or without a body', async (t) => {
  const { apiUrl, counted } = await startHttp(t);
  for (const path of [
    '/',
    '/healthz',
    '/health/',
    '//health',
    '/Health',
    '/health%2f',
    '/v1/tokens',
  ]) {
    for (const method of ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS'] as const) {
      const answer = await get(apiUrl + path, method);
      t.equal(answer.status, 404, `${method} ${path}`);
      t.equal(answer.headers['content-type'], 'application/problem+json');
      if (method !== 'HEAD') t.equal(JSON.parse(answer.body).code, 'not_found');
    }
  }
  t.ok(counted.every((line) => / unmatched 404$/.test(line)));
});

t.test('a method that a path does not have is 405 and says which it has', async (t) => {
  const { apiUrl, api } = await startHttp(t);
  for (const method of ['POST', 'DELETE', 'OPTIONS'] as const) {
    const answer = await get(`${apiUrl}/health?x=1`, method);
    t.equal(answer.status, 405, method);
    t.equal(answer.headers['allow'], 'GET, HEAD');
    t.equal(JSON.parse(answer.body).code, 'method_not_allowed');
  }
  for (const method of ['PUT', 'PATCH', 'TRACE', 'PROPFIND', 'SEARCH', 'QUERY', 'PURGE']) {
    const answer = await sendRaw(
      api,
      `${method} /livez HTTP/1.1\r\nHost: localhost:${api}\r\nConnection: close\r\n\r\n`,
    );
    t.equal(answer.status, 405, method);
    t.equal(answer.headers['allow'], 'GET, HEAD');
  }
});

t.test('a body that no route asked for is skipped, whatever it is', async (t) => {
  const { api } = await startHttp(t);
  for (const body of [
    'Content-Type: application/json\r\nContent-Length: 3\r\n\r\n{x}',
    'Content-Type: nonsense\r\nContent-Length: 1\r\n\r\nx',
    'Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n',
  ]) {
    for (const [method, status] of [
      ['GET', 200],
      ['POST', 405],
    ] as const) {
      const answer = await sendRaw(
        api,
        `${method} /livez HTTP/1.1\r\nHost: localhost:${api}\r\nConnection: close\r\n${body}`,
      );
      t.equal(answer.status, status, `${method} ${JSON.stringify(body)}`);
    }
  }
});

t.test(
  'a fault of ours is a problem that tells nothing, and a log line without the message',
  async (t) => {
    const audited: unknown[] = [];
    const { apiUrl, logged, counted } = await startHttp(t, {
      audit: (event, fields) => audited.push([event, fields]),
      health: () => {
        throw new TypeError('canary-1f4c');
      },
      metrics: () => Promise.reject(new Error('canary-1f4c')),
    });
    for (const path of ['/health', '/metrics']) {
      const answer = await get(apiUrl + path);
      t.equal(answer.status, 500);
      t.equal(answer.headers['content-type'], 'application/problem+json');
      t.match(JSON.parse(answer.body), { status: 500, code: 'internal_error' });
      t.notMatch(answer.body, /canary/);
    }
    t.match(
      logged.map((line) => JSON.parse(line) as unknown),
      [
        { route: '/health', error: 'TypeError', at: [/^\s+at /], requestId: /^[0-9a-f-]{36}$/ },
        { route: '/metrics', error: 'Error' },
      ],
    );
    t.notMatch(logged.join(), /canary/);
    t.match(audited, [
      ['internal_error', { route: '/health', request_id: /^[0-9a-f-]{36}$/ }],
      ['internal_error', { route: '/metrics' }],
    ]);
    t.same(counted, ['api GET /health 500', 'api GET /metrics 500']);
  },
);

t.test('a problem has the members of RFC 9457 and the title of its status', async (t) => {
  const { apiUrl } = await startHttp(t);
  const answer = await get(`${apiUrl}/nothing`);
  t.same(JSON.parse(answer.body), {
    type: 'about:blank',
    title: 'Not Found',
    status: 404,
    code: 'not_found',
    detail: 'there is nothing at this path',
  });
});

t.test('a draining agent is not ready but serves everything', async (t) => {
  let isDraining = false;
  const { apiUrl } = await startHttp(t, { draining: () => isDraining });
  t.equal((await get(`${apiUrl}/readyz`)).status, 200);
  isDraining = true;
  const answer = await get(`${apiUrl}/readyz`);
  t.equal(answer.status, 503);
  t.match(answer.body, /shutting down/);
  t.not(answer.headers['connection'], 'close', 'while everything is still served');
  t.equal((await get(`${apiUrl}/health`)).status, 200);
  t.equal((await get(`${apiUrl}/livez`)).status, 200);
});

t.test('each answer is counted once, by template, known method and listener', async (t) => {
  const { apiUrl, probeUrl, api, counted } = await startHttp(t);
  await get(`${apiUrl}/health?a=1`);
  await get(`${probeUrl}/livez`, 'HEAD');
  await get(`${apiUrl}/nothing`);
  await sendRaw(api, `PURGE / HTTP/1.1\r\nHost: localhost:${api}\r\nConnection: close\r\n\r\n`);
  await sendRaw(api, 'GARBAGE\r\n\r\n');
  t.same(counted, [
    'api GET /health 200',
    'probe HEAD /livez 200',
    'api GET unmatched 404',
    'api other unmatched 404',
    'api other unmatched 400',
  ]);
});

t.test('the limits are those of the documentation', async (t) => {
  t.match(apiLimits, { headerBytesMax: 16_384, headersMax: 100, bodyBytesMax: 1_048_576 });
});
