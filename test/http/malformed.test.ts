// Through a real socket: what the parser lets through, and what it does not.
import t from 'tap';
import { sendRaw } from './raw.js';
import { startHttp } from './start-http.js';

const target =
  (line: string, ...fields: string[]) =>
  (port: number) =>
    `${[line, ...fields].join('\r\n').replaceAll('PORT', String(port))}\r\n\r\n`;

const rows: readonly [string, (port: number) => string, number, string][] = [
  [
    'a good request',
    target('GET /health HTTP/1.1', 'Host: 127.0.0.1:PORT', 'Connection: close'),
    200,
    '',
  ],
  [
    'localhost',
    target('GET /health HTTP/1.1', 'Host: LOCALHOST:PORT', 'Connection: close'),
    200,
    '',
  ],
  [
    'IPv6 loopback',
    target('GET /health HTTP/1.1', 'Host: [::1]:PORT', 'Connection: close'),
    200,
    '',
  ],
  [
    'another name',
    target('GET /health HTTP/1.1', 'Host: evil.example', 'Connection: close'),
    421,
    'misdirected_request',
  ],
  [
    'another port',
    target('GET /health HTTP/1.1', 'Host: 127.0.0.1:1', 'Connection: close'),
    421,
    'misdirected_request',
  ],
  [
    'an unknown path of another name',
    target('GET /x HTTP/1.1', 'Host: evil.example', 'Connection: close'),
    421,
    'misdirected_request',
  ],
  [
    'absolute-form',
    target(
      'GET http://127.0.0.1:PORT/health HTTP/1.1',
      'Host: 127.0.0.1:PORT',
      'Connection: close',
    ),
    400,
    'malformed_request',
  ],
  [
    'asterisk-form',
    target('OPTIONS * HTTP/1.1', 'Host: 127.0.0.1:PORT', 'Connection: close'),
    400,
    'malformed_request',
  ],
  [
    'authority-form',
    target('CONNECT 127.0.0.1:PORT HTTP/1.1', 'Host: 127.0.0.1:PORT'),
    400,
    'malformed_request',
  ],
  ['no Host', target('GET /health HTTP/1.1', 'Connection: close'), 400, 'malformed_request'],
  [
    'an empty Host',
    target('GET /health HTTP/1.1', 'Host:', 'Connection: close'),
    400,
    'malformed_request',
  ],
  [
    'two Hosts',
    target(
      'GET /health HTTP/1.1',
      'Host: 127.0.0.1:PORT',
      'Host: 127.0.0.1:PORT',
      'Connection: close',
    ),
    400,
    'malformed_request',
  ],
  [
    'two Hosts far apart',
    target(
      'GET /health HTTP/1.1',
      'Host: 127.0.0.1:PORT',
      ...Array.from({ length: 90 }, (_, i) => `X-${i}: 1`),
      'Host: evil',
      'Connection: close',
    ),
    400,
    'malformed_request',
  ],
  ['HTTP/1.0', target('GET /health HTTP/1.0', 'Host: 127.0.0.1:PORT'), 400, 'malformed_request'],
  ['HTTP/0.9', target('GET /health'), 400, 'malformed_request'],
  ['HTTP/2 preface', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'malformed_request'],
  ['a TLS hello', () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, 'malformed_request'],
  [
    'a fragment',
    target('GET /health#x=1 HTTP/1.1', 'Host: 127.0.0.1:PORT', 'Connection: close'),
    400,
    'malformed_request',
  ],
  [
    'a backslash',
    target('GET /\\health HTTP/1.1', 'Host: 127.0.0.1:PORT', 'Connection: close'),
    400,
    'malformed_request',
  ],
  [
    'a control character',
    target('GET /hea\x01lth HTTP/1.1', 'Host: 127.0.0.1:PORT', 'Connection: close'),
    400,
    'malformed_request',
  ],
  [
    'a byte above ASCII',
    target('GET /h\xe4lth HTTP/1.1', 'Host: 127.0.0.1:PORT', 'Connection: close'),
    400,
    'malformed_request',
  ],
  [
    'an encoded letter',
    target('GET /%68ealth HTTP/1.1', 'Host: 127.0.0.1:PORT', 'Connection: close'),
    404,
    'not_found',
  ],
  [
    'an encoded dot segment',
    target('GET /x/%2e%2e/health HTTP/1.1', 'Host: 127.0.0.1:PORT', 'Connection: close'),
    404,
    'not_found',
  ],
  [
    'a dot segment',
    target('GET /x/../health HTTP/1.1', 'Host: 127.0.0.1:PORT', 'Connection: close'),
    404,
    'not_found',
  ],
  [
    'a bad escape',
    target('GET /%zz HTTP/1.1', 'Host: 127.0.0.1:PORT', 'Connection: close'),
    404,
    'not_found',
  ],
  [
    'a bad escape in a query',
    target('GET /health?%zz HTTP/1.1', 'Host: 127.0.0.1:PORT', 'Connection: close'),
    200,
    '',
  ],
  [
    'a foreign Origin',
    target(
      'GET /health HTTP/1.1',
      'Host: 127.0.0.1:PORT',
      'Origin: http://evil.example',
      'Connection: close',
    ),
    403,
    'cross_site',
  ],
  [
    'the own Origin',
    target(
      'GET /health HTTP/1.1',
      'Host: 127.0.0.1:PORT',
      'Origin: http://127.0.0.1:PORT',
      'Connection: close',
    ),
    200,
    '',
  ],
  [
    'a cross-site fetch',
    target(
      'GET /health HTTP/1.1',
      'Host: 127.0.0.1:PORT',
      'Sec-Fetch-Site: cross-site',
      'Connection: close',
    ),
    403,
    'cross_site',
  ],
  [
    'a length and chunks',
    target(
      'POST /health HTTP/1.1',
      'Host: 127.0.0.1:PORT',
      'Content-Length: 1',
      'Transfer-Encoding: chunked',
      'Connection: close',
    ),
    400,
    'malformed_request',
  ],
  [
    'two lengths',
    target(
      'POST /health HTTP/1.1',
      'Host: 127.0.0.1:PORT',
      'Content-Length: 1',
      'Content-Length: 2',
      'Connection: close',
    ),
    400,
    'malformed_request',
  ],
  [
    'a folded field',
    target('GET /health HTTP/1.1', 'Host: 127.0.0.1:PORT', 'X: a', ' b', 'Connection: close'),
    400,
    'malformed_request',
  ],
  [
    'a name with a space',
    target('GET /health HTTP/1.1', 'Host : 127.0.0.1:PORT', 'Connection: close'),
    400,
    'malformed_request',
  ],
  [
    'a bare line feed',
    (port) => `GET /health HTTP/1.1\nHost: 127.0.0.1:${port}\n\n`,
    400,
    'malformed_request',
  ],
  [
    'an unknown method',
    target('BREW /health HTTP/1.1', 'Host: 127.0.0.1:PORT', 'Connection: close'),
    400,
    'malformed_request',
  ],
  [
    'an upgrade',
    target(
      'GET /health HTTP/1.1',
      'Host: 127.0.0.1:PORT',
      'Upgrade: websocket',
      'Connection: upgrade, close',
    ),
    200,
    '',
  ],
  [
    'an expectation that nobody knows',
    target('GET /health HTTP/1.1', 'Host: 127.0.0.1:PORT', 'Expect: wonders', 'Connection: close'),
    200,
    '',
  ],
];

