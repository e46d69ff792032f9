import * as fc from 'fast-check';
import t from 'tap';
import { authoritiesOf, formatAddress, normaliseAuthority } from '../../src/http/authority.js';
import { pathOf, preflight, type PreflightPolicy } from '../../src/http/preflight.js';

const policy: PreflightPolicy = {
  authorities: new Set(['localhost:8210', 'agent.internal']),
  scheme: 'http',
  headersMax: 100,
};
const host = ['Host', 'localhost:8210'];
const check = (url: string, headers: string[] = host, httpVersion = '1.1') =>
  preflight({ url, rawHeaders: headers, httpVersion }, policy);

t.test('an authority is compared in lower case and without its default port', async (t) => {
  for (const [given, normal] of [
    ['LocalHost:8210', 'localhost:8210'],
    ['agent.internal:80', 'agent.internal'],
    ['agent.internal:', 'agent.internal'],
    ['agent.internal', 'agent.internal'],
    ['agent.internal:443', 'agent.internal:443'],
    ['[::1]:8210', '[::1]:8210'],
    ['[::1]:80', '[::1]'],
    ['[FE80::1]', '[fe80::1]'],
    ['', null],
    [' localhost', null],
    ['a b', null],
    ['user@localhost:8210', null],
    ['localhost:8210/', null],
    ['localhost:82x0', null],
    ['localhost:821000', null],
    ['::1', null],
    ['[::1', null],
    ['localhost, localhost', null],
    ['loc\u00e4lhost', null],
  ] as const) {
    t.equal(normaliseAuthority(given, 'http'), normal, JSON.stringify(given));
  }
  t.equal(normaliseAuthority('agent.internal:443', 'https'), 'agent.internal');
});

t.test('without configured authorities they are the bound address and loopback', async (t) => {
  t.same(
    [...authoritiesOf([], ['10.0.0.5', '10.0.0.5'], 8210, 'http')],
    ['10.0.0.5:8210', 'localhost:8210', '127.0.0.1:8210', '[::1]:8210'],
  );
  t.ok(authoritiesOf([], ['127.0.0.1'], 80, 'http').has('localhost'), 'the default port goes');
  t.same([...authoritiesOf(['Agent.internal:80'], ['::'], 80, 'http')], ['agent.internal']);
  t.equal(formatAddress({ host: '::1', port: 1 }), '[::1]:1');
});

t.test('a well-formed request for one of our authorities passes', async (t) => {
  for (const url of ['/', '/health', '/health?', '/health?a=%20b&c', '/a?b?c', "/~!$&'()*+,;=:@"]) {
    t.equal(check(url), null, url);
  }
  t.equal(check('/', ['host', 'LOCALHOST:8210']), null, 'names and hosts have no case');
  t.equal(check('/', ['Host', 'agent.internal:80']), null);
});

t.test('what is not a target in origin-form is malformed', async (t) => {
  for (const url of [
    '',
    '*',
    'health',
    'http://localhost:8210/health',
    'localhost:8210',
    '/health#x=1',
    '/health?a#b',
    '/\\health',
    '/health\\..',
    '/hea lth',
    '/hea\tlth',
    '/hea\u0000lth',
    '/hea\u007flth',
    '/he\u00e4lth',
    '/health?\u00ff',
  ]) {
    t.equal(check(url), 'malformed_request', JSON.stringify(url));
  }
});

t.test('HTTP/1.0, no Host, two Hosts and a Host that is none are malformed', async (t) => {
  t.equal(check('/', host, '1.0'), 'malformed_request');
  t.equal(check('/', []), 'malformed_request');
  t.equal(check('/', [...host, ...host]), 'malformed_request', 'even when they agree');
  t.equal(check('/', [...host, 'HOST', 'evil']), 'malformed_request');
  for (const value of ['', 'a/b', 'a@localhost:8210', 'localhost:8210,localhost:8210']) {
    t.equal(check('/', ['Host', value]), 'malformed_request', JSON.stringify(value));
  }
});

t.test('any other authority is misdirected', async (t) => {
  for (const value of ['evil.example', 'localhost', 'localhost:8211', 'localhost.:8210', '[::1]']) {
    t.equal(check('/health', ['Host', value]), 'misdirected_request', value);
  }
  t.equal(
    check('/health', ['Host', 'evil.example', 'X-Forwarded-Host', 'localhost:8210']),
    'misdirected_request',
    'a forwarded name is nobody’s word',
  );
});

t.test('a page of another site is refused, our own is not', async (t) => {
  for (const [field, value, isRefused] of [
    ['Origin', 'http://localhost:8210', false],
    ['Origin', 'http://agent.internal', false],
    ['Origin', 'http://evil.example', true],
    ['Origin', 'https://localhost:8210', true],
    ['Origin', 'http://localhost:8211', true],
    ['Origin', 'null', true],
    ['Origin', '', true],
    ['Sec-Fetch-Site', 'none', false],
    ['Sec-Fetch-Site', 'same-origin', false],
    ['Sec-Fetch-Site', 'same-site', true],
    ['Sec-Fetch-Site', 'Cross-Site', true],
  ] as const) {
    const refusal = check('/health', [...host, field, value]);
    t.equal(refusal, isRefused ? 'cross_site' : null, `${field}: ${value}`);
  }
  t.equal(
    check('/', [...host, 'Origin', 'http://localhost:8210', 'Origin', 'http://evil.example']),
    'cross_site',
    'every one of several counts',
  );
});

t.test('where any Host is taken, the Host of the request is the own origin', async (t) => {
  const any = (...headers: string[]) =>
    preflight(
      { url: '/livez', httpVersion: '1.1', rawHeaders: ['Host', '10.1.2.3:8211', ...headers] },
      { ...policy, authorities: null },
    );
  t.equal(any(), null);
  t.equal(any('Origin', 'http://10.1.2.3:8211'), null);
  t.equal(any('Origin', 'http://evil.example'), 'cross_site');
});

t.test('an encoded path is nothing that we have', async (t) => {
  t.equal(check('/%68ealth'), 'not_found');
  t.equal(check('/health%2e'), 'not_found');
  t.equal(check('/health?x=%2e'), null, 'a query may be encoded');
});

t.test('too many fields are refused before any is looked at', async (t) => {
  const fields = (count: number) => Array.from({ length: count }, () => ['X', '1']).flat();
  t.equal(check('/', [...host, ...fields(99)]), null);
  t.equal(check('/', [...fields(101), ...host]), 'headers_too_large');
});

t.test('of whatever is sent, only a well-formed target for one of ours is routed', async (t) => {
  const text = fc.string({ unit: 'binary', maxLength: 30 });
  const urls = fc.oneof(
    text,
    fc.string({ maxLength: 30 }).map((end) => `/${end}`),
  );
  const hosts = fc.oneof(
    text,
    fc.constantFrom('localhost:8210', 'LOCALHOST:8210', 'agent.internal:'),
  );
  const fields = fc.array(fc.tuple(text, text), { maxLength: 3 });
  let routed = 0;
  fc.assert(
    fc.property(urls, hosts, fields, (url, value, more) => {
      if (check(url, ['Host', value, ...more.flat()]) !== null) return true;
      routed += 1;
      const isOurs = /^(localhost:8210|agent\.internal(:|:80)?)$/i.test(value);
      return isOurs && /^\/[!-~]*$/.test(url) && !/[#\\]/.test(url) && !pathOf(url).includes('%');
    }),
    { numRuns: 20_000 },
  );
  t.ok(routed > 100, `of the 20,000, ${routed} were routed`);
});