t.test('what is sent decides the answer, and every refusal is a problem', async (t) => {
  const { api } = await startHttp(t);
  for (const [name, bytes, status, code] of rows) {
    const answer = await sendRaw(api, bytes(api));
    t.equal(answer.status, status, name);
    if (code === '') continue;
    t.equal(answer.headers['content-type'], 'application/problem+json', name);
    t.equal(answer.headers['connection'], 'close', name);
    t.equal(answer.headers['content-length'], String(answer.body.length), name);
    t.match(JSON.parse(answer.body), { status, code }, name);
  }
});

t.test('a refusal repeats nothing of the request', async (t) => {
  const { api } = await startHttp(t);
  for (const bytes of [
    `GET /canary HTTP/1.1\r\nHost: canary\r\nConnection: close\r\n\r\n`,
    `GET /canary#canary HTTP/1.1\r\nHost: canary\r\nConnection: close\r\n\r\n`,
    `canary canary canary\r\n\r\n`,
    `GET /canary HTTP/1.1\r\nHost: localhost:${api}\r\nOrigin: http://canary\r\nConnection: close\r\n\r\n`,
    `GET /canary HTTP/1.1\r\nHost: localhost:${api}\r\nConnection: close\r\n\r\n`,
  ]) {
    const { headers, body } = await sendRaw(api, bytes);
    t.notMatch(JSON.stringify([headers, body]), /canary/, bytes);
  }
});

t.test('the probe listener takes any Host, but one', async (t) => {
  const { probe } = await startHttp(t);
  const ask = (...fields: string[]) =>
    sendRaw(probe, ['GET /livez HTTP/1.1', ...fields, 'Connection: close', '', ''].join('\r\n'));
  t.equal((await ask('Host: 10.42.0.7:8211')).status, 200);
  t.equal((await ask('Host: agent.example')).status, 200);
  t.equal((await ask()).status, 400);
  t.equal((await ask('Host: a', 'Host: b')).status, 400);
});

t.test('configured authorities replace the default ones', async (t) => {
  const loopback = { host: '127.0.0.1', port: 0 };
  const { api } = await startHttp(t, {
    listen: { address: loopback, authorities: ['agent.internal'], probeAddress: null },
  });
  const ask = (host: string) =>
    sendRaw(api, `GET /livez HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  t.equal((await ask('Agent.Internal:80')).status, 200);
  t.equal((await ask(`127.0.0.1:${api}`)).status, 421);
});
